import { formatTime, millis, type Millis } from '@gridtokenx/kernel';
import type { MarketRules } from '@gridtokenx/protocol';
import type { BlockContext } from '../../ledger/module.js';
import { marketOf, type Book } from '../book.js';
import type { MarketState } from '../state.js';
import { ceilingOf, floorOf, highest, lowest } from './window.js';

type Breaker = NonNullable<MarketRules['breaker']>;

/** SPEC market-rules 6: the prices that the trades of one order may have, and those that they had. */
export class Corridor {
  /** The price that was too far away; 0 for none. */
  trippedBy = 0;
  private tradedLow = 0;
  private tradedHigh = 0;

  private constructor(
    private readonly breaker: Breaker,
    private low: number,
    private high: number,
  ) {}

  /** Absent where nothing breaks. */
  static of({ rules }: MarketState, { marketTime }: BlockContext, book: Book): Corridor | undefined {
    const { breaker } = rules.at(marketTime).rules;
    if (breaker === undefined) return undefined;
    const window = rules.windows.get(book.key);
    return new Corridor(breaker, lowest(window, breaker, marketTime), highest(window, breaker, marketTime));
  }

  /** Whether there may be a trade at a price, which then counts for those after it. */
  admits(priceTicks: number): boolean {
    const { breaker, low, high } = this;
    if (high !== 0 && (priceTicks > ceilingOf(breaker, low) || priceTicks < floorOf(breaker, high))) {
      this.trippedBy = priceTicks;
      return false;
    }
    if (high === 0 || priceTicks < low) this.low = priceTicks;
    if (priceTicks > high) this.high = priceTicks;
    if (this.tradedHigh === 0 || priceTicks < this.tradedLow) this.tradedLow = priceTicks;
    if (priceTicks > this.tradedHigh) this.tradedHigh = priceTicks;
    return true;
  }

  /** Writes what was traded into the window, or halts the book if a price was too far away. True when it is halted. */
  close({ rules }: MarketState, context: BlockContext, book: Book): boolean {
    const { breaker, tradedLow, tradedHigh, low, high, trippedBy } = this;
    const { marketTime } = context;
    if (trippedBy === 0) {
      if (tradedHigh !== 0) rules.notePrices(book.key, marketTime, tradedLow, tradedHigh);
      return false;
    }
    rules.forgetBook(book.key);
    const until = marketTime + breaker.haltMs;
    rules.store.change(rules.bookHalts.pair(marketOf(book), book.interval), { until });
    const { mechanism, phase, fromZone, toZone, interval } = book;
    context.events.push({
      type: 'market.breakerTripped',
      mechanism,
      phase,
      fromZone,
      toZone,
      interval,
      priceTicks: trippedBy,
      lowTicks: low,
      highTicks: high,
      until: formatTime(millis(until) as Millis),
    });
    return true;
  }
}
