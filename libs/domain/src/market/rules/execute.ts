import { formatTime, millis, parseTime, unreachable } from '@gridtokenx/kernel';
import { marketLimits, marketRulesFault, rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../../ledger/module.js';
import { hasRole } from '../../registry/rights.js';
import type { RegistryState } from '../../registry/state.js';
import { marketKey, type MarketName, type RulesState } from './state.js';
import { VERSIONS_AHEAD_MAX } from './versions.js';

export const RULES_OPERATIONS = [
  'market.setRules',
  'market.setLimits',
  'market.halt',
  'market.resume',
  'market.barParticipant',
  'market.readmitParticipant',
] as const;
export type RulesOperation = OperationOf<(typeof RULES_OPERATIONS)[number]>;

export interface RulesParts {
  readonly rules: RulesState;
  readonly registry: RegistryState;
}

/** SPEC market-rules 2.1: all of this is for a regulator of the market. */
export function executeRules(
  parts: RulesParts,
  context: OperationContext,
  operation: RulesOperation,
): RejectedOutcome | undefined {
  if (!hasRole(parts.registry, context, 'marketRegulator')) return rejected('key.notAuthorised');
  switch (operation.type) {
    case 'market.setRules':
      return setRules(parts, context, operation);
    case 'market.setLimits':
      return setLimits(parts, context, operation);
    case 'market.halt':
      return halt(parts, context, operation);
    case 'market.resume':
      return resume(parts, context, operation);
    case 'market.barParticipant':
      return bar(parts, context, operation);
    case 'market.readmitParticipant':
      return readmit(parts, context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC market-rules 2.2 */
function setRules(
  { rules: { versions } }: RulesParts,
  context: OperationContext,
  { validFrom, rules }: OperationOf<'market.setRules'>,
): RejectedOutcome | undefined {
  const from = parseTime(validFrom) ?? 0;
  if (from <= context.marketTime) return rejected('market.rulesInPast');
  const fault = marketRulesFault(rules);
  if (fault !== undefined) return rejected('market.badRules', { reason: fault });
  if (versions.ahead(context.marketTime) >= VERSIONS_AHEAD_MAX) return rejected('market.tooManyRules');
  const version = versions.add({ validFrom: from, rules });
  context.events.push({ type: 'market.rulesSet', version, validFrom, rules });
  return undefined;
}

/** SPEC market-rules 3.1 */
function setLimits(
  { rules, registry }: RulesParts,
  context: OperationContext,
  { account, limits }: OperationOf<'market.setLimits'>,
): RejectedOutcome | undefined {
  if (!registry.accounts.has(account)) return rejected('registry.unknownAccount', { account });
  // In the order of the schema, so that equal limits have equal bytes.
  rules.store.change(rules.limits.cell(account), limits === undefined ? undefined : marketLimits.parse(limits));
  context.events.push({ type: 'market.limitsSet', account, ...(limits === undefined ? {} : { limits }) });
  return undefined;
}

/** SPEC market-rules 5.1: halts it, or changes how and until when it is halted. */
function halt(
  { rules, registry }: RulesParts,
  context: OperationContext,
  { mechanism, fromZone, toZone, cancelOrders, until, reference }: OperationOf<'market.halt'>,
): RejectedOutcome | undefined {
  for (const zone of [fromZone, toZone])
    if (!registry.zones.has(zone)) return rejected('registry.unknownZone', { zone });
  const end = until === undefined ? 0 : (parseTime(until) ?? 0);
  if (until !== undefined && end <= context.marketTime) return rejected('market.expiryInPast');
  rules.halts.set(marketKey({ mechanism, fromZone, toZone }), { until: end, cancels: cancelOrders });
  context.events.push({
    type: 'market.halted',
    mechanism,
    fromZone,
    toZone,
    cancelOrders,
    ...(until === undefined ? {} : { until: formatTime(millis(end)) }),
    reference,
  });
  return undefined;
}

/** SPEC market-rules 5.2 */
function resume(
  { rules }: RulesParts,
  context: OperationContext,
  { mechanism, fromZone, toZone }: OperationOf<'market.resume'>,
): RejectedOutcome | undefined {
  const market: MarketName = { mechanism, fromZone, toZone };
  if (rules.haltOf(market) === undefined) return rejected('market.notHalted');
  rules.store.change(rules.halts.cell(marketKey(market)), undefined);
  context.events.push({ type: 'market.resumed', mechanism, fromZone, toZone });
  return undefined;
}

/** SPEC market-rules 7.1 */
function bar(
  { rules, registry }: RulesParts,
  context: OperationContext,
  { account, reference }: OperationOf<'market.barParticipant'>,
): RejectedOutcome | undefined {
  if (!registry.accounts.has(account)) return rejected('registry.unknownAccount', { account });
  if (rules.isBarred(account)) return rejected('market.barred', { account });
  rules.bars.set(account, { since: context.height });
  context.events.push({ type: 'market.participantBarred', account, reference });
  return undefined;
}

/** SPEC market-rules 7.1 */
function readmit(
  { rules }: RulesParts,
  context: OperationContext,
  { account, reference }: OperationOf<'market.readmitParticipant'>,
): RejectedOutcome | undefined {
  if (!rules.isBarred(account)) return rejected('market.notBarred', { account });
  rules.store.change(rules.bars.cell(account), undefined);
  context.events.push({ type: 'market.participantReadmitted', account, reference });
  return undefined;
}
