import { noble, ZERO_HASH, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { equalBytes, fromBase64Url, fromHex, parseTime } from '@gridtokenx/kernel';
import { readGenesis, type LedgerIdentity } from '@gridtokenx/protocol';
import {
  chainRules,
  genesisValidators,
  headerHash,
  validatorsAfter,
  validatorSet,
  type ChainRules,
  type ReaderTip,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';

/** Where a follower stands: what the next block must build on, and the validators that decide it. */
export type Tip = ReaderTip;

/** Trust in a genesis file: its ledger, its validators and its block 0. */
export interface GenesisAnchor {
  readonly kind: 'genesis';
  readonly identity: LedgerIdentity;
  readonly ledgerId: string;
  readonly rules: ChainRules;
  readonly set: ValidatorSet;
  readonly tip: Tip;
}

/**
 * Trust in one header by its hash. A header names its validators only by their hash, so keys have to be offered; from
 * whom they come does not matter, because they count only when their hash is the one in the header.
 */
export interface HeaderAnchor {
  readonly kind: 'header';
  readonly hash: Hash;
  readonly offeredKeys: readonly PublicKey[];
}

/** Trust in a set that was learned by following the chain, for as long as headers name it. */
export interface SetAnchor extends Trust {
  readonly kind: 'set';
}

/** What the user trusts. It never comes from the gateway whose answers are checked. */
export type Anchor = GenesisAnchor | HeaderAnchor | SetAnchor;

export type AnchorFault = 'anchor.otherHeader' | 'anchor.validatorsUnknown' | 'anchor.otherValidators';

/** Reads the user's genesis file. Throws GenesisError or JsonError. */
export function genesisAnchor(file: Uint8Array, crypto: Crypto = noble): GenesisAnchor {
  const identity = readGenesis(crypto, file);
  const time = parseTime(identity.genesis.time) ?? 0;
  const set = genesisValidators(crypto, identity.genesis);
  return {
    kind: 'genesis',
    identity,
    ledgerId: identity.ledgerId,
    rules: chainRules(identity),
    set,
    tip: {
      height: 0,
      hash: identity.genesisHash,
      certificateHash: ZERO_HASH,
      time,
      certifiedBy: set,
      validators: set,
    },
  };
}

/** The user's header hash (64 hex digits or bytes) and the validators' keys that someone offers. */
export function headerAnchor(
  hash: string | Uint8Array,
  offeredKeys: readonly (string | Uint8Array)[] = [],
): HeaderAnchor {
  const bytes = typeof hash === 'string' ? fromHex(hash) : hash;
  if (bytes?.length !== 32) throw new TypeError('a header hash is 32 bytes, 64 hex digits in lower case');
  const keys = offeredKeys.map((key) => (typeof key === 'string' ? fromBase64Url(key) : key));
  if (keys.some((key) => key?.length !== 32)) throw new TypeError('a validator key is 32 bytes in base64url');
  return { kind: 'header', hash: bytes as Hash, offeredKeys: keys as PublicKey[] };
}

/** A header anchor with the validators of a genesis file that someone offers, such as the gateway at `/v1/genesis`. */
export function headerAnchorWithOfferedGenesis(
  hash: string | Uint8Array,
  file: Uint8Array,
  crypto: Crypto = noble,
): HeaderAnchor {
  return headerAnchor(
    hash,
    readGenesis(crypto, file).genesis.validators.map(({ key }) => key),
  );
}

export interface Trust {
  readonly ledgerId: string;
  readonly set: ValidatorSet;
}

/** The ledger and validators by which a certificate of `header` is checked, or why the anchor does not reach it. */
export function trustFor(crypto: Crypto, anchor: Anchor, header: Header): Trust | AnchorFault {
  if (anchor.kind !== 'header') return { ledgerId: anchor.ledgerId, set: inEpochOf(anchor.set, header) };
  if (!equalBytes(headerHash(crypto, header), anchor.hash)) return 'anchor.otherHeader';
  if (anchor.offeredKeys.length === 0) return 'anchor.validatorsUnknown';
  const distinct = new Map(anchor.offeredKeys.map((key) => [key.join(), key]));
  const set = validatorSet(crypto, header.epoch, [...distinct.values()]);
  return equalBytes(set.hash, header.validatorsHash) ? { ledgerId: header.ledgerId, set } : 'anchor.otherValidators';
}

/**
 * Whoever trusts a set trusts it wherever headers name it: what its quorum signs in another epoch is as good as a chain of
 * headers between the two, which the same quorum would sign.
 */
const inEpochOf = (set: ValidatorSet, { epoch, validatorsHash }: Header): ValidatorSet =>
  equalBytes(validatorsHash, set.hash) ? { ...set, epoch } : set;

/**
 * The tip that an anchored header gives: blocks can be followed from there on. `set` is the header's own; where the
 * next epoch has another, `nextKeys` are offered for it, and count because their hash is in the header.
 */
export function tipOfHeader(
  crypto: Crypto,
  rules: ChainRules,
  header: Header,
  set: ValidatorSet,
  nextKeys?: readonly PublicKey[],
): Tip | AnchorFault {
  const changes = !equalBytes(header.nextValidatorsHash, header.validatorsHash);
  if (changes && nextKeys === undefined) return 'anchor.validatorsUnknown';
  const validators = validatorsAfter(crypto, rules, header.height, set, changes ? nextKeys : undefined);
  if (!equalBytes(validators.hash, header.nextValidatorsHash)) return 'anchor.otherValidators';
  return {
    height: header.height,
    hash: headerHash(crypto, header),
    // The certificate of the anchored block travels in its child; which quorum it names does not matter.
    certificateHash: ZERO_HASH,
    time: header.time,
    certifiedBy: set,
    validators,
  };
}
