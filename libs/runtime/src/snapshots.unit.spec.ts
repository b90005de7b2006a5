import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import {
  commitSignBytes,
  epochOf,
  headerHash,
  validatorSet,
  type ChainTip,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { ByteWriter, DecodeError, height, millis, toHex } from '@gridtokenx/kernel';
import { ledgerTopics, PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { MemoryLog, MemorySnapshots } from '@gridtokenx/testkit';
import { TestChain } from './fixture.spec.js';
import { Blocks, BLOCKS, expectAtTip, follow, kinds, makeTwo, settle, withTwo } from './snapshot-fixture.spec.js';
import {
  decodeManifest,
  decodePart,
  encodeManifest,
  tipOfManifest,
  type CertifiedHeader,
  type SetChange,
  type SnapshotManifest,
} from './snapshot-format.js';
import { MANIFEST, partName } from './snapshot-store.js';

function alter(store: MemorySnapshots, height: number, piece: string, change: (bytes: Uint8Array) => Uint8Array): void {
  const pieces = store.pieces.get(height);
  const bytes = pieces?.get(piece);
  if (pieces === undefined || bytes === undefined) throw new Error('the piece is there');
  pieces.set(piece, change(bytes));
}

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte));
const tear = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes.length >> 1);

describe('a snapshot', () => {
  it('is where a restart begins: the state is that of the chain, and older blocks are not read', async () => {
    const { blocks, store } = await makeTwo();
    const again = await follow(blocks, store);
    expectAtTip(again, blocks);
    expect(again.readFrom).toEqual([200]);
    await blocks.grow(110);
    const later = await follow(blocks, store);
    expectAtTip(later, blocks);
    again.host.close();
    later.host.close();
  });

  it('that is torn, altered or lost is passed over for the one before, and for the blocks when none is left', async () => {
    const { blocks, store } = await withTwo();
    alter(store, 200, partName(0), flip);
    const second = await follow(blocks, store);
    expectAtTip(second, blocks);
    expect([kinds(second.events)[0], second.readFrom]).toEqual(['snapshotRefused 200', [100]]);
    alter(store, 100, MANIFEST, tear);
    alter(store, 200, MANIFEST, flip);
    const third = await follow(blocks, store);
    expectAtTip(third, blocks);
    expect(kinds(third.events).slice(0, 2)).toEqual(['snapshotRefused 200', 'snapshotRefused 100']);
    expect(third.readFrom).toEqual([0]);
    store.pieces.clear();
    const fourth = await follow(blocks, store);
    expectAtTip(fourth, blocks);
    for (const { host } of [second, third, fourth]) host.close();
  });

  it('of a topic that was made anew reads that from its start, wherever the blocks are in it now', async () => {
    const { blocks, store } = await withTwo();
    const { chain, records } = blocks;
    for (const before of [[], records, [...records, ...records]]) {
      const log = new MemoryLog(() => 0);
      await log.ensureTopics([ledgerTopics.consortium.blocks]);
      // Shorter than it was, as it was, and with the blocks in front of where they are looked for.
      const values = before.length === 0 ? records.slice(150) : [...records.slice(200), ...before];
      await log.append(BLOCKS, values);
      const again = await follow({ chain, log }, store);
      expectAtTip(again, blocks);
      again.host.close();
    }
  });

  it('is given up when the next checkpoint comes before it is written', async () => {
    const blocks = new Blocks();
    const store = new MemorySnapshots();
    await blocks.grow(215);
    const running = await follow(blocks, store);
    await settle(running);
    expect(kinds(running.events)).toEqual(['snapshotGivenUp 100', 'snapshotTaken 200']);
    running.host.close();
  });

  it('is taken of each so-manyth checkpoint', async () => {
    const blocks = new Blocks();
    const store = new MemorySnapshots();
    await blocks.grow(115);
    const running = await follow(blocks, store, { everyCheckpoints: 2 });
    await settle(running);
    expect(kinds(running.events)).toEqual([]);
    running.host.close();
  });

  it('whose disk fails is given up, and the host goes on', async () => {
    const blocks = new Blocks();
    const store = new MemorySnapshots();
    store.write = () => Promise.reject(new Error('no space left'));
    await blocks.grow(115);
    const running = await follow(blocks, store);
    await settle(running);
    expect(running.events.find(({ kind }) => kind === 'snapshotGivenUp')).toMatchObject({ reason: 'no space left' });
    expect(running.host.status.height).toBe(115);
    running.host.close();
  });
});

/** A header and what signs it, of a set whose secrets are known. */
function certified(
  secrets: readonly Uint8Array[],
  fields: { height: number; nextValidatorsHash?: Hash; checkpointRoot?: Hash },
): CertifiedHeader {
  const set = setOf(secrets, fields.height);
  const header: Header = {
    version: PROTOCOL_VERSION,
    ledgerId: RULES.ledgerId,
    epoch: set.epoch,
    proposer: 0,
    parentHash: ZERO_HASH,
    parentCertificateHash: ZERO_HASH,
    time: millis(fields.height),
    operationsRoot: ZERO_HASH,
    validatorsHash: set.hash,
    nextValidatorsHash: set.hash,
    checkpointRoot: ZERO_HASH,
    ...fields,
    height: height(fields.height),
  };
  const unsigned = {
    epoch: set.epoch,
    height: header.height,
    round: 0,
    blockHash: headerHash(native, header),
    resultsRoot: ZERO_HASH,
    stateDigest: ZERO_HASH,
    signatures: [],
  };
  const bytes = commitSignBytes(RULES.ledgerId, unsigned);
  const signatures = set.keys.slice(0, set.quorum).map((key, validator) => {
    const secret = secrets.find((one) => toHex(native.publicKeyOf(one)) === toHex(key));
    return { validator, signature: native.sign(bytes, secret ?? ZERO_HASH) };
  });
  return { header, certificate: { ...unsigned, signatures } };
}

