import { randomBytes } from 'node:crypto';
import { native } from '@gridtokenx/crypto-native';
import { toBase64Url } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { RunningSystem, SystemOptions } from '@gridtokenx/tools';
import type { BenchOptions } from './bench.js';
import type { LoadKind } from './load.js';
import { prepareMarket } from './prepare.js';

/** What the kind of ledger under load asks of the system, and of whom the load is. */
export interface Stage {
  readonly system: Pick<SystemOptions, 'validators' | 'layout' | 'public'>;
  readonly identityIn: (system: RunningSystem) => LedgerIdentity;
  /** Before the clock starts. */
  readonly prepare: (system: RunningSystem) => Promise<LoadKind>;
}

export function stageOf(options: BenchOptions): Stage {
  return options.ledger === 'public' ? publicStage(options) : consortiumStage(options);
}

const consortiumStage = ({ validators, layout, keys, say }: BenchOptions): Stage => ({
  system: { validators, layout },
  identityIn: ({ ledger }) => ledger.identity,
  prepare: (system) => {
    say(`preparing ${keys} accounts with keys, money and energy over REST`);
    return prepareMarket(system, keys);
  },
});

/** The consortium's share in a system whose public ledger is measured: the fewest validators that tolerate a fault. */
const CONSORTIUM_VALIDATORS = 4;
/** In micro-GRID: enough for any run. */
const GRID_EACH = 1_000_000n * 1_000_000n;

/** What the accounts have stands in the genesis. */
function publicStage({ validators, layout, keys, say }: BenchOptions): Stage {
  const accounts = Array.from({ length: keys }, () => {
    const seed = randomBytes(32);
    return { account: toBase64Url(native.publicKeyOf(seed)), seedHex: seed.toString('hex') };
  });
  const rich = accounts.map(({ account }) => ({ id: account, amount: GRID_EACH.toString() }));
  return {
    system: { validators: CONSORTIUM_VALIDATORS, public: { validators, layout, accounts: rich } },
    identityIn: ({ publicLedger }) => {
      if (publicLedger === undefined) throw new Error('the system has a public ledger');
      return publicLedger.identity;
    },
    prepare: async (system) => {
      say('stopping the consortium’s ledger, which nobody asks for anything');
      for (const { kind, name } of system.processes) if (kind === 'consortium') await system.halt(name);
      return { kind: 'grid', accounts };
    },
  };
}
