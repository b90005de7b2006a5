import { ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { DecodeError } from '@gridtokenx/kernel';
import {
  decodeCertificate,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  outcomeProofFault,
  proveOutcome,
  resultsRootOf,
  type OutcomeProof,
  type ProofFault,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { blockAfter, certify, firstOf, genesisTip, hashOf, LEDGER, validatorsOf } from './sample.spec.js';

const validators = validatorsOf(4);
const sample = blockAfter(genesisTip, validators);
const ids = sample.envelopes.flatMap(({ operationIds }) => operationIds);
const proofOf = (id: Hash): OutcomeProof => {
  const proof = proveOutcome(native, sample.block, sample.results, id);
  if (proof === undefined) throw new Error('the sample holds the operation');
  return proof;
};
const fault = (proof: OutcomeProof): ProofFault | undefined => outcomeProofFault(native, LEDGER, validators.set, proof);

describe('the proof of an outcome', () => {
  it('holds for each operation of a block, and for nothing that is not in it', () => {
    expect(ids).toHaveLength(4);
    for (const id of ids) expect(fault(proofOf(id))).toBeUndefined();
    expect(proveOutcome(native, sample.block, sample.results, hashOf('nothing'))).toBeUndefined();
  });

  it('holds for every leaf of blocks of 1 to 17 leaves', () => {
    const { header, certificate } = sample.block;
    for (let size = 1; size <= 17; size++) {
      const results = Array.from({ length: size }, (_, i) => ({
        operationId: hashOf(`${i}`),
        outcome: Uint8Array.of(i),
      }));
      const { signatures: _signatures, ...fields } = certificate;
      const signed = certify({ ...fields, resultsRoot: resultsRootOf(native, results) }, validators.seeds, firstOf(3));
      const faults = results.map(({ operationId }) => {
        const proof = proveOutcome(native, { header, certificate: signed }, results, operationId);
        return proof === undefined ? 'unproven' : fault(proof);
      });
      expect(faults.filter((found) => found !== undefined)).toEqual([]);
    }
  });

  it('says what is wrong with it', () => {
    const proof = proofOf(ids[0] ?? ZERO_HASH);
    expect(outcomeProofFault(native, 'other-ledger', validators.set, proof)).toBe('proof.wrongLedger');
    expect(outcomeProofFault(native, LEDGER, validatorsOf(5).set, proof)).toBe('proof.wrongValidators');
    expect(outcomeProofFault(native, LEDGER, validatorsOf(4, 1).set, proof)).toBe('proof.wrongValidators');
    const next = blockAfter(sample.tip, validators).block;
    expect(fault({ ...proof, header: next.header })).toBe('proof.wrongBlock');
    expect(fault({ ...proof, certificate: next.certificate })).toBe('proof.wrongBlock');
    const { signatures: _signatures, ...fields } = proof.certificate;
    const elsewhere = certify({ ...fields, height: 9 }, validators.seeds, firstOf(3));
    expect(fault({ ...proof, certificate: elsewhere })).toBe('proof.wrongBlock');
    expect(fault({ ...proof, certificate: { ...proof.certificate, signatures: [] } })).toBe('proof.certificate');
    expect(fault({ ...proof, path: proof.path.slice(1) })).toBe('proof.path');
    expect(fault({ ...proof, path: [...proof.path, ZERO_HASH] })).toBe('proof.path');
    expect(fault({ ...proof, path: [new Uint8Array(31) as Hash] })).toBe('proof.path');
    for (const index of [-1, 0.5, Number.NaN, 2 ** 32, 2 ** 32 + proof.index, 2 ** 53])
      expect(fault({ ...proof, index })).toBe('proof.path');
    for (const size of [0, -1, 0.5, 1, 2 ** 53]) expect(fault({ ...proof, size })).toBe('proof.path');
  });

  it('is refused when any single byte of header, certificate, outcome, path, index or id is changed', () => {
    const proof = proofOf(ids[1] ?? ZERO_HASH);
    const accepted: string[] = [];
    const tamper = (name: string, bytes: Uint8Array, rebuild: (changed: Uint8Array) => OutcomeProof): void => {
      for (let at = 0; at < bytes.length; at++)
        for (const mask of [0x01, 0x80, 0xff]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ mask;
          try {
            if (fault(rebuild(changed)) === undefined) accepted.push(`${name} ${at} ${mask}`);
          } catch (error) {
            if (!(error instanceof DecodeError)) throw error;
          }
        }
    };
    tamper('header', encodeHeader(proof.header), (changed) => ({ ...proof, header: decodeHeader(changed) }));
    tamper('certificate', encodeCertificate(proof.certificate, 4), (changed) => ({
      ...proof,
      certificate: decodeCertificate(changed, 4),
    }));
    tamper('outcome', proof.outcome, (outcome) => ({ ...proof, outcome }));
    tamper('id', proof.operationId, (changed) => ({ ...proof, operationId: changed as Hash }));
    proof.path.forEach((hash, step) => {
      tamper(`path ${step}`, hash, (changed) => ({ ...proof, path: proof.path.with(step, changed as Hash) }));
    });
    tamper('index', Uint8Array.of(0, 0, 0, proof.index), (changed) => ({
      ...proof,
      index: new DataView(changed.buffer).getUint32(0),
    }));
    expect(accepted).toEqual([]);
  });

  it('does not pass for another operation or outcome of the same block', () => {
    const [a, b] = [proofOf(ids[0] ?? ZERO_HASH), proofOf(ids[1] ?? ZERO_HASH)];
    expect(fault({ ...a, operationId: b.operationId })).toBe('proof.path');
    expect(fault({ ...a, index: b.index })).toBe('proof.path');
    expect(fault({ ...a, index: b.index, path: b.path })).toBe('proof.path');
    // An outcome cannot be passed off as an inner node, nor a node as an outcome: leaves and nodes have other prefixes.
    expect(fault({ ...a, outcome: new Uint8Array(0) })).toBe('proof.path');
  });
});
