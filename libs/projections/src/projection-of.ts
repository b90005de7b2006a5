import type { LedgerEvent, LedgerKind } from '@gridtokenx/protocol';
import type { CONSORTIUM_MODULES } from './consortium/collector.js';
import { consortiumProjection } from './consortium/projection.js';
import type { EventsOf, Projection } from './projection.js';
import type { PUBLIC_MODULES } from './public/collector.js';
import { publicProjection } from './public/projection.js';
import type { RowsOf } from './rows.js';

const PROJECTIONS: { readonly [K in LedgerKind]: Projection<RowsOf<K>> } = {
  consortium: consortiumProjection,
  public: publicProjection,
};

/** What blocks of a ledger of this kind are in rows. */
export const projectionOf = <K extends LedgerKind>(kind: K): Projection<RowsOf<K>> => PROJECTIONS[kind];

type ListOf<Modules extends readonly string[]> = Modules[number];
type Projected = EventsOf<'ledger' | ListOf<typeof CONSORTIUM_MODULES> | ListOf<typeof PUBLIC_MODULES>>;
/** Does not compile when there is an event that no projection knows. */
export type EveryEventIsProjected = Assert<[Exclude<LedgerEvent, Projected>] extends [never] ? true : false>;
type Assert<T extends true> = T;
