import { certificateHashOf, checkpointRootFits, isLastOfEpoch, type ChainTip } from '@gridtokenx/chain';
import { ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { equalBytes, toHex } from '@gridtokenx/kernel';
import { namesSameEnvelopes } from './messages.js';
import { roundTimeoutMs } from './timing.js';
import type { Candidate, ConsensusConfig } from './types.js';

/** How many candidates that share a hash are being checked or remembered as refused; the oldest goes. */
const VARIANTS_MAX = 4;
/** How many blocks of one height are held at most beside those in use; the oldest goes. */
export const BLOCKS_MAX = 16;

export interface Results {
  readonly resultsRoot: Hash;
  readonly stateDigest: Hash;
}

/**
 * What is known of one block of the open height. Its hash covers the header, not the list of envelopes: until the runtime has
 * matched a list with the operations root, anyone may have swapped it, so several lists can be under check at once.
 */
export interface HeldBlock {
  readonly hash: Hash;
  /** The one whose envelopes are held and admissible. */
  checked: Candidate | undefined;
  trying: Candidate[];
  refused: Candidate[];
  isExecuting: boolean;
  results: Results | undefined;
}

export type Blocks = Map<string, HeldBlock>;

export const blockAt = (blocks: Blocks, hash: Hash): HeldBlock | undefined => blocks.get(toHex(hash));

/** Adds a candidate; says whether it has to be checked. `inUse` blocks are never dropped for it. */
export function hold(blocks: Blocks, candidate: Candidate, inUse: readonly Hash[]): boolean {
  const key = toHex(candidate.hash);
  let block = blocks.get(key);
  if (block === undefined) {
    dropOldest(blocks, inUse);
    block = {
      hash: candidate.hash,
      checked: undefined,
      trying: [],
      refused: [],
      isExecuting: false,
      results: undefined,
    };
    blocks.set(key, block);
  }
  if (block.checked !== undefined) return false;
  if ([...block.trying, ...block.refused].some((other) => namesSameEnvelopes(other, candidate))) return false;
  block.trying = [...block.trying, candidate].slice(-VARIANTS_MAX);
  return true;
}

function dropOldest(blocks: Blocks, inUse: readonly Hash[]): void {
  if (blocks.size < BLOCKS_MAX) return;
  for (const [key, { hash }] of blocks)
    if (!inUse.some((used) => equalBytes(used, hash))) {
      blocks.delete(key);
      return;
    }
}

/** The runtime's verdict on a candidate; without one it is about the candidate that was asked about last. */
export function settle(block: HeldBlock, candidate: Candidate | undefined, ok: boolean): void {
  const subject = candidate ?? block.trying.at(-1);
  if (subject === undefined || block.checked !== undefined) return;
  if (ok) {
    block.checked = subject;
    block.trying = [];
    block.refused = [];
    return;
  }
  block.trying = block.trying.filter((other) => !namesSameEnvelopes(other, subject));
  block.refused = [...block.refused, subject].slice(-VARIANTS_MAX);
}

/** What every header of the open height must say. */
export interface HeaderContext {
  readonly crypto: Crypto;
  readonly config: ConsensusConfig;
  readonly tip: ChainTip;
}

export type HeaderFault =
  | 'header.ledger'
  | 'header.height'
  | 'header.parent'
  | 'header.parentCertificate'
  | 'header.timeNotAfterParent'
  | 'header.epoch'
  | 'header.validators'
  | 'header.nextValidators'
  | 'header.proposer'
  | 'header.checkpoint';

/**
 * SPEC consensus 3.2: what a candidate must be to build on the tip, whatever the clock says. Which set comes next the
 * state says, so the last block of an epoch is checked for it by whoever answers `check`.
 */
export function headerFault(context: HeaderContext, candidate: Candidate): HeaderFault | undefined {
  const { config, tip } = context;
  const set = tip.validators;
  const { header } = candidate;
  if (header.ledgerId !== config.ledgerId) return 'header.ledger';
  if (header.height !== tip.height + 1) return 'header.height';
  if (!equalBytes(header.parentHash, tip.hash)) return 'header.parent';
  if (!isParentCertified(context, candidate)) return 'header.parentCertificate';
  if (header.time <= tip.time) return 'header.timeNotAfterParent';
  if (header.epoch !== set.epoch) return 'header.epoch';
  if (!equalBytes(header.validatorsHash, set.hash)) return 'header.validators';
  if (!isLastOfEpoch(header.height, config.epochBlocks) && !equalBytes(header.nextValidatorsHash, set.hash))
    return 'header.nextValidators';
  if (header.proposer >= set.keys.length) return 'header.proposer';
  return checkpointRootFits(header.height, header.checkpointRoot) ? undefined : 'header.checkpoint';
}

/**
 * SPEC consensus 3.3: the block carries a certificate of its parent with the parent's results. Its signers may be others than
 * ours: two quorums may certify one result. Which one it is, the header commits to.
 */
function isParentCertified({ crypto, tip }: HeaderContext, { header, parentCertificate }: Candidate): boolean {
  if (parentCertificate === undefined) return tip.height === 0 && equalBytes(header.parentCertificateHash, ZERO_HASH);
  return (
    parentCertificate.height === tip.height &&
    parentCertificate.epoch === tip.certifiedBy.epoch &&
    equalBytes(parentCertificate.blockHash, tip.hash) &&
    equalBytes(parentCertificate.stateDigest, tip.stateDigest) &&
    (tip.certificate === undefined || equalBytes(parentCertificate.resultsRoot, tip.certificate.resultsRoot)) &&
    equalBytes(header.parentCertificateHash, certificateHashOf(crypto, parentCertificate, tip.certifiedBy.keys.length))
  );
}

/**
 * SPEC consensus 3.4: the own clock's say at PREPARE. Only a fresh block has a lower bound: a block that may be prepared must
 * be proposed again however old it is, or the height is dead; a fresh one must not be dated back over an outage.
 */
export function isTimely(config: ConsensusConfig, time: number, now: number, round: number, fresh: boolean): boolean {
  if (time > now + config.clockToleranceMs) return false;
  return !fresh || time >= now - config.clockToleranceMs - roundTimeoutMs(config, round);
}
