import { assert, type ByteReader, compareText, type RowWriter } from '@gridtokenx/kernel';
import {
  DELEGATIONS_PER_BLOCK_MAX,
  parameterSchemas,
  TRACKS,
  type PublicParameters,
  type Track,
} from '@gridtokenx/protocol';
import { GRID } from '../grid/state.js';
import { readFlag, readOneOf } from '../ledger/rows.js';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, pairTable, plainTable, type Store, type Table } from '../ledger/store.js';
import { TrackBallots } from './ballots.js';
import { isConviction, type Conviction } from './conviction.js';
import { nextPhase, type Phase, type Referendum, type Standing } from './referendum.js';
import { capitalOf, type Delegation, type Tally, type Vote } from './tally.js';

export type TrackTerms = PublicParameters['governance.tracks'][Track];

/** A text that a referendum may decide about, with what its owner has on hold for it. */
export interface PreimageRow {
  readonly account: string;
  readonly deposit: bigint;
  readonly call: string;
}

export interface DepositRow {
  readonly account: string;
  readonly amount: bigint;
}

export const DEPOSITS = ['submission', 'decision'] as const;
export type DepositKind = (typeof DEPOSITS)[number];

export interface ReferendumRow {
  readonly number: number;
  readonly track: Track;
  readonly account: string;
  readonly callHash: string;
  /** Of its track when it was submitted; so is the lock period. */
  readonly terms: TrackTerms;
  readonly lockPeriodMs: number;
  /** It is enacted at this moment, or so long after its approval, if that is later than its track says. */
  readonly wantedAt: number;
  readonly enactAfterMs: number;
  readonly referendum: Referendum;
  readonly tally: Tally;
  /** When it had its decision deposit. */
  readonly queuedAt: number | undefined;
  readonly cancelled: boolean;
  /** It was approved, and this is when it is enacted. */
  readonly enactAt: number | undefined;
  /** It has ended, and no vote in it is left. */
  readonly cleared: boolean;
  /** When something becomes of it by itself, should nobody vote and the electorate stay. */
  readonly dueAt: number | undefined;
}

/** It may still be voted for, once it has its place. */
export const isOpen = ({ cancelled, referendum: { phase } }: ReferendumRow): boolean =>
  !cancelled && phase.kind !== 'approved' && phase.kind !== 'rejected';

/** What it would do may still be done. */
const isAlive = (row: ReferendumRow): boolean => isOpen(row) || row.enactAt !== undefined;
const isPlaced = (row: ReferendumRow): boolean => isOpen(row) && row.referendum.placedAt !== undefined;
const isQueued = (row: ReferendumRow): boolean =>
  isOpen(row) && row.queuedAt !== undefined && row.referendum.placedAt === undefined;

const NEVER = Number.MAX_SAFE_INTEGER;
const writeTime = (writer: RowWriter, time: number | undefined): void => void writer.u64(time ?? NEVER);
const readTime = (reader: ByteReader): number | undefined => {
  const time = reader.u64();
  return time === NEVER ? undefined : time;
};

const PHASES = ['preparing', 'deciding', 'confirming', 'approved', 'rejected'] as const;
const WHY = ['notDecided', 'notPassed'] as const;

function writePhase(writer: RowWriter, phase: Phase): void {
  writer.text(phase.kind);
  switch (phase.kind) {
    case 'preparing':
      return;
    case 'deciding':
      return void writer.u64(phase.since);
    case 'confirming':
      return void writer.u64(phase.since).u64(phase.confirmingSince);
    case 'approved':
      return void writer.u64(phase.at);
    case 'rejected':
      return void writer.u64(phase.at).text(phase.why);
  }
}

function readPhase(reader: ByteReader): Phase {
  const kind = readOneOf(reader, PHASES);
  switch (kind) {
    case 'preparing':
      return { kind };
    case 'deciding':
      return { kind, since: reader.u64() };
    case 'confirming':
      return { kind, since: reader.u64(), confirmingSince: reader.u64() };
    case 'approved':
      return { kind, at: reader.u64() };
    case 'rejected':
      return { kind, at: reader.u64(), why: readOneOf(reader, WHY) };
  }
}

function readTerms(reader: ByteReader): TrackTerms {
  try {
    return parameterSchemas['governance.tracks'].shape.root.parse(JSON.parse(reader.text()));
  } catch {
    return reader.fail('terms');
  }
}

function writeReferendum(writer: RowWriter, row: ReferendumRow): void {
  const { referendum, tally } = row;
  writer.u64(row.number).text(row.track).text(row.account).text(row.callHash);
  writer.text(JSON.stringify(row.terms)).u64(row.lockPeriodMs).u64(row.wantedAt).u64(row.enactAfterMs);
  writer.u64(referendum.submittedAt).u64(referendum.judgedAt);
  writeTime(writer, referendum.placedAt);
  writePhase(writer, referendum.phase);
  writer.i128(tally.ayes).i128(tally.nays).i128(tally.support);
  writeTime(writer, row.queuedAt);
  writer.u8(row.cancelled ? 1 : 0);
  writeTime(writer, row.enactAt);
  writer.u8(row.cleared ? 1 : 0);
  writeTime(writer, row.dueAt);
}

