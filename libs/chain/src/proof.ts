import { inclusionProof, verifyInclusion, type Crypto, type Hash } from '@gridtokenx/crypto';
import { equalBytes } from '@gridtokenx/kernel';
import { certificateIsValid, type Certificate } from './certificate.js';
import { headerHash, type Header } from './header.js';
import { resultLeaf, resultLeaves, type Result } from './trees.js';
import type { ValidatorSet } from './validators.js';

/** That an operation had this outcome, for someone who knows only the validator set (or the header's hash). */
export interface OutcomeProof {
  readonly header: Header;
  readonly certificate: Certificate;
  readonly operationId: Hash;
  /** Position of the leaf in the results tree, and how many leaves there are. */
  readonly index: number;
  readonly size: number;
  readonly outcome: Uint8Array;
  readonly path: readonly Hash[];
}

export function proveOutcome(
  crypto: Crypto,
  block: { readonly header: Header; readonly certificate: Certificate },
  results: readonly Result[],
  operationId: Hash,
): OutcomeProof | undefined {
  const index = results.findIndex((result) => equalBytes(result.operationId, operationId));
  const result = results[index];
  if (result === undefined) return undefined;
  const path = inclusionProof(crypto.sha256, resultLeaves(crypto, results), index);
  const { header, certificate } = block;
  return { header, certificate, operationId, index, size: results.length, outcome: result.outcome, path };
}

export type ProofFault =
  'proof.wrongLedger' | 'proof.wrongValidators' | 'proof.wrongBlock' | 'proof.certificate' | 'proof.path';

/** SPEC wire 5.5: `undefined` means the outcome is proven under `set`. */
export function outcomeProofFault(
  crypto: Crypto,
  ledgerId: string,
  set: ValidatorSet,
  proof: OutcomeProof,
): ProofFault | undefined {
  const { header, certificate } = proof;
  if (header.ledgerId !== ledgerId) return 'proof.wrongLedger';
  if (header.epoch !== set.epoch || !equalBytes(header.validatorsHash, set.hash)) return 'proof.wrongValidators';
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, headerHash(crypto, header)))
    return 'proof.wrongBlock';
  if (!certificateIsValid(crypto, ledgerId, set, certificate)) return 'proof.certificate';
  // The leaf holds its index in 32 bits; a proof that was typed in may claim anything.
  if (!Number.isInteger(proof.index) || proof.index < 0 || proof.index > 0xffff_ffff) return 'proof.path';
  const leaf = resultLeaf(crypto, proof.operationId, proof.index, proof.outcome);
  return verifyInclusion(crypto.sha256, leaf, proof.index, proof.size, proof.path, certificate.resultsRoot)
    ? undefined
    : 'proof.path';
}
