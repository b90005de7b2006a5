import { bucketOf, BucketRows } from '@gridtokenx/chain';
import { formatTime, millis, utf8, ScratchWriter } from '@gridtokenx/kernel';
import type { MarketRules, Operation, OperationOf } from '@gridtokenx/protocol';
import { LedgerRestore, rowKey, type ConsortiumLedger } from '../../index.js';
import { crypto, id, identityOf, kidOf, place, World, ZONE, type Ran } from '../../spec/world.spec.js';

export const NAMES = ['ann', 'bob', 'cat'] as const;
export const market = { mechanism: 'continuous', fromZone: ZONE, toZone: ZONE } as const;
export const reference = 'erc-2026-1';

export const codes = ({ outcomes }: Ran): string[] =>
  outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.code : 'ok'));

/** A world with a regulator of the market, and three accounts that have money, energy and keys. */
export class MarketWorld extends World {
  constructor() {
    super();
    this.must('erc', {
      type: 'registry.registerOrganisation',
      organisation: id('regulator'),
      sector: 'regulator',
      roles: ['marketRegulator'],
      key: kidOf('regulator'),
    });
    for (const name of NAMES) {
      this.fund(name, 100_000);
      this.ownKey(name);
      this.measure(name, { producedWh: 1_000_000 });
    }
  }

  timeIn(ms: number): string {
    return formatTime(millis(this.ledger.marketTime + ms));
  }

  /** Rules that hold from the next block on. */
  rule(changes: Partial<MarketRules>): void {
    const { rules } = this.ledger.state.rules.at(this.ledger.marketTime);
    this.must('regulator', { type: 'market.setRules', validFrom: this.timeIn(1_001), rules: { ...rules, ...changes } });
    this.wait(1_000);
  }

  /** The id of an order that was taken, with what its block told. */
  order(
    name: string,
    side: 'bid' | 'ask',
    priceTicks: number,
    quantityWh: number,
    more: Partial<OperationOf<'market.placeOrder'>> = {},
  ): Ran & { order: string } {
    const ran = this.must(name, place(name, side, priceTicks, quantityWh, more));
    return { ...ran, order: ran.ids[0] ?? '' };
  }

  /** Why an order was not taken. */
  refusal(
    name: string,
    side: 'bid' | 'ask',
    priceTicks: number,
    quantityWh: number,
    more: Partial<OperationOf<'market.placeOrder'>> = {},
  ): string {
    return this.codeOf(name, place(name, side, priceTicks, quantityWh, more));
  }

  codeOf(by: string, operation: Operation): string {
    return codes(this.run(by, operation))[0] ?? '';
  }

  /** A ledger that was restored from the rows of this one. */
  restored(): ConsortiumLedger {
    const { height, stateDigest, state } = this.ledger;
    const scratch = new ScratchWriter();
    const rows = state.store.tables.flatMap((table) =>
      [...table.cells()].flatMap((cell) => {
        if (cell.value === undefined) return [];
        table.options.encode(scratch.reset(), cell.value);
        return [{ key: utf8(rowKey(cell)), row: scratch.bytes().slice() }];
      }),
    );
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    const restore = new LedgerRestore(crypto, identityOf(this.genesis));
    const buckets = [...Map.groupBy(rows, ({ key }) => bucketOf(crypto, key))].sort(([a], [b]) => a - b);
    for (const [bucket, all] of buckets) {
      const hashed = new BucketRows();
      for (const { key, row } of all) hashed.append(key, crypto.sha256(row));
      const [keys, values] = [all.map(({ key }) => key), all.map(({ row }) => row)];
      restore.add({ bucket, keys, rows: values, hashed, leaf: hashed.leaf(crypto) });
    }
    return restore.finish(height, stateDigest) as ConsortiumLedger;
  }
}

/** Trades among the facts of a block: price in ticks and Wh. */
export const tradesOf = ({ events }: Ran): [priceTicks: number, wh: number][] =>
  events.flatMap((event) =>
    event.type === 'market.traded' ? [[event.priceTicks, Number(event.quantityWh)] as [number, number]] : [],
  );

/** Orders that ended in a block, and why. */
export const closesOf = ({ events }: Ran): [order: string, reason: string][] =>
  events.flatMap((event) =>
    event.type === 'market.orderClosed' ? [[event.order, event.reason] as [string, string]] : [],
  );
