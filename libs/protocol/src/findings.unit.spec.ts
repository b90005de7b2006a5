import { native } from '@gridtokenx/crypto-native';
import { ByteReader, ByteWriter, utf8 } from '@gridtokenx/kernel';
import {
  decodeEnvelope,
  EnvelopeError,
  readFinding,
  signEnvelope,
  writeFinding,
  type Envelope,
  type Finding,
  type Operation,
} from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const LEDGER = 'gridtokenx-consortium-0123abcd';
const SEED = new Uint8Array(32).fill(7);
const cancel = (order: string): Operation => ({ type: 'market.cancelOrder', order });
const attest = (amount: bigint): Operation => ({
  type: 'accounts.attestReserve',
  amount: amount.toString(),
  reference: 'a:b',
});
const hex = fc
  .array(fc.constantFrom(...Array.from('0123456789abcdef')), { minLength: 64, maxLength: 64 })
  .map((a) => a.join(''));
const operations = fc.array(fc.oneof(hex.map(cancel), fc.bigInt({ min: 0n, max: 10n ** 29n }).map(attest)), {
  minLength: 1,
  maxLength: 20,
});

function found(bytes: Uint8Array): Finding {
  try {
    return decodeEnvelope(native, LEDGER, bytes);
  } catch (error) {
    if (error instanceof EnvelopeError) return error;
    throw error;
  }
}

function handedOver(findings: readonly Finding[], values: readonly Uint8Array[]): Finding[] {
  const writer = new ByteWriter();
  for (const finding of findings) writeFinding(writer, finding);
  const reader = new ByteReader(writer.done());
  const read = values.map((bytes) => readFinding(reader, LEDGER, bytes));
  reader.end();
  return read;
}

const fieldsOf = (envelope: Envelope): Envelope => ({
  kid: envelope.kid,
  publicKey: envelope.publicKey,
  ledgerId: envelope.ledgerId,
  sequence: envelope.sequence,
  validUntil: envelope.validUntil,
  atomic: envelope.atomic,
  operations: envelope.operations,
  bytes: envelope.bytes,
  hash: envelope.hash,
  operationIds: envelope.operationIds,
});

const told = (one: Finding): unknown =>
  one instanceof EnvelopeError ? [one.code, one.pointer, one.reason] : fieldsOf(one);

describe('A finding that is handed over as bytes', () => {
  it('is the envelope that was decoded, field by field', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.boolean(), operations, (sequence, atomic, ops) => {
        const bytes = signEnvelope(native, SEED, LEDGER, {
          sequence,
          validUntil: '2026-06-15T03:10:00Z',
          atomic,
          operations: ops,
        });
        const decoded = decodeEnvelope(native, LEDGER, bytes);
        const [read] = handedOver([decoded], [bytes]);
        if (read === undefined || read instanceof EnvelopeError) throw new Error('an envelope was written');
        expect(fieldsOf(read)).toEqual(fieldsOf(decoded));
      }),
      { numRuns: 50 },
    );
  });

  it('is the refusal with its code, place and reason, and those after it stay in their places', () => {
    const good = signEnvelope(native, SEED, LEDGER, {
      sequence: 9,
      validUntil: '2026-06-15T03:10:00Z',
      atomic: true,
      operations: [cancel('ab'.repeat(32))],
    });
    const forged = good.slice();
    forged.set(utf8('AAAA'), forged.length - 8);
    const values = [utf8('rubbish'), forged, good];
    const findings = values.map(found);
    expect(findings.map((one) => (one instanceof EnvelopeError ? one.code : 'fine'))).toEqual([
      'envelope.malformed',
      'envelope.badSignature',
      'fine',
    ]);
    const read = handedOver(findings, values);
    expect(read.map(told)).toEqual(findings.map(told));
  });
});
