import { faultsTolerated } from '@gridtokenx/chain';
import type { ByteReader, RowWriter } from '@gridtokenx/kernel';
import { VALIDATOR_CHANGES, type ConsortiumGenesis, type ValidatorChangeKind } from '@gridtokenx/protocol';
import { readOneOf } from '../ledger/rows.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';
import { rowsOf, ValidatorsState } from './state.js';

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

/** The validators of the consortium, and what it wants changed of them. */
export class ConsortiumValidators extends ValidatorsState {
  readonly changes: Table<ChangeRow>;
  readonly sizeMin: number;

  constructor(store: Store, genesis: Pick<ConsortiumGenesis, 'consensus' | 'validators'>) {
    super(store, genesis);
    this.sizeMin = genesis.validators.length < SET_MIN ? 1 : SET_MIN;
    this.changes = plainTable<ChangeRow>(store, 'validators.change', { encode: writeChange, decode: readChange });
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
}
