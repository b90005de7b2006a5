import { formatInterval, INTERVAL_MS, millis, parseTime, unreachable } from '@gridtokenx/kernel';
import {
  ALERTS_PER_ZONE_MAX,
  FEEDERS_PER_ZONE_MAX,
  rejected,
  RESTRICTION_INTERVALS_MAX,
  RESTRICTIONS_PER_TARGET_MAX,
  STATUS_AGE_MAX_MS,
  type FlowLimit,
  type NetworkTarget,
  type OperationOf,
  type RejectedOutcome,
  type StatusSource,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { MarketState } from '../market/state.js';
import { isOrganisationKey } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';
import { endRestriction } from './hooks.js';
import {
  capacityOf,
  endOf,
  isIn,
  isOut,
  openRoute,
  startOf,
  targetNameOf,
  type LinkRow,
  type NetworkState,
  type PairRow,
  type RestrictionRow,
} from './state.js';

export const NETWORK_OPERATIONS = [
  'network.setLink',
  'network.setPair',
  'network.registerFeeder',
  'network.assignMeter',
  'network.reportStatus',
  'network.raiseAlert',
  'network.clearAlert',
  'network.curtail',
  'network.scheduleMaintenance',
  'network.lift',
] as const;
export type NetworkOperation = OperationOf<(typeof NETWORK_OPERATIONS)[number]>;

export interface NetworkParts {
  readonly network: NetworkState;
  readonly registry: RegistryState;
  readonly market: MarketState;
}

export function executeNetwork(
  parts: NetworkParts,
  context: OperationContext,
  operation: NetworkOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'network.setLink':
      return setLink(parts, context, operation);
    case 'network.setPair':
      return setPair(parts, context, operation);
    case 'network.registerFeeder':
      return registerFeeder(parts, context, operation);
    case 'network.assignMeter':
      return assignMeter(parts, context, operation);
    case 'network.reportStatus':
      return reportStatus(parts, context, operation);
    case 'network.raiseAlert':
      return raiseAlert(parts, context, operation);
    case 'network.clearAlert':
      return clearAlert(parts, context, operation);
    case 'network.curtail':
    case 'network.scheduleMaintenance':
      return restrict(parts, context, operation);
    case 'network.lift':
      return lift(parts, context, operation);
    default:
      return unreachable(operation);
  }
}

/** For which ends of a link or pair whoever asks speaks; a refusal when for none, or when there is no such zone. */
function endsOf(
  { registry }: NetworkParts,
  context: OperationContext,
  fromZone: string,
  toZone: string,
): { readonly isFrom: boolean; readonly isTo: boolean; readonly operator: string } | RejectedOutcome {
  const [from, to] = [registry.zones.get(fromZone), registry.zones.get(toZone)];
  if (from === undefined || to === undefined)
    return rejected('registry.unknownZone', { zone: from === undefined ? fromZone : toZone });
  const isFrom = isOrganisationKey(context, from.operator);
  const isTo = isOrganisationKey(context, to.operator);
  if (!isFrom && !isTo) return rejected('key.notAuthorised', { fromZone, toZone });
  return { isFrom, isTo, operator: isFrom ? from.operator : to.operator };
}

/** Why whoever asks is not the operator of a zone. */
function refuseOperator(
  { registry }: NetworkParts,
  context: OperationContext,
  zone: string,
): RejectedOutcome | undefined {
  const row = registry.zones.get(zone);
  if (row === undefined) return rejected('registry.unknownZone', { zone });
  return isOrganisationKey(context, row.operator) ? undefined : rejected('key.notAuthorised', { zone });
}

