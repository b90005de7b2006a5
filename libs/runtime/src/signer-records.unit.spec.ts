import { native } from '@gridtokenx/crypto-native';
import { NOTHING_SIGNED, type Candidate, type SignerRecord } from '@gridtokenx/consensus';
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

const older = new Map([['key', recordOn(candidateAt(7, 2), 1)]]);

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

  it('are fresh where nothing was ever written, and lost where something was and cannot be read', async () => {
    const slots = memorySignerSlots();
    expect((await SignerRecords.load(native, slots)).loaded).toEqual({
      state: 'fresh',
      records: new Map(),
      operationsOffset: undefined,
      decided: [],
    });
    slots.slots[0] = new Uint8Array(0);
    expect((await SignerRecords.load(native, slots)).loaded.state).toBe('lost');
  });

  it('begin with a record that nothing was signed: wherever the first write is cut off, nothing is lost', async () => {
    const slots = memorySignerSlots();
    const { store } = await SignerRecords.load(native, slots);
    await store.begin(['key'], 3);
    const [, begun] = slots.slots;
    if (begun === undefined) throw new Error('the first write goes to the second slot');
    for (let length = 0; length < begun.length; length++) {
      slots.slots[1] = begun.subarray(0, length);
      expect((await SignerRecords.load(native, slots)).loaded.state).toBe('fresh');
    }
    slots.slots[1] = begun;
    await store.save(older, 4);
    const [first] = slots.slots;
    if (first === undefined) throw new Error('the second write goes to the first slot');
    for (let length = 0; length < first.length; length++) {
      slots.slots[0] = first.subarray(0, length);
      const { loaded } = await SignerRecords.load(native, slots);
      expect([loaded.state, loaded.records.get('key')]).toEqual(['loaded', NOTHING_SIGNED]);
    }
  });

  it('are written to the two slots in turn, so that the newest is never overwritten', async () => {
    const slots = memorySignerSlots();
    let { store } = await SignerRecords.load(native, slots);
    for (let n = 1; n <= 5; n++) {
      const before = slots.slots.map((slot) => slot?.slice());
      await store.save(new Map([['key', recordOn(candidateAt(n, 1), 1)]]), n);
      expect(slots.slots.filter((slot, i) => !Buffer.from(slot ?? []).equals(before[i] ?? Buffer.of()))).toHaveLength(
        1,
      );
      // Also over a restart, which must not begin with the first slot again.
      if (n % 2 === 0) ({ store } = await SignerRecords.load(native, slots));
      expect((await SignerRecords.load(native, slots)).loaded.operationsOffset).toBe(n);
    }
  });

  describe('after a crash in the newest write', () => {
    async function twoSlots(): Promise<{ slots: ReturnType<typeof memorySignerSlots>; newest: Uint8Array }> {
      const slots = memorySignerSlots();
      const { store } = await SignerRecords.load(native, slots);
      await store.save(older, 1);
      await store.save(new Map([['key', recordOn(candidateAt(8, 2), 1)]]), 2);
      const [newest] = slots.slots;
      if (newest === undefined) throw new Error('the second write goes to the first slot');
      return { slots, newest };
    }

    it('are those of the other slot, wherever the newest is cut off', async () => {
      const { slots, newest } = await twoSlots();
      for (let length = 0; length < newest.length; length++) {
        slots.slots[0] = newest.subarray(0, length);
        const { loaded } = await SignerRecords.load(native, slots);
        expect([length, loaded.state, loaded.operationsOffset]).toEqual([length, 'loaded', 1]);
      }
      const { loaded } = await SignerRecords.load(native, slots);
      expect(loaded.records).toEqual(older);
    });

    it('are those of the other slot, whichever byte of the newest is wrong', async () => {
      const { slots, newest } = await twoSlots();
      for (let at = 0; at < newest.length; at++) {
        slots.slots[0] = newest.map((byte, i) => (i === at ? byte ^ 0x40 : byte));
        expect([at, (await SignerRecords.load(native, slots)).loaded.operationsOffset]).toEqual([at, 1]);
      }
    });

    it('are those of the other slot, when the end of a longer, older file is still there', async () => {
      const { slots, newest } = await twoSlots();
      slots.slots[0] = Uint8Array.from([...newest, 1, 2, 3]);
      expect((await SignerRecords.load(native, slots)).loaded.operationsOffset).toBe(1);
    });

    it('go on from there: the next write takes the torn slot', async () => {
      const { slots, newest } = await twoSlots();
      slots.slots[0] = newest.subarray(0, newest.length / 2);
      const { store } = await SignerRecords.load(native, slots);
      const next = new Map([['key', recordOn(candidateAt(9, 2), 1)]]);
      await store.save(next, 3);
      slots.slots[1] = undefined;
      expect((await SignerRecords.load(native, slots)).loaded).toMatchObject({ operationsOffset: 3, records: next });
    });

    it('are lost when both slots are torn, or the one that is left when the other is gone', async () => {
      const { slots, newest } = await twoSlots();
      slots.slots[0] = newest.subarray(0, 40);
      slots.slots[1] = slots.slots[1]?.subarray(0, 40);
      expect((await SignerRecords.load(native, slots)).loaded).toMatchObject({ state: 'lost', records: new Map() });
      slots.slots[1] = undefined;
      expect((await SignerRecords.load(native, slots)).loaded.state).toBe('lost');
    });
  });
});
