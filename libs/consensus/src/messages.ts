import {
  commitSignBytes,
  epochOf,
  proposerOf,
  voteSignBytes,
  type ChainRules,
  type ChainTip,
  type Signed,
  type ValidatorSet,
  type Vote,
} from '@gridtokenx/chain';
import type { PublicKey, Signature } from '@gridtokenx/crypto';
import { equalBytes, unreachable } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import type { Candidate, ConsensusMessage, PreparedCertificate, RoundChangeVote, UnsignedMessage } from './types.js';

export type Proposal = Extract<ConsensusMessage, { type: 'proposal' }>;
export type Prepare = Extract<ConsensusMessage, { type: 'prepare' }>;
export type Commit = Extract<ConsensusMessage, { type: 'commit' }>;
export type RoundChange = Extract<ConsensusMessage, { type: 'roundChange' }>;

/** The largest number stands for "no round" in sign bytes. */
export const ROUND_MAX = 0xffff_fffe;

/** What a ROUND-CHANGE signs of its certificate. */
export type Claim = RoundChangeVote['prepared'];

export const claimOf = (prepared: PreparedCertificate | undefined): Claim =>
  prepared === undefined ? undefined : { round: prepared.round, blockHash: prepared.blockHash };

function voteOf(message: UnsignedMessage): Vote {
  switch (message.type) {
    case 'proposal':
      return { type: 'proposal', blockHash: message.candidate.hash };
    case 'prepare':
    case 'commit':
      return message;
    case 'roundChange':
      return { type: 'roundChange', prepared: claimOf(message.prepared) };
    default:
      return unreachable(message);
  }
}

/** SPEC consensus 2.1: the bytes that the sender of a message signs. */
export function signBytesOf(message: UnsignedMessage, ledgerId: string): Uint8Array {
  const { epoch, height, round } = message;
  return voteSignBytes({ ledgerId, epoch, height, round }, voteOf(message));
}

/** Whether two messages for one (height, round, type) sign the same bytes. */
export function signsTheSame(a: ConsensusMessage, b: ConsensusMessage): boolean {
  if (a === b) return true;
  if (a.type === 'proposal' && b.type === 'proposal') return equalBytes(a.candidate.hash, b.candidate.hash);
  if (a.type === 'prepare' && b.type === 'prepare') return equalBytes(a.blockHash, b.blockHash);
  if (a.type === 'commit' && b.type === 'commit')
    return (
      equalBytes(a.blockHash, b.blockHash) &&
      equalBytes(a.resultsRoot, b.resultsRoot) &&
      equalBytes(a.stateDigest, b.stateDigest)
    );
  if (a.type === 'roundChange' && b.type === 'roundChange')
    return isSameClaim(claimOf(a.prepared), claimOf(b.prepared));
  return false;
}

function isSameClaim(a: Claim, b: Claim): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.round === b.round && equalBytes(a.blockHash, b.blockHash);
}

/** What of a tip says whose signatures count, at its own height and at the next few. */
export type Sets = Pick<ChainTip, 'height' | 'certifiedBy' | 'validators'>;

/** The validators of a height, if its epoch is that of the open height or that of the tip. */
const setOf = ({ height: tip, certifiedBy, validators }: Sets, height: number): ValidatorSet =>
  height > tip ? validators : certifiedBy;

export interface SignatureToVerify {
  readonly publicKey: PublicKey;
  readonly signBytes: Uint8Array;
  readonly signature: Signature;
}

/**
 * SPEC consensus 2.2: every signature that a message rests on, for a message without a shape fault. The caller verifies them
 * all (once each: most come again and again) before the message goes to `step`, which believes them.
 */
export function messageSignatures(message: ConsensusMessage, sets: Sets, ledgerId: string): SignatureToVerify[] {
  const { epoch, height, round } = message;
  const all: SignatureToVerify[] = [];
  const add = (validator: number, signBytes: Uint8Array, signature: Signature, set = setOf(sets, height)): void => {
    const publicKey = set.keys[validator];
    // A signer outside the set is a shape fault; it must not be skipped silently either.
    all.push({ publicKey: publicKey ?? (new Uint8Array(32) as PublicKey), signBytes, signature });
  };
  const addPrepared = (prepared: PreparedCertificate | undefined): void => {
    if (prepared === undefined) return;
    const context = { ledgerId, epoch, height: prepared.height, round: prepared.round };
    const signBytes = voteSignBytes(context, { type: 'prepare', blockHash: prepared.blockHash });
    for (const { validator, signature } of prepared.signatures) add(validator, signBytes, signature);
  };
  add(message.validator, signBytesOf(message, ledgerId), message.signature);
  switch (message.type) {
    case 'proposal': {
      const { candidate, justification } = message;
      for (const { validator, prepared, signature } of justification?.roundChanges ?? [])
        add(validator, voteSignBytes({ ledgerId, epoch, height, round }, { type: 'roundChange', prepared }), signature);
      addPrepared(justification?.prepared);
      const { parentCertificate } = candidate;
      if (parentCertificate === undefined) return all;
      const signBytes = commitSignBytes(ledgerId, parentCertificate);
      for (const { validator, signature } of parentCertificate.signatures)
        add(validator, signBytes, signature, setOf(sets, height - 1));
      return all;
    }
    case 'roundChange':
      addPrepared(message.prepared);
      return all;
    case 'prepare':
    case 'commit':
      return all;
    default:
      return unreachable(message);
  }
}

