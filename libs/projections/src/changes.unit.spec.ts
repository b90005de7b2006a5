import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Changes } from './changes.js';
import type { RecordRow, SumRow } from './lists.js';
import type { Facts, Records, SumKind } from './public/rows.js';

type Step =
  | { kind: 'record'; change: 'put' | 'patch' | 'amend' | 'remove'; name: string; id: number; value: number }
  | { kind: 'add'; id: number; amount: number }
  | { kind: 'set'; id: number; amount: number };

const id = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('record' as const),
    change: fc.constantFrom('put' as const, 'patch' as const, 'amend' as const, 'remove' as const),
    name: fc.constantFrom('a', 'b'),
    id,
    value: fc.nat(9),
  }),
  fc.record({ kind: fc.constant('add' as const), id, amount: fc.integer({ min: -9, max: 9 }) }),
  fc.record({ kind: fc.constant('set' as const), id, amount: fc.nat(9) }),
);

/** What the tables hold after blocks of these rows, as the row store says it. */
class Tables {
  readonly records = new Map<string, object>();
  readonly sums = new Map<string, bigint>();

  take({ records, sums }: { readonly records: readonly RecordRow[]; readonly sums: readonly SumRow[] }): void {
    for (const { id: key, replaces, body, fresh } of records) {
      const old = this.records.get(key);
      const now = old === undefined ? fresh : body && (replaces ? body : { ...old, ...body });
      if (now === undefined) this.records.delete(key);
      else this.records.set(key, now);
    }
    for (const { id: key, value, change, least } of sums) {
      const sum = (value ?? this.sums.get(key) ?? 0n) + change;
      this.sums.set(key, sum > least ? sum : least);
    }
  }
}

const newChanges = (): Changes<Facts, Records, SumKind> => new Changes();

function told(changes: ReturnType<typeof newChanges>, one: Step): void {
  const body = { [one.kind === 'record' ? one.name : '']: one.kind === 'record' ? one.value : 0 } as never;
  if (one.kind === 'add') changes.add('active', String(one.id), BigInt(one.amount));
  else if (one.kind === 'set') changes.set('active', String(one.id), BigInt(one.amount));
  else if (one.change === 'remove') changes.remove('candidate', String(one.id));
  else changes[one.change]('candidate', String(one.id), body);
}

const sorted = <V>(map: ReadonlyMap<string, V>): [string, V][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the changes of a block', () => {
  it('come to the same, however many of them stand in one block', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 12 }), (blocks) => {
        const [grouped, single] = [new Tables(), new Tables()];
        for (const block of blocks) {
          const together = newChanges();
          for (const one of block) {
            told(together, one);
            const alone = newChanges();
            told(alone, one);
            single.take(alone);
          }
          grouped.take(together);
          expect(new Set(together.records.map(({ id: key }) => key)).size).toBe(together.records.length);
        }
        expect(sorted(grouped.records)).toEqual(sorted(single.records));
        const nonZero = (sums: ReadonlyMap<string, bigint>): unknown =>
          sorted(sums).filter(([, amount]) => amount !== 0n);
        expect(nonZero(grouped.sums)).toEqual(nonZero(single.sums));
      }),
      { seed: 91, numRuns: 400 },
    );
  });

  it('tell each fact in its list, and the place of each in the block', () => {
    const changes = newChanges();
    const where = { index: 3, operationId: undefined };
    const fee = { type: 'grid.feesCollected', payers: 1, amount: '5' } as const;
    changes.fact('fees', '', where, fee);
    changes.fact('payouts', 7, where, {} as never);
    expect(changes.facts).toEqual([
      { topic: 'fees', subject: '', place: 0, ...where, body: fee },
      { topic: 'payouts', subject: '7', place: 1, ...where, body: {} },
    ]);
  });
});
