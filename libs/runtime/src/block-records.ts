import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib';
import {
  blockFault,
  certificateIsValid,
  certifiedHeaderFault,
  decodeBlock,
  encodeBlock,
  epochOf,
  encodeHeader,
  headerHash,
  LEDGER_ID_BYTES,
  ledgerIdBytes,
  readLedgerId,
  resultsOf,
  tipAfter,
  type Block,
  type BlockOutcome,
  type ChainRules,
  type ChainTip,
  type Result,
} from '@gridtokenx/chain';
import { HASH_BYTES, type Crypto } from '@gridtokenx/crypto';
import { assert, ByteReader, ByteWriter, concatBytes, DecodeError, equalBytes, toHex } from '@gridtokenx/kernel';
import { decodeEnvelope, EnvelopeError, PROTOCOL_VERSION, type Envelope, type Outcome } from '@gridtokenx/protocol';
import type { LogRecord } from './ports.js';

/** Payload bytes of one part of a block record. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_MAX = 64;
/** A block never unpacks to more than this: a bomb is refused, not unpacked. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;
/** How far above the tip parts are kept until the block below them arrives. */
const HEIGHTS_AHEAD_MAX = 16;
/** Unfinished records of one height that are kept: strangers may write parts of blocks that never were. */
const FRAGMENTS_PER_HEIGHT_MAX = 4;

type Sets = Pick<ChainTip, 'validators' | 'certifiedBy'>;

/** SPEC wire 6.3: a block is compressed with zstd and cut into numbered parts; each part is one record. */
export function packBlock(block: Block, parent: Sets): Uint8Array[] {
  return cutIntoParts(block, compressBlock(block, parent));
}

