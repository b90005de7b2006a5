import type { Crypto } from '@gridtokenx/crypto';
import { formatTime, millis, Prng, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { operationIds, signEnvelope, type Operation } from '@gridtokenx/protocol';
import { MARKET_START, type TestConsortium } from '../consortium.js';
import { formatInterval, INTERVAL_MS } from '@gridtokenx/kernel';

const ACCOUNTS = 6;
const VALID_MS = 30 * 60_000;

/** Seeded clients: what they ask is mostly right, sometimes refused by the ledger, sometimes no envelope at all. */
export class Clients {
  /** Every envelope that a client signed well, by its digest. */
  readonly signed = new Set<string>();
  private readonly sequences = new Map<string, number>();
  private readonly accounts: string[];
  private readonly meters: string[];
  private readonly past: Uint8Array[] = [];
  private readonly orders: string[] = [];
  private minted = 0n;
  private references = 0;
  private interval = 0;

  constructor(
    private readonly crypto: Crypto,
    private readonly consortium: TestConsortium,
    private readonly prng: Prng,
    private readonly now: () => number,
  ) {
    this.accounts = Array.from({ length: ACCOUNTS }, () => toHex(prng.bytes(16)));
    this.meters = this.accounts.map(() => toHex(prng.bytes(16)));
  }

  /** Accounts, money and meters. */
  opening(): Uint8Array[] {
    const { seeds, ids, zone } = this.consortium;
    const key = toBase64Url(this.crypto.publicKeyOf(seeds.trader));
    const accounts = this.accounts.flatMap((account): Operation[] => [
      { type: 'registry.openAccount', account, organisation: ids.trader },
      {
        type: 'registry.delegate',
        key,
        account,
        operations: ['market.placeOrder', 'market.cancelOrder', 'market.replaceOrder', 'accounts.transfer'],
        until: '2046-01-01T00:00:00Z',
      },
    ]);
    const verified = this.accounts.map((account): Operation => ({
      type: 'registry.setKyc',
      account,
      status: 'verified',
    }));
    const reserve: Operation = { type: 'accounts.attestReserve', amount: '1000000000000', reference: 'reserve-1' };
    const meters = this.meters.map((meter, i): Operation => ({
      type: 'registry.registerMeter',
      meter,
      account: this.accounts[i] ?? '',
      zone,
      limitWh: '2000000',
    }));
    return [
      this.sign(seeds.trader, accounts, true),
      this.sign(seeds.bank, [...verified, reserve, ...this.accounts.map((account) => this.mint(account))]),
      this.sign(seeds.operator, [...meters, ...this.readings()]),
    ];
  }

  /** The next thing that somebody puts on the operations topic. */
  next(): Uint8Array {
    const { prng } = this;
    const one = prng.below(100);
    if (one < 70) return this.usual(one);
    if (one < 80 && this.past.length > 0) return prng.pick(this.past);
    return this.badEnvelope();
  }

  /** What any block can hold; `kind` below 70 says what. */
  usual(kind = this.prng.below(70)): Uint8Array {
    const { prng } = this;
    const { seeds } = this.consortium;
    if (kind < 50)
      return this.sign(
        seeds.trader,
        this.some(1, 4, () => this.tradeOperation()),
        prng.chance(0.4),
      );
    if (kind < 62)
      return this.sign(
        seeds.bank,
        this.some(1, 2, () => this.mint(prng.pick(this.accounts))),
      );
    return this.sign(seeds.operator, this.readings());
  }

  private some(least: number, most: number, make: () => Operation): Operation[] {
    return Array.from({ length: this.prng.between(least, most) }, make);
  }

  private tradeOperation(): Operation {
    const { prng, accounts } = this;
    const { zone } = this.consortium;
    const one = prng.below(10);
    if (one < 3)
      return {
        type: 'accounts.transfer',
        from: prng.pick(accounts),
        to: prng.pick(accounts),
        asset: 'WATT',
        amount: String(prng.between(1, 200_000_000)),
      };
    if (one < 8 || this.orders.length === 0)
      return {
        type: 'market.placeOrder',
        account: prng.pick(accounts),
        side: prng.chance(0.5) ? 'bid' : 'ask',
        fromZone: zone,
        toZone: zone,
        interval: this.intervalName(prng.below(Math.max(1, this.interval))),
        priceTicks: prng.between(300, 500),
        quantityWh: String(prng.between(1, 400) * 1_000),
        timeInForce: prng.pick(['GTC', 'IOC', 'FOK'] as const),
      };
    const order = prng.pick(this.orders);
    return one === 8
      ? { type: 'market.cancelOrder', order }
      : {
          type: 'market.replaceOrder',
          order,
          priceTicks: prng.between(300, 500),
          quantityWh: String(prng.between(1, 400) * 1_000),
        };
  }

  private mint(account: string): Operation {
    const amount = BigInt(this.prng.between(1_000_000, 3_000_000_000));
    this.minted += amount;
    return { type: 'accounts.mint', account, amount: String(amount), reference: `deposit-${++this.references}` };
  }

  private intervalName(back: number): string {
    return formatInterval(millis(MARKET_START - (1 + back) * INTERVAL_MS));
  }

  private readings(): Operation[] {
    const interval = this.intervalName(this.interval++ % 4);
    return this.meters.map((meter): Operation => ({
      type: 'metering.recordReading',
      meter,
      interval,
      consumedWh: String(this.prng.below(500_000)),
      producedWh: String(this.prng.below(1_000_000)),
    }));
  }

  private badEnvelope(): Uint8Array {
    const { prng, crypto } = this;
    const { seeds, identity } = this.consortium;
    const operations: Operation[] = [{ type: 'accounts.attestReserve', amount: '1', reference: 'no' }];
    const payload = { sequence: 1, validUntil: this.validUntil(), atomic: false, operations };
    switch (prng.below(6)) {
      case 0:
        return prng.bytes(prng.between(0, 300));
      case 1:
        return signEnvelope(crypto, seeds.bank, 'gridtokenx-consortium-00000000', payload);
      case 2: {
        // A key that nobody registered.
        return signEnvelope(crypto, prng.bytes(32), identity.ledgerId, payload);
      }
      case 3: {
        // The content was changed after it was signed.
        const good = signEnvelope(crypto, seeds.bank, identity.ledgerId, { ...payload, sequence: 500_000 });
        const other = signEnvelope(crypto, seeds.bank, identity.ledgerId, { ...payload, sequence: 500_001 });
        const text = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString().split('.');
        const [head = '', body = ''] = text(good);
        return utf8(`${head}.${body}.${text(other)[2] ?? ''}`);
      }
      case 4:
        return signEnvelope(crypto, seeds.trader, identity.ledgerId, {
          ...payload,
          validUntil: formatTime(millis(Math.floor(this.now() / 1000) * 1000 - 60_000)),
        });
      default:
        // Another account's money, by who may not.
        return this.sign(seeds.operator, [
          {
            type: 'accounts.transfer',
            from: prng.pick(this.accounts),
            to: this.consortium.ids.operatorAccount,
            asset: 'WATT',
            amount: '1',
          },
        ]);
    }
  }

  private validUntil(): string {
    return formatTime(millis(Math.floor(this.now() / 1000) * 1000 + VALID_MS));
  }

  private sign(secret: Uint8Array, operations: readonly Operation[], atomic = false): Uint8Array {
    return this.ask(secret, operations, atomic).bytes;
  }

  /** An envelope of one of the organisations, and the ids of its operations. */
  ask(
    secret: Uint8Array,
    operations: readonly Operation[],
    atomic = false,
  ): { readonly bytes: Uint8Array; readonly ids: readonly string[] } {
    const { crypto } = this;
    const { ledgerId } = this.consortium.identity;
    const key = toHex(secret);
    const sequence = (this.sequences.get(key) ?? 0) + 1;
    this.sequences.set(key, sequence);
    const payload = { sequence, validUntil: this.validUntil(), atomic, operations };
    const bytes = signEnvelope(crypto, secret, ledgerId, payload);
    this.past.push(bytes);
    const input = bytes.subarray(0, bytes.lastIndexOf(DOT));
    const ids = operationIds(crypto, ledgerId, input, operations.length).map(toHex);
    ids.forEach((id, i) => {
      const type = operations[i]?.type;
      if (type === 'market.placeOrder' || type === 'market.replaceOrder') this.orders.push(id);
    });
    this.signed.add(toHex(crypto.sha256(bytes)));
    return { bytes, ids };
  }
}

const DOT = 46;
