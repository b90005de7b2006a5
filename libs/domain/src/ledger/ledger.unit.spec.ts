import { describe, expect, it } from '@jest/globals';
import { NO_SUPPLY } from '../accounts/state.js';
import { ByteWriter, formatTime, millis, type RowWriter, ScratchWriter, toHex } from '@gridtokenx/kernel';
import { decodeOutcome, encodeOutcome, type Envelope } from '@gridtokenx/protocol';
import { resultsOf, resultsRootOf } from '@gridtokenx/chain';
import fc from 'fast-check';
import { auditState, createConsortiumLedger, type ConsortiumLedger } from '../index.js';
import { OutcomeBytes } from './bytes.js';
import { digestOf, rowKey } from './digest.js';
import { refuseSequence, useSequence } from './replay.js';
import { SortedSet } from './sorted.js';
import { crypto, envelopeOf, id, identityOf, kidOf, place, START, World, genesisOf } from '../spec/world.spec.js';

/** Every row of every table, and every index, as text. */
function dump({ state }: ConsortiumLedger): string[] {
  const rows = state.store.tables.flatMap((table) =>
    [...table.cells()].flatMap((cell) =>
      cell.value === undefined
        ? []
        : [
            `${rowKey(cell)} ${JSON.stringify(cell.value, (key, value: unknown) => (key === 'book' ? 'book' : typeof value === 'bigint' ? value.toString() : value))}`,
          ],
    ),
  );
  const books = [...state.market.standing].flatMap((book) =>
    [book.bids, book.asks].flatMap((side) => {
      const orders: string[] = [];
      for (let level = side.best; level !== undefined; level = side.levelFrom(level.rank + 1))
        for (let node = level.head; node !== undefined; node = node.next) orders.push(`${level.rank} ${node.cell.key}`);
      return [`${book.key} ${side.count}`, ...orders];
    }),
  );
  const expiring = [...state.market.expiring].map((node) => `expires ${node.cell.key}`);
  return [...rows.sort(), ...books, ...expiring];
}

const opened = (): World => {
  const world = new World();
  for (const name of ['ann', 'bob']) {
    world.ownKey(name);
    world.fund(name, 10_000);
    world.measure(name, { producedWh: 1_000_000 });
  }
  return world;
};

/** A block of random orders, cancels and transfers in two envelopes. */
const blockOf = (world: World, moves: readonly number[]): Envelope[] =>
  ['ann', 'bob'].map((name, who) =>
    world.envelope(
      name,
      moves.map((move, i) =>
        move % 7 === 0
          ? {
              type: 'accounts.transfer',
              from: id(name),
              to: id(who === 0 ? 'bob' : 'ann'),
              asset: 'WATT',
              amount: String(1 + move),
            }
          : place(name, (move + who) % 2 === 0 ? 'bid' : 'ask', 440 + (move % 20), 100 + ((move * 31 + i) % 900)),
      ),
      moves.length % 3 === 0,
    ),
  );

const moves = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 30 });

