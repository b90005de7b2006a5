import { afterEach, describe, expect, it } from '@jest/globals';
import type { SignerRecord } from '@gridtokenx/consensus';
import { native } from '@gridtokenx/crypto-native';
import { toBase64Url } from '@gridtokenx/kernel';
import { ledgerTopics } from '@gridtokenx/protocol';
import { MemoryLog, MemorySnapshots, memorySignerSlots, type TestConsortium } from '@gridtokenx/testkit';
import { systemClock } from './clock.js';
import { TestChain } from './fixture.spec.js';
import type { HostEvent } from './host-events.js';
import { SignerRecords, type SignerSlots } from './signer-records.js';
import { expectAtTip, follow, kinds, withTwo } from './snapshot-fixture.spec.js';
import type { SnapshotPublisher } from './snapshot-publisher.js';
import { encodePiece, fetchSnapshot } from './snapshot-records.js';
import { MANIFEST, partName } from './snapshot-store.js';
import type { SnapshotOptions } from './snapshot-taker.js';
import { ValidatorHost } from './validator-host.js';

const { name: SNAPSHOTS } = ledgerTopics.consortium.snapshots;
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

describe('a snapshot of others', () => {
  it('is found among garbage, parts that lie and manifests that nobody vouches for', async () => {
    const { blocks, store } = await withTwo();
    const { chain, log } = blocks;
    await log.ensureTopics([ledgerTopics.consortium.snapshots]);
    const { ledgerId } = chain;
    const piece = (height: number, name: string, change = (bytes: Uint8Array): Uint8Array => bytes): Uint8Array => {
      const payload = change(store.pieces.get(height)?.get(name) ?? new Uint8Array(0));
      return encodePiece(ledgerId, { height, part: name === MANIFEST ? undefined : 0, payload });
    };
    const own = new MemorySnapshots();
    const fetch = (above: number): Promise<number | undefined> =>
      fetchSnapshot({
        crypto: native,
        identity: chain.consortium.identity,
        log,
        clock: systemClock,
        store: own,
        above,
      });
    expect(await fetch(0)).toBeUndefined();
    const payload = store.pieces.get(200)?.get(MANIFEST) ?? new Uint8Array(0);
    await log.append(SNAPSHOTS, [
      new Uint8Array(0),
      new Uint8Array(300).fill(7),
      piece(200, partName(0), flip),
      piece(200, MANIFEST, flip),
      encodePiece(new TestChain(9).ledgerId, { height: 200, part: undefined, payload }),
      encodePiece(ledgerId, { height: 300, part: undefined, payload }),
      encodePiece(ledgerId, { height: 200, part: 7, payload }),
    ]);
    expect(await fetch(0)).toBeUndefined();
    // The newer one lacks a part that holds.
    await log.append(SNAPSHOTS, [piece(200, MANIFEST), piece(100, partName(0)), piece(100, MANIFEST)]);
    expect(await fetch(100)).toBeUndefined();
    expect(await fetch(0)).toBe(100);
    await log.append(SNAPSHOTS, [piece(200, partName(0))]);
    expect(await fetch(0)).toBe(200);
    expect(await own.heights()).toEqual([200, 100]);
    expect(own.pieces.get(200)).toEqual(store.pieces.get(200));

    const newcomer = await follow(blocks, new MemorySnapshots(), { fetchBeyond: 50 });
    expectAtTip(newcomer, blocks);
    expect([kinds(newcomer.events), newcomer.readFrom]).toEqual([['snapshotFetched 200'], [200]]);
    const nearly = await follow(blocks, new MemorySnapshots(), { fetchBeyond: 200 });
    expectAtTip(nearly, blocks);
    expect(nearly.readFrom).toEqual([0]);
    newcomer.host.close();
    nearly.host.close();
  });
});

async function run(
  consortium: TestConsortium,
  log: MemoryLog,
  seeds: readonly Uint8Array[],
  signerSlots: SignerSlots,
  snapshots: SnapshotOptions,
): Promise<{ host: ValidatorHost; events: HostEvent[] }> {
  const events: HostEvent[] = [];
  const host = await ValidatorHost.start({
    crypto: native,
    identity: consortium.identity,
    seeds,
    log,
    clock: systemClock,
    signerSlots,
    snapshots,
    observe: (event) => events.push(event),
  });
  const readers = [...host.startOffsets].map(([topic, from]) =>
    log.subscribe(topic, from, (records) => host.take(topic, records)),
  );
  closing.push(() => {
    host.close();
    for (const reader of readers) void reader.close();
  });
  return { host, events };
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a node that is new', () => {
  it('begins at the snapshot that others offer, has their state, and votes with them', async () => {
    const { blocks, store } = await withTwo();
    const { chain, log } = blocks;
    const { consortium, tip: end } = chain;
    const [newcomer, ...others] = consortium.validatorSeeds;
    if (newcomer === undefined) throw new Error('there are four');
    // The others have signed this chain; their snapshot is on the topic.
    const slots = memorySignerSlots();
    const { store: records } = await SignerRecords.load(native, slots);
    const signed: SignerRecord = {
      height: end.height,
      round: 0,
      step: 3,
      signBytes: end.hash,
      prepared: undefined,
      committed: undefined,
    };
    await records.save(new Map(others.map((seed) => [toBase64Url(native.publicKeyOf(seed)), signed])), 0);
    const offering = { everyCheckpoints: 1, store };
    const old = await run(consortium, log, others, slots, offering);
    offerHeld(old.host, 200, 1);
    let offered = 0;
    const reading = log.subscribe(SNAPSHOTS, 0, (found) => Promise.resolve(void (offered += found.length)));
    closing.push(() => void reading.close());
    await until('a snapshot to be offered', () => offered >= 2);

    const own = { everyCheckpoints: 1, fetchBeyond: 50, store: new MemorySnapshots() };
    const newcomersSlots = memorySignerSlots();
    const { host, events } = await run(consortium, log, [newcomer], newcomersSlots, own);
    expect(events.map(({ kind }) => kind)).toContain('snapshotFetched');
    await until('the rejoin', () => events.some(({ kind }) => kind === 'rejoined'));
    const rejoinedAt = host.status.height;
    // The record of what it signs is written before each signature.
    const kid = toBase64Url(native.publicKeyOf(newcomer));
    await until('it to sign', async () => {
      const { loaded } = await SignerRecords.load(native, newcomersSlots);
      return (loaded.records.get(kid)?.height ?? 0) > rejoinedAt;
    });
    await until('both to stand at one height with one state', () => {
      const [one, two] = [old.host.status, host.status];
      return one.height === two.height && one.stateDigest === two.stateDigest;
    });
    expect([...events, ...old.events].filter(({ kind }) => kind === 'evidence')).toEqual([]);
  }, 120_000);
});

const offerHeld = (host: ValidatorHost, at: number, parts: number): void =>
  (host as unknown as { publisherOfSnapshots: SnapshotPublisher }).publisherOfSnapshots.publish(at, parts);
