import {
  decodeCandidate,
  decodeSignerRecord,
  encodeCandidate,
  encodeSignerRecord,
  NOTHING_SIGNED,
  type Candidate,
  type SignerRecord,
} from '@gridtokenx/consensus';
import { decodeCertificate, encodeCertificate, type Certificate } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, DecodeError, equalBytes } from '@gridtokenx/kernel';

/** Two places of which one is overwritten at a time; `write` resolves when the bytes are on the disk. */
export interface SignerSlots {
  read(slot: 0 | 1): Promise<Uint8Array | undefined>;
  write(slot: 0 | 1, bytes: Uint8Array): Promise<void>;
}

export interface LoadedRecords {
  /**
   * `fresh`: nothing was ever written here to the end, so nothing was signed; `lost`: something was, and neither slot can
   * be read.
   */
  readonly state: 'fresh' | 'loaded' | 'lost';
  /** By key id. */
  readonly records: ReadonlyMap<string, SignerRecord>;
  /** Where to read the operations topic again: nothing below it is undecided. */
  readonly operationsOffset: number | undefined;
  /** Of blocks that were decided here and had not been seen on the blocks topic, in the order of their heights. */
  readonly decided: readonly SizedCertificate[];
}

/** A certificate, and how many validators the set that signed it has. */
export interface SizedCertificate {
  readonly certificate: Certificate;
  readonly setSize: number;
}

interface Slot {
  readonly sequence: number;
  readonly operationsOffset: number;
  readonly records: Map<string, SignerRecord>;
  readonly decided: readonly SizedCertificate[];
}

const MAGIC = 0x47_58_53_33;
const CHECKSUM_BYTES = 32;
const RECORDS_MAX = 10_000;
const DECIDED_MAX = 1_000;

/** The validators of a host are mostly prepared on one block, whose list of envelopes is long: it stands once in the file. */
const withoutList = (record: SignerRecord): SignerRecord =>
  record.prepared === undefined
    ? record
    : {
        ...record,
        prepared: {
          certificate: record.prepared.certificate,
          candidate: { ...record.prepared.candidate, envelopeHashes: [], parentCertificate: undefined },
        },
      };

function decodeSlot(crypto: Crypto, bytes: Uint8Array): Slot | undefined {
  try {
    const outer = new ByteReader(bytes, 'signerRecords');
    const checksum = outer.fixed(CHECKSUM_BYTES);
    const body = outer.bytes();
    outer.end();
    if (!equalBytes(checksum, crypto.sha256(body))) return undefined;
    const reader = new ByteReader(body, 'signerRecords');
    if (reader.u32() !== MAGIC) return undefined;
    const sequence = reader.u64();
    const operationsOffset = reader.u64();
    const candidates = Array.from({ length: reader.count(RECORDS_MAX, 4) }, () =>
      decodeCandidate(crypto, reader.bytes()),
    );
    const records = new Map<string, SignerRecord>();
    for (let left = reader.count(RECORDS_MAX, 12); left > 0; left--) {
      const kid = reader.text(64);
      const at = reader.u32();
      const { prepared, ...record } = decodeSignerRecord(crypto, reader.bytes());
      if (prepared === undefined) records.set(kid, { ...record, prepared });
      else {
        const candidate = candidates[at] ?? reader.fail('candidateMissing');
        records.set(kid, { ...record, prepared: { certificate: prepared.certificate, candidate } });
      }
    }
    const decided = Array.from({ length: reader.count(DECIDED_MAX, 8) }, () => ({
      setSize: reader.u32(),
      certificate: decodeCertificate(reader.bytes()),
    }));
    reader.end();
    return { sequence, operationsOffset, records, decided };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * What the validators of this host must never forget (SPEC consensus, "never sign twice, never forget a lock").
 * The newest slot may be torn by a crash: its message was never published, so the other slot holds.
 */
export class SignerRecords {
  private sequence = 0;

  private constructor(
    private readonly crypto: Crypto,
    private readonly slots: SignerSlots,
    private readonly records: Map<string, SignerRecord>,
    private operationsOffset: number,
  ) {}

  static async load(crypto: Crypto, slots: SignerSlots): Promise<{ store: SignerRecords; loaded: LoadedRecords }> {
    const raw = [await slots.read(0), await slots.read(1)];
    const readable = raw.flatMap((bytes) => {
      const slot = bytes === undefined ? undefined : decodeSlot(crypto, bytes);
      return slot === undefined ? [] : [slot];
    });
    const newest = readable.sort((a, b) => b.sequence - a.sequence)[0];
    const store = new SignerRecords(crypto, slots, new Map(newest?.records), newest?.operationsOffset ?? 0);
    store.sequence = newest?.sequence ?? 0;
    // The first write goes to slot 1; while slot 0 has none, it is all that was ever under way.
    const state = newest !== undefined ? 'loaded' : raw[0] === undefined ? 'fresh' : 'lost';
    const decided = newest?.decided ?? [];
    const loaded = { state, records: store.records, operationsOffset: newest?.operationsOffset, decided } as const;
    return { store, loaded: { ...loaded, records: new Map(loaded.records) } };
  }

  of(kid: string): SignerRecord | undefined {
    return this.records.get(kid);
  }

  /** SPEC consensus 5.5: notes of these keys that they have signed nothing yet. */
  async begin(kids: readonly string[], operationsOffset: number): Promise<void> {
    if (kids.length > 0) await this.save(new Map(kids.map((kid) => [kid, NOTHING_SIGNED])), operationsOffset);
  }

  /**
   * Durable when it resolves. One write serves all validators of the host. Calls must not overlap. SPEC consensus 5.7:
   * with them the certificates of blocks that nobody may be able to show again.
   */
  async save(
    changes: ReadonlyMap<string, SignerRecord>,
    operationsOffset: number,
    decided: readonly SizedCertificate[] = [],
  ): Promise<void> {
    for (const [kid, record] of changes) this.records.set(kid, record);
    this.operationsOffset = operationsOffset;
    this.sequence++;
    const places = new Map<Candidate, number>();
    for (const { prepared } of this.records.values())
      if (prepared !== undefined && !places.has(prepared.candidate)) places.set(prepared.candidate, places.size);
    const writer = new ByteWriter(64 * 1024).u32(MAGIC).u64(this.sequence).u64(this.operationsOffset);
    writer.u32(places.size);
    for (const candidate of places.keys()) writer.bytes(encodeCandidate(candidate));
    writer.u32(this.records.size);
    for (const [kid, record] of this.records) {
      const place = record.prepared && places.get(record.prepared.candidate);
      writer
        .text(kid)
        .u32(place ?? 0)
        .bytes(encodeSignerRecord(withoutList(record)));
    }
    const kept = decided.slice(-DECIDED_MAX);
    writer.u32(kept.length);
    for (const { certificate, setSize } of kept) writer.u32(setSize).bytes(encodeCertificate(certificate, setSize));
    const body = writer.done();
    const bytes = new ByteWriter(body.length + 64).fixed(this.crypto.sha256(body)).bytes(body).done();
    await this.slots.write(this.sequence % 2 === 0 ? 0 : 1, bytes);
  }
}
