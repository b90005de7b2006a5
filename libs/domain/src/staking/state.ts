import { assert, compareText } from '@gridtokenx/kernel';
import type { PublicGenesis } from '@gridtokenx/protocol';
import type { GridState } from '../grid/state.js';
import { PairTable, pairTable, plainTable, type Cell, type Store, type Table } from '../ledger/store.js';
import { bondTotal, NO_BOND, type Bond } from './bond.js';
import type { Exposure } from './exposure.js';
import {
  bondCodec,
  candidateCodec,
  electionCodec,
  eraCodec,
  exposureCodec,
  nominationCodec,
  offenceCodec,
  payoutCodec,
  pointsCodec,
  progressCodec,
  slashCodec,
  spanCodec,
  type BondRow,
  type CandidateRow,
  type ElectionRow,
  type EraRow,
  type Frozen,
  type NominationRow,
  type OffenceRow,
  type PayoutRow,
  type PointsRow,
  type ProgressRow,
  type SlashRow,
  type SpanRow,
} from './rows.js';

/** An era is paid for as at most so many times as long as it takes when each block comes in time: a halt earns nothing. */
const LENGTH_FACTOR_MAX = 2;

const NO_ELECTION: ElectionRow = {
  era: 0,
  phase: 'fixed',
  seats: 0,
  minimumBond: 0n,
  granted: 0,
  told: 0,
  winnersTold: 0,
  supportsTold: 0,
};
const NOTHING_YET: ProgressRow = { slashes: 0, payFrom: 0, keptFrom: 0, exposuresFrom: 0 };

/** Rows of one era by their accounts, in order, whatever order they came in. */
export const sortedRows = <V, X>(cells: Iterable<Cell<V, X>>): (readonly [account: string, value: V])[] =>
  [...cells]
    .flatMap(({ second, value }) => (value === undefined ? [] : [[second, value] as const]))
    .sort(([a], [b]) => compareText(a, b));

/** Who has bonded what for whom, who validates, and what became of it. */
export class StakingState {
  readonly bonds: Table<BondRow>;
  readonly nominations: Table<NominationRow>;
  readonly candidates: Table<CandidateRow>;
  readonly eras: Table<EraRow>;
  /** By era and validator. */
  readonly exposures: PairTable<Exposure>;
  readonly points: Table<PointsRow>;
  readonly payouts: Table<PayoutRow>;
  /** By era and validator. */
  readonly offences: PairTable<OffenceRow>;
  /** By validator and the first era of the span. */
  readonly spans: PairTable<SpanRow>;
  readonly slashes: Table<SlashRow>;
  /** SPEC staking 11.2 */
  readonly eraLengthMaxMs: number;
  private readonly electionCell: Cell<ElectionRow>;
  private readonly progressCell: Cell<ProgressRow>;
  /** Told when the election is another one: also when a block is undone that began it. */
  onElection: (() => void) | undefined;

  constructor(
    private readonly store: Store,
    private readonly grid: GridState,
    genesis: Pick<PublicGenesis, 'consensus'>,
  ) {
    const { epochBlocks, intervalMs, beatMs } = genesis.consensus;
    this.eraLengthMaxMs = LENGTH_FACTOR_MAX * epochBlocks * Math.max(intervalMs, beatMs);
    this.bonds = plainTable(store, 'staking.bond', bondCodec);
    this.nominations = plainTable(store, 'staking.nomination', nominationCodec);
    this.candidates = plainTable(store, 'staking.candidate', candidateCodec);
    this.eras = plainTable(store, 'staking.era', eraCodec);
    this.exposures = pairTable(store, 'staking.exposure', exposureCodec, 'first');
    this.points = plainTable(store, 'staking.points', pointsCodec);
    this.payouts = plainTable(store, 'staking.payout', payoutCodec);
    this.offences = pairTable(store, 'staking.offence', offenceCodec, 'first');
    this.spans = pairTable(store, 'staking.span', spanCodec, 'first');
    this.slashes = plainTable(store, 'staking.slash', slashCodec);
    this.electionCell = plainTable<ElectionRow>(store, 'staking.election', {
      ...electionCodec,
      changed: (_, old, now) => {
        if (old?.era !== now?.era) this.onElection?.();
      },
    }).cell('election');
    this.progressCell = plainTable<ProgressRow>(store, 'staking.progress', progressCodec).cell('progress');
  }