/** `parent` is the tip below the block: its set signed this one, and the set before it that tip. */
export function compressBlock(block: Block, { validators, certifiedBy }: Sets): Uint8Array {
  return zstdCompressSync(encodeBlock(block, validators.keys.length, certifiedBy.keys.length), {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
}

export function cutIntoParts(block: Block, packed: Uint8Array): Uint8Array[] {
  const parts = Math.max(1, Math.ceil(packed.length / PART_BYTES));
  return Array.from({ length: parts }, (_, part) =>
    new ByteWriter(Math.min(PART_BYTES, packed.length) + 128)
      .u16(PROTOCOL_VERSION)
      .fixed(ledgerIdBytes(block.header.ledgerId))
      .u64(block.header.height)
      .fixed(block.certificate.blockHash)
      .u16(part)
      .u16(parts)
      .bytes(packed.subarray(part * PART_BYTES, (part + 1) * PART_BYTES))
      .done(),
  );
}

/** The block behind the joined payload of its parts. Throws DecodeError. */
export function unpackBlock(packed: Uint8Array): Block {
  let bytes: Uint8Array;
  try {
    bytes = zstdDecompressSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch {
    throw new DecodeError('block.notZstd', 0);
  }
  return decodeBlock(bytes);
}

const HEIGHT_AT = 2 + LEDGER_ID_BYTES;

/** The height that a record says it is a part of, without a look at anything else; `undefined` when it is too short. */
export function heightOfPart(record: Uint8Array): number | undefined {
  if (record.length < HEIGHT_AT + 8) return undefined;
  return Number(new DataView(record.buffer, record.byteOffset).getBigUint64(HEIGHT_AT));
}

export interface BlockPart {
  readonly ledgerId: string;
  readonly height: number;
  readonly blockHash: string;
  readonly part: number;
  readonly parts: number;
  readonly payload: Uint8Array;
}

export function decodeBlockPart(bytes: Uint8Array): BlockPart {
  const reader = new ByteReader(bytes, 'blockPart');
  if (reader.u16() !== PROTOCOL_VERSION) reader.fail('version');
  const part: BlockPart = {
    ledgerId: readLedgerId(reader),
    height: reader.u64(),
    blockHash: toHex(reader.fixed(HASH_BYTES)),
    part: reader.u16(),
    parts: reader.u16(),
    payload: reader.borrowed(PART_BYTES),
  };
  reader.end();
  if (part.parts < 1 || part.parts > PARTS_MAX || part.part >= part.parts) reader.fail('numbering');
  return part;
}
assert(LEDGER_ID_BYTES === 32, 'parts carry the ledger id as headers do');

/** A block that was checked against the tip below it: final for whoever trusts the validator set. */
export interface VerifiedBlock {
  readonly block: Block;
  readonly envelopes: readonly Envelope[];
  readonly results: readonly Result[];
  /** What the outcomes say, where this process ran the block itself; otherwise their bytes have to be parsed. */
  readonly told: readonly Outcome[] | undefined;
  /** Where the chain stands after it. */
  readonly tip: ChainTip;
  /** The compressed bytes as they stand on the bus. */
  readonly packed: Uint8Array;
  /** A reader that starts here after this block misses nothing. */
  readonly resumeOffset: number;
}

/** What a packed block holds, as {@link BlockReader} would find it. */
interface BlockContent {
  readonly block: Block;
  readonly envelopes: readonly Envelope[];
  readonly results: readonly Result[];
  readonly told: readonly Outcome[];
}

const OWN_BLOCKS_MAX = 8;

/**
 * The blocks that this process decided itself, for a reader in the same process: it has decoded these envelopes, run them
 * and hashed these outcomes into the roots that were certified, and what it would find in the same bytes is the same.
 * A pure function, memoised by all its bytes; the certificate and the place in the chain each reader checks anew.
 */
export class OwnBlocks {
  private readonly recent: (BlockContent & { readonly packed: Uint8Array | undefined })[] = [];
  private sinceRead = 0;
  private readTo = 0;

  /** `packed` where it was packed here: the same bytes are found again without unpacking them. */
  add(packed: Uint8Array | undefined, content: BlockContent): void {
    this.sinceRead++;
    // Another host's record of it was faster.
    if (content.block.header.height <= this.readTo) return;
    this.recent.push({ ...content, packed });
    if (this.recent.length > OWN_BLOCKS_MAX) this.recent.shift();
  }

  /** A reader has this block, from here or by its bytes. */
  noteRead(height: number): void {
    this.sinceRead = 0;
    this.readTo = height;
    while (this.recent[0] !== undefined && this.recent[0].block.header.height <= height) this.recent.shift();
  }

  /** How many a reader has still to take; none while it reads nothing at all, since waiting for it would help nobody. */
  get unread(): number {
    return this.sinceRead > OWN_BLOCKS_MAX ? 0 : this.recent.length;
  }

  /** The content of exactly these bytes; forgotten with it, since a reader takes each block once. */
  take(packed: Uint8Array): BlockContent | undefined {
    return this.takeAt(this.recent.findIndex((own) => own.packed !== undefined && isSame(own.packed, packed)));
  }

  /** The content of a block that another host has packed, with the certificate that stands in it. */
  takeOf(block: Block): BlockContent | undefined {
    const own = this.takeAt(this.recent.findIndex((one) => isSameContent(one.block, block)));
    return own && { ...own, block };
  }

  private takeAt(at: number): BlockContent | undefined {
    return at < 0 ? undefined : this.recent.splice(at, 1)[0];
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** All that the header commits to by other means than a hash of its bytes, which the reader of the chain compares. */
const isSameContent = (a: Block, b: Block): boolean =>
  isSame(encodeHeader(a.header), encodeHeader(b.header)) &&
  a.envelopes.length === b.envelopes.length &&
  a.outcomes.length === b.outcomes.length &&
  a.envelopes.every((bytes, i) => isSame(bytes, b.envelopes[i] as Uint8Array)) &&
  a.outcomes.every(({ hook, bytes }, i) => {
    const other = b.outcomes[i] as BlockOutcome;
    return hook === other.hook && isSame(bytes, other.bytes);
  });

/** The payload, when every part of it is there. */
function wholeOf({ payloads }: Gathering): Uint8Array | undefined {
  if (payloads.length === 1) return payloads[0];
  return payloads.every((payload) => payload !== undefined) ? concatBytes(...payloads) : undefined;
}

interface Gathering {
  readonly firstOffset: number;
  readonly payloads: (Uint8Array | undefined)[];
}

/**
 * Reads the blocks topic without believing it: the first valid record of each height counts, everything else
 * (garbage, repeats, other ledgers, forged or altered blocks) is skipped and counted by reason.
 */
export class BlockReader {
  private readonly gathered = new Map<number, Map<string, Gathering>>();
  private nextOffset = 0;
  readonly skipped = new Map<string, number>();

  constructor(
    private readonly crypto: Crypto,
    private readonly rules: ChainRules,
    private currentTip: ChainTip,
    private readonly own?: OwnBlocks,
    /** An envelope of these very bytes that this process has decoded and checked already. */
    private readonly known: (bytes: Uint8Array) => Envelope | undefined = () => undefined,
  ) {}

  get tip(): ChainTip {
    return this.currentTip;
  }

  /** Takes the next record of the topic; gives the blocks that became readable with it, in height order. */
  push(record: LogRecord): VerifiedBlock[] {
    this.nextOffset = record.offset + 1;
    try {
      this.gather(record);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.skip(error.code);
      return [];
    }
    const blocks: VerifiedBlock[] = [];
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) blocks.push(next);
    return blocks;
  }

  /** A reader that starts here at this tip misses nothing that comes after it. */
  get resumeOffset(): number {
    let offset = this.nextOffset;
    for (const later of this.gathered.values())
      for (const { firstOffset } of later.values()) offset = Math.min(offset, firstOffset);
    return offset;
  }

  /** Whether blocks above the next one were read: then that one is missing where it was looked for. */
  get isMissingNext(): boolean {
    return this.gathered.size > 0 && !this.gathered.has(this.currentTip.height + 1);
  }

  /** How many whole blocks above the next one wait for it. */
  get waiting(): number {
    const next = this.currentTip.height + 1;
    return [...this.gathered].filter(
      ([height, candidates]) => height > next && [...candidates.values()].some((one) => wholeOf(one) !== undefined),
    ).length;
  }

  /** The tip has moved by other means (the caller decided the block itself). */
  moveTo(tip: ChainTip): void {
    this.currentTip = tip;
    for (const height of this.gathered.keys()) if (height <= tip.height) this.gathered.delete(height);
  }

  private skip(reason: string): void {
    this.skipped.set(reason, (this.skipped.get(reason) ?? 0) + 1);
  }

  private gather(record: LogRecord): void {
    const part = decodeBlockPart(record.value);
    if (part.ledgerId !== this.rules.ledgerId) return this.skip('block.wrongLedger');
    if (part.height <= this.currentTip.height) return this.skip('block.repeated');
    if (part.height > this.currentTip.height + HEIGHTS_AHEAD_MAX) return this.skip('block.tooFarAhead');
    let candidates = this.gathered.get(part.height);
    if (candidates === undefined) this.gathered.set(part.height, (candidates = new Map()));
    const key = `${part.blockHash}/${part.parts}`;
    let gathering = candidates.get(key);
    if (gathering === undefined) {
      gathering = { firstOffset: record.offset, payloads: Array.from({ length: part.parts }, () => undefined) };
      candidates.set(key, gathering);
      this.forgetFragments(candidates);
    }
    // A later copy replaces an earlier one: if the first was garbage, an honest repeat mends it.
    gathering.payloads[part.part] = part.payload;
    // What has to wait for the blocks below it is kept only if a quorum signed it: of those there is one a height.
    if (part.height <= this.currentTip.height + 1) return;
    const packed = wholeOf(gathering);
    if (packed === undefined) return;
    const certified = this.isCertified(packed);
    if (certified === undefined) return this.forgetUnknown(candidates);
    if (certified) return;
    candidates.delete(key);
    this.skip('block.certificateInvalid');
  }

  /** An honest record is appended whole; of fragments, which anyone may write, the newest few are kept. */
  private forgetFragments(candidates: Map<string, Gathering>): void {
    const fragments = [...candidates].filter(([, gathering]) => wholeOf(gathering) === undefined);
    for (const [key] of fragments.slice(0, -FRAGMENTS_PER_HEIGHT_MAX)) candidates.delete(key);
  }

  /**
   * Of a later epoch, whose validators stand in a block that is not here yet, nobody can tell whether a record is
   * certified. The newest few of a height are kept: such a record comes early only while the block below is late.
   */
  private forgetUnknown(candidates: Map<string, Gathering>): void {
    const whole = [...candidates].filter(([, gathering]) => wholeOf(gathering) !== undefined);
    for (const [key] of whole.slice(0, -FRAGMENTS_PER_HEIGHT_MAX)) candidates.delete(key);
  }

  /** Whether a quorum signed it; `undefined` when the set of its epoch is not known yet. */
  private isCertified(packed: Uint8Array): boolean | undefined {
    try {
      const { header, certificate } = unpackBlock(packed);
      const { validators } = this.currentTip;
      if (header.epoch !== epochOf(header.height, this.rules.epochBlocks)) return false;
      if (header.epoch !== validators.epoch) return undefined;
      return (
        header.height === certificate.height &&
        equalBytes(certificate.blockHash, headerHash(this.crypto, header)) &&
        certificateIsValid(this.crypto, this.rules.ledgerId, validators, certificate)
      );
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
  }

  private takeNext(): VerifiedBlock | undefined {
    const candidates = this.gathered.get(this.currentTip.height + 1);
    if (candidates === undefined) return undefined;
    for (const [key, gathering] of candidates) {
      const packed = wholeOf(gathering);
      if (packed === undefined) continue;
      candidates.delete(key);
      const verified = this.verify(packed);
      if (verified === undefined) continue;
      this.gathered.delete(this.currentTip.height + 1);
      this.currentTip = verified.tip;
      this.own?.noteRead(verified.tip.height);
      return { ...verified, resumeOffset: this.resumeOffset };
    }
    return undefined;
  }

  private verify(packed: Uint8Array): Omit<VerifiedBlock, 'resumeOffset'> | undefined {
    const own = this.own?.take(packed);
    if (own !== undefined) return this.verifyOwn(packed, own);
    try {
      const block = unpackBlock(packed);
      const known = this.own?.takeOf(block);
      return known === undefined ? this.verifyForeign(packed, block) : this.verifyOwn(packed, known);
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof EnvelopeError)) throw error;
      this.skip(error.code);
      return undefined;
    }
  }

  private verifyOwn(packed: Uint8Array, content: BlockContent): Omit<VerifiedBlock, 'resumeOffset'> | undefined {
    const fault = certifiedHeaderFault(this.crypto, this.rules, this.currentTip, content.block);
    if (fault !== undefined) {
      this.skip(fault);
      return undefined;
    }
    return { ...content, packed, tip: tipAfter(this.crypto, this.rules, this.currentTip, content.block) };
  }

  private verifyForeign(packed: Uint8Array, block: Block): Omit<VerifiedBlock, 'resumeOffset'> | undefined {
    const envelopes = block.envelopes.map(
      (bytes) =>
        this.known(bytes) ??
        // The validators checked the signatures before they signed the operations root.
        decodeEnvelope(this.crypto, this.rules.ledgerId, bytes, { signatureKnown: true }),
    );
    const fault = blockFault(this.crypto, this.rules, this.currentTip, block, envelopes);
    const results = fault === undefined ? resultsOf(block.outcomes, envelopes) : undefined;
    if (results === undefined) {
      this.skip(fault ?? 'block.outcomeCount');
      return undefined;
    }
    const tip = tipAfter(this.crypto, this.rules, this.currentTip, block);
    return { block, envelopes, results, told: undefined, packed, tip };
  }
}
