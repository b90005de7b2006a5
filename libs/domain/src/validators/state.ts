import { faultsTolerated } from '@gridtokenx/chain';
import type { PublicKey } from '@gridtokenx/crypto';
import { assert, compareText, fromBase64Url, type ByteReader } from '@gridtokenx/kernel';
import { VALIDATOR_CHANGES, type Genesis, type ValidatorChangeKind } from '@gridtokenx/protocol';
import { readFlag, readOneOf } from '../ledger/rows.js';
import type { RowWriter } from '../ledger/scratch.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** A key that is, was or is to be a validator; the row stays when the validator goes. */
export interface ValidatorRow {
  readonly organisation: string;
  /** The height of the last block that holds a rejoin of this validator; 0 for none. */
  readonly rejoinedAt: number;
  /** In the set of this epoch. */
  readonly member: boolean;
  /** In the set of the next epoch, as far as it is known. */
  readonly next: boolean;
  /** Its proposals are refused, and it leaves the set with an epoch. */
  readonly suspended: boolean;
  /** For ever, by a vote or because another key came after it. */
  readonly removed: boolean;
  /** Of a removed one: the last height whose votes it may have signed. What its key signs after that is nobody's offence. */
  readonly lastHeight: number;
  /** The key that came after it; empty for none. */
  readonly successor: string;
  /** Offences up to this height have been dealt with. */
  readonly settledTo: number;
}

/** A change of the set that was proposed, or decided and waits for its turn; named by an operation id. */
export interface ChangeRow {
  readonly kind: ValidatorChangeKind;
  readonly validator: string;
  /** Of `rotateKey`; else empty. */
  readonly key: string;
  /** Who proposed it; empty when evidence did. */
  readonly organisation: string;
  /** Block time from which it is no longer open. */
  readonly until: number;
  /** Organisations that approved it, in the order of their ids. */
  readonly approvals: readonly string[];
  /** Its place among the decided, from 1; 0 while it is open. */
  readonly turn: number;
}

/** Block time at which an epoch began: an offence in the epoch before is at least as old. */
export interface EpochRow {
  readonly beganAt: number;
}

const flag = (value: boolean): number => (value ? 1 : 0);

function writeValidator(writer: RowWriter, row: ValidatorRow): void {
  writer.text(row.organisation).u64(row.rejoinedAt).u8(flag(row.member)).u8(flag(row.next));
  writer.u8(flag(row.suspended)).u8(flag(row.removed)).u64(row.lastHeight);
  writer.text(row.successor).u64(row.settledTo);
}

const readValidator = (reader: ByteReader): ValidatorRow => ({
  organisation: reader.text(),
  rejoinedAt: reader.u64(),
  member: readFlag(reader),
  next: readFlag(reader),
  suspended: readFlag(reader),
  removed: readFlag(reader),
  lastHeight: reader.u64(),
  successor: reader.text(),
  settledTo: reader.u64(),
});

function writeChange(writer: RowWriter, row: ChangeRow): void {
  writer.text(row.kind).text(row.validator).text(row.key).text(row.organisation).u64(row.until).u64(row.turn);
  writer.u32(row.approvals.length);
  for (const organisation of row.approvals) writer.text(organisation);
}

const readChange = (reader: ByteReader): ChangeRow => ({
  kind: readOneOf(reader, VALIDATOR_CHANGES),
  validator: reader.text(),
  key: reader.text(),
  organisation: reader.text(),
  until: reader.u64(),
  turn: reader.u64(),
  approvals: Array.from({ length: reader.count(1_000_000, 4) }, () => reader.text()),
});

/** A set of four tolerates a liar; a ledger that begins with fewer may stay so. */
const SET_MIN = 4;

/** SPEC validators 3.1: of all validators in the set, whether they vote or not. */
export const votesNeeded = (members: number): number => Math.floor((2 * members + 2) / 3);

/** Who decides the blocks, who will, and what the consortium wants changed. */
export class ValidatorsState {
  readonly validators: Table<ValidatorRow>;
  readonly changes: Table<ChangeRow>;
  readonly epochs: Table<EpochRow>;
  readonly epochBlocks: number;
  readonly evidence: Genesis['consensus']['evidence'];
  readonly sizeMin: number;

