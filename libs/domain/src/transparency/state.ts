import { epochOf, validatorSet, type ChainRules, type TrustedState, type ValidatorSet } from '@gridtokenx/chain';
import { HASH_BYTES, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import {
  assert,
  type ByteReader,
  compareBytes,
  fromBase64Url,
  fromHex,
  parseTime,
  type RowWriter,
} from '@gridtokenx/kernel';
import { VALIDATORS_MAX, type PublicGenesis } from '@gridtokenx/protocol';
import { DueQueue } from '../ledger/due.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

const KEY_BYTES = 32;

/** The newest block of the consortium that is trusted here: all that the next step of the light client needs. */
export interface TrustRow {
  readonly height: number;
  readonly hash: Hash;
  readonly time: number;
  /** Of the next height, in set order. */
  readonly nextValidators: readonly PublicKey[];
  /** The height at which a quorum signed two blocks; 0 while nobody showed that. */
  readonly frozenAt: number;
}

/** A block of the consortium that is anchored. */
export interface AnchorRow {
  readonly hash: Hash;
  readonly epoch: number;
  /** Block time. */
  readonly time: number;
  readonly resultsRoot: Hash;
  readonly stateDigest: Hash;
  /** Of the state that the block tells of; zero when it tells of none. */
  readonly checkpointRoot: Hash;
}

/** Aggregates that may still be disputed, or are; named by the operation that published them. */
export interface PublicationRow {
  readonly account: string;
  /** In micro-GRID. */
  readonly deposit: number;
  /** Block time from which nobody disputes them any more. */
  readonly finalAt: number;
  /** The operation that disputes them; empty while none does. */
  readonly dispute: string;
}

export interface DisputeRow {
  readonly publication: string;
  readonly account: string;
  readonly deposit: number;
}

/** The newest version of a report. */
export interface ReportRow {
  /** The operation that registered it. */
  readonly report: string;
  readonly hash: string;
  readonly version: number;
}

function writeKeys(writer: RowWriter, keys: readonly PublicKey[]): void {
  writer.u32(keys.length);
  for (const key of keys) writer.fixed(key);
}

const readKeys = (reader: ByteReader): PublicKey[] =>
  Array.from({ length: reader.count(VALIDATORS_MAX, KEY_BYTES) }, () => reader.fixed(KEY_BYTES) as PublicKey);

const readHash = (reader: ByteReader): Hash => reader.fixed(HASH_BYTES) as Hash;

/** The keys that key ids name, in set order; `undefined` when one of them names none, or one stands twice. */
export function keysOf(kids: readonly string[]): PublicKey[] | undefined {
  const keys: PublicKey[] = [];
  for (const kid of kids) {
    const bytes = fromBase64Url(kid);
    if (bytes?.length !== KEY_BYTES) return undefined;
    keys.push(bytes as PublicKey);
  }
  keys.sort(compareBytes);
  return keys.some((key, i) => i > 0 && compareBytes(keys[i - 1] as PublicKey, key) === 0) ? undefined : keys;
}

/** What of the consortium is anchored, what is said about it, and the reports that are published. */
export class TransparencyState {
  readonly trust: Table<TrustRow>;
  /** By height. */
  readonly anchors: Table<AnchorRow>;
  /** The consortium's validators by epoch, of the epochs in which something is anchored and those after them. */
  readonly sets: Table<readonly PublicKey[]>;
  readonly publications: Table<PublicationRow>;
  readonly disputes: Table<DisputeRow>;
  /** By account, kind and period. */
  readonly reports: Table<ReportRow>;
  readonly undisputed = new DueQueue();
  /** Headers checked in this block so far. No row: each block begins with none. */
  checked = 0;

  constructor(
    readonly store: Store,
    private readonly consortium: PublicGenesis['consortium'],
  ) {
    this.trust = plainTable<TrustRow>(store, 'transparency.trust', {
      encode: (writer, { height, hash, time, nextValidators, frozenAt }) => {
        writer.u64(height).fixed(hash).u64(time);
        writeKeys(writer, nextValidators);
        writer.u64(frozenAt);
      },
      decode: (reader) => ({
        height: reader.u64(),
        hash: readHash(reader),
        time: reader.u64(),
        nextValidators: readKeys(reader),
        frozenAt: reader.u64(),
      }),
    });
    this.anchors = plainTable<AnchorRow>(store, 'transparency.anchor', {
      encode: (writer, row) => {
        writer.fixed(row.hash).u64(row.epoch).u64(row.time);
        writer.fixed(row.resultsRoot).fixed(row.stateDigest).fixed(row.checkpointRoot);
      },
      decode: (reader) => ({
        hash: readHash(reader),
        epoch: reader.u64(),
        time: reader.u64(),
        resultsRoot: readHash(reader),
        stateDigest: readHash(reader),
        checkpointRoot: readHash(reader),
      }),
    });
    this.sets = plainTable<readonly PublicKey[]>(store, 'transparency.set', { encode: writeKeys, decode: readKeys });
    this.publications = plainTable<PublicationRow>(store, 'transparency.publication', {
      encode: (writer, { account, deposit, finalAt, dispute }) =>
        void writer.text(account).u64(deposit).u64(finalAt).text(dispute),
      decode: (reader) => ({
        account: reader.text(),
        deposit: reader.u64(),
        finalAt: reader.u64(),
        dispute: reader.text(),
      }),
      changed: ({ key }, old, now) => this.undisputed.follow(key, waitsUntil(old), waitsUntil(now)),
      escrow: ({ account, deposit }) => escrowOf(account, deposit),
    });
    this.disputes = plainTable<DisputeRow>(store, 'transparency.dispute', {
      encode: (writer, { publication, account, deposit }) => void writer.text(publication).text(account).u64(deposit),
      decode: (reader) => ({ publication: reader.text(), account: reader.text(), deposit: reader.u64() }),
      escrow: ({ account, deposit }) => escrowOf(account, deposit),
    });
    this.reports = plainTable<ReportRow>(store, 'transparency.report', {
      encode: (writer, { report, hash, version }) => void writer.text(report).text(hash).u64(version),
      decode: (reader) => ({ report: reader.text(), hash: reader.text(), version: reader.u64() }),
    });
  }

  /** SPEC transparency 1.1: where the light client begins. */
  begin(): void {
    if (this.consortium === undefined) return;
    const { genesisHash, time, validators } = this.consortium;
    const nextValidators = keysOf(validators);
    const hash = fromHex(genesisHash);
    const began = parseTime(time);
    assert(
      nextValidators !== undefined && hash !== undefined && began !== undefined,
      'a genesis that was read has keys and times',
    );
    this.trust.set(CONSORTIUM, { height: 0, hash: hash as Hash, time: began, nextValidators, frozenAt: 0 });
    this.sets.set('0', nextValidators);
  }

  /** The ledger that is anchored, its rules and what is trusted of it; nothing when the genesis names none. */
  get trusted(): { readonly rules: ChainRules; readonly row: TrustRow } | undefined {
    const row = this.trust.get(CONSORTIUM);
    if (this.consortium === undefined || row === undefined) return undefined;
    const { ledgerId, epochBlocks } = this.consortium;
    return { rules: { ledgerId, epochBlocks }, row };
  }

  writeTrust({ height, hash, time, nextValidators }: TrustedState, frozenAt = 0): void {
    this.trust.set(CONSORTIUM, { height, hash, time, nextValidators: nextValidators.keys, frozenAt });
  }

  setOf(crypto: Crypto, epoch: number): ValidatorSet | undefined {
    const keys = this.sets.get(epoch.toString());
    return keys === undefined ? undefined : validatorSet(crypto, epoch, keys);
  }
}

const CONSORTIUM = 'consortium';

const waitsUntil = (row: PublicationRow | undefined): number | undefined =>
  row?.dispute === '' ? row.finalAt : undefined;

const escrowOf = (account: string, amount: number): { account: string; asset: string; amount: number } | undefined =>
  amount === 0 ? undefined : { account, asset: 'GRID', amount };

/** The state of a light client that a row stands for. */
export const trustedState = (crypto: Crypto, { epochBlocks }: ChainRules, row: TrustRow): TrustedState => ({
  height: row.height,
  hash: row.hash,
  time: row.time,
  nextValidators: validatorSet(crypto, epochOf(row.height + 1, epochBlocks), row.nextValidators),
});
