import { zstdCompressSync } from 'node:zlib';
import { encodeBlock, ledgerIdBytes, type Block } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { ByteWriter, Prng, toHex } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import {
  BlockReader,
  cutIntoParts,
  decodeBlockPart,
  packBlock,
  unpackBlock,
  type VerifiedBlock,
} from './block-records.js';
import { nearly, recordsOf, TestChain, type ChainBlock } from './fixture.spec.js';
import { RECORD_BYTES_MAX } from './ports.js';

const chain = new TestChain();
const first = chain.grow(chain.trade());
const rest = Array.from({ length: 20 }, () => chain.grow());
const blocks = [first, ...rest];
const at = (height: number): ChainBlock => {
  const block = blocks[height - 1];
  if (block === undefined) throw new Error(`the chain has no block ${height}`);
  return block;
};

const readerOf = ({ rules, genesis }: TestChain = chain): BlockReader => new BlockReader(native, rules, genesis);
const readAll = (reader: BlockReader, values: readonly Uint8Array[]): VerifiedBlock[] =>
  recordsOf(values).flatMap((record) => reader.push(record));
const hashesOf = (read: readonly VerifiedBlock[]): string[] => read.map(({ tip }) => toHex(tip.hash));
const expected = (...heights: number[]): string[] => heights.map((height) => toHex(at(height).tip.hash));

/** SPEC wire 6.3, written out: the record of one part. */
function partRecord({ header, certificate }: Block, payload: Uint8Array, part: number, parts: number): Uint8Array {
  return new ByteWriter(256)
    .u16(PROTOCOL_VERSION)
    .fixed(ledgerIdBytes(header.ledgerId))
    .u64(header.height)
    .fixed(certificate.blockHash)
    .u16(part)
    .u16(parts)
    .bytes(payload)
    .done();
}

/** The block in so many parts, smaller than an honest writer would cut them. */
function partsOf({ block, packed }: ChainBlock, parts: number): Uint8Array[] {
  const size = Math.ceil(packed.length / parts);
  return Array.from({ length: parts }, (_, part) =>
    partRecord(block, packed.subarray(part * size, (part + 1) * size), part, parts),
  );
}

/** Well-formed, compressed and under the honest block's name, but with another outcome in it. */
function altered({ block }: ChainBlock): Uint8Array {
  const outcomes = block.outcomes.map((outcome, i) =>
    i === 0 ? { ...outcome, bytes: outcome.bytes.map((byte, j) => (j === 20 ? byte ^ 1 : byte)) } : outcome,
  );
  return partRecord(block, zstdCompressSync(encodeBlock({ ...block, outcomes }, chain.set.keys.length)), 0, 1);
}

describe('a block record', () => {
  it('comes back as the block that was packed', () => {
    const { block, record, packed } = first;
    expect(unpackBlock(packed)).toEqual(block);
    expect(packBlock(block, chain.genesis)).toEqual([record]);
    expect(partRecord(block, packed, 0, 1)).toEqual(record);
  });

  it('is read once, whoever repeats it', () => {
    const reader = readerOf();
    expect(hashesOf(readAll(reader, [first.record, first.record, at(2).record, first.record]))).toEqual(expected(1, 2));
    expect(reader.skipped).toEqual(new Map([['block.repeated', 2]]));
  });

  it('of another ledger, another version or garbage is skipped and counted', () => {
    const other = new TestChain(2);
    const reader = readerOf();
    const version = first.record.map((byte, i) => (i === 1 ? 99 : byte));
    expect(readAll(reader, [other.grow().record, version, new Uint8Array(0), new Uint8Array(400)])).toEqual([]);
    expect(reader.skipped).toEqual(
      new Map([
        ['block.wrongLedger', 1],
        ['blockPart.version', 2],
        ['blockPart.truncated', 1],
      ]),
    );
    expect(hashesOf(readAll(reader, [first.record]))).toEqual(expected(1));
  });

  it('that is a bomb is refused, not unpacked', () => {
    const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024 + 1));
    expect(() => unpackBlock(bomb)).toThrow('block.notZstd');
    const reader = readerOf();
    expect(readAll(reader, [partRecord(first.block, bomb, 0, 1)])).toEqual([]);
    expect(reader.skipped).toEqual(new Map([['block.notZstd', 1]]));
    expect(hashesOf(readAll(reader, [first.record]))).toEqual(expected(1));
  });

  it('that was altered is skipped, and an honest later copy is accepted', () => {
    const reader = readerOf();
    expect(readAll(reader, [altered(first)])).toEqual([]);
    expect(reader.skipped).toEqual(new Map([['block.resultsRoot', 1]]));
    expect(hashesOf(readAll(reader, [first.record]))).toEqual(expected(1));
  });

  it('with too few signatures, or with those of another block, is skipped', () => {
    const { block } = first;
    const few = { ...block.certificate, signatures: block.certificate.signatures.slice(1) };
    const others = { ...block.certificate, signatures: at(2).block.certificate.signatures };
    const reader = readerOf();
    for (const certificate of [few, others])
      expect(readAll(reader, packBlock({ ...block, certificate }, chain.genesis))).toEqual([]);
    expect(reader.skipped).toEqual(new Map([['block.certificateInvalid', 2]]));
  });

  it("with bytes wrong is never taken for another block, and stands in nobody's way", () => {
    const prng = new Prng(20_261_122);
    for (let run = 0; run < 250; run++) {
      const reader = readerOf();
      const read = readAll(reader, [nearly(prng, first.record), first.record, at(2).record]);
      expect(hashesOf(read)).toEqual(expected(1, 2));
    }
  });
});

