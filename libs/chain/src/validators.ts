import type { Crypto, Hash, PublicKey } from '@gridtokenx/crypto';
import { assert, ByteWriter, compareBytes, fromBase64Url } from '@gridtokenx/kernel';
import { VALIDATORS_MAX, type Genesis } from '@gridtokenx/protocol';
import { epochOf, isLastOfEpoch, type ChainRules } from './epochs.js';
import { quorumOf } from './quorum.js';

/** The validators of one epoch, in the order of their public keys: indexes into it name validators everywhere. */
export interface ValidatorSet {
  readonly epoch: number;
  readonly keys: readonly PublicKey[];
  readonly quorum: number;
  readonly hash: Hash;
}

export const PUBLIC_KEY_BYTES = 32;

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

/** In set order. */
export const genesisKeys = ({ validators }: Pick<Genesis, 'validators'>): PublicKey[] =>
  validators
    .map(({ key }) => {
      const bytes = fromBase64Url(key);
      assert(bytes?.length === PUBLIC_KEY_BYTES, 'a genesis that was read has keys of 32 bytes');
      return bytes as PublicKey;
    })
    .sort(compareBytes);

/** The set of epoch 0. */
export const genesisValidators = (crypto: Crypto, genesis: Pick<Genesis, 'validators'>): ValidatorSet =>
  validatorSet(crypto, 0, genesisKeys(genesis));

/** The rules that a genesis sets for readers of its chain. */
export const chainRules = ({
  ledgerId,
  genesis,
}: {
  readonly ledgerId: string;
  readonly genesis: Pick<Genesis, 'consensus'>;
}): ChainRules => ({ ledgerId, epochBlocks: genesis.consensus.epochBlocks });

/**
 * SPEC consensus 9.2: the set of height + 1, where `set` is that of `height`, and `next` are the keys that the block of
 * `height` names when it is the last of its epoch and they change.
 */
export function validatorsAfter(
  crypto: Crypto,
  { epochBlocks }: Pick<ChainRules, 'epochBlocks'>,
  height: number,
  set: ValidatorSet,
  next: readonly PublicKey[] | undefined,
): ValidatorSet {
  if (!isLastOfEpoch(height, epochBlocks)) return set;
  const epoch = epochOf(height + 1, epochBlocks);
  return next === undefined ? { ...set, epoch } : validatorSet(crypto, epoch, next);
}

/** Which validator of the set a key is; -1 when it is none. */
export const indexOfKey = ({ keys }: Pick<ValidatorSet, 'keys'>, key: PublicKey): number =>
  keys.findIndex((other) => compareBytes(other, key) === 0);

/** SPEC consensus 1.3: the proposer of a height and round is validator (height + round) mod n. */
export const proposerOf = (size: number, height: number, round: number): number => (height + round) % size;
