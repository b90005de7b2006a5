import type { ByteReader, RowWriter } from '@gridtokenx/kernel';
import { readFlag, readOneOf } from '../ledger/rows.js';
import type { TableOptions } from '../ledger/store.js';
import type { Bond } from './bond.js';
import type { Commission } from './commission.js';
import type { Backing, Exposure } from './exposure.js';
import type { Charge } from './slash.js';

/** What a row was when the election of an era began, where it has changed since. */
export interface Frozen<T> {
  readonly era: number;
  readonly value: T;
}

export interface BondRow extends Bond {
  /** Where rewards go; empty for the bond itself. */
  readonly payee: string;
  /** What was active. */
  readonly frozen: Frozen<bigint> | undefined;
}

export interface NominationRow {
  /** In the nominator's order; empty for one that nominates no more. */
  readonly targets: readonly string[];
  readonly frozen: Frozen<readonly string[]> | undefined;
}

/** An account that stands for election, or did: its commission and its key outlast a chill. */
export interface CandidateRow {
  readonly standing: boolean;
  readonly commission: Commission;
  /** With which it is to sign blocks. */
  readonly key: string;
  /** It is in no set up to that of this era, because it offended. */
  readonly barredTo: number;
  readonly frozen: Frozen<boolean> | undefined;
}

export interface Member {
  readonly account: string;
  readonly key: string;
  /** In parts of a billion. */
  readonly commission: number;
}

/** An era whose set is fixed. */
export interface EraRow {
  /** Block time; 0 for one that has not begun. */
  readonly beganAt: number;
  /** In the order of their keys, as places in the set are counted. */
  readonly members: readonly Member[];
  /** All that stands behind them. */
  readonly staked: bigint;
  /** The era under which the exposures are kept: an earlier one, where a set was kept. */
  readonly exposureEra: number;
}

/** What each of the set did in an era, by its place. */
export interface PointsRow {
  /** Blocks that it was the first to propose. */
  readonly proposed: readonly number[];
  /** Certificates of blocks of the era that hold its COMMIT. */
  readonly voted: readonly number[];
  /** Blocks of the era whose certificate is known. */
  readonly certified: number;
}

/** An era that has ended: what is shared of it, and who has been paid. */
export interface PayoutRow {
  readonly payout: bigint;
  /** By place in the set. */
  readonly points: readonly number[];
  readonly paid: readonly boolean[];
}

export const ELECTION_PHASES = ['counting', 'telling', 'told', 'tooMuchStake', 'fixed'] as const;

/** The election that goes on in the background: with the rows that it froze this is all of its state. */
export interface ElectionRow {
  /** The era that it elects for. */
  readonly era: number;
  readonly phase: (typeof ELECTION_PHASES)[number];
  readonly seats: number;
  /** Of a candidate, as it was when the election began. */
  readonly minimumBond: bigint;
  /** Units of work so far. */
  readonly granted: number;
  /** Candidates and nominators of the snapshot that have been told. */
  readonly told: number;
  /** Winners that have been told, and supports of the next one. */
  readonly winnersTold: number;
  readonly supportsTold: number;
}

export interface OffenceRow {
  readonly equivocated: boolean;
  readonly unresponsive: boolean;
  /** Who brought the evidence; empty for none. */
  readonly reporter: string;
}

/** What accounts have lost for a validator in one span. The key of the row is its first era. */
export interface SpanRow {
  readonly to: number;
  readonly reports: number;
  readonly taken: readonly Charge[];
}

/** A slash that is not taken yet, or not all of it. */
export interface SlashRow {
  readonly validator: string;
  readonly era: number;
  /** The era at whose beginning it is taken. */
  readonly due: number;
  readonly reporter: string;
  readonly reward: bigint;
  readonly charges: readonly Charge[];
  /** Charges that have been taken, and what came of them. */
  readonly done: number;
  readonly taken: bigint;
}

