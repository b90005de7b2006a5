import { noble, type Crypto } from '@gridtokenx/crypto';
import { equalBytes, toHex } from '@gridtokenx/kernel';
import {
  certificateIsValid,
  headerHash,
  outcomeProofFault,
  type Certificate,
  type Header,
  type OutcomeProof,
  type ProofFault,
} from '@gridtokenx/chain';
import { decodeOutcome, type Outcome } from '@gridtokenx/protocol';
import { trustFor, type Anchor, type AnchorFault } from './anchor.js';
import type { DecodedProof } from './proof-json.js';

export interface Refused<Fault extends string> {
  readonly valid: false;
  readonly code: Fault;
}

const refused = <Fault extends string>(code: Fault): Refused<Fault> => ({ valid: false, code });

export interface ProvenOutcome {
  readonly valid: true;
  readonly ledgerId: string;
  readonly height: number;
  /** Block time in milliseconds. */
  readonly time: number;
  readonly blockHash: string;
  /** In hex; of zeros when the outcome is that of a block hook. */
  readonly operationId: string;
  readonly outcome: Outcome;
  readonly signers: number;
  readonly validators: number;
}

export type OutcomeFault = ProofFault | AnchorFault | 'proof.outcome';

/** SPEC wire 5.5 from the user's anchor: what became of the operation, or why the proof does not show it. */
export function verifyOutcome(
  anchor: Anchor,
  proof: OutcomeProof | DecodedProof,
  crypto: Crypto = noble,
): ProvenOutcome | Refused<OutcomeFault> {
  const { header, certificate } = proof;
  const trust = trustFor(crypto, anchor, header);
  if (typeof trust === 'string') return refused(trust);
  const fault = outcomeProofFault(crypto, trust.ledgerId, trust.set, proof);
  if (fault !== undefined) return refused(fault);
  if ('setSize' in proof && proof.setSize !== trust.set.keys.length) return refused('proof.certificate');
  let outcome: Outcome;
  try {
    outcome = decodeOutcome(proof.outcome);
  } catch {
    return refused('proof.outcome');
  }
  return {
    valid: true,
    ledgerId: trust.ledgerId,
    height: header.height,
    time: header.time,
    blockHash: toHex(certificate.blockHash),
    operationId: toHex(proof.operationId),
    outcome,
    signers: certificate.signatures.length,
    validators: trust.set.keys.length,
  };
}

export interface ProvenBlock {
  readonly valid: true;
  readonly ledgerId: string;
  readonly height: number;
  readonly blockHash: string;
  readonly resultsRoot: string;
  readonly stateDigest: string;
  readonly signers: number;
  readonly validators: number;
}

export type CertificateFault =
  | AnchorFault
  | 'certificate.wrongLedger'
  | 'certificate.wrongValidators'
  | 'certificate.otherBlock'
  | 'certificate.invalid';

/** SPEC consensus 6.1: whether a quorum made this header final. `setSize` is what the certificate's bytes claim, when known. */
export function verifyCertificate(
  anchor: Anchor,
  header: Header,
  certificate: Certificate,
  { crypto = noble, setSize }: { crypto?: Crypto; setSize?: number } = {},
): ProvenBlock | Refused<CertificateFault> {
  const trust = trustFor(crypto, anchor, header);
  if (typeof trust === 'string') return refused(trust);
  const { ledgerId, set } = trust;
  if (header.ledgerId !== ledgerId) return refused('certificate.wrongLedger');
  if (header.epoch !== set.epoch || !equalBytes(header.validatorsHash, set.hash))
    return refused('certificate.wrongValidators');
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, headerHash(crypto, header)))
    return refused('certificate.otherBlock');
  if ((setSize ?? set.keys.length) !== set.keys.length || !certificateIsValid(crypto, ledgerId, set, certificate))
    return refused('certificate.invalid');
  return {
    valid: true,
    ledgerId,
    height: header.height,
    blockHash: toHex(certificate.blockHash),
    resultsRoot: toHex(certificate.resultsRoot),
    stateDigest: toHex(certificate.stateDigest),
    signers: certificate.signatures.length,
    validators: set.keys.length,
  };
}