describe('a block', () => {
  it('that is executed and undone has never been: digest, rows, indexes, height and times', () => {
    fc.assert(
      fc.property(moves, moves, fc.constantFrom(1_000, 100_000, 900_000), (history, next, afterMs) => {
        const world = opened();
        world.block(blockOf(world, history));
        const { ledger } = world;
        const before = {
          dump: dump(ledger),
          digest: toHex(ledger.stateDigest),
          height: ledger.height,
          time: ledger.time,
          marketTime: ledger.marketTime,
        };
        const first = blockOf(world, next);
        const one = world.executeOnly(first, afterMs);
        ledger.undo();
        expect({
          dump: dump(ledger),
          digest: toHex(ledger.stateDigest),
          height: ledger.height,
          time: ledger.time,
          marketTime: ledger.marketTime,
        }).toEqual(before);
        expect(auditState(ledger)).toEqual([]);
        const other = world.executeOnly([], 5);
        ledger.undo();
        const again = world.executeOnly(first, afterMs);
        expect(toHex(other.execution.stateDigest)).not.toBe(toHex(one.execution.stateDigest));
        expect(toHex(again.execution.stateDigest)).toBe(toHex(one.execution.stateDigest));
        expect(toHex(again.execution.resultsRoot)).toBe(toHex(one.execution.resultsRoot));
      }),
      { numRuns: 25, seed: 7 },
    );
  });

  it('comes to the same digests on every ledger of the same genesis, also on one that executed others in between', () => {
    fc.assert(
      fc.property(fc.array(moves, { minLength: 1, maxLength: 5 }), (stream) => {
        const [one, two] = [opened(), opened()];
        for (const part of stream) {
          const a = one.block(blockOf(one, part));
          two.executeOnly([], 77);
          two.ledger.undo();
          const b = two.block(blockOf(two, part));
          for (const { bytes } of a.execution.outcomes) expect(bytes).toEqual(encodeOutcome(decodeOutcome(bytes)));
          expect(toHex(b.execution.stateDigest)).toBe(toHex(a.execution.stateDigest));
          expect(toHex(b.execution.resultsRoot)).toBe(toHex(a.execution.resultsRoot));
        }
        expect(dump(two.ledger)).toEqual(dump(one.ledger));
        expect(auditState(one.ledger)).toEqual([]);
      }),
      { numRuns: 15, seed: 8 },
    );
  });

  it('gives outcomes that pair with the operations and hash to the results root', () => {
    const world = opened();
    const { execution, envelopes } = world.block(blockOf(world, [1, 2, 3, 7]));
    const results = resultsOf(execution.outcomes, envelopes);
    expect(results).toEqual(execution.results);
    for (const { bytes } of execution.outcomes) expect(bytes).toEqual(encodeOutcome(decodeOutcome(bytes)));
    expect(toHex(resultsRootOf(crypto, results ?? []))).toBe(toHex(execution.resultsRoot));
  });

  it('that is empty still moves the digest on: time is state', () => {
    const world = new World();
    const before = toHex(world.ledger.stateDigest);
    world.wait(1);
    expect(toHex(world.ledger.stateDigest)).not.toBe(before);
  });

  it('moves market time by its rate, and by no more than the cap allows', () => {
    const world = new World({ rate: 60, capMs: 5_000 });
    world.wait(1_000);
    expect(world.ledger.marketTime - START).toBe(60_000);
    world.wait(100_000);
    expect(world.ledger.marketTime - START).toBe(60_000 + 300_000);
    expect(world.ledger.time - START).toBe(101_000);
    const [clock] = world.executeOnly([], 1).execution.outcomes;
    expect(clock?.hook).toBe(true);
    expect(decodeOutcome(clock?.bytes ?? new Uint8Array(0))).toMatchObject({
      events: [{ type: 'ledger.clockAdvanced', marketTime: formatTime(millis(START + 360_060)) }],
    });
  });

  it('is run on its parent, once decided', () => {
    const { ledger } = new World();
    expect(() =>
      ledger.execute({ height: 2, time: millis(START + 1), proposer: 0, parentSigners: [], envelopes: [] }),
    ).toThrow('bug');
    expect(() =>
      ledger.execute({ height: 1, time: millis(START), proposer: 0, parentSigners: [], envelopes: [] }),
    ).toThrow('bug');
    ledger.execute({ height: 1, time: millis(START + 1), proposer: 0, parentSigners: [], envelopes: [] });
    expect(() =>
      ledger.execute({ height: 2, time: millis(START + 2), proposer: 0, parentSigners: [], envelopes: [] }),
    ).toThrow('bug');
  });
});

describe('the state digest', () => {
  it('is the hash of the one before, the count, and each changed key with its old and new hash', () => {
    const world = new World();
    const { store } = world.ledger.state;
    const previous = crypto.sha256(new Uint8Array([1]));
    const nothing = digestOf(crypto, store, previous).digest;
    world.ledger.state.accounts.mint(id('ann'), 'WATT', 5n);
    const minted = digestOf(crypto, store, previous).digest;
    world.ledger.state.accounts.burn(id('ann'), 'WATT', 5n);
    world.ledger.state.accounts.supplies.set('WATT', NO_SUPPLY);
    expect(toHex(minted)).not.toBe(toHex(nothing));
    store.endBlock();
    expect(toHex(digestOf(crypto, store, previous).digest)).toBe(toHex(nothing));
  });

  it('leaves out a row that ends as it began', () => {
    const world = opened();
    const { store, accounts } = world.ledger.state;
    const previous = crypto.sha256(new Uint8Array([1]));
    const nothing = digestOf(crypto, store, previous).digest;
    accounts.transfer(id('ann'), id('bob'), 'WATT', 5n);
    accounts.transfer(id('bob'), id('ann'), 'WATT', 5n);
    expect(toHex(digestOf(crypto, store, previous).digest)).toBe(toHex(nothing));
  });
});

