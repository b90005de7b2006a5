import { epochOf, headerHash, validatorSet, type ChainTip, type ValidatorSet } from '@gridtokenx/chain';
import { ZERO_HASH, type Crypto, type Hash, type Signature } from '@gridtokenx/crypto';
import { compareBytes, height, millis, utf8, type Millis } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { signBytesOf } from '../messages.js';
import type { Candidate, ConsensusConfig, ConsensusMessage, UnsignedMessage } from '../types.js';

export const START = 1_800_000_000_000;

export const testConfig: ConsensusConfig = {
  ledgerId: 'gridtokenx-consortium-0badcafe',
  intervalMs: 1_000,
  beatMs: 5_000,
  fullIntervalMs: 250,
  baseTimeoutMs: 1_200,
  timeoutCapMs: 8_000,
  epochBlocks: 1_000,
  clockToleranceMs: 5_000,
};

/** A set of n validators and their seeds, in set order. */
export interface Validators {
  readonly crypto: Crypto;
  readonly set: ValidatorSet;
  readonly seeds: readonly Uint8Array[];
}

export function makeValidators(crypto: Crypto, n: number): Validators {
  const seeds = Array.from({ length: n }, (_, i) => crypto.sha256(utf8(`validator ${i}`)));
  seeds.sort((a, b) => compareBytes(crypto.publicKeyOf(a), crypto.publicKeyOf(b)));
  return { crypto, seeds, set: validatorSet(crypto, 0, seeds.map(crypto.publicKeyOf)) };
}

export function signAs({ crypto, seeds }: Validators, message: UnsignedMessage): ConsensusMessage {
  const seed = seeds[message.validator];
  if (seed === undefined) throw new RangeError('no such validator');
  const signature: Signature = crypto.sign(signBytesOf(message, testConfig.ledgerId), seed);
  return { ...message, signature };
}

export const hashOf = (crypto: Crypto, text: string): Hash => crypto.sha256(utf8(text));

/** The same validators at a height of any epoch. */
export const setAt = ({ set }: Validators, height: number, epochBlocks: number): ValidatorSet => ({
  ...set,
  epoch: epochOf(height, epochBlocks),
});

export function genesisTip({ crypto, set }: Validators, time = START): ChainTip {
  return {
    height: 0,
    hash: hashOf(crypto, 'genesis'),
    certificateHash: ZERO_HASH,
    certificate: undefined,
    time,
    stateDigest: hashOf(crypto, 'genesis state'),
    certifiedBy: set,
    validators: set,
  };
}

/** The stand-in for the operations root: binds the list of envelopes as the real one does. */
export function rootOf(crypto: Crypto, envelopeHashes: readonly Hash[]): Hash {
  const bytes = new Uint8Array(envelopeHashes.length * 32);
  envelopeHashes.forEach((hash, i) => bytes.set(hash, i * 32));
  return crypto.sha256(bytes);
}

/** A fresh block on the tip. */
export function makeCandidate(
  { crypto }: Pick<Validators, 'crypto'>,
  tip: ChainTip,
  proposer: number,
  time: Millis | number,
  content: string,
  envelopes = 2,
): Candidate {
  const envelopeHashes = Array.from({ length: envelopes }, (_, i) => hashOf(crypto, `${content}/${i}`));
  const header = {
    version: PROTOCOL_VERSION,
    ledgerId: testConfig.ledgerId,
    epoch: tip.validators.epoch,
    height: height(tip.height + 1),
    proposer,
    parentHash: tip.hash,
    parentCertificateHash: tip.certificateHash,
    time: millis(time),
    operationsRoot: rootOf(crypto, envelopeHashes),
    validatorsHash: tip.validators.hash,
    nextValidatorsHash: tip.validators.hash,
    checkpointRoot: ZERO_HASH,
  };
  return withHash(crypto, { header, hash: ZERO_HASH, envelopeHashes, parentCertificate: tip.certificate });
}

/** The same candidate with the hash of its header, after a test has changed it. */
export const withHash = (crypto: Crypto, candidate: Candidate): Candidate => ({
  ...candidate,
  hash: headerHash(crypto, candidate.header),
});

export interface TestResults {
  readonly blockHash: Hash;
  readonly resultsRoot: Hash;
  readonly stateDigest: Hash;
}

/** What executing a block gives: a pure function of the block, as it must be. */
export function resultsOf(crypto: Crypto, blockHash: Hash, version = ''): TestResults {
  return {
    blockHash,
    resultsRoot: crypto.sha256(new Uint8Array([...blockHash, ...utf8(`results${version}`)])),
    stateDigest: crypto.sha256(new Uint8Array([...blockHash, ...utf8(`state${version}`)])),
  };
}
