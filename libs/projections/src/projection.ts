import { concatBytes, assert, parseTime } from '@gridtokenx/kernel';
import { genesisKeys } from '@gridtokenx/chain';
import {
  eventSchemas,
  identityOfKind,
  type Genesis,
  type LedgerEvent,
  type LedgerIdentity,
  type LedgerKind,
} from '@gridtokenx/protocol';
import { rowsOfBlock } from './block-rows.js';
import { validatorPlaces } from './validator-rows.js';
import type { CommonRows, ProjectedBlock } from './rows.js';

/** The events of these modules of a ledger; the first word of an event's name is its module's. */
export type EventsOf<Module extends string> = Extract<LedgerEvent, { readonly type: `${Module}.${string}` }>;

type GenesisOf<K extends LedgerKind> = Extract<Genesis, { readonly kind: K }>;

/** Where a fact stands in its block. */
export interface Where {
  /** Leaf of the results tree. */
  readonly index: number;
  /** Among the events of that outcome, from 0. */
  readonly event: number;
  /** None when a hook did it. */
  readonly operationId: Uint8Array | undefined;
}

/** Gathers the rows of a ledger's own tables from the events of one block. */
export interface OwnCollector<E, Own> {
  event(event: E, where: Where): void;
  /** Whether what this is held for began in this block: then the hold is a new row. */
  isNew(heldFor: string): boolean;
  /** So far. */
  readonly tradeCount: number;
  done(): Own & Pick<CommonRows, 'keys' | 'removedKeys'>;
}

/** What a ledger adds to the projection of blocks: the modules whose events it knows, and the rows that it makes of them. */
export interface OwnProjection<K extends LedgerKind, E extends LedgerEvent, Own> {
  readonly kind: K;
  readonly modules: readonly string[];
  readonly genesis: (genesis: GenesisOf<K>) => Own & Pick<CommonRows, 'keys' | 'balances'>;
  readonly collect: (height: number) => OwnCollector<E, Own>;
}

/** Pure: the same blocks give the same rows on any machine, in any grouping. */
export interface Projection<Rows> {
  /** What stands before block 1: the rows of height 0. */
  readonly genesisRows: (identity: LedgerIdentity) => Rows;
  readonly blockRows: (block: ProjectedBlock) => Rows;
}

export function createProjection<K extends LedgerKind, E extends LedgerEvent, Own>({
  kind,
  modules,
  genesis: ownGenesis,
  collect,
}: OwnProjection<K, E, Own>): Projection<CommonRows & Own> {
  const own = new Set(Object.keys(eventSchemas).filter((type) => modules.includes(type.slice(0, type.indexOf('.')))));
  const isOwn = (event: LedgerEvent): event is E => own.has(event.type);
  return {
    genesisRows: (identity) => ({
      ...commonGenesis(identity),
      ...ownGenesis(identityOfKind(identity, kind).genesis),
    }),
    blockRows: (block) => rowsOfBlock(isOwn, collect(block.block.header.height), block),
  };
}

function commonGenesis({ genesis, genesisHash, ledgerId }: LedgerIdentity): Omit<CommonRows, 'keys' | 'balances'> {
  const keys = genesisKeys(genesis);
  const timeMs = parseTime(genesis.time);
  assert(timeMs !== undefined, 'a genesis that was read has a time');
  return {
    ledgerId,
    height: 0,
    hash: genesisHash,
    parentHash: new Uint8Array(0),
    timeMs,
    certifiedBy: concatBytes(...keys),
    validators: concatBytes(...keys),
    block: undefined,
    operations: [],
    envelopes: [],
    removedKeys: [],
    holds: [],
    holdChanges: [],
    validatorPlaces: validatorPlaces(1, keys),
    missedProposals: [],
  };
}