  constructor(store: Store, { consensus, validators }: Pick<Genesis, 'consensus' | 'validators'>) {
    this.epochBlocks = consensus.epochBlocks;
    this.evidence = consensus.evidence;
    this.sizeMin = validators.length < SET_MIN ? 1 : SET_MIN;
    this.validators = plainTable<ValidatorRow>(store, 'validators.validator', {
      encode: writeValidator,
      decode: readValidator,
    });
    this.changes = plainTable<ChangeRow>(store, 'validators.change', { encode: writeChange, decode: readChange });
    this.epochs = plainTable<EpochRow>(store, 'validators.epoch', {
      encode: (writer, { beganAt }) => void writer.u64(beganAt),
      decode: (reader) => ({ beganAt: reader.u64() }),
    });
  }

  /** In key order, whatever order they came in: a ledger that was restored walks them alike. */
  all(): (readonly [key: string, row: ValidatorRow])[] {
    return rowsOf(this.validators);
  }

  members(): (readonly [key: string, row: ValidatorRow])[] {
    return this.all().filter(([, { member }]) => member);
  }

  /** Keys of the set of the next epoch, in set order where they are compared as bytes. */
  get next(): PublicKey[] {
    return this.all()
      .filter(([, { next }]) => next)
      .map(([key]) => publicKeyOf(key));
  }

  /** Changes that are open, by their ids. */
  open(): (readonly [id: string, row: ChangeRow])[] {
    return rowsOf(this.changes).filter(([, { turn }]) => turn === 0);
  }

  /** Changes that are decided, in their turn. */
  decided(): (readonly [id: string, row: ChangeRow])[] {
    return rowsOf(this.changes)
      .filter(([, { turn }]) => turn > 0)
      .sort(([, a], [, b]) => a.turn - b.turn);
  }

  /** SPEC validators 4.2: how many may come, go or rotate with one epoch. */
  get changesPerEpoch(): number {
    return Math.max(1, faultsTolerated(this.members().length));
  }

  /** How large the set would be with all that is decided. */
  sizeToCome(): number {
    const keys = new Set(this.all().flatMap(([key, { next }]) => (next ? [key] : [])));
    const rotated = new Map<string, string>();
    for (const [, { kind, validator, key }] of this.decided()) {
      let subject = this.answering(validator)?.[0] ?? validator;
      for (let after = rotated.get(subject); after !== undefined; after = rotated.get(subject)) subject = after;
      const was = keys.has(subject);
      if (kind === 'admit' || kind === 'reinstate') keys.add(subject);
      else keys.delete(subject);
      if (kind !== 'rotateKey') continue;
      rotated.set(subject, key);
      if (was) keys.add(key);
    }
    return keys.size;
  }

  /** Whether the key is a validator, or a change would make it one: then only the consortium may take it away. */
  isBound(key: string): boolean {
    const row = this.validators.get(key);
    if (row !== undefined) return !row.removed;
    return this.isNamed(key);
  }

  /** Whether a change that is open or waits would make a validator of the key. */
  isNamed(key: string): boolean {
    return rowsOf(this.changes).some(
      ([, change]) => change.key === key || (change.kind === 'admit' && change.validator === key),
    );
  }

  /** SPEC validators 5.2: follows rotations to the key that answers for an old one. */
  answering(key: string): readonly [key: string, row: ValidatorRow] | undefined {
    let at = key;
    for (let row = this.validators.get(at); row !== undefined; row = this.validators.get(at)) {
      if (row.successor === '') return [at, row];
      at = row.successor;
    }
    return undefined;
  }
}

const rowsOf = <V>(table: Table<V>): (readonly [string, V])[] =>
  [...table.rows.values()]
    .flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const]))
    .sort(([a], [b]) => compareText(a, b));

export function publicKeyOf(key: string): PublicKey {
  const bytes = fromBase64Url(key);
  assert(bytes?.length === 32, 'a validator is named by its key');
  return bytes as PublicKey;
}