  get election(): ElectionRow {
    return this.electionCell.value ?? NO_ELECTION;
  }

  set election(row: ElectionRow) {
    this.store.change(this.electionCell, row);
  }

  get progress(): ProgressRow {
    return this.progressCell.value ?? NOTHING_YET;
  }

  set progress(row: ProgressRow) {
    this.store.change(this.progressCell, row);
  }

  era(era: number): EraRow | undefined {
    return this.eras.get(String(era));
  }

  /** Of an era whose set is fixed. */
  eraKnown(era: number): EraRow {
    const row = this.era(era);
    assert(row !== undefined, 'the set of an era is fixed before it begins');
    return row;
  }

  /** What stood behind a validator in an era; `undefined` where it did not validate or nothing is kept of it. */
  exposure(era: number, account: string): Exposure | undefined {
    const row = this.era(era);
    return row?.members.some((member) => member.account === account) === true
      ? this.exposures.getPair(String(row.exposureEra), account)
      : undefined;
  }

  bond(account: string): Bond {
    return this.bonds.get(account) ?? NO_BOND;
  }

  /** SPEC staking 6.1 and 9.1: the bond, and its lock with it. */
  setBond(account: string, { active, unbonding }: Bond): void {
    const row = this.bonds.get(account);
    const frozen = this.freeze(row?.frozen, row?.active ?? 0n);
    const total = bondTotal({ active, unbonding });
    const payee = row?.payee ?? '';
    // Where rewards go stays said, also when the bond is gone: those of eras that were are still paid.
    if (total === 0n && payee === '' && (frozen === undefined || frozen.value === 0n)) this.remove(this.bonds, account);
    else this.bonds.set(account, { active, unbonding, payee, frozen });
    this.grid.lock(account, 'staking', total);
  }

  setTargets(account: string, targets: readonly string[]): void {
    const row = this.nominations.get(account);
    const frozen = this.freeze(row?.frozen, row?.targets ?? []);
    if (targets.length === 0 && (frozen === undefined || frozen.value.length === 0))
      this.remove(this.nominations, account);
    else this.nominations.set(account, { targets, frozen });
  }

  setCandidate(account: string, row: Omit<CandidateRow, 'frozen'>): void {
    const was = this.candidates.get(account);
    this.candidates.set(account, { ...row, frozen: this.freeze(was?.frozen, was?.standing ?? false) });
  }

  remove<V, X>(table: Table<V, X>, key: string): void {
    const cell = table.find(key);
    if (cell?.value !== undefined) this.store.change(cell, undefined);
  }

  removePair<V, X>(table: PairTable<V, X>, first: string, second: string): void {
    const cell = table.findPair(first, second);
    if (cell?.value !== undefined) this.store.change(cell, undefined);
  }

  /** SPEC staking 10.2: while an election goes on, what changes keeps what it was when the election began. */
  private freeze<T>(was: Frozen<T> | undefined, value: T): Frozen<T> | undefined {
    const { era, phase } = this.election;
    if (phase === 'fixed') return undefined;
    return was?.era === era ? was : { era, value };
  }

  /** The same, of rows as they stood when the election began. */
  private asOf<T>(frozen: Frozen<T> | undefined, value: T): T {
    return frozen?.era === this.election.era ? frozen.value : value;
  }

  activeAsOf(account: string): bigint {
    const row = this.bonds.get(account);
    return row === undefined ? 0n : this.asOf(row.frozen, row.active);
  }

  standingAsOf = ({ frozen, standing }: CandidateRow): boolean => this.asOf(frozen, standing);
  targetsAsOf = ({ frozen, targets }: NominationRow): readonly string[] => this.asOf(frozen, targets);
}
