import type { CalendarDecision, ConsortiumGenesis, LedgerIdentity, Operation, TariffEntry } from '@gridtokenx/protocol';
import { testEntry } from '@gridtokenx/testkit';
import { createConsortiumLedger } from '../index.js';
import { crypto, id, identityOf, World, ZONE } from './world.spec.js';

export const PAYEE = id('mea account');
export const entryWith = (more: Partial<TariffEntry> = {}): TariffEntry => testEntry(PAYEE, more);
export const publish = (basedOn: number, ...entries: TariffEntry[]): Operation => ({
  type: 'tariffs.publish',
  basedOn,
  entries,
});
export const decide = (decision: CalendarDecision): Operation => ({ type: 'tariffs.decideCalendar', decision });

/** With zones of two territories. */
export const withTerritories = ({ genesis }: LedgerIdentity<ConsortiumGenesis>): ConsortiumGenesis => ({
  ...genesis,
  zones: genesis.zones.map((zone) => ({ ...zone, territory: zone.id === ZONE ? 'MEA' : 'PEA' })),
});

/** A small world of two territories, whose tariff book `erc` publishes. */
export class TariffWorld extends World {
  constructor() {
    super({}, (_crypto, identity) => createConsortiumLedger(crypto, identityOf(withTerritories(identity))));
  }

  get tariffs(): World['ledger']['state']['tariffs'] {
    return this.ledger.state.tariffs;
  }

  ask(by: string, operation: Operation): { code?: string; detail?: Readonly<Record<string, string>> } {
    const [outcome] = this.run(by, operation).outcomes;
    return outcome?.status === 'rejected' ? outcome : {};
  }
}
