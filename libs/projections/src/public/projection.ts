import { isHexAccount } from '@gridtokenx/protocol';
import { createProjection, type EventsOf, type OwnCollector } from '../projection.js';
import type { PublicRows } from './rows.js';

export const PUBLIC_MODULES = [
  'grid',
  'parameters',
  'validators',
  'staking',
  'governance',
  'treasury',
  'transparency',
  'multisig',
] as const;
type PublicEvent = EventsOf<(typeof PUBLIC_MODULES)[number]>;

const GRID = 'GRID';

/** Gathers the rows of one block. */
class PublicCollector implements OwnCollector<PublicEvent, PublicRows> {
  readonly tradeCount = 0;
  private readonly accountKeys = new Set<string>();

  /** What makes no row stands in the body of the block, and its effect on balances in the postings. */
  event(event: PublicEvent): void {
    if (event.type === 'grid.accountOpened' && !isHexAccount(event.account)) this.accountKeys.add(event.account);
  }

  isNew(): boolean {
    return false;
  }

  done(): ReturnType<OwnCollector<PublicEvent, PublicRows>['done']> {
    return { kind: 'public', accountKeys: [...this.accountKeys], keys: [], removedKeys: [] };
  }
}

export const publicProjection = createProjection({
  kind: 'public',
  modules: PUBLIC_MODULES,
  collect: () => new PublicCollector(),
  genesis: ({ accounts, validators }) => {
    const key = { organisation: undefined, removedHeight: undefined };
    return {
      ...new PublicCollector().done(),
      // Who owns an account signs for it; the keys that sign blocks own none.
      keys: [
        ...accounts.filter(({ id }) => !isHexAccount(id)).map(({ id }) => ({ kid: id, account: id, ...key })),
        ...validators.map(({ key: kid }) => ({ kid, account: undefined, ...key })),
      ],
      balances: accounts.map(({ id, amount }) => ({ account: id, asset: GRID, available: BigInt(amount), held: 0n })),
    };
  },
});