/** How far what goes on over many blocks has come. */
export interface ProgressRow {
  /** The last number that a slash got. */
  readonly slashes: number;
  /** The first era that is not paid whole. */
  readonly payFrom: number;
  /** The first eras of which anything, and exposures, are kept. */
  readonly keptFrom: number;
  readonly exposuresFrom: number;
}

type Codec<V> = TableOptions<V, undefined>;

const MANY = 10_000_000;
const flag = (value: boolean): number => (value ? 1 : 0);

function writeList<T>(writer: RowWriter, items: readonly T[], write: (item: T) => void): void {
  writer.u32(items.length);
  for (const item of items) write(item);
}

const readList = <T>(reader: ByteReader, bytes: number, read: () => T): T[] =>
  Array.from({ length: reader.count(MANY, bytes) }, read);

function writeFrozen<T>(writer: RowWriter, frozen: Frozen<T> | undefined, write: (value: T) => void): void {
  writer.u8(flag(frozen !== undefined));
  if (frozen === undefined) return;
  writer.u64(frozen.era);
  write(frozen.value);
}

const readFrozen = <T>(reader: ByteReader, read: () => T): Frozen<T> | undefined =>
  readFlag(reader) ? { era: reader.u64(), value: read() } : undefined;

const writeTexts = (writer: RowWriter, texts: readonly string[]): void =>
  writeList(writer, texts, (text) => writer.text(text));
const readTexts = (reader: ByteReader): string[] => readList(reader, 4, () => reader.text());
const writeNumbers = (writer: RowWriter, numbers: readonly number[]): void =>
  writeList(writer, numbers, (number) => writer.u64(number));
const readNumbers = (reader: ByteReader): number[] => readList(reader, 8, () => reader.u64());
const writeCharges = (writer: RowWriter, charges: readonly Charge[]): void =>
  writeList(writer, charges, ({ account, amount }) => writer.text(account).i128(amount));
const readCharges = (reader: ByteReader): Charge[] =>
  readList(reader, 20, () => ({ account: reader.text(), amount: reader.i128() }));

export const bondCodec: Codec<BondRow> = {
  encode: (writer, { active, unbonding, payee, frozen }) => {
    writer.i128(active).text(payee);
    writeList(writer, unbonding, ({ amount, until }) => writer.i128(amount).u64(until));
    writeFrozen(writer, frozen, (value) => writer.i128(value));
  },
  decode: (reader) => ({
    active: reader.i128(),
    payee: reader.text(),
    unbonding: readList(reader, 24, () => ({ amount: reader.i128(), until: reader.u64() })),
    frozen: readFrozen(reader, () => reader.i128()),
  }),
};

export const nominationCodec: Codec<NominationRow> = {
  encode: (writer, { targets, frozen }) => {
    writeTexts(writer, targets);
    writeFrozen(writer, frozen, (value) => writeTexts(writer, value));
  },
  decode: (reader) => ({ targets: readTexts(reader), frozen: readFrozen(reader, () => readTexts(reader)) }),
};

export const candidateCodec: Codec<CandidateRow> = {
  encode: (writer, { standing, commission, key, barredTo, frozen }) => {
    writer.u8(flag(standing)).u64(commission.parts).u64(commission.era).u64(commission.atEraStart);
    writer.text(key).u64(barredTo);
    writeFrozen(writer, frozen, (value) => writer.u8(flag(value)));
  },
  decode: (reader) => ({
    standing: readFlag(reader),
    commission: { parts: reader.u64(), era: reader.u64(), atEraStart: reader.u64() },
    key: reader.text(),
    barredTo: reader.u64(),
    frozen: readFrozen(reader, () => readFlag(reader)),
  }),
};

