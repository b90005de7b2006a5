import type { LedgerIdentity, LedgerKind } from '@gridtokenx/protocol';
import type { Prng } from '@gridtokenx/kernel';
import type { RunningSystem, SystemOptions } from '../system/system.js';
import type { Load } from './load.js';
import { ParticipationLoad } from './participation.js';
import { TradingLoad } from './trading.js';

/** How validators are spread over processes in one run. */
export interface ChaosLayout {
  readonly processes: number;
  readonly validators: number;
}

/** What a run has to know of a ledger that it breaks; all else is the same for each. */
export interface ChaosKind {
  /** The first is that of the short form. */
  readonly layouts: readonly [ChaosLayout, ...ChaosLayout[]];
  system(layout: ChaosLayout): Pick<SystemOptions, 'validators' | 'consensus' | 'layout' | 'public'>;
  ledger(system: RunningSystem): ChaosLedger;
  load(system: RunningSystem, prng: Prng, rate: number): Load;
}

export interface ChaosLedger {
  readonly identity: LedgerIdentity;
  readonly genesisFile: string;
}

/** So short that every run passes from one set of validators to the next. */
const EPOCH_BLOCKS = 20;
/** The fewest that stay safe with one liar. */
const BESIDE_VALIDATORS = 4;
const EVIDENCE_EPOCHS = 26;
/** A third of what the network takes its time for, so that a run is short; an idle chain beats as that of the consortium. */
const PUBLIC_PACE = {
  intervalMs: 2_000,
  beatMs: 5_000,
  fullIntervalMs: 2_000,
  baseTimeoutMs: 3_000,
  timeoutCapMs: 8_000,
  epochBlocks: EPOCH_BLOCKS,
  evidence: { heights: EVIDENCE_EPOCHS * EPOCH_BLOCKS, ageMs: 3_600_000 },
};

const spread = ({ processes }: ChaosLayout) => ({ validatorProcesses: processes, projector: 'own' }) as const;

function publicLedger({ publicLedger: ledger }: RunningSystem) {
  if (ledger === undefined) throw new Error('the system has no public ledger');
  return ledger;
}

export const KINDS: Readonly<Record<LedgerKind, ChaosKind>> = {
  consortium: {
    layouts: [
      { processes: 4, validators: 4 },
      { processes: 7, validators: 21 },
    ],
    system: (layout) => ({
      validators: layout.validators,
      consensus: { epochBlocks: EPOCH_BLOCKS },
      layout: spread(layout),
    }),
    ledger: ({ ledger }) => ledger,
    load: ({ ledger, url }, prng, rate) => new TradingLoad(ledger, { url, prng, rate }),
  },
  public: {
    layouts: [{ processes: 10, validators: 100 }],
    // The gateway serves no public ledger without that of the consortium: it stands beside, small and idle, in one process.
    system: (layout) => ({
      validators: BESIDE_VALIDATORS,
      public: { validators: layout.validators, consensus: PUBLIC_PACE, layout: spread(layout) },
    }),
    ledger: publicLedger,
    load: (system, prng, rate) => new ParticipationLoad(publicLedger(system), { url: system.url, prng, rate }),
  },
};
