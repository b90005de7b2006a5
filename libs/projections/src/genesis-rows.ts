import { assert, parseTime } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { BlockRows } from './rows.js';

/** What stands before block 1: the rows of height 0. */
export function genesisRows({ genesis, genesisHash, ledgerId }: LedgerIdentity): BlockRows {
  const timeMs = parseTime(genesis.time);
  assert(timeMs !== undefined, 'a genesis that was read has a time');
  return {
    ledgerId,
    height: 0,
    hash: genesisHash,
    parentHash: new Uint8Array(0),
    timeMs,
    block: undefined,
    operations: [],
    envelopes: [],
    organisations: genesis.organisations.map(({ id, sector, roles }) => ({ organisation: id, sector, roles })),
    accounts: genesis.accounts.map(({ id, organisation }) => ({
      account: id,
      organisation,
      kycStatus: 'verified',
      kycUntilMs: undefined,
    })),
    kycChanges: [],
    keys: genesis.organisations.flatMap(({ id, keys }) =>
      keys.map((kid) => ({ kid, organisation: id, account: undefined, removedHeight: undefined })),
    ),
    removedKeys: [],
    delegations: [],
    revokedDelegations: [],
    meters: [],
    zones: genesis.zones.map(({ id, operator, account }) => ({ zone: id, operator, account })),
    balances: [],
    holds: [],
    holdChanges: [],
    orders: [],
    orderChanges: [],
    trades: [],
    readings: [],
    books: [],
    closedBooks: [],
  };
}