export type ShapeFault =
  | 'message.wrongEpoch'
  | 'message.unknownValidator'
  | 'message.heightOutOfRange'
  | 'message.roundOutOfRange'
  | 'proposal.wrongProposer'
  | 'proposal.wrongVersion'
  | 'proposal.wrongLedger'
  | 'proposal.wrongHeight'
  | 'proposal.parentCertificate'
  | 'proposal.justificationMissing'
  | 'proposal.justificationInRoundZero'
  | 'proposal.roundChanges'
  | 'proposal.claim'
  | 'proposal.notWhatIsPrepared'
  | 'prepared.malformed'
  | 'roundChange.claimNotBelow';

/** Each signer once, in set order, inside the set; a quorum of them. */
function isQuorum(set: ValidatorSet, signatures: readonly { readonly validator: number }[]): boolean {
  if (signatures.length < set.quorum) return false;
  let last = -1;
  for (const { validator } of signatures) {
    if (!Number.isInteger(validator) || validator <= last || validator >= set.keys.length) return false;
    last = validator;
  }
  return true;
}

const isCertificateShape = (
  set: ValidatorSet,
  certificate: { readonly height: number; readonly round: number; readonly signatures: readonly Signed[] },
  height: number,
): boolean => certificate.height === height && certificate.round <= ROUND_MAX && isQuorum(set, certificate.signatures);

/**
 * SPEC consensus 2.3: what is wrong with a message for anyone who stands at this tip; `undefined` when nothing is. Cheap: it is
 * asked before any signature is verified. A message of an epoch whose set the tip does not know has the wrong epoch.
 */
export function messageShapeFault(message: ConsensusMessage, sets: Sets, rules: ChainRules): ShapeFault | undefined {
  const { epoch, height, round, validator } = message;
  if (!Number.isSafeInteger(height) || height < 1) return 'message.heightOutOfRange';
  const set = setOf(sets, height);
  if (epoch !== set.epoch || epoch !== epochOf(height, rules.epochBlocks)) return 'message.wrongEpoch';
  if (!Number.isInteger(validator) || validator < 0 || validator >= set.keys.length) return 'message.unknownValidator';
  if (!Number.isInteger(round) || round < 0 || round > ROUND_MAX) return 'message.roundOutOfRange';
  switch (message.type) {
    case 'proposal':
      return proposalFault(message, set, setOf(sets, height - 1), rules.ledgerId);
    case 'roundChange': {
      // Nobody changes to round 0: it is where a height starts.
      if (round === 0) return 'message.roundOutOfRange';
      const { prepared } = message;
      if (prepared === undefined) return undefined;
      if (!isCertificateShape(set, prepared, height)) return 'prepared.malformed';
      return prepared.round < round ? undefined : 'roundChange.claimNotBelow';
    }
    case 'prepare':
    case 'commit':
      return undefined;
    default:
      return unreachable(message);
  }
}

function proposalFault(
  message: Proposal,
  set: ValidatorSet,
  parentSet: ValidatorSet,
  ledgerId: string,
): ShapeFault | undefined {
  const { candidate, height, round, validator } = message;
  const { header, parentCertificate } = candidate;
  if (validator !== proposerOf(set.keys.length, height, round)) return 'proposal.wrongProposer';
  if (header.version !== PROTOCOL_VERSION) return 'proposal.wrongVersion';
  if (header.ledgerId !== ledgerId) return 'proposal.wrongLedger';
  if (header.height !== height) return 'proposal.wrongHeight';
  if (parentCertificate === undefined ? height !== 1 : !isCertificateShape(parentSet, parentCertificate, height - 1))
    return 'proposal.parentCertificate';
  if (header.proposer >= set.keys.length) return 'proposal.wrongProposer';
  const fault = justificationFault(message, set);
  if (fault !== undefined) return fault;
  return isFresh(message) && header.proposer !== validator ? 'proposal.wrongProposer' : undefined;
}

/** A proposal is fresh when its justification carries no certificate: then it is the sender's own block. */
export const isFresh = (message: Proposal): boolean => message.justification?.prepared === undefined;

/**
 * SPEC consensus 3.5: a PROPOSAL of round r > 0 carries a quorum of ROUND-CHANGEs for exactly r, and the certificate of the
 * highest claim among them when there is one; then it proposes that block. What it does not carry cannot be required: a lower
 * claim needs no certificate, since a higher one overrides it whether it is true or not.
 */
function justificationFault(message: Proposal, set: ValidatorSet): ShapeFault | undefined {
  const { candidate, justification, height, round } = message;
  if (round === 0) return justification === undefined ? undefined : 'proposal.justificationInRoundZero';
  if (justification === undefined) return 'proposal.justificationMissing';
  const { roundChanges, prepared } = justification;
  if (roundChanges.length !== set.quorum || !isQuorum(set, roundChanges)) return 'proposal.roundChanges';
  let highest = -1;
  for (const { prepared: claim } of roundChanges) highest = Math.max(highest, claim?.round ?? -1);
  if (prepared === undefined) return highest < 0 ? undefined : 'proposal.claim';
  if (!isCertificateShape(set, prepared, height)) return 'prepared.malformed';
  const isHighestClaim = ({ prepared: claim }: RoundChangeVote): boolean =>
    claim !== undefined && claim.round === highest && equalBytes(claim.blockHash, prepared.blockHash);
  if (prepared.round !== highest || highest >= round || !roundChanges.some(isHighestClaim)) return 'proposal.claim';
  return equalBytes(candidate.hash, prepared.blockHash) ? undefined : 'proposal.notWhatIsPrepared';
}

/** Whether two candidates with one hash name the same envelopes; the header's hash does not say so. */
export function namesSameEnvelopes(a: Candidate, b: Candidate): boolean {
  if (a.envelopeHashes === b.envelopeHashes) return true;
  if (a.envelopeHashes.length !== b.envelopeHashes.length) return false;
  return a.envelopeHashes.every((hash, i) => {
    const other = b.envelopeHashes[i];
    return other !== undefined && equalBytes(hash, other);
  });
}