/** SPEC network 2.1: each operator speaks for its own end. */
function setLink(
  parts: NetworkParts,
  context: OperationContext,
  { link, fromZone, toZone, forwardWh, backwardWh }: OperationOf<'network.setLink'>,
): RejectedOutcome | undefined {
  const { network } = parts;
  const { links } = network;
  const ends = endsOf(parts, context, fromZone, toZone);
  if ('status' in ends) return ends;
  if (fromZone === toZone) return rejected('network.badRoute');
  const old = links.get(link);
  if (old !== undefined && (old.fromZone !== fromZone || old.toZone !== toZone))
    return rejected('network.otherZone', { link });
  const declared = { forwardWh: Number(forwardWh), backwardWh: Number(backwardWh) };
  const row: LinkRow = {
    fromZone,
    toZone,
    byFrom: ends.isFrom ? declared : old?.byFrom,
    byTo: ends.isTo ? declared : old?.byTo,
  };
  links.set(link, row);
  // SPEC network 6.1: what was sold over it under a larger capacity may be too much now.
  const isLess = [true, false].some(
    (isForward) => old !== undefined && capacityOf(row, isForward) < capacityOf(old, isForward),
  );
  if (isLess) network.addTask({ kind: 'link', link });
  context.events.push({
    type: 'network.linkSet',
    link,
    fromZone,
    toZone,
    operator: ends.operator,
    declaredForwardWh: forwardWh,
    declaredBackwardWh: backwardWh,
    forwardWh: capacityOf(row, true).toString(),
    backwardWh: capacityOf(row, false).toString(),
  });
  return undefined;
}

/** SPEC network 2.3: a pair is open when both operators allow it over one route; either closes it alone. */
function setPair(
  parts: NetworkParts,
  context: OperationContext,
  { fromZone, toZone, allowed, route }: OperationOf<'network.setPair'>,
): RejectedOutcome | undefined {
  const { network } = parts;
  const ends = endsOf(parts, context, fromZone, toZone);
  if ('status' in ends) return ends;
  const unknown = route?.find((link) => !network.links.has(link));
  if (unknown !== undefined) return rejected('network.unknownLink', { link: unknown });
  const leads = route !== undefined && network.legsOver(fromZone, toZone, route) !== undefined;
  if (allowed ? !leads : route !== undefined) return rejected('network.badRoute');
  const cell = network.pairs.pair(fromZone, toZone);
  const row: PairRow = {
    byFrom: ends.isFrom ? route : cell.value?.byFrom,
    byTo: ends.isTo ? route : cell.value?.byTo,
  };
  const wasOpen = cell.extra !== undefined;
  const isOpen = openRoute(row) !== undefined;
  network.store.change(cell, row);
  if (isOpen) network.dropTask({ kind: 'pair', fromZone, toZone });
  else if (wasOpen) network.addTask({ kind: 'pair', fromZone, toZone });
  context.events.push({
    type: 'network.pairSet',
    fromZone,
    toZone,
    operator: ends.operator,
    allowed,
    ...(route === undefined ? {} : { route }),
    isOpen,
  });
  return undefined;
}

/** SPEC network 2.4 */
function registerFeeder(
  parts: NetworkParts,
  context: OperationContext,
  { feeder, zone, capacityWh }: OperationOf<'network.registerFeeder'>,
): RejectedOutcome | undefined {
  const { feeders, feederCounts } = parts.network;
  const refusal = refuseOperator(parts, context, zone);
  if (refusal !== undefined) return refusal;
  const old = feeders.get(feeder);
  if (old !== undefined && old.zone !== zone) return rejected('network.otherZone', { feeder });
  if (old === undefined && feederCounts.of(zone) >= FEEDERS_PER_ZONE_MAX) return rejected('network.tooMany', { zone });
  feeders.set(feeder, { zone, capacityWh: Number(capacityWh) });
  context.events.push({ type: 'network.feederSet', feeder, zone, capacityWh });
  return undefined;
}

/** SPEC network 2.4: where a meter hangs is the operator's word, as its zone is. */
function assignMeter(
  parts: NetworkParts,
  context: OperationContext,
  { meter, feeder }: OperationOf<'network.assignMeter'>,
): RejectedOutcome | undefined {
  const { network, registry } = parts;
  const row = registry.meters.get(meter);
  if (row === undefined) return rejected('registry.unknownMeter', { meter });
  const { zone, account } = row;
  const refusal = refuseOperator(parts, context, zone);
  if (refusal !== undefined) return refusal;
  const target = network.feeders.get(feeder);
  if (target === undefined) return rejected('network.unknownFeeder', { feeder });
  if (target.zone !== zone) return rejected('network.otherZone', { feeder });
  network.assignments.set(meter, { feeder, account });
  context.events.push({ type: 'network.meterAssigned', meter, zone, feeder });
  return undefined;
}