describe('a block in parts', () => {
  it('is cut so that no record is larger than the bus takes, however large the block (C10)', () => {
    const packed = new Uint8Array(17 * 1024 * 1024).map((_, i) => i >> 12);
    const records = cutIntoParts(first.block, packed);
    const parts = records.map(decodeBlockPart);
    expect(parts.map(({ part, parts: of }) => `${part}/${of}`)).toEqual(['0/3', '1/3', '2/3']);
    expect(Math.max(...records.map(({ length }) => length))).toBeLessThan(RECORD_BYTES_MAX);
    expect(Buffer.concat(parts.map(({ payload }) => payload)).equals(packed)).toBe(true);
  });

  it('is read when the last of them is there, in whatever order, among repeats and other records', () => {
    const [a, b, c] = partsOf(first, 3);
    if (a === undefined || b === undefined || c === undefined) throw new Error('cut into three');
    const reader = readerOf();
    expect(readAll(reader, [c, c, new Uint8Array(9), a, a])).toEqual([]);
    expect(hashesOf(readAll(reader, [b]))).toEqual(expected(1));
  });

  it('is mended by an honest repeat when one of them was garbage', () => {
    const [a, b] = partsOf(first, 2);
    if (a === undefined || b === undefined) throw new Error('cut into two');
    const garbage = partRecord(first.block, new Uint8Array(50), 0, 2);
    expect(hashesOf(readAll(readerOf(), [garbage, a, b]))).toEqual(expected(1));
    expect(hashesOf(readAll(readerOf(), [garbage, b, a, b]))).toEqual(expected(1));
  });

  it('is not confused by a liar who cuts it otherwise, or numbers the parts wrongly', () => {
    const [a, b] = partsOf(first, 2);
    const [, , third] = partsOf(first, 3);
    if (a === undefined || b === undefined || third === undefined) throw new Error('cut');
    const reader = readerOf();
    const wrong = [
      partRecord(first.block, a, 2, 2),
      partRecord(first.block, a, 0, 0),
      partRecord(first.block, a, 0, 65),
    ];
    expect(readAll(reader, [...wrong, a, third])).toEqual([]);
    expect(reader.skipped).toEqual(new Map([['blockPart.numbering', 3]]));
    expect(hashesOf(readAll(reader, [b]))).toEqual(expected(1));
  });
});

describe('the blocks topic', () => {
  it('is read in height order, though records stand in another', () => {
    const reader = readerOf();
    expect(readAll(reader, [at(3).record, at(2).record, at(4).record])).toEqual([]);
    expect(hashesOf(readAll(reader, [first.record]))).toEqual(expected(1, 2, 3, 4));
  });

  it('waits at a gap, and goes on when it is filled', () => {
    const reader = readerOf();
    expect(hashesOf(readAll(reader, [first.record, at(3).record, at(4).record]))).toEqual(expected(1));
    expect(hashesOf(readAll(reader, [at(2).record]))).toEqual(expected(2, 3, 4));
  });

  it('keeps parts for sixteen heights above the tip, no more', () => {
    const reader = readerOf();
    expect(readAll(reader, [at(17).record, at(16).record])).toEqual([]);
    expect(reader.skipped).toEqual(new Map([['block.tooFarAhead', 1]]));
    const upTo15 = blocks.slice(0, 15).map(({ record }) => record);
    expect(hashesOf(readAll(reader, upTo15)).at(-1)).toBe(expected(16)[0]);
  });

  it('keeps ahead of the tip what a quorum signed, and of what strangers write a few fragments', () => {
    const reader = readerOf();
    const prng = new Prng(9);
    const strange = (part: number, parts: number): Uint8Array => {
      const { header, certificate } = at(2).block;
      const blockHash = prng.bytes(32) as typeof certificate.blockHash;
      return partRecord(
        { ...at(2).block, header, certificate: { ...certificate, blockHash } },
        prng.bytes(500),
        part,
        parts,
      );
    };
    const values = [at(2).record, ...Array.from({ length: 200 }, (_, i) => strange(0, 1 + (i % 3))), at(1).record];
    expect(hashesOf(readAll(reader, values))).toEqual(expected(1, 2));
    expect(reader.skipped.get('block.certificateInvalid')).toBe(67);
  });

  it('can be read again from where a block says, and nothing is missed', () => {
    const records = recordsOf([at(3).record, first.record, at(2).record, at(5).record, at(4).record]);
    const reader = readerOf();
    const read = records.flatMap((record) => reader.push(record));
    // What was gathered for later heights must be read again, too.
    expect(read.map(({ resumeOffset }) => resumeOffset)).toEqual([0, 0, 3, 3, 5]);
    for (const { tip, resumeOffset } of read) {
      const again = new BlockReader(native, chain.rules, tip);
      const rest = records.slice(resumeOffset).flatMap((record) => again.push(record));
      expect(hashesOf(rest)).toEqual(expected(...[1, 2, 3, 4, 5].filter((height) => height > tip.height)));
    }
  });

  it('is read on from a tip that was reached by other means', () => {
    const reader = readerOf();
    readAll(reader, [at(2).record, at(4).record]);
    reader.moveTo(at(3).tip);
    expect(hashesOf(readAll(reader, [first.record, at(3).record]))).toEqual(expected(4));
    expect(hashesOf(readAll(reader, [at(5).record]))).toEqual(expected(5));
  });
});
