import { assert, type ByteReader, compareText, type RowWriter } from '@gridtokenx/kernel';
import { marketLimits, MECHANISMS, type MarketLimits, type Mechanism } from '@gridtokenx/protocol';
import { readFlag } from '../../ledger/rows.js';
import { PairTable, plainTable, type Store, type Table } from '../../ledger/store.js';
import { rowsOf } from '../../validators/state.js';
import { jsonOf, RulesVersions, type RulesInForce } from './versions.js';
import { WINDOW_STEPS, withPrices, type WindowRow } from './window.js';

/** All books between two zones that match in one way. */
export interface MarketName {
  readonly mechanism: Mechanism;
  readonly fromZone: string;
  readonly toZone: string;
}

export const marketKey = ({ mechanism, fromZone, toZone }: MarketName): string => `${mechanism}/${fromZone}/${toZone}`;

/** The other way round. */
export function marketOfKey(key: string): MarketName {
  const [kind, fromZone, toZone] = key.split('/');
  const mechanism = MECHANISMS.find((one) => one === kind);
  assert(mechanism !== undefined && fromZone !== undefined && toZone !== undefined, 'a halt is of a market');
  return { mechanism, fromZone, toZone };
}

/** Whether the orders of a book meet, only rest, or are not taken at all. */
export type Stop = 'none' | 'resting' | 'closed';

/** What a regulator halted; by {@link marketKey}. */
export interface HaltRow {
  /** Market time at which it ends; 0 for never by itself. */
  readonly until: number;
  /** Whether its orders end and none are taken. */
  readonly cancels: boolean;
}

/** A book in which orders do not meet, because of its breaker or because some came while its market was halted. */
export interface BookHaltRow {
  /** Market time from which it may reopen, if its market is not halted. */
  readonly until: number;
}

/** What an account entered on one day in Thailand. */
export interface UsageRow {
  readonly day: number;
  readonly wh: number;
  /** micro-WATT that its bids may cost at their limits. */
  readonly notional: number;
}

/** An account that a regulator barred. */
export interface BarRow {
  /** The height at which that was. */
  readonly since: number;
}

/** The rules of the market, what is limited for whom, and who and what is stopped. */
export class RulesState {
  readonly versions: RulesVersions;
  /** What holds for an account instead of the limits of the rules. */
  readonly limits: Table<MarketLimits>;
  readonly halts: Table<HaltRow>;
  /** By market and interval, as books are. */
  readonly bookHalts: PairTable<BookHaltRow>;
  /** By market and interval, as books are. */
  readonly windows: PairTable<WindowRow>;
  readonly usage: Table<UsageRow>;
  readonly bars: Table<BarRow>;
  /** How many there are of what is rare, so that nothing is looked up when there is none. */
  private overrides = 0;
  private haltedMarkets = 0;
  private haltedBooks = 0;
  private barred = 0;

  /** In Thailand, of the block that runs: before any order of it ends. */
  day = 0;

  /** Told of an account that was barred or readmitted. */
  onBarChanged: ((account: string) => void) | undefined;

  constructor(readonly store: Store) {
    this.versions = new RulesVersions(store);
    this.limits = plainTable<MarketLimits>(store, 'market.limits', {
      encode: (writer, limits) => void writer.text(JSON.stringify(limits)),
      decode: readLimits,
      changed: (_cell, old, now) => (this.overrides += change(old, now)),
    });
    this.halts = plainTable<HaltRow>(store, 'market.halt', {
      encode: (writer, { until, cancels }) => void writer.u64(until).u8(cancels ? 1 : 0),
      decode: (reader) => ({ until: reader.u64(), cancels: readFlag(reader) }),
      changed: (_cell, old, now) => (this.haltedMarkets += change(old, now)),
    });
    this.bookHalts = new PairTable<BookHaltRow>(
      store,
      'market.bookHalt',
      {
        encode: (writer, { until }) => void writer.u64(until),
        decode: (reader) => ({ until: reader.u64() }),
        changed: (_cell, old, now) => (this.haltedBooks += change(old, now)),
      },
      undefined,
    );
    this.windows = new PairTable<WindowRow>(
      store,
      'market.window',
      { encode: encodeWindow, decode: decodeWindow },
      undefined,
    );
    this.usage = plainTable<UsageRow>(store, 'market.usage', {
      encode: (writer, { day, wh, notional }) => void writer.u32(day).u64(wh).u64(notional),
      decode: (reader) => ({ day: reader.u32(), wh: reader.u64(), notional: reader.u64() }),
    });
    this.bars = plainTable<BarRow>(store, 'market.bar', {
      encode: (writer, { since }) => void writer.u64(since),
      decode: (reader) => ({ since: reader.u64() }),
      changed: (cell, old, now) => {
        this.barred += change(old, now);
        this.onBarChanged?.(cell.key);
      },
    });
  }

