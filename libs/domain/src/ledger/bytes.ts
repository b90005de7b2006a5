import { utf8 } from '@gridtokenx/kernel';
import type { EventOf, EventType, ExecutedOutcome, LedgerEvent, Outcome } from '@gridtokenx/protocol';

const CHUNK_BYTES = 1024 * 1024;
/** No outcome that was written member by member is smaller in a chunk than this before a fresh one is begun. */
const LEAST_ROOM = 16 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** `"key":` of each member name there is. */
const keys = new Map<string, Uint8Array>();

type Read = (event: LedgerEvent) => string | number;
interface Plan {
  /** What stands before each value: a comma and its key. */
  readonly before: readonly Uint8Array[];
  readonly read: readonly Read[];
}

/** How an event is written without asking each one for its members; all of them, in the order in which they are made. */
function planOf<T extends EventType>(
  type: T,
  fields: { readonly [K in Exclude<keyof EventOf<T>, 'type'>]: (event: EventOf<T>) => string | number },
): Plan {
  const read = Object.values(fields) as Read[];
  const before = Object.keys(fields).map((key, i) => utf8(`${i === 0 ? `{"type":"${type}"` : ''},"${key}":`));
  return { before, read };
}

/** The events that fill blocks; all others are written as they come. */
const plans: Readonly<Partial<Record<EventType, Plan>>> = {
  'market.orderPlaced': planOf('market.orderPlaced', {
    order: (e) => e.order,
    account: (e) => e.account,
    side: (e) => e.side,
    mechanism: (e) => e.mechanism,
    phase: (e) => e.phase,
    fromZone: (e) => e.fromZone,
    toZone: (e) => e.toZone,
    interval: (e) => e.interval,
    priceTicks: (e) => e.priceTicks,
    quantityWh: (e) => e.quantityWh,
    timeInForce: (e) => e.timeInForce,
    expiresAt: (e) => e.expiresAt,
    tariffVersion: (e) => e.tariffVersion,
  }),
  'market.traded': planOf('market.traded', {
    trade: (e) => e.trade,
    bid: (e) => e.bid,
    ask: (e) => e.ask,
    buyer: (e) => e.buyer,
    seller: (e) => e.seller,
    mechanism: (e) => e.mechanism,
    phase: (e) => e.phase,
    fromZone: (e) => e.fromZone,
    toZone: (e) => e.toZone,
    interval: (e) => e.interval,
    priceTicks: (e) => e.priceTicks,
    quantityWh: (e) => e.quantityWh,
    notional: (e) => e.notional,
    buyerFee: (e) => e.buyerFee,
    sellerFee: (e) => e.sellerFee,
    wheeling: (e) => e.wheeling,
    feePayee: (e) => e.feePayee,
    toOperator: (e) => e.toOperator,
    fromOperator: (e) => e.fromOperator,
    platform: (e) => e.platform,
    tax: (e) => e.tax,
    tariffVersion: (e) => e.tariffVersion,
    tariffHash: (e) => e.tariffHash,
    bidRemainingWh: (e) => e.bidRemainingWh,
    askRemainingWh: (e) => e.askRemainingWh,
  }),
  'market.orderClosed': planOf('market.orderClosed', {
    order: (e) => e.order,
    reason: (e) => e.reason,
    remainingWh: (e) => e.remainingWh,
  }),
};

const EXECUTED = utf8('{"v":1,"status":"executed","events":');
const POSTINGS = utf8(',"postings":');
const HOLDS = utf8(',"holds":');

/**
 * The bytes of the outcomes of one block, the same as `encodeOutcome` makes: JSON written straight into chunks that the
 * outcomes share, because ten thousand strings and small buffers cost more than what is in them.
 */
export class OutcomeBytes {
  private chunk = new Uint8Array(CHUNK_BYTES);
  private start = 0;
  private at = 0;

  of(outcome: Outcome): Uint8Array {
    if (this.chunk.length - this.at < LEAST_ROOM) this.fresh(CHUNK_BYTES, this.at);
    this.start = this.at;
    if (outcome.status === 'executed') this.executed(outcome);
    else this.value(outcome);
    return this.chunk.subarray(this.start, this.at);
  }

  /** A new chunk, into which what was begun moves. */
  private fresh(length: number, from: number): void {
    const chunk = new Uint8Array(length);
    chunk.set(this.chunk.subarray(from, this.at));
    this.chunk = chunk;
    this.at -= from;
    this.start = 0;
  }

  private need(bytes: number): void {
    if (bytes > this.chunk.length - this.at)
      this.fresh(Math.max(CHUNK_BYTES, 2 * (this.at - this.start + bytes)), this.start);
  }

  private executed({ events, postings, holds }: ExecutedOutcome): void {
    this.raw(EXECUTED);
    this.byte(OPEN);
    for (let i = 0; i < events.length; i++) {
      if (i > 0) this.byte(COMMA);
      this.event(events[i] as LedgerEvent);
    }
    this.byte(CLOSE);
    this.raw(POSTINGS);
    this.tuples(postings);
    this.raw(HOLDS);
    this.tuples(holds);
    this.byte(CLOSE_OBJECT);
  }

  private event(event: LedgerEvent): void {
    const plan = plans[event.type];
    if (plan === undefined) return this.members(event);
    const { before, read } = plan;
    for (let i = 0; i < read.length; i++) {
      this.raw(before[i] as Uint8Array);
      const value = (read[i] as Read)(event);
      if (typeof value === 'string') this.text(value);
      else this.digits(value);
    }
    this.byte(CLOSE_OBJECT);
  }

  private tuples(tuples: readonly (readonly [string, string, string, string])[]): void {
    this.byte(OPEN);
    for (let i = 0; i < tuples.length; i++) {
      if (i > 0) this.byte(COMMA);
      const [a, b, c, d] = tuples[i] as readonly [string, string, string, string];
      this.byte(OPEN);
      this.text(a);
      this.byte(COMMA);
      this.text(b);
      this.byte(COMMA);
      this.text(c);
      this.byte(COMMA);
      this.text(d);
      this.byte(CLOSE);
    }
    this.byte(CLOSE);
  }

  private value(value: unknown): void {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return this.list(value);
    if (typeof value === 'object' && value !== null) return this.members(value as Readonly<Record<string, unknown>>);
    return this.raw(utf8(JSON.stringify(value)));
  }

  private list(values: readonly unknown[]): void {
    this.byte(OPEN);
    for (let i = 0; i < values.length; i++) {
      if (i > 0) this.byte(COMMA);
      this.value(values[i]);
    }
    this.byte(CLOSE);
  }

  private members(object: Readonly<Record<string, unknown>>): void {
    this.byte(0x7b);
    let first = true;
    for (const name in object) {
      const value = object[name];
      if (value === undefined) continue;
      if (!first) this.byte(COMMA);
      first = false;
      let key = keys.get(name);
      if (key === undefined) keys.set(name, (key = utf8(`${JSON.stringify(name)}:`)));
      this.raw(key);
      if (typeof value === 'number') this.digits(value);
      else this.value(value);
    }
    this.byte(CLOSE_OBJECT);
  }

  private byte(code: number): void {
    this.need(1);
    this.chunk[this.at++] = code;
  }

  private raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.need(length);
    const { chunk, at } = this;
    for (let i = 0; i < length; i++) chunk[at + i] = bytes[i] as number;
    this.at = at + length;
  }

  private digits(value: number): void {
    const text = value.toString();
    this.need(text.length);
    for (let i = 0; i < text.length; i++) this.chunk[this.at++] = text.charCodeAt(i);
  }

  private text(text: string): void {
    const { length } = text;
    this.need(length + 2);
    const { chunk } = this;
    let { at } = this;
    chunk[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      // Whatever JSON would spell otherwise than it stands.
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH)
        return this.raw(utf8(JSON.stringify(text)));
      chunk[at++] = code;
    }
    chunk[at++] = QUOTE;
    this.at = at;
  }
}
