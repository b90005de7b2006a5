import type { VerifiedBlock } from '@gridtokenx/client';
import { parseInterval } from '@gridtokenx/kernel';
import type { LedgerEvent } from '@gridtokenx/protocol';

/** What became of an operation, and when its block was seen here. */
export interface Seen {
  readonly at: number;
  readonly status: string;
  readonly code: string | undefined;
}

/** What was traded of an interval so far: Wh and micro-WATT. */
export interface Traded {
  readonly count: number;
  readonly wh: bigint;
  readonly money: bigint;
}

const NOTHING: Traded = { count: 0, wh: 0n, money: 0n };
const SEEN_MAX = 10_000;

/** How far the replay has come, as proven blocks say: so one that was interrupted goes on where the chain stands. */
export class Progress {
  height = 0;
  marketTime: number;
  blockTime: number;
  private readonly accounts = new Set<string>();
  private readonly readings = new Set<string>();
  private readonly orders = new Set<string>();
  private readonly settled = new Set<number>();
  private readonly corrections = new Set<string>();
  /** Whether money is owed that no cycle has paid yet. */
  private owed = false;
  private readonly trades = new Map<number, Traded>();
  /** Wh that were sold (positive) or bought ahead of delivery, by account and interval. */
  private readonly ahead = new Map<string, number>();
  private readonly seen = new Map<string, Seen>();

  constructor(
    private readonly market: { readonly rate: number; readonly capMs: number },
    start: { readonly marketTime: number; readonly blockTime: number },
  ) {
    ({ marketTime: this.marketTime, blockTime: this.blockTime } = start);
  }

  take(block: VerifiedBlock): void {
    this.height = block.height;
    this.marketTime += this.market.rate * Math.min(block.time - this.blockTime, this.market.capMs);
    this.blockTime = block.time;
    const at = Date.now();
    for (const { asked, outcome } of block.results) {
      const code = outcome.status === 'rejected' ? outcome.code : undefined;
      if (asked !== undefined) this.seen.set(asked.operationId, { at, status: outcome.status, code });
      if (outcome.status === 'executed') for (const event of outcome.events) this.event(event);
    }
    // Only what is under way has to be remembered.
    for (const id of this.seen.keys()) if (this.seen.size > SEEN_MAX) this.seen.delete(id);
  }

  private event(event: LedgerEvent): void {
    switch (event.type) {
      case 'registry.accountOpened':
        this.accounts.add(event.account);
        return;
      case 'metering.readingRecorded':
        this.readings.add(`${event.meter}/${parseInterval(event.interval)}`);
        return;
      case 'market.orderPlaced':
        this.orders.add(`${event.account}/${parseInterval(event.interval)}/${event.phase}`);
        return;
      case 'market.traded': {
        const start = parseInterval(event.interval) ?? 0;
        const { count, wh, money } = this.traded(start);
        const quantity = BigInt(event.quantityWh);
        this.trades.set(start, { count: count + 1, wh: wh + quantity, money: money + BigInt(event.notional) });
        if (event.phase !== 'forward') return;
        for (const [account, change] of [
          [event.seller, Number(quantity)],
          [event.buyer, -Number(quantity)],
        ] as const)
          this.ahead.set(`${account}/${start}`, this.soldAhead(account, start) + change);
        return;
      }
      case 'settlement.intervalSettled':
        this.settled.add(parseInterval(event.interval) ?? 0);
        return;
      case 'settlement.corrected':
        for (const { meter } of event.readings) this.corrections.add(`${meter}/${parseInterval(event.interval)}`);
        return;
      case 'settlement.positionSettled':
        this.owed ||= event.amount !== '0';
        return;
      case 'settlement.tradeCorrected':
        this.owed = true;
        return;
      case 'settlement.netted':
        this.owed = event.waiting > 0;
        return;
      default:
        return;
    }
  }

  hasAccount(account: string): boolean {
    return this.accounts.has(account);
  }

  hasReading(meter: string, start: number): boolean {
    return this.readings.has(`${meter}/${start}`);
  }

  hasOrder(account: string, start: number, phase: 'spot' | 'forward'): boolean {
    return this.orders.has(`${account}/${start}/${phase}`);
  }

  isSettled(start: number): boolean {
    return this.settled.has(start);
  }

  isCorrected(meter: string, start: number): boolean {
    return this.corrections.has(`${meter}/${start}`);
  }

  get isPaid(): boolean {
    return !this.owed;
  }

  traded(start: number): Traded {
    return this.trades.get(start) ?? NOTHING;
  }

  /** Wh: positive when sold, negative when bought. */
  soldAhead(account: string, start: number): number {
    return this.ahead.get(`${account}/${start}`) ?? 0;
  }

  /** `undefined` while it is not decided, as far as is known here. */
  outcome(operationId: string): Seen | undefined {
    return this.seen.get(operationId);
  }
}
