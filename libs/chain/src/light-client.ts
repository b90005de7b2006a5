import { type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { assert, equalBytes, parseTime, toHex } from '@gridtokenx/kernel';
import { VALIDATORS_MAX, type LedgerIdentity } from '@gridtokenx/protocol';
import { certificateHashOf } from './block.js';
import { areOfSet, commitSignBytes, type Certificate } from './certificate.js';
import { epochOf, type ChainRules } from './epochs.js';
import { headerHash, type Header } from './header.js';
import { lightRuleFault, lightVerdictOf, type LightRuleFault, type LightVerdict } from './light-rule.js';
import { genesisValidators, PUBLIC_KEY_BYTES, validatorSet, type ValidatorSet } from './validators.js';

/**
 * SPEC light-client 1.1: all that a light client keeps, and all that a bridge has to keep of the other ledger: which
 * block, when, and who decides the next one.
 */
export interface TrustedState {
  readonly height: number;
  /** Of the header; of the genesis file at height 0. */
  readonly hash: Hash;
  /** Block time in milliseconds. */
  readonly time: number;
  /** The set of height + 1, with the epoch of that height. */
  readonly nextValidators: ValidatorSet;
}

/** SPEC light-client 1.2: a block without its content, and the keys that its header names by hash. From anyone. */
export interface LightBlock {
  readonly header: Header;
  readonly certificate: Certificate;
  /** In set order, as are those of the next height. */
  readonly validators: readonly PublicKey[];
  readonly nextValidators: readonly PublicKey[];
}

export interface LightOptions {
  readonly rules: ChainRules;
  readonly trustingPeriodMs: number;
  readonly clockDriftMs: number;
}

export type LightBlockFault =
  | 'light.wrongLedger'
  | 'light.wrongEpoch'
  | 'light.forgedValidators'
  | 'light.forgedNextValidators'
  | 'light.otherBlockCertified'
  | 'light.badSignature';

/** `light.missing`: nobody gave the block; `light.otherHeight`, `light.otherHash`: another block was given. */
export type LightFault =
  | LightRuleFault
  | LightBlockFault
  | 'light.missing'
  | 'light.otherHeight'
  | 'light.otherHash'
  | 'light.otherParentCertificate';

export interface LightRefusal {
  readonly verdict: Exclude<LightVerdict, 'SUCCESS'>;
  readonly code: LightFault;
  /** Of the block that was refused. */
  readonly height: number;
}

export interface LightSuccess {
  readonly verdict: 'SUCCESS';
  readonly block: LightBlock;
  /** The set that decided the block: what its certificate and its proofs are checked by. */
  readonly validators: ValidatorSet;
  readonly state: TrustedState;
}

const refusal = (code: LightFault, height: number): LightRefusal => {
  const verdict = lightVerdictOf(code);
  assert(verdict !== 'SUCCESS', 'a fault is no success');
  return { verdict, code, height };
};

/** SPEC light-client 2.1 to 2.9: whether this block may be trusted by someone who trusts `trusted`. */
export function verifyLightBlock(
  crypto: Crypto,
  options: LightOptions,
  trusted: TrustedState,
  block: LightBlock,
  now: number,
): LightSuccess | LightRefusal {
  const { header, certificate } = block;
  const refused = (code: LightFault): LightRefusal => refusal(code, header.height);
  const sets = setsOf(crypto, options.rules, block);
  if (typeof sets === 'string') return refused(sets);
  const { validators, nextValidators } = sets;
  const { epoch } = header;
  const hash = headerHash(crypto, header);
  if (certificate.epoch !== epoch || certificate.height !== header.height || !equalBytes(certificate.blockHash, hash))
    return refused('light.otherBlockCertified');
  if (!areOfSet(certificate.signatures, validators.keys.length)) return refused('light.strangerSigned');
  const fault = lightRuleFault({
    trusted: { ...trusted, nextValidators: namesOf(trusted.nextValidators.keys) },
    block: {
      height: header.height,
      time: header.time,
      validators: namesOf(validators.keys),
      signedBy: namesOf(signersOf(validators, certificate)),
    },
    now,
    trustingPeriodMs: options.trustingPeriodMs,
    clockDriftMs: options.clockDriftMs,
    isBound: epoch === trusted.nextValidators.epoch,
  });
  if (fault !== undefined) return refused(fault);
  // Last, since it costs most: whoever is refused by who signed need not have signed.
  const signBytes = commitSignBytes(header.ledgerId, certificate);
  const areSigned = certificate.signatures.every(({ validator, signature }) =>
    crypto.verify(signature, signBytes, validators.keys[validator] as PublicKey),
  );
  if (!areSigned) return refused('light.badSignature');
  return {
    verdict: 'SUCCESS',
    block,
    validators,
    state: { height: header.height, hash, time: header.time, nextValidators },
  };
}

interface Sets {
  readonly validators: ValidatorSet;
  readonly nextValidators: ValidatorSet;
}

/** SPEC light-client 1.2: the sets that the header names, if it is of this ledger and the keys offered are theirs. */
function setsOf(
  crypto: Crypto,
  { ledgerId, epochBlocks }: ChainRules,
  { header, ...keys }: Pick<LightBlock, 'header' | 'validators' | 'nextValidators'>,
): Sets | LightBlockFault {
  if (header.ledgerId !== ledgerId) return 'light.wrongLedger';
  if (header.epoch !== epochOf(header.height, epochBlocks)) return 'light.wrongEpoch';
  const validators = setFromKeys(crypto, header.epoch, keys.validators, header.validatorsHash);
  if (validators === undefined) return 'light.forgedValidators';
  const nextEpoch = epochOf(header.height + 1, epochBlocks);
  const nextValidators = setFromKeys(crypto, nextEpoch, keys.nextValidators, header.nextValidatorsHash);
  return nextValidators === undefined ? 'light.forgedNextValidators' : { validators, nextValidators };
}

/** Keys from anyone count when their hash is the one that the header names. */
function setFromKeys(crypto: Crypto, epoch: number, keys: readonly PublicKey[], hash: Hash): ValidatorSet | undefined {
  if (keys.length === 0 || keys.length > VALIDATORS_MAX || namesOf(keys).size !== keys.length) return undefined;
  if (keys.some((key) => key.length !== PUBLIC_KEY_BYTES)) return undefined;
  const set = validatorSet(crypto, epoch, keys);
  return equalBytes(set.hash, hash) ? set : undefined;
}

const namesOf = (keys: readonly PublicKey[]): Set<string> => new Set(keys.map(toHex));

const signersOf = ({ keys }: ValidatorSet, { signatures }: Certificate): PublicKey[] =>
  signatures.map(({ validator }) => keys[validator] as PublicKey);

/** SPEC light-client 1.3: the trusted state of a genesis file. */
export const stateOfGenesis = (
  crypto: Crypto,
  { genesis, genesisHash }: Pick<LedgerIdentity, 'genesis' | 'genesisHash'>,
): TrustedState => ({
  height: 0,
  hash: genesisHash,
  time: parseTime(genesis.time) ?? 0,
  nextValidators: genesisValidators(crypto, genesis),
});

/** SPEC light-client 1.3: the trusted state of a block hash that the user was told, with the light block from anyone. */
export function stateOfHash(
  crypto: Crypto,
  rules: ChainRules,
  hash: Hash,
  block: Omit<LightBlock, 'certificate'>,
): TrustedState | LightRefusal {
  const { header } = block;
  if (!equalBytes(headerHash(crypto, header), hash)) return refusal('light.otherHash', header.height);
  const sets = setsOf(crypto, rules, block);
  if (typeof sets === 'string') return refusal(sets, header.height);
  return { height: header.height, hash, time: header.time, nextValidators: sets.nextValidators };
}

/** Gives the light block of a height, from anyone; `undefined` when there is none. */
export type LightBlockProvider = (height: number) => Promise<LightBlock | undefined>;

/** Each state that was trusted on the way is kept in `path`, in order; the last is that of `block`. */
export interface LightPath extends LightSuccess {
  readonly path: readonly TrustedState[];
}

/**
 * SPEC light-client 3.1 and 3.2: from the trusted state to `height`. With `skipping`, straight there if a third of the
 * trusted set still signs, else to an epoch end half way, and so on; without, over the end of each epoch.
 */
export async function verifyToHeight(
  crypto: Crypto,
  options: LightOptions,
  trusted: TrustedState,
  height: number,
  provider: LightBlockProvider,
  now: number,
  skipping = true,
): Promise<LightPath | LightRefusal> {
  const given = new Map<number, LightBlock>();
  const path: TrustedState[] = [];
  const wanted = [height];
  let state = trusted;
  for (;;) {
    const target = wanted.at(-1) ?? height;
    const between = epochEndBetween(options.rules, state.height, target, skipping ? 'middle' : 'first');
    if (!skipping && between !== undefined) {
      wanted.push(between);
      continue;
    }
    const block = given.get(target) ?? (await provider(target));
    if (block === undefined) return refusal('light.missing', target);
    if (block.header.height !== target) return refusal('light.otherHeight', target);
    given.set(target, block);
    const verified = verifyLightBlock(crypto, options, state, block, now);
    if (verified.verdict === 'SUCCESS') {
      state = verified.state;
      path.push(state);
      wanted.pop();
      if (wanted.length === 0) return { ...verified, path };
    } else if (verified.verdict === 'NOT_ENOUGH_TRUST' && between !== undefined) wanted.push(between);
    else return verified;
  }
}

/** The last height of an epoch above `from` and below `to`; its block is the one that names the next epoch's validators. */
function epochEndBetween(
  { epochBlocks }: ChainRules,
  from: number,
  to: number,
  which: 'first' | 'middle',
): number | undefined {
  const first = epochOf(from + 1, epochBlocks);
  const last = epochOf(to, epochBlocks) - 1;
  if (last < first) return undefined;
  const epoch = which === 'first' ? first : first + Math.floor((last - first) / 2);
  return (epoch + 1) * epochBlocks;
}

export interface LightAncestor {
  readonly verdict: 'SUCCESS';
  readonly header: Header;
  /** The set that decided the block. */
  readonly validators: ValidatorSet;
  /** Of the block, as its child carries it: its results are final whoever holds the old keys today. */
  readonly certificate: Certificate;
}

/**
 * SPEC light-client 3.3: a block below the trusted one, by the hashes that each header names of its parent. They hold for
 * ever, so this way knows no trusting period. `parentCertificateIn` gives what the block of a height carries, from anyone.
 */
export async function verifyBack(
  crypto: Crypto,
  rules: ChainRules,
  trusted: Pick<TrustedState, 'height' | 'hash'>,
  height: number,
  provider: LightBlockProvider,
  parentCertificateIn: (height: number) => Promise<Certificate | undefined>,
): Promise<LightAncestor | LightRefusal> {
  assert(height >= 1 && height < trusted.height, 'the way back leads down');
  let { hash } = trusted;
  let committedCertificate: Hash | undefined;
  for (let at = trusted.height; ; at--) {
    const block = await provider(at);
    if (block === undefined) return refusal('light.missing', at);
    const { header } = block;
    if (!equalBytes(headerHash(crypto, header), hash)) return refusal('light.otherHash', at);
    if (at > height) {
      hash = header.parentHash;
      committedCertificate = header.parentCertificateHash;
      continue;
    }
    const sets = setsOf(crypto, rules, block);
    if (typeof sets === 'string') return refusal(sets, at);
    const { validators } = sets;
    const certificate = await parentCertificateIn(height + 1);
    const isCommitted =
      certificate !== undefined &&
      committedCertificate !== undefined &&
      equalBytes(certificateHashOf(crypto, certificate, validators.keys.length), committedCertificate);
    if (!isCommitted || !equalBytes(certificate.blockHash, hash)) return refusal('light.otherParentCertificate', at);
    return { verdict: 'SUCCESS', header, validators, certificate };
  }
}

/** SPEC light-client 5.1: two blocks of one height, each certified for someone who trusts the same state. */
export interface Fork {
  readonly first: LightBlock;
  readonly second: LightBlock;
  /** Who signed both: of one set at least f + 1. */
  readonly signedBoth: readonly PublicKey[];
  /** Then the signatures of each of them are evidence as they stand; else who lied shows in the rounds between. */
  readonly inOneRound: boolean;
}

/** The fork, if the two are one; what is not certified for `trusted` proves nothing. */
export function forkOf(
  crypto: Crypto,
  options: LightOptions,
  trusted: TrustedState,
  first: LightBlock,
  second: LightBlock,
  now: number,
): Fork | undefined {
  if (first.header.height !== second.header.height || isSameDecision(first.certificate, second.certificate))
    return undefined;
  const one = verifyLightBlock(crypto, options, trusted, first, now);
  const other = verifyLightBlock(crypto, options, trusted, second, now);
  if (one.verdict !== 'SUCCESS' || other.verdict !== 'SUCCESS') return undefined;
  const names = namesOf(signersOf(one.validators, first.certificate));
  return {
    first,
    second,
    signedBoth: signersOf(other.validators, second.certificate).filter((key) => names.has(toHex(key))),
    inOneRound: first.certificate.round === second.certificate.round,
  };
}

/** The same block with the same results, whichever quorum and round decided it. */
export const isSameDecision = (a: Certificate, b: Certificate): boolean =>
  equalBytes(a.blockHash, b.blockHash) &&
  equalBytes(a.resultsRoot, b.resultsRoot) &&
  equalBytes(a.stateDigest, b.stateDigest);
