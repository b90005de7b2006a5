import { describe, expect, it } from '@jest/globals';
import {
  bucketOf,
  BucketRows,
  CHECKPOINT_BUCKETS,
  checkpointRootFits,
  checkpointTold,
  provenRow,
  type RowProof,
} from '@gridtokenx/chain';
import { leafHash, merkleRoot, ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { asciiText, ByteWriter, DecodeError, millis, Prng, ScratchWriter, toHex, utf8 } from '@gridtokenx/kernel';
import {
  auditState,
  createLedger,
  decodeRow,
  LedgerRestore,
  rowKey,
  type Ledger,
  type RestoredBucket,
} from '../index.js';
import { RandomWorld, type RanBlock } from '../spec/random-world.spec.js';
import { crypto, identityOf } from '../spec/world.spec.js';

interface Row {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** All rows of a decided state, read from the tables. */
function rowsOf(ledger: Ledger): Row[] {
  const scratch = new ScratchWriter();
  return ledger.state.store.tables.flatMap((table) =>
    [...table.cells()].flatMap((cell) => {
      if (cell.value === undefined) return [];
      table.options.encode(scratch.reset(), cell.value);
      return [{ key: rowKey(cell), bytes: scratch.bytes().slice() }];
    }),
  );
}

/** The tree as one would write it first: all rows into lists, all lists sorted, all hashes made anew. */
function naiveRoot(rows: readonly Row[]): string {
  const buckets = Array.from({ length: CHECKPOINT_BUCKETS }, (): { key: string; hash: Hash }[] => []);
  for (const { key, bytes } of rows)
    buckets[Buffer.from(crypto.sha256(Buffer.from(key))).readUInt16BE()]?.push({ key, hash: crypto.sha256(bytes) });
  const leaves = buckets.map((bucket) => {
    const writer = new ByteWriter().u32(bucket.length);
    for (const { key, hash } of bucket.sort((a, b) => (a.key < b.key ? -1 : 1))) writer.text(key).fixed(hash);
    return leafHash(crypto.sha256, writer.done());
  });
  return toHex(merkleRoot(crypto.sha256, leaves));
}

const again = (ledger: Ledger, block: RanBlock): void => {
  ledger.execute({
    height: block.height,
    time: millis(block.time),
    proposer: 0,
    parentSigners: [],
    envelopes: block.envelopes,
  });
  ledger.commit();
};

function bucketOfRows(bucket: number, keys: string[], rows: Uint8Array[]): RestoredBucket {
  const hashed = new BucketRows();
  for (const [i, row] of rows.entries()) hashed.append(utf8(keys[i] as string), crypto.sha256(row));
  return { bucket, keys: keys.map(utf8), rows, hashed, leaf: hashed.leaf(crypto) };
}

/** Restored from what the checkpoint that is held can still be read of. */
function restored(from: Ledger, world: RandomWorld, stateDigest: Hash): Ledger {
  const restore = new LedgerRestore(crypto, identityOf(world.genesis));
  for (let bucket = 0; bucket < CHECKPOINT_BUCKETS; bucket++) {
    const keys: string[] = [];
    const rows: Uint8Array[] = [];
    from.checkpoints.visit(bucket, (key, row) => {
      keys.push(asciiText(key));
      rows.push(row.slice());
    });
    if (keys.length > 0) restore.add(bucketOfRows(bucket, keys, rows));
  }
  return restore.finish(from.checkpoints.height, stateDigest);
}

describe('the header', () => {
  it('ten above a checkpoint carries its root, and every other one zero', () => {
    expect([10, 100, 109, 110, 111, 210].map(checkpointTold)).toEqual([
      undefined,
      undefined,
      undefined,
      100,
      undefined,
      200,
    ]);
    expect(checkpointRootFits(110, ZERO_HASH)).toBe(false);
    expect(checkpointRootFits(109, ZERO_HASH)).toBe(true);
    expect(checkpointRootFits(10, new Uint8Array(32).fill(1))).toBe(false);
    expect(checkpointRootFits(110, new Uint8Array(32).fill(1))).toBe(true);
  });
});

describe('the checkpoint tree', () => {
  it('is that of a naive one, whenever and in whatever slices it is hashed', () => {
    const prng = new Prng(3);
    const world = new RandomWorld(1);
    for (const at of [100, 200, 300]) {
      world.runTo(at);
      const expected = naiveRoot(rowsOf(world.ledger));
      const { checkpoints } = world.ledger;
      for (let height = at; height < at + 9; height++) {
        checkpoints.work(prng.below(20));
        world.runTo(height + 1);
      }
      expect(checkpoints.isDone).toBe(true);
      expect(toHex(checkpoints.rootOf(at + 10))).toBe(expected);
      expect(toHex(checkpoints.rootOf(at + 11))).toBe(toHex(ZERO_HASH));
    }
  });

  it('is hashed also while a block is tried, and taken back', () => {
    const world = new RandomWorld(2);
    world.runTo(100);
    const expected = naiveRoot(rowsOf(world.ledger));
    const { ledger } = world;
    world.executeOnly([world.envelope('ann', [])], 500);
    ledger.checkpoints.work(30);
    ledger.undo();
    ledger.checkpoints.work(30);
    world.runTo(105);
    world.executeOnly([world.envelope('ann', [])], 500);
    ledger.checkpoints.work(1_000_000);
    ledger.undo();
    world.runTo(109);
    expect(toHex(ledger.checkpoints.rootOf(110))).toBe(expected);
  });

  it('is the same on a ledger that runs the blocks again', () => {
    const world = new RandomWorld(4);
    world.runTo(209);
    const other = createLedger(crypto, identityOf(world.genesis));
    for (const block of world.blocks) again(other, block);
    expect(toHex(other.stateDigest)).toBe(toHex(world.ledger.stateDigest));
    expect(toHex(other.checkpoints.rootOf(210))).toBe(toHex(world.ledger.checkpoints.rootOf(210)));
  });

  it('proves each row and the absence of any other, and nothing else', () => {
    const world = new RandomWorld(5);
    world.runTo(100);
    const rows = rowsOf(world.ledger);
    const { checkpoints } = world.ledger;
    checkpoints.work(1_000_000);
    const root = checkpoints.rootOf(110);
    for (const { key, bytes } of rows)
      expect(provenRow(crypto, root, key, checkpoints.prove(key))).toEqual(crypto.sha256(bytes));
    const [first] = rows;
    if (first === undefined) throw new Error('there are rows');
    for (let i = 0; i < 200; i++) {
      const absent = `accounts.balance/${i}/WATT`;
      expect(provenRow(crypto, root, absent, checkpoints.prove(absent))).toBeNull();
    }
    const proof = checkpoints.prove(first.key);
    const entry = proof.entries.find(({ key }) => key === first.key);
    if (entry === undefined) throw new Error('it is proven');
    const shows = (changed: Partial<RowProof>, key = first.key): unknown =>
      provenRow(crypto, root, key, { ...proof, ...changed });
    expect(shows({ entries: proof.entries.filter((one) => one !== entry) })).toBeUndefined();
    expect(shows({ entries: [...proof.entries, entry] })).toBeUndefined();
    expect(shows({ entries: [{ key: first.key, hash: ZERO_HASH }] })).toBeUndefined();
    expect(shows({ entries: [{ key: `${first.key}ก`, hash: entry.hash }] })).toBeUndefined();
    expect(shows({ path: proof.path.slice(1) })).toBeUndefined();
    expect(shows({ path: [...proof.path].reverse() })).toBeUndefined();
    // Of another bucket it says neither that a row is there nor that it is not.
    const elsewhere = rows.find(({ key }) => bucketOf(crypto, utf8(key)) !== bucketOf(crypto, utf8(first.key)));
    expect(shows({}, elsewhere?.key)).toBeUndefined();
  });
});

describe('the state digest', () => {
  it('is of the values of rows, whether their hashes were remembered, stood in the tree or are made anew', () => {
    const world = new RandomWorld(6);
    const { ledger } = world;
    const slices = new Prng(9);
    const execute = world.executeOnly.bind(world);
    let undone = 0;
    // Each block is checked, and some of the checkpoint is hashed while it is tried.
    world.executeOnly = (...block) => {
      const before = ledger.stateDigest;
      const ran = execute(...block);
      const changes = ledger.changes();
      const writer = new ByteWriter().fixed(before).u32(changes.length);
      for (const { key, oldHash, nowHash } of changes) writer.text(key).fixed(oldHash).fixed(nowHash);
      expect(toHex(ledger.stateDigest)).toBe(toHex(crypto.sha256(writer.done())));
      ledger.checkpoints.work(slices.below(12));
      if (slices.below(4) > 0) return ran;
      undone++;
      ledger.undo();
      ledger.checkpoints.work(slices.below(12));
      return world.executeOnly(...block);
    };
    world.runTo(330);
    expect(undone).toBeGreaterThan(50);
  });
});

describe('a restored ledger', () => {
  it.each([11, 12, 13])('runs on as the one it was restored from (world %i)', (seed) => {
    const prng = new Prng(seed);
    const world = new RandomWorld(seed);
    const at = 100 * (1 + prng.below(2));
    world.runTo(at);
    const { ledger } = world;
    const { stateDigest } = ledger;
    const naive = naiveRoot(rowsOf(ledger));
    ledger.checkpoints.hold();
    // Also when blocks have gone on, and one is being tried.
    world.runTo(at + 9 + prng.below(40));
    const copy = restored(ledger, world, stateDigest);
    expect([copy.height, toHex(copy.stateDigest)]).toEqual([at, toHex(stateDigest)]);
    expect(auditState(copy)).toEqual([]);
    expect(toHex(copy.checkpoints.rootOf(at + 10))).toBe(naive);
    expect(copy.checkpoints.rows).toBe(rowsOf(copy).length);
    world.runTo(at + 120);
    for (const block of world.blocks.slice(at)) again(copy, block);
    expect(toHex(copy.stateDigest)).toBe(toHex(ledger.stateDigest));
    expect(toHex(copy.checkpoints.rootOf(at + 110))).toBe(toHex(ledger.checkpoints.rootOf(at + 110)));
    expect(auditState(copy)).toEqual([]);
  });

  it('refuses rows of tables that there are not', () => {
    const restore = new LedgerRestore(crypto, identityOf(new RandomWorld(1).genesis));
    for (const key of ['no.such/row', 'nothing'])
      expect(() => restore.add(bucketOfRows(0, [key], [new Uint8Array(1)]))).toThrow('row.unknownTable');
  });
});

/** Lists of rows are sets: they are written in order, and kept in any. */
const inOrder = (value: unknown): unknown =>
  Object.fromEntries(
    Object.entries(value ?? {}).map(([name, of]) => [
      name,
      Array.isArray(of) ? new Set(of as unknown[]) : (of as unknown),
    ]),
  );

describe('a row', () => {
  const world = new RandomWorld(21);
  world.runTo(60);
  const tables = new Map(world.ledger.state.store.tables.map((table) => [table.name, table]));
  const tableOf = (key: string) => {
    const table = tables.get(key.slice(0, key.indexOf('/')));
    if (table === undefined) throw new Error(`a row is of a table: ${key}`);
    return table;
  };

  it('comes back from its bytes, in every table', () => {
    const rows = rowsOf(world.ledger);
    const scratch = new ScratchWriter();
    for (const { key, bytes } of rows) {
      const value = decodeRow(tableOf(key), bytes);
      tableOf(key).options.encode(scratch.reset(), value);
      expect(toHex(scratch.bytes())).toBe(toHex(bytes));
      expect(inOrder(value)).toEqual(inOrder(tableOf(key).get(key.slice(key.indexOf('/') + 1))));
    }
  });

  it('has one spelling, however its bytes are changed', () => {
    const prng = new Prng(22);
    const scratch = new ScratchWriter();
    const rows = rowsOf(world.ledger);
    let refused = 0;
    for (let i = 0; i < 5_000; i++) {
      const { key, bytes } = rows[prng.below(rows.length)] as Row;
      const at = prng.below(bytes.length + 1);
      const changed =
        prng.below(3) === 0
          ? bytes.slice(0, at)
          : Uint8Array.from([...bytes.slice(0, at), prng.below(256), ...bytes.slice(at + prng.below(2))]);
      try {
        tableOf(key).options.encode(scratch.reset(), decodeRow(tableOf(key), changed));
        expect(toHex(scratch.bytes())).toBe(toHex(changed));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});
