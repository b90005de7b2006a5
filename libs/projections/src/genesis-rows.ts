import { genesisKeys } from '@gridtokenx/chain';
import { assert, concatBytes, parseTime } from '@gridtokenx/kernel';
import type { ConsortiumGenesis, Genesis, LedgerIdentity } from '@gridtokenx/protocol';
import { validatorPlaces } from './validator-rows.js';
import type { BlockRows, KeyRow } from './rows.js';

/** What stands before block 1: the rows of height 0. */
export function genesisRows({ genesis, genesisHash, ledgerId }: LedgerIdentity): BlockRows {
  const parties = partiesOf(genesis);
  const keys = concatBytes(...genesisKeys(genesis));
  const timeMs = parseTime(genesis.time);
  assert(timeMs !== undefined, 'a genesis that was read has a time');
  return {
    ledgerId,
    height: 0,
    hash: genesisHash,
    parentHash: new Uint8Array(0),
    timeMs,
    certifiedBy: keys,
    validators: keys,
    block: undefined,
    operations: [],
    envelopes: [],
    organisations: parties.organisations.map(({ id, sector, roles }) => ({ organisation: id, sector, roles })),
    accounts: parties.accounts.map(({ id, organisation }) => ({
      account: id,
      organisation,
      kycStatus: 'verified',
      kycUntilMs: undefined,
    })),
    kycChanges: [],
    keys: genesis.kind === 'consortium' ? keysOf(genesis) : [],
    removedKeys: [],
    delegations: [],
    revokedDelegations: [],
    meters: [],
    zones: parties.zones.map(({ id, operator, account }) => ({ zone: id, operator, account })),
    balances: [],
    holds: [],
    holdChanges: [],
    orders: [],
    orderChanges: [],
    trades: [],
    readings: [],
    books: [],
    closedBooks: [],
    validatorPlaces: validatorPlaces(1, genesisKeys(genesis)),
    missedProposals: [],
    validatorChanges: [],
  };
}

const partiesOf = (genesis: Genesis): Pick<ConsortiumGenesis, 'organisations' | 'accounts' | 'zones'> =>
  genesis.kind === 'consortium' ? genesis : { organisations: [], accounts: [], zones: [] };

/** Of organisations, then of validators, each once: a validator's key may also be listed with its organisation. */
function keysOf({ organisations, validators }: ConsortiumGenesis): KeyRow[] {
  const rows = new Map<string, KeyRow>();
  const register = (kid: string, organisation: string): void => {
    if (!rows.has(kid)) rows.set(kid, { kid, organisation, account: undefined, removedHeight: undefined });
  };
  for (const { id, keys } of organisations) for (const kid of keys) register(kid, id);
  for (const { key, organisation } of validators) register(key, organisation);
  return [...rows.values()];
}