describe('an envelope', () => {
  it('that is atomic does all or nothing', () => {
    const world = opened();
    const before = dump(world.ledger).filter((row) => !/^(registry.key|ledger.clock)/.test(row));
    const { outcomes } = world.block([
      world.envelope(
        'bob',
        [place('bob', 'bid', 450, 100), place('bob', 'bid', 450, 5), place('bob', 'bid', 450, 100)],
        true,
      ),
    ]);
    expect(outcomes).toMatchObject([
      { code: 'envelope.aborted' },
      { code: 'market.belowMinimum' },
      { code: 'envelope.aborted' },
    ]);
    expect(dump(world.ledger).filter((row) => !/^(registry.key|ledger.clock)/.test(row))).toEqual(before);
  });

  it('that is not atomic does what it can', () => {
    const world = opened();
    const { outcomes } = world.run(
      'bob',
      place('bob', 'bid', 450, 100),
      place('bob', 'bid', 450, 5),
      place('bob', 'bid', 450, 100),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['executed', 'rejected', 'executed']);
  });

  it('that breaks an invariant is undone whole, told of, and has used its sequence', () => {
    const world = opened();
    const { accounts } = world.ledger.state;
    const { transfer } = accounts;
    accounts.transfer = function (from, to, asset, amount): void {
      transfer.call(accounts, from, to, asset, amount);
      if (amount === 13n) this.add(this.cell(to, asset), 1n);
    };
    const pay = (amount: number) =>
      ({ type: 'accounts.transfer', from: id('bob'), to: id('ann'), asset: 'WATT', amount: String(amount) }) as const;
    const bad = world.envelope('bob', [pay(1), pay(13)]);
    const { outcomes, execution } = world.block([bad, world.envelope('bob', [pay(2)])]);
    expect(outcomes).toMatchObject([
      { code: 'operation.quarantined' },
      { code: 'operation.quarantined' },
      { status: 'executed' },
    ]);
    expect(execution.quarantined).toMatchObject([{ envelope: bad, reason: 'the supply of WATT is off by 1' }]);
    expect(world.ledger.admission(world.ledger.time).refusal(bad)).toBe('operation.sequenceUsed');
    expect(world.available('bob')).toBe(10_000_000_000n - 2n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that makes the code throw is undone whole, and the block goes on', () => {
    const world = opened();
    const { accounts } = world.ledger.state;
    accounts.transfer = (): void => {
      throw new TypeError('a bug');
    };
    const { outcomes, execution } = world.block([
      world.envelope('bob', [
        { type: 'accounts.transfer', from: id('bob'), to: id('ann'), asset: 'WATT', amount: '1' },
      ]),
      world.envelope('ann', [place('ann', 'bid', 450, 100)]),
    ]);
    expect(outcomes).toMatchObject([{ code: 'operation.quarantined' }, { status: 'executed' }]);
    expect(execution.quarantined[0]?.reason).toBe('TypeError: a bug');
  });

  it('that exhausts the machine is no fault of its own: the ledger stops where it stood', () => {
    const world = opened();
    const before = dump(world.ledger);
    world.ledger.state.accounts.transfer = (): void => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    const envelope = world.envelope('bob', [
      { type: 'accounts.transfer', from: id('bob'), to: id('ann'), asset: 'WATT', amount: '1' },
    ]);
    expect(() => world.block([envelope])).toThrow('call stack');
    expect(dump(world.ledger)).toEqual(before);
  });

  it('of a key that was removed earlier in the block may do nothing more', () => {
    const world = opened();
    const removal = world.envelope('bob', [{ type: 'registry.removeKey', key: kidOf('bob') }]);
    const order = world.envelope('bob', [place('bob', 'bid', 450, 100)]);
    expect(world.block([removal, order]).outcomes).toMatchObject([
      { status: 'executed' },
      { code: 'key.notAuthorised' },
    ]);
  });
});

describe('the replay window', () => {
  it('agrees with a set that forgets nothing', () => {
    const sequences = fc.array(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 2_000_000 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(sequences, (stream) => {
        const used = new Set<number>();
        let window = { highest: 0, used: 0n };
        for (const sequence of stream) {
          const highest = Math.max(0, ...used);
          const expected =
            sequence > highest + 1_000_000
              ? 'operation.sequenceTooFar'
              : sequence <= highest - 1_024
                ? 'operation.sequenceTooOld'
                : used.has(sequence)
                  ? 'operation.sequenceUsed'
                  : undefined;
          expect(refuseSequence(window, sequence)).toBe(expected);
          if (expected !== undefined) continue;
          used.add(sequence);
          window = useSequence(window, sequence);
          expect(window.used < 1n << 1_024n).toBe(true);
        }
      }),
      { seed: 9, numRuns: 200 },
    );
  });
});

describe('admission', () => {
  const at = START + 10_000;
  const world = opened();
  const sent = (more: Partial<Parameters<typeof envelopeOf>[1]>): Envelope =>
    envelopeOf([place('bob', 'bid', 450, 100)], { by: 'bob', sequence: 50, validUntil: at, ...more });
  const refusal = (envelope: Envelope) => world.ledger.admission(millis(at)).refusal(envelope);

  it('lets in what is free and valid, once', () => {
    const { refusal: ask } = world.ledger.admission(millis(at));
    expect(ask(sent({}))).toBeUndefined();
    expect(ask(sent({}))).toBe('operation.sequenceUsed');
    expect(ask(sent({ sequence: 51 }))).toBeUndefined();
    expect(refusal(sent({}))).toBeUndefined();
  });

  it('refuses by key, sequence and validity', () => {
    world.must('mea', { type: 'registry.removeKey', key: kidOf('mea') });
    world.block([sent({ sequence: 2_000, validUntil: at + 10_000 })]);
    expect(refusal(sent({ by: 'stranger' }))).toBe('operation.unknownKey');
    expect(refusal(sent({ by: 'mea' }))).toBe('operation.keyRemoved');
    expect(refusal(sent({ sequence: 2_000 }))).toBe('operation.sequenceUsed');
    expect(refusal(sent({ sequence: 976 }))).toBe('operation.sequenceTooOld');
    expect(refusal(sent({ sequence: 977 }))).toBeUndefined();
    expect(refusal(sent({ sequence: 1_002_000 }))).toBeUndefined();
    expect(refusal(sent({ sequence: 1_002_001 }))).toBe('operation.sequenceTooFar');
    expect(refusal(sent({ sequence: 1_500, validUntil: at - 1 }))).toBe('operation.expired');
    expect(refusal(sent({ sequence: 1_500, validUntil: at + 3_600_000 }))).toBeUndefined();
    expect(refusal(sent({ sequence: 1_500, validUntil: at + 3_600_001 }))).toBe('operation.validTooLong');
  });
});

describe('the parts', () => {
  it('a sorted set is sorted, whatever was added and taken out', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3_000), { maxLength: 3_000 }), (numbers) => {
        const set = new SortedSet<number>((a, b) => a - b);
        const plain = new Set<number>();
        for (const n of numbers) {
          if (plain.delete(n)) set.remove(n);
          else {
            plain.add(n);
            set.add(n);
          }
        }
        const sorted = [...plain].sort((a, b) => a - b);
        expect([...set]).toEqual(sorted);
        expect([set.size, set.first]).toEqual([sorted.length, sorted[0]]);
      }),
      { seed: 10, numRuns: 30 },
    );
  });

  it('rows are written as ByteWriter writes them', () => {
    const scratch = new ScratchWriter();
    const written = <W extends RowWriter>(writer: W, text: string, n: number): W =>
      writer
        .u8(n & 255)
        .u32(n)
        .u64(n * 3)
        .i128(-BigInt(n))
        .text(text)
        .fixed(Uint8Array.of(n & 255))
        .text(text);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, n) => {
        expect(written(scratch.reset(), text, n).bytes()).toEqual(written(new ByteWriter(), text, n).done());
      }),
      { seed: 11 },
    );
    const long = 'x'.repeat(100_000);
    expect(written(scratch.reset(), long, 1).bytes()).toEqual(written(new ByteWriter(), long, 1).done());
  });

  it('outcome bytes are those of the protocol', () => {
    const written = new OutcomeBytes();
    for (const code of ['market.bookClosed', 'key.notAuthorised'] as const)
      for (const detail of [{ a: 'plain' }, { a: 'ชื่อ "x"' }, { a: 'x'.repeat(300_000) }, { a: 'after' }])
        expect(written.of({ v: 1, status: 'rejected', code, detail })).toEqual(
          encodeOutcome({ v: 1, status: 'rejected', code, detail }),
        );
  });

  it('a ledger starts at its genesis, and another genesis is another state', () => {
    const one = createConsortiumLedger(crypto, identityOf(genesisOf()));
    const two = createConsortiumLedger(crypto, identityOf(genesisOf({ feedInRate: 1 })));
    expect([one.height, one.time, one.marketTime]).toEqual([0, START, START]);
    expect(toHex(one.stateDigest)).not.toBe(toHex(two.stateDigest));
    expect(auditState(one)).toEqual([]);
  });
});