function readReferendum(reader: ByteReader): ReferendumRow {
  const [number, track, account, callHash] = [reader.u64(), readOneOf(reader, TRACKS), reader.text(), reader.text()];
  const terms = readTerms(reader);
  const [lockPeriodMs, wantedAt, enactAfterMs] = [reader.u64(), reader.u64(), reader.u64()];
  const [submittedAt, judgedAt, placedAt] = [reader.u64(), reader.u64(), readTime(reader)];
  const phase = readPhase(reader);
  return {
    number,
    track,
    account,
    callHash,
    terms,
    lockPeriodMs,
    wantedAt,
    enactAfterMs,
    referendum: { track: terms, submittedAt, placedAt, phase, judgedAt },
    tally: { ayes: reader.i128(), nays: reader.i128(), support: reader.i128() },
    queuedAt: readTime(reader),
    cancelled: readFlag(reader),
    enactAt: readTime(reader),
    cleared: readFlag(reader),
    dueAt: readTime(reader),
  };
}

const readConviction = (reader: ByteReader): Conviction => {
  const level = reader.u8();
  return isConviction(level) ? level : reader.fail('conviction');
};

function writeVote(writer: RowWriter, vote: Vote): void {
  if (vote.kind === 'split') writer.u8(2).i128(vote.aye).i128(vote.nay).i128(vote.abstain);
  else
    writer
      .u8(vote.aye ? 1 : 0)
      .u8(vote.conviction)
      .i128(vote.capital);
}

function readVote(reader: ByteReader): Vote {
  const kind = reader.u8();
  if (kind > 2) reader.fail('vote');
  if (kind === 2) return { kind: 'split', aye: reader.i128(), nay: reader.i128(), abstain: reader.i128() };
  return { kind: 'standard', aye: kind === 1, conviction: readConviction(reader), capital: reader.i128() };
}

const byDue = (a: ReferendumRow, b: ReferendumRow): number =>
  (a.dueAt ?? NEVER) - (b.dueAt ?? NEVER) || a.number - b.number;
const byQueue = (a: ReferendumRow, b: ReferendumRow): number =>
  (a.queuedAt ?? NEVER) - (b.queuedAt ?? NEVER) || a.number - b.number;
const byNumber = (a: ReferendumRow, b: ReferendumRow): number => a.number - b.number;

/** What one track decides at the moment; what follows from rows alone. */
class TrackIndex {
  readonly ballots = new TrackBallots();
  /** With a place. */
  readonly placed = new SortedSet<ReferendumRow>(byNumber);
  /** With a deposit, and no place yet. */
  readonly queue = new SortedSet<ReferendumRow>(byQueue);
}

class Counts {
  private readonly counts = new Map<string, number>();

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string, change: 1 | -1): void {
    const count = this.of(key) + change;
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }
}

/** Referenda, votes and delegations, and what follows from them. */
export class GovernanceState {
  readonly preimages: Table<PreimageRow>;
  /** By number. */
  readonly referenda: Table<ReferendumRow>;
  /** By number and kind. */
  readonly deposits: Table<DepositRow>;
  /** By referendum and account. */
  readonly votes: PairTable<Vote>;
  /** By track and account. */
  readonly delegations: PairTable<Delegation>;
  private readonly amounts: Table<bigint>;
  private readonly tracks: Readonly<Record<Track, TrackIndex>>;
  /** By account, then by number. */
  private readonly votesOf = new Map<string, Map<string, Vote>>();
  readonly due = new SortedSet<ReferendumRow>(byDue);
  /** Ended, with votes that are still to be cleared. */
  readonly clearing = new SortedSet<ReferendumRow>(byNumber);
  /** SPEC governance 6.5: how many more delegations may be asked for in this block. No row: each block begins anew. */
  delegationsLeft = DELEGATIONS_PER_BLOCK_MAX;
  /** Referenda that are open, by who proposed them. */
  readonly openBy = new Counts();
  /** Referenda that may still do what a text says, by its hash. */
  readonly naming = new Counts();

