import type { PublicKey } from '@gridtokenx/crypto';
import { assert, type ByteReader, compareText, fromBase64Url, type RowWriter } from '@gridtokenx/kernel';
import type { Genesis } from '@gridtokenx/protocol';
import { readFlag } from '../ledger/rows.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** A key that is, was or is to be a validator; the row stays when the validator goes. */
export interface ValidatorRow {
  /** Who answers for it: an organisation, or on the public ledger an account. */
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

/** Block time at which an epoch began: an offence in the epoch before is at least as old. */
export interface EpochRow {
  readonly beganAt: number;
}

/** A validator of whom nothing is known but who answers for it. */
export const newcomer = (organisation: string): ValidatorRow => ({
  organisation,
  rejoinedAt: 0,
  member: false,
  next: false,
  suspended: false,
  removed: false,
  lastHeight: 0,
  successor: '',
  settledTo: 0,
});

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

/** Who decides the blocks, and who will: what every ledger knows of its validators. */
export class ValidatorsState {
  readonly validators: Table<ValidatorRow>;
  readonly epochs: Table<EpochRow>;
  readonly epochBlocks: number;
  readonly evidence: Genesis['consensus']['evidence'];

  constructor(store: Store, { consensus }: Pick<Genesis, 'consensus'>) {
    this.epochBlocks = consensus.epochBlocks;
    this.evidence = consensus.evidence;
    this.validators = plainTable<ValidatorRow>(store, 'validators.validator', {
      encode: writeValidator,
      decode: readValidator,
    });
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

/** In key order. */
export const rowsOf = <V>(table: Table<V>): (readonly [string, V])[] =>
  [...table.rows.values()]
    .flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const]))
    .sort(([a], [b]) => compareText(a, b));

export function publicKeyOf(key: string): PublicKey {
  const bytes = fromBase64Url(key);
  assert(bytes?.length === 32, 'a validator is named by its key');
  return bytes as PublicKey;
}