  at(marketTime: number): RulesInForce {
    return this.versions.at(marketTime);
  }

  /** SPEC market-rules 3.1: what is limited otherwise for an account. */
  overrideOf(account: string): MarketLimits | undefined {
    return this.overrides === 0 ? undefined : this.limits.get(account);
  }

  isBarred(account: string): boolean {
    return this.barred !== 0 && this.bars.has(account);
  }

  /** Markets that are halted, in the order of their keys. */
  halted(): (readonly [market: MarketName, row: HaltRow])[] {
    if (this.haltedMarkets === 0) return [];
    return rowsOf(this.halts).map(([key, row]) => [marketOfKey(key), row]);
  }

  /** SPEC market-rules 5.3 */
  stopOf(book: MarketName & { readonly key: string }): Stop {
    const halt = this.haltOf(book);
    if (halt?.cancels === true) return 'closed';
    return halt !== undefined || this.bookHaltOf(book.key) !== undefined ? 'resting' : 'none';
  }

  bookHaltOf(key: string): BookHaltRow | undefined {
    return this.haltedBooks === 0 ? undefined : this.bookHalts.get(key);
  }

  /** SPEC market-rules 5.4: orders that cross came to rest in a book while its market is halted: it reopens by an auction. */
  hold({ key }: { readonly key: string }): void {
    if (this.bookHaltOf(key) !== undefined) return;
    this.forgetBook(key);
    this.bookHalts.set(key, { until: 0 });
  }

  /** Books that are halted and may reopen, in the order of their keys. */
  reopening(marketTime: number): string[] {
    if (this.haltedBooks === 0) return [];
    const keys: string[] = [];
    for (const { key, value } of this.bookHalts.cells())
      if (value !== undefined && value.until <= marketTime) keys.push(key);
    return keys.sort(compareText);
  }

  /** SPEC market-rules 6.1: prices at which a book traded, where a breaker watches them. */
  notePrices(key: string, marketTime: number, low: number, high: number): void {
    const { breaker } = this.at(marketTime).rules;
    if (breaker === undefined) return;
    const cell = this.windows.cell(key);
    const window = withPrices(cell.value, breaker, marketTime, low, high);
    if (window !== cell.value) this.store.change(cell, window);
  }

  /** Its orders meet again. */
  release(key: string): void {
    this.store.change(this.bookHalts.cell(key), undefined);
  }

  /** Of a book that is closed, or halted anew: its window begins anew. */
  forgetBook(key: string): void {
    if (this.bookHaltOf(key) !== undefined) this.release(key);
    const window = this.windows.find(key);
    if (window?.value !== undefined) this.store.change(window, undefined);
  }

  haltOf(market: MarketName): HaltRow | undefined {
    return this.haltedMarkets === 0 ? undefined : this.halts.get(marketKey(market));
  }
}

const change = (old: unknown, now: unknown): number => (now === undefined ? 0 : 1) - (old === undefined ? 0 : 1);

function readLimits(reader: ByteReader): MarketLimits {
  const read = marketLimits.safeParse(jsonOf(reader));
  return read.success ? read.data : reader.fail('limits');
}

function encodeWindow(writer: RowWriter, { stepMs, step, lows, highs }: WindowRow): void {
  writer.u64(stepMs).u64(step).u8(lows.length);
  for (const price of lows) writer.u32(price);
  for (const price of highs) writer.u32(price);
}

function decodeWindow(reader: ByteReader): WindowRow {
  const [stepMs, step, length] = [reader.u64(), reader.u64(), reader.u8()];
  if (length === 0 || length > WINDOW_STEPS + 1) reader.fail('steps');
  const prices = (): number[] => Array.from({ length }, () => reader.u32());
  return { stepMs, step, lows: prices(), highs: prices() };
}
