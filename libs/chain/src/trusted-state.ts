import { HASH_BYTES, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, compareBytes } from '@gridtokenx/kernel';
import { VALIDATORS_MAX } from '@gridtokenx/protocol';
import { epochOf, type ChainRules } from './epochs.js';
import type { TrustedState } from './light-client.js';
import { PUBLIC_KEY_BYTES, validatorSet } from './validators.js';

/** SPEC light-client 1.1: height u64, block hash, block time u64, number of keys u32, and the keys in set order. */
export function encodeTrustedState({ height, hash, time, nextValidators: { keys } }: TrustedState): Uint8Array {
  const writer = new ByteWriter(52 + PUBLIC_KEY_BYTES * keys.length).u64(height).fixed(hash).u64(time).u32(keys.length);
  for (const key of keys) writer.fixed(key);
  return writer.done();
}

/** Strict reverse. Throws DecodeError `trustedState.*`. */
export function decodeTrustedState(crypto: Crypto, { epochBlocks }: ChainRules, bytes: Uint8Array): TrustedState {
  const reader = new ByteReader(bytes, 'trustedState');
  const height = reader.u64();
  const hash = reader.fixed(HASH_BYTES) as Hash;
  const time = reader.u64();
  const keys = Array.from(
    { length: reader.count(VALIDATORS_MAX, PUBLIC_KEY_BYTES) },
    () => reader.fixed(PUBLIC_KEY_BYTES) as PublicKey,
  );
  reader.end();
  if (keys.length === 0) reader.fail('nobody');
  keys.forEach((key, i) => {
    const before = keys[i - 1];
    if (before !== undefined && compareBytes(before, key) >= 0) reader.fail('order');
  });
  return { height, hash, time, nextValidators: validatorSet(crypto, epochOf(height + 1, epochBlocks), keys) };
}
