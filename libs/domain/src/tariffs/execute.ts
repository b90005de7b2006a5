import { BANGKOK_MS, parseTime, unreachable } from '@gridtokenx/kernel';
import {
  coverageFault,
  decisionFaults,
  rejected,
  tariffFault,
  tariffText,
  withDecision,
  withEntries,
  zoneFault,
  type OperationOf,
  type RejectedOutcome,
  type TariffBook,
  type TariffFault,
  type ZonePlace,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { hasRole } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';
import type { TariffsState } from './state.js';

export const TARIFFS_OPERATIONS = ['tariffs.publish', 'tariffs.decideCalendar'] as const;
export type TariffsOperation = OperationOf<(typeof TARIFFS_OPERATIONS)[number]>;

export interface TariffsParts {
  readonly tariffs: TariffsState;
  readonly registry: RegistryState;
}

export function executeTariffs(
  parts: TariffsParts,
  context: OperationContext,
  operation: TariffsOperation,
): RejectedOutcome | undefined {
  if (!hasRole(parts.registry, context, 'tariffAuthority')) return rejected('key.notAuthorised');
  switch (operation.type) {
    case 'tariffs.publish':
      return publish(parts, context, operation);
    case 'tariffs.decideCalendar':
      return decideCalendar(parts, context, operation);
    default:
      return unreachable(operation);
  }
}

const refused = ({ code, place, hint }: TariffFault): RejectedOutcome => rejected(code, { place, hint });

/** SPEC tariffs 5.8: who is paid has an account. */
function payeeFault({ accounts }: RegistryState, { entries }: TariffBook): RejectedOutcome | undefined {
  for (const [i, { payees }] of entries.entries())
    for (const [name, account] of Object.entries(payees))
      if (!accounts.has(account))
        return rejected('registry.unknownAccount', { account, place: `/entries/${i}/payees/${name}` });
  return undefined;
}

function* zonesOf({ zones }: RegistryState): Generator<ZonePlace & { id: string }> {
  for (const { key, value } of zones.rows.values()) if (value !== undefined) yield { id: key, ...value };
}

/** SPEC tariffs 1.4: the whole new version is checked before any of it is there. */
function publish(
  { tariffs, registry }: TariffsParts,
  context: OperationContext,
  { basedOn, entries }: OperationOf<'tariffs.publish'>,
): RejectedOutcome | undefined {
  const { book } = tariffs.newest;
  if (basedOn !== book.version)
    return rejected('tariffs.otherVersion', { place: '/basedOn', hint: `the newest version is ${book.version}` });
  const next = withEntries(book, entries);
  if (tariffText({ ...next, version: book.version }) === tariffText(book)) return rejected('tariffs.nothingNew');
  const fault = tariffFault(next) ?? zoneFault(next, zonesOf(registry)) ?? coverageFault(book, next);
  if (fault !== undefined) return refused(fault);
  const payee = payeeFault(registry, next);
  if (payee !== undefined) return payee;
  const { hash } = tariffs.add(next);
  context.events.push({ type: 'tariffs.published', version: next.version, hash, entries });
  return undefined;
}

/** SPEC tariffs 2.2, 2.7: also about days that are over: what was settled stays as it is, and is corrected by the new version. */
function decideCalendar(
  { tariffs }: TariffsParts,
  context: OperationContext,
  { decision }: OperationOf<'tariffs.decideCalendar'>,
): RejectedOutcome | undefined {
  const { book } = tariffs.newest;
  const next = withDecision(book, decision);
  // The decision alone first, so that the place is one in the operation.
  for (const fault of decisionFaults(book.calendar, decision, '/decision')) return refused(fault);
  const fault = tariffFault(next);
  if (fault !== undefined) return refused(fault);
  const { hash } = tariffs.add(next);
  const first = decision.days.map(({ date }) => (parseTime(`${date}T00:00:00Z`) ?? 0) - BANGKOK_MS);
  const late = first.some((midnight) => midnight <= context.marketTime);
  context.events.push({ type: 'tariffs.calendarDecided', version: next.version, hash, late, decision });
  return undefined;
}
