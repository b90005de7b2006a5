import { assert, ByteReader, DecodeError, equalBytes, ScratchWriter } from '@gridtokenx/kernel';
import type { AnyTable } from './store.js';

export function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) reader.fail('flag');
  return flag === 1;
}

export function readOneOf<T extends string>(reader: ByteReader, names: readonly T[]): T {
  const text = reader.text();
  return names.find((name) => name === text) ?? reader.fail('name');
}

const SHARED_MAX = 1_000;

/** What stands in many rows with equal content is one object in all of them. */
export class Shared<T> {
  private readonly known = new Map<string, T>();

  of(name: string, value: T): T {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    if (this.known.size >= SHARED_MAX) this.known.clear();
    this.known.set(name, value);
    return value;
  }
}

const scratch = new ScratchWriter();

/** SPEC ledger 3.3: the value of a row, whose only bytes these are. Throws DecodeError `row.*`. */
export function decodeRow<V, X>(table: AnyTable<V, X>, bytes: Uint8Array): V {
  const reader = new ByteReader(bytes, 'row');
  const value = table.options.decode(reader);
  reader.end();
  assert(value !== undefined, 'a row that has bytes has a value');
  table.options.encode(scratch.reset(), value);
  if (!equalBytes(scratch.bytes(), bytes)) throw new DecodeError('row.otherSpelling', 0);
  return value;
}