  constructor(readonly store: Store) {
    this.tracks = { root: new TrackIndex(), marketPolicy: new TrackIndex(), treasury: new TrackIndex() };
    this.preimages = plainTable<PreimageRow>(store, 'governance.preimage', {
      encode: (writer, { account, deposit, call }) => void writer.text(account).i128(deposit).text(call),
      decode: (reader) => ({ account: reader.text(), deposit: reader.i128(), call: reader.text() }),
      escrow: ({ account, deposit }) =>
        deposit === 0n ? undefined : { account, asset: GRID, amount: Number(deposit) },
    });
    this.referenda = plainTable<ReferendumRow>(store, 'governance.referendum', {
      encode: writeReferendum,
      decode: readReferendum,
      changed: (_, old, now) => {
        if (old !== undefined) this.leave(old);
        if (now !== undefined) this.enter(now);
      },
    });
    this.deposits = plainTable<DepositRow>(store, 'governance.deposit', {
      encode: (writer, { account, amount }) => void writer.text(account).i128(amount),
      decode: (reader) => ({ account: reader.text(), amount: reader.i128() }),
      escrow: ({ account, amount }) => ({ account, asset: GRID, amount: Number(amount) }),
    });
    this.votes = pairTable<Vote>(
      store,
      'governance.vote',
      {
        encode: writeVote,
        decode: readVote,
        // The referendum is there, and says which track it is of.
        restoreOrder: () => 0,
        changed: ({ first, second }, old, now) => this.voteChanged(first, second, old, now),
      },
      'first',
    );
    this.delegations = pairTable<Delegation>(
      store,
      'governance.delegation',
      {
        encode: (writer, { to, conviction, capital }) => void writer.text(to).u8(conviction).i128(capital),
        decode: (reader) => ({ to: reader.text(), conviction: readConviction(reader), capital: reader.i128() }),
        changed: ({ first, second }, old, now) =>
          this.track(first as Track).ballots.delegationChanged(second, old, now),
      },
      'first',
    );
    this.amounts = plainTable<bigint>(store, 'governance.amount', {
      encode: (writer, amount) => void writer.i128(amount),
      decode: (reader) => reader.i128(),
    });
  }

  /** SPEC governance 5.6: what all that might vote is worth, as it was counted last. */
  get electorate(): bigint {
    return this.amounts.get('electorate') ?? 0n;
  }

  set electorate(amount: bigint) {
    this.amounts.set('electorate', amount);
  }

  /** How many referenda there have been. */
  get count(): number {
    return Number(this.amounts.get('referenda') ?? 0n);
  }

  nextNumber(): number {
    const number = this.count + 1;
    this.amounts.set('referenda', BigInt(number));
    return number;
  }

  track(track: Track): TrackIndex {
    return this.tracks[track];
  }

  standing({ tally }: ReferendumRow): Standing {
    return { tally, electorate: this.electorate };
  }

  referendum(number: number): ReferendumRow | undefined {
    return this.referenda.get(String(number));
  }

  /** SPEC governance 5.5: writes a referendum, with the moment at which something becomes of it; one that is done with leaves no row. */
  put(row: ReferendumRow): ReferendumRow {
    const dueAt = isOpen(row) ? nextPhase(row.referendum, this.standing(row))?.at : row.enactAt;
    const written = { ...row, dueAt };
    const isDone = !isAlive(row) && row.cleared;
    this.store.change(this.referenda.cell(String(row.number)), isDone ? undefined : written);
    return written;
  }

  private enter(row: ReferendumRow): void {
    const track = this.track(row.track);
    if (row.dueAt !== undefined) this.due.add(row);
    if (isPlaced(row)) track.placed.add(row);
    if (isQueued(row)) track.queue.add(row);
    if (isOpen(row)) this.openBy.add(row.account, 1);
    else if (!row.cleared) this.clearing.add(row);
    if (isAlive(row)) this.naming.add(row.callHash, 1);
  }

  private leave(row: ReferendumRow): void {
    const track = this.track(row.track);
    if (row.dueAt !== undefined) this.due.remove(row);
    if (isPlaced(row)) track.placed.remove(row);
    if (isQueued(row)) track.queue.remove(row);
    if (isOpen(row)) this.openBy.add(row.account, -1);
    else if (!row.cleared) this.clearing.remove(row);
    if (isAlive(row)) this.naming.add(row.callHash, -1);
  }

  private voteChanged(number: string, account: string, old: Vote | undefined, now: Vote | undefined): void {
    const row = this.referenda.get(number);
    assert(row !== undefined, 'votes are in a referendum');
    this.track(row.track).ballots.voteChanged(row.number, account, old, now);
    const mine = this.votesOf.get(account) ?? new Map<string, Vote>();
    if (now !== undefined) mine.set(number, now);
    else mine.delete(number);
    if (mine.size === 0) this.votesOf.delete(account);
    else this.votesOf.set(account, mine);
  }

  /** Of one referendum, in the order of the accounts. */
  votersOf({ track, number }: ReferendumRow): string[] {
    return [...this.track(track).ballots.votes(number).keys()].sort(compareText);
  }

  /** Whether the account votes itself in a referendum of the track that is open. */
  votesIn(track: Track, account: string): boolean {
    return [...this.track(track).placed].some(
      ({ number }) => this.votes.getPair(String(number), account) !== undefined,
    );
  }

  delegation(track: Track, account: string): Delegation | undefined {
    return this.delegations.getPair(track, account);
  }

  /** SPEC governance 6.3: the greatest capital of the votes and delegations of an account that stand. */
  standsWith(account: string): bigint {
    let most = 0n;
    for (const vote of this.votesOf.get(account)?.values() ?? []) {
      const capital = capitalOf(vote);
      if (capital > most) most = capital;
    }
    for (const track of TRACKS) {
      const capital = this.delegation(track, account)?.capital ?? 0n;
      if (capital > most) most = capital;
    }
    return most;
  }
}