const RULES = { ledgerId: 'gridtokenx-consortium-00000000', epochBlocks: 5 };
const secretsOf = (name: string, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => native.sha256(Buffer.from(`${name} ${i}`)));
const setOf = (secrets: readonly Uint8Array[], at: number): ValidatorSet =>
  validatorSet(
    native,
    epochOf(at, RULES.epochBlocks),
    secrets.map((secret) => native.publicKeyOf(secret)),
  );

describe('a manifest', () => {
  it('is believed only when a quorum vouches for the state, its height and its root', async () => {
    const { blocks, store } = await withTwo();
    const { chain } = blocks;
    const bytes = store.pieces.get(200)?.get(MANIFEST);
    if (bytes === undefined) throw new Error('it was taken');
    const manifest = decodeManifest(bytes);
    expect(encodeManifest(manifest, 4)).toEqual(bytes);
    const found = (changed: Partial<SnapshotManifest>, genesisSet = chain.set): unknown => {
      const tip = tipOfManifest({ crypto: native, rules: chain.rules, genesisSet }, { ...manifest, ...changed });
      return typeof tip === 'string' ? tip : tip.height;
    };
    const { block, telling } = manifest;
    const fewer = { ...block.certificate, signatures: block.certificate.signatures.slice(1) };
    expect(found({})).toBe(200);
    expect(found({ ledgerId: 'gridtokenx-consortium-00000000' })).toBe('snapshot.wrongLedger');
    expect(found({ telling: block })).toBe('snapshot.wrongHeights');
    expect(found({ block: { ...block, certificate: fewer } })).toBe('snapshot.certificateInvalid');
    expect(found({ block: { ...block, certificate: telling.certificate } })).toBe('snapshot.certificateInvalid');
    const otherRoot = { ...telling.header, checkpointRoot: block.header.parentHash };
    expect(found({ telling: { ...telling, header: otherRoot } })).toBe('snapshot.certificateInvalid');
    expect(found({ partRoots: [block.header.parentHash] })).toBe('snapshot.root');
    expect(found({}, new TestChain(2).set)).toBe('snapshot.wrongValidators');
  });

  it('leads from the validators of the genesis to those who vouch for it, change by change', () => {
    const [first, second, third] = [secretsOf('first', 4), secretsOf('second', 7), secretsOf('third', 4)];
    const change = (of: readonly Uint8Array[], to: readonly Uint8Array[], at: number): SetChange => {
      const next = setOf(to, at + 1);
      return { ...certified(of, { height: at, nextValidatorsHash: next.hash }), nextValidators: next.keys };
    };
    const root = native.sha256(ZERO_HASH);
    const manifest: SnapshotManifest = {
      ledgerId: RULES.ledgerId,
      changes: [change(first, second, 40), change(second, third, 100)],
      block: certified(second, { height: 100, nextValidatorsHash: setOf(third, 101).hash }),
      telling: certified(third, { height: 110, checkpointRoot: root }),
      blocksOffset: 7,
      rows: 1,
      partRoots: [root],
    };
    const genesisSet = setOf(first, 1);
    const found = (changed: Partial<SnapshotManifest>): ChainTip | string =>
      tipOfManifest({ crypto: native, rules: RULES, genesisSet }, { ...manifest, ...changed });
    expect(decodeManifest(encodeManifest(manifest, 4))).toEqual(manifest);
    expect(found({})).toMatchObject({
      height: 100,
      certifiedBy: { keys: setOf(second, 100).keys, epoch: 19 },
      validators: { keys: setOf(third, 101).keys, epoch: 20 },
    });
    const [one, two] = manifest.changes as [SetChange, SetChange];
    expect(found({ changes: [one] })).toBe('snapshot.wrongValidators');
    expect(found({ changes: [two] })).toBe('snapshot.wrongValidators');
    expect(found({ changes: [two, one] })).toBe('snapshot.wrongValidators');
    expect(found({ changes: [one, one, two] })).toBe('snapshot.wrongHeights');
    expect(found({ changes: [{ ...one, nextValidators: setOf(third, 41).keys }, two] })).toBe(
      'snapshot.wrongValidators',
    );
    expect(found({ changes: [change(first, second, 41), two] })).toBe('snapshot.wrongValidators');
    expect(found({ telling: certified(second, { height: 110, checkpointRoot: root }) })).toBe(
      'snapshot.wrongValidators',
    );
  });

  it('names its parts by their roots: no other bytes are taken for one', async () => {
    const { store } = await withTwo();
    const manifest = decodeManifest(store.pieces.get(200)?.get(MANIFEST) ?? new Uint8Array(0));
    const part = store.pieces.get(200)?.get(partName(0)) ?? new Uint8Array(0);
    expect(decodePart(native, manifest, 0, part).reduce((n, { keys }) => n + keys.length, 0)).toBe(manifest.rows);
    const buckets = decodePart(native, manifest, 0, part);
    let refused = 0;
    for (let at = 0; at < part.length; at += 97) {
      const changed = part.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
      try {
        // The compressed form has bits that mean nothing: then the rows are the same.
        expect(decodePart(native, manifest, 0, changed)).toEqual(buckets);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(5);
    expect(() => decodePart(native, manifest, 0, new Uint8Array(0))).toThrow('snapshotPart.notZstd');
    const thai = new ByteWriter().u32(1).text('market.order/ก').bytes(new Uint8Array(9)).done();
    expect(() => decodePart(native, manifest, 0, zstdCompressSync(thai))).toThrow('snapshotPart.key');
    expect(() => decodeManifest(new Uint8Array(10))).toThrow('snapshot.');
  });
});