export const eraCodec: Codec<EraRow> = {
  encode: (writer, { beganAt, members, staked, exposureEra }) => {
    writer.u64(beganAt).i128(staked).u64(exposureEra);
    writeList(writer, members, ({ account, key, commission }) => writer.text(account).text(key).u64(commission));
  },
  decode: (reader) => ({
    beganAt: reader.u64(),
    staked: reader.i128(),
    exposureEra: reader.u64(),
    members: readList(reader, 16, () => ({ account: reader.text(), key: reader.text(), commission: reader.u64() })),
  }),
};

export const exposureCodec: Codec<Exposure> = {
  encode: (writer, { validator, own, backers }) => {
    writer.text(validator).i128(own);
    writeList(writer, backers, ({ account, stake }) => writer.text(account).i128(stake));
  },
  decode: (reader) => ({
    validator: reader.text(),
    own: reader.i128(),
    backers: readList(reader, 20, (): Backing => ({ account: reader.text(), stake: reader.i128() })),
  }),
};

export const pointsCodec: Codec<PointsRow> = {
  encode: (writer, { proposed, voted, certified }) => {
    writeNumbers(writer, proposed);
    writeNumbers(writer, voted);
    writer.u64(certified);
  },
  decode: (reader) => ({ proposed: readNumbers(reader), voted: readNumbers(reader), certified: reader.u64() }),
};

export const payoutCodec: Codec<PayoutRow> = {
  encode: (writer, { payout, points, paid }) => {
    writer.i128(payout);
    writeNumbers(writer, points);
    writeList(writer, paid, (each) => writer.u8(flag(each)));
  },
  decode: (reader) => ({
    payout: reader.i128(),
    points: readNumbers(reader),
    paid: readList(reader, 1, () => readFlag(reader)),
  }),
};

export const electionCodec: Codec<ElectionRow> = {
  encode: (writer, row) => {
    writer.u64(row.era).text(row.phase).u64(row.seats).i128(row.minimumBond).u64(row.granted);
    writer.u64(row.told).u64(row.winnersTold).u64(row.supportsTold);
  },
  decode: (reader) => ({
    era: reader.u64(),
    phase: readOneOf(reader, ELECTION_PHASES),
    seats: reader.u64(),
    minimumBond: reader.i128(),
    granted: reader.u64(),
    told: reader.u64(),
    winnersTold: reader.u64(),
    supportsTold: reader.u64(),
  }),
};

export const offenceCodec: Codec<OffenceRow> = {
  encode: (writer, { equivocated, unresponsive, reporter }) =>
    void writer.u8(flag(equivocated)).u8(flag(unresponsive)).text(reporter),
  decode: (reader) => ({ equivocated: readFlag(reader), unresponsive: readFlag(reader), reporter: reader.text() }),
};

export const spanCodec: Codec<SpanRow> = {
  encode: (writer, { to, reports, taken }) => {
    writer.u64(to).u64(reports);
    writeCharges(writer, taken);
  },
  decode: (reader) => ({ to: reader.u64(), reports: reader.u64(), taken: readCharges(reader) }),
};

export const slashCodec: Codec<SlashRow> = {
  encode: (writer, { validator, era, due, reporter, reward, charges, done, taken }) => {
    writer.text(validator).u64(era).u64(due).text(reporter).i128(reward).u64(done).i128(taken);
    writeCharges(writer, charges);
  },
  decode: (reader) => ({
    validator: reader.text(),
    era: reader.u64(),
    due: reader.u64(),
    reporter: reader.text(),
    reward: reader.i128(),
    done: reader.u64(),
    taken: reader.i128(),
    charges: readCharges(reader),
  }),
};

export const progressCodec: Codec<ProgressRow> = {
  encode: (writer, { slashes, payFrom, keptFrom, exposuresFrom }) =>
    void writer.u64(slashes).u64(payFrom).u64(keptFrom).u64(exposuresFrom),
  decode: (reader) => ({
    slashes: reader.u64(),
    payFrom: reader.u64(),
    keptFrom: reader.u64(),
    exposuresFrom: reader.u64(),
  }),
};
