import type { Crypto } from '@gridtokenx/crypto';
import { formatInterval, INTERVAL_MS, millis, toBase64Url, toHex, type Prng } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { MARKET_START, type TestConsortium } from '../consortium.js';
import { Clients, USUAL_KINDS, type SignedEnvelope, type Spoilt } from './clients.js';

const ACCOUNTS = 6;

/** Clients of the consortium ledger: a trader with some accounts, a bank and a grid operator. */
export class MarketClients extends Clients {
  private readonly accounts: string[];
  private readonly meters: string[];
  private readonly orders: string[] = [];
  private references = 0;
  private interval = 0;

  constructor(
    crypto: Crypto,
    private readonly consortium: TestConsortium,
    prng: Prng,
    now: () => number,
  ) {
    super(crypto, consortium.identity.ledgerId, prng, now);
    this.accounts = Array.from({ length: ACCOUNTS }, () => toHex(prng.bytes(16)));
    this.meters = this.accounts.map(() => toHex(prng.bytes(16)));
  }

  /** Accounts, money and meters. */
  override opening(): Uint8Array[] {
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

  override usual(kind = this.prng.below(USUAL_KINDS)): Uint8Array {
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

  protected override get spoilt(): Spoilt {
    return {
      secret: this.consortium.seeds.bank,
      operations: [{ type: 'accounts.attestReserve', amount: '1', reference: 'no' }],
    };
  }

  /** Another account's money. */
  protected override forbidden(): Uint8Array {
    return this.sign(this.consortium.seeds.operator, [
      {
        type: 'accounts.transfer',
        from: this.prng.pick(this.accounts),
        to: this.consortium.ids.operatorAccount,
        asset: 'WATT',
        amount: '1',
      },
    ]);
  }

  override ask(secret: Uint8Array, operations: readonly Operation[], atomic = false): SignedEnvelope {
    const asked = super.ask(secret, operations, atomic);
    asked.ids.forEach((id, i) => {
      const type = operations[i]?.type;
      if (type === 'market.placeOrder' || type === 'market.replaceOrder') this.orders.push(id);
    });
    return asked;
  }
}