/** What a report of a zone's status says, whoever made it. */
export type StatusReport = Pick<
  OperationOf<'network.reportStatus'>,
  'zone' | 'sequence' | 'at' | 'loadW' | 'frequencyMhz' | 'reserveW'
>;

function reportStatus(
  parts: NetworkParts,
  context: OperationContext,
  report: OperationOf<'network.reportStatus'>,
): RejectedOutcome | undefined {
  return refuseOperator(parts, context, report.zone) ?? acceptStatus(parts, context, 'operator', report);
}

/** SPEC network 4.1, 4.2: of a report whose maker has a right to make it. */
export function acceptStatus(
  { network }: NetworkParts,
  context: OperationContext,
  source: StatusSource,
  { zone, sequence, at, loadW, frequencyMhz, reserveW }: StatusReport,
): RejectedOutcome | undefined {
  const time = parseTime(at) ?? 0;
  if (time > context.marketTime || context.marketTime - time > STATUS_AGE_MAX_MS) return rejected('network.reportTime');
  const last = network.statuses.get(zone);
  if (last !== undefined && (sequence <= last.sequence || time < last.at)) return rejected('network.staleReport');
  network.statuses.set(zone, { source, sequence, at: time, loadW, frequencyMhz, reserveW });
  context.events.push({ type: 'network.statusReported', zone, source, sequence, at, loadW, frequencyMhz, reserveW });
  return undefined;
}

/** SPEC network 4.3 */
function raiseAlert(
  parts: NetworkParts,
  context: OperationContext,
  { zone, kind, severity, reference }: OperationOf<'network.raiseAlert'>,
): RejectedOutcome | undefined {
  const { alerts, alertCounts } = parts.network;
  const refusal = refuseOperator(parts, context, zone);
  if (refusal !== undefined) return refusal;
  if (alertCounts.of(zone) >= ALERTS_PER_ZONE_MAX) return rejected('network.tooMany', { zone });
  const alert = context.operationId;
  alerts.set(alert, { zone, kind, severity, reference });
  context.events.push({ type: 'network.alertRaised', alert, zone, kind, severity, reference });
  return undefined;
}

/** SPEC network 4.3 */
function clearAlert(
  parts: NetworkParts,
  context: OperationContext,
  { alert }: OperationOf<'network.clearAlert'>,
): RejectedOutcome | undefined {
  const { alerts, store } = parts.network;
  const cell = alerts.find(alert);
  if (cell?.value === undefined) return rejected('network.unknownAlert');
  const { zone } = cell.value;
  const refusal = refuseOperator(parts, context, zone);
  if (refusal !== undefined) return refusal;
  store.change(cell, undefined);
  context.events.push({ type: 'network.alertCleared', alert, zone });
  return undefined;
}

/** Of a zone, feeder or link: whose word counts, and what it is rated for in each direction, in Wh per interval, if that is known. */
interface Rated {
  readonly zones: readonly string[];
  readonly outWh: number | undefined;
  readonly inWh: number | undefined;
}

function ratedOf({ network, registry }: NetworkParts, target: NetworkTarget): Rated | RejectedOutcome {
  switch (target.kind) {
    case 'zone': {
      if (!registry.zones.has(target.zone)) return rejected('registry.unknownZone', { zone: target.zone });
      const rating = network.ratingOf(target.zone);
      return { zones: [target.zone], outWh: rating, inWh: rating };
    }
    case 'feeder': {
      const row = network.feeders.get(target.feeder);
      if (row === undefined) return rejected('network.unknownFeeder', { feeder: target.feeder });
      return { zones: [row.zone], outWh: row.capacityWh, inWh: row.capacityWh };
    }
    case 'link': {
      const row = network.links.get(target.link);
      if (row === undefined) return rejected('network.unknownLink', { link: target.link });
      return { zones: [row.fromZone, row.toZone], outWh: capacityOf(row, true), inWh: capacityOf(row, false) };
    }
    default:
      return unreachable(target);
  }
}

