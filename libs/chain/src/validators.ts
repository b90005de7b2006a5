import type { Crypto, Hash, PublicKey } from '@gridtokenx/crypto';
import { assert, ByteWriter, compareBytes, fromBase64Url } from '@gridtokenx/kernel';
import { VALIDATORS_MAX, type Genesis } from '@gridtokenx/protocol';
import { quorumOf } from './quorum.js';

/** The validators of one epoch, in the order of their public keys: indexes into it name validators everywhere. */
export interface ValidatorSet {
  readonly epoch: number;
  readonly keys: readonly PublicKey[];
  readonly quorum: number;
  readonly hash: Hash;
}

const PUBLIC_KEY_BYTES = 32;

/** SPEC wire 4.2: the hash of a set covers its size and its keys in order, not its epoch. */
export function validatorSet(crypto: Crypto, epoch: number, keys: readonly PublicKey[]): ValidatorSet {
  const ordered = [...keys].sort(compareBytes);
  assert(
    ordered.every((key, i) => i === 0 || compareBytes(ordered[i - 1] as PublicKey, key) !== 0),
    'a validator set names each key once',
  );
  assert(ordered.length <= VALIDATORS_MAX, 'a validator set is not too large');
  assert(
    ordered.every((key) => key.length === PUBLIC_KEY_BYTES),
    'a public key has 32 bytes',
  );
  const writer = new ByteWriter(4 + 32 * ordered.length).u32(ordered.length);
  for (const key of ordered) writer.fixed(key);
  return { epoch, keys: ordered, quorum: quorumOf(ordered.length), hash: crypto.sha256(writer.done()) };
}

/** The set of epoch 0. */
export function genesisValidators(crypto: Crypto, genesis: Genesis): ValidatorSet {
  return validatorSet(
    crypto,
    0,
    genesis.validators.map(({ key }) => {
      const bytes = fromBase64Url(key);
      assert(bytes?.length === PUBLIC_KEY_BYTES, 'a genesis that was read has keys of 32 bytes');
      return bytes as PublicKey;
    }),
  );
}

/** SPEC consensus 1.3: the proposer of a height and round is validator (height + round) mod n. */
export const proposerOf = (size: number, height: number, round: number): number => (height + round) % size;
