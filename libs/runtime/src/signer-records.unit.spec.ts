import { native } from '@gridtokenx/crypto-native';
import type { Candidate, SignerRecord } from '@gridtokenx/consensus';
import { headerHash, type Header } from '@gridtokenx/chain';
import type { Hash, Signature } from '@gridtokenx/crypto';
import { height, millis } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { SignerRecords } from '@gridtokenx/runtime';
import { memorySignerSlots } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';

const hash = (byte: number): Hash => new Uint8Array(32).fill(byte) as Hash;

function candidateAt(at: number, envelopes: number): Candidate {
  const header: Header = {
    version: PROTOCOL_VERSION,
    ledgerId: 'gridtokenx-consortium-12345678',
    epoch: 0,
    height: height(at),
    proposer: 1,
    parentHash: hash(1),
    parentCertificateHash: hash(2),
    time: millis(1_800_000_000_000 + at),
    operationsRoot: hash(3),
    validatorsHash: hash(4),
    nextValidatorsHash: hash(4),
    checkpointRoot: hash(0),
  };
  const envelopeHashes = Array.from({ length: envelopes }, (_, i) => native.sha256(Uint8Array.of(i, i >> 8)));
  return { header, hash: headerHash(native, header), envelopeHashes, parentCertificate: undefined };
}

const recordOn = (candidate: Candidate, validator: number): SignerRecord => ({
  height: candidate.header.height,
  round: 0,
  step: 3,
  signBytes: new Uint8Array(120).fill(validator),
  prepared: {
    certificate: {
      height: candidate.header.height,
      round: 0,
      blockHash: candidate.hash,
      signatures: [{ validator, signature: new Uint8Array(64).fill(9) as Signature }],
    },
    candidate,
  },
  committed: { blockHash: candidate.hash, resultsRoot: hash(5), stateDigest: hash(6) },
});

describe('the signer records of a host', () => {
  it('come back as they were written, with the block that each is prepared on', async () => {
    const slots = memorySignerSlots();
    const { store } = await SignerRecords.load(native, slots);
    const [one, other] = [candidateAt(7, 400), candidateAt(8, 3)];
    const records = new Map(Array.from({ length: 21 }, (_, i) => [`key-${i}`, recordOn(i < 20 ? one : other, i)]));
    records.set('key-21', {
      height: 8,
      round: 1,
      step: 0,
      signBytes: hash(8),
      prepared: undefined,
      committed: undefined,
    });
    await store.save(records, 42);
    const { loaded } = await SignerRecords.load(native, slots);
    expect(loaded.state).toBe('loaded');
    expect(loaded.operationsOffset).toBe(42);
    expect(loaded.records).toEqual(records);
    // A list of 400 envelopes stands once, not twenty times.
    expect(slots.slots[1]?.length).toBeLessThan(400 * 32 + 40_000);
  });

  it('of a slot that was torn are those of the other one, and of two torn slots are lost', async () => {
    const slots = memorySignerSlots();
    const { store } = await SignerRecords.load(native, slots);
    const first = new Map([['key', recordOn(candidateAt(7, 2), 1)]]);
    await store.save(first, 1);
    await store.save(new Map([['key', recordOn(candidateAt(8, 2), 1)]]), 2);
    slots.slots[0] = slots.slots[0]?.slice(0, -1);
    expect((await SignerRecords.load(native, slots)).loaded).toMatchObject({ state: 'loaded', records: first });
    slots.slots[1] = new Uint8Array(9);
    expect((await SignerRecords.load(native, slots)).loaded.state).toBe('lost');
  });
});