/** SPEC network 5.1: a share is of what is rated when the restriction is ordered. */
function limitOf(limit: FlowLimit, ratedWh: number | undefined): number | undefined {
  if (limit.kind === 'energy') return Number(limit.wh);
  return ratedWh === undefined ? undefined : Number((BigInt(ratedWh) * BigInt(limit.share)) / 10_000n);
}

/** SPEC network 5.1 */
function restrict(
  parts: NetworkParts,
  context: OperationContext,
  operation: OperationOf<'network.curtail' | 'network.scheduleMaintenance'>,
): RejectedOutcome | undefined {
  const { network } = parts;
  const { type, target, flow, limit, firstInterval, lastInterval } = operation;
  const rated = ratedOf(parts, target);
  if ('status' in rated) return rated;
  if (rated.zones.every((zone) => refuseOperator(parts, context, zone) !== undefined))
    return rejected('key.notAuthorised', { zone: rated.zones[0] ?? '' });
  const start = startOf(firstInterval);
  const end = endOf(lastInterval);
  if (end <= start || end - start > RESTRICTION_INTERVALS_MAX * INTERVAL_MS) return rejected('network.badRange');
  if (end <= context.marketTime) return rejected('network.intervalOver');
  const kind = type === 'network.curtail' ? 'curtailment' : 'maintenance';
  if (kind === 'maintenance' && start <= context.marketTime) return rejected('network.notAhead');
  const name = targetNameOf(target);
  if (network.restrictionsOf(target.kind, name).size >= RESTRICTIONS_PER_TARGET_MAX)
    return rejected('network.tooMany', { [target.kind]: name });
  const outWh = isOut(flow) ? limitOf(limit, rated.outWh) : undefined;
  const inWh = isIn(flow) ? limitOf(limit, rated.inWh) : undefined;
  if ((isOut(flow) && outWh === undefined) || (isIn(flow) && inWh === undefined)) return rejected('network.noRating');
  const { closesAt: forgetAt } = parts.market.schedule(lastInterval);
  const row: RestrictionRow = { kind, target: target.kind, name, outWh, inWh, start, end, forgetAt };
  network.restrictions.set(context.operationId, row);
  network.addTask({ kind: 'restriction', restriction: context.operationId });
  context.events.push({
    type: kind === 'curtailment' ? 'network.curtailed' : 'network.maintenanceScheduled',
    restriction: context.operationId,
    target,
    flow,
    limit,
    ...(outWh === undefined ? {} : { outWh: outWh.toString() }),
    ...(inWh === undefined ? {} : { inWh: inWh.toString() }),
    firstInterval: formatInterval(millis(start)),
    lastInterval: formatInterval(millis(end - INTERVAL_MS)),
  });
  return undefined;
}

/** SPEC network 5.4 */
function lift(
  parts: NetworkParts,
  context: OperationContext,
  { restriction }: OperationOf<'network.lift'>,
): RejectedOutcome | undefined {
  const { network } = parts;
  const cell = network.restrictions.find(restriction);
  const row = cell?.value;
  if (cell === undefined || row === undefined || row.end <= context.marketTime)
    return rejected('network.unknownRestriction');
  const rated = ratedOf(parts, targetOf(row));
  if ('status' in rated) return rated;
  if (rated.zones.every((zone) => refuseOperator(parts, context, zone) !== undefined))
    return rejected('key.notAuthorised', { zone: rated.zones[0] ?? '' });
  context.events.push({ type: 'network.lifted', restriction });
  if (row.start < context.marketTime) network.store.change(cell, { ...row, end: context.marketTime });
  else endRestriction(network, context, restriction);
  return undefined;
}

function targetOf({ target, name }: RestrictionRow): NetworkTarget {
  switch (target) {
    case 'zone':
      return { kind: target, zone: name };
    case 'feeder':
      return { kind: target, feeder: name };
    case 'link':
      return { kind: target, link: name };
    default:
      return unreachable(target);
  }
}
