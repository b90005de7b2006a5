import { randomBytes } from 'node:crypto';
import { GridClient, Keypair, Signer } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatInterval, INTERVAL_MS, millis, parseTime, type Prng } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { Members } from '../replay/members.js';
import { DEVELOPMENT_RESERVE, ZONES } from '../system/development-ledger.js';
import type { RunningSystem } from '../system/system.js';

const TRADERS = 24;
const OPERATIONS_PER_ENVELOPE = 5;
/** A client that is patient enough for any outage that is made here. */
const ATTEMPTS = 200;
const DEPOSIT = 100_000n * 1_000_000n;
const EXPORT_WH = [5_000, 20_000] as const;
const IMPORT_WH = [1_000, 8_000] as const;
const PRICE_TICKS = [350, 450] as const;
const QUANTITY_WH = [100, 2_000] as const;
const TRANSFER_MICRO_WATT = [1, 1_000_000] as const;
const LOOK_MS = 1_000;

interface Trader {
  readonly account: string;
  readonly meter: string;
  readonly zone: (typeof ZONES)[number];
  readonly produces: boolean;
  readonly signer: Signer;
  /** Own orders that may still rest. */
  resting: string[];
}

/**
 * People who trade through the gateway all the time, each with a key of their own: metered energy, orders, cancels,
 * transfers. What was acknowledged is remembered; from then on it may not be lost.
 */
export class Load {
  /** Ids of operations the gateway has answered 202 for. */
  readonly acknowledged = new Set<string>();
  /** Requests that were refused although nothing is wrong with them. */
  readonly refusals: string[] = [];
  private readonly client: GridClient;
  /** The organisations of the ledger; what they send counts as what the traders do. */
  readonly members: Members;
  private readonly traders: Trader[];
  private interval: string | undefined;
  private running = false;
  private workers: Promise<void>[] = [];
  private readonly metered = new Set<string>();

  constructor(
    private readonly system: RunningSystem,
    private readonly prng: Prng,
    /** Operations a second that all traders offer together. */
    private readonly rate: number,
  ) {
    const { ledger, url } = system;
    this.client = new GridClient({ url, identity: ledger.identity, crypto: native, attempts: ATTEMPTS });
    this.members = new Members(ledger, this.client, native, (ids) => this.acknowledge(ids));
    this.traders = Array.from({ length: TRADERS }, (_, i) => ({
      account: randomBytes(16).toString('hex'),
      meter: randomBytes(16).toString('hex'),
      zone: ZONES[i % 4] ?? ZONES[0],
      produces: i % 8 < 4,
      signer: new Signer(Keypair.fromSeed(randomBytes(32), native), ledger.identity.ledgerId, { crypto: native }),
      resting: [],
    }));
  }

  /** Accounts, keys, money and meters. */
  async prepare(): Promise<void> {
    const backOffice = this.system.ledger.directory.organisations['back-office'];
    if (backOffice === undefined) throw new Error('the development ledger has a back office');
    await this.members.carryOut(
      'back-office',
      this.traders.flatMap(({ account, signer }): Operation[] => [
        { type: 'registry.openAccount', account, organisation: backOffice.id },
        { type: 'registry.registerKey', key: signer.keypair.kid, owner: { kind: 'account', account } },
      ]),
    );
    await this.members.carryOut('bank', [
      { type: 'accounts.attestReserve', amount: DEVELOPMENT_RESERVE.toString(), reference: 'reserve' },
      ...this.traders.flatMap(({ account }): Operation[] => [
        { type: 'registry.setKyc', account, status: 'verified' },
        { type: 'accounts.mint', account, amount: DEPOSIT.toString(), reference: 'deposit' },
      ]),
      // So that the grid operators can pay for what is fed in.
      ...Object.values(this.system.ledger.directory.accounts).flatMap((account): Operation[] => [
        { type: 'registry.setKyc', account, status: 'verified' },
        { type: 'accounts.mint', account, amount: DEPOSIT.toString(), reference: 'deposit' },
      ]),
    ]);
    for (const operator of operatorsOf(this.traders))
      await this.members.carryOut(
        operator,
        this.traders
          .filter(({ zone }) => zone.operator === operator)
          .map(({ meter, account, zone }): Operation => ({
            type: 'registry.registerMeter',
            meter,
            account,
            zone: zone.id,
            limitWh: String(EXPORT_WH[1]),
          })),
      );
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    const pauseMs = (1_000 * OPERATIONS_PER_ENVELOPE * TRADERS) / this.rate;
    this.workers = [
      ...this.traders.map((trader) => this.forever(() => this.trade(trader), pauseMs)),
      this.forever(() => this.meter(), LOOK_MS),
    ];
  }

  /** Resolves when everything that was sent is acknowledged. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.workers);
    this.workers = [];
  }

  /** Sends nothing more, and waits for nothing. */
  abandon(): void {
    this.running = false;
  }

  private async forever(work: () => Promise<void>, pauseMs: number): Promise<void> {
    while (this.running) {
      try {
        await work();
      } catch (error) {
        this.refusals.push(error instanceof Error ? error.message : String(error));
      }
      await new Promise((done) => setTimeout(done, pauseMs * (0.5 + this.prng.below(1_000) / 1_000)));
    }
  }

  private acknowledge(ids: readonly string[]): void {
    for (const id of ids) this.acknowledged.add(id);
  }

  /** When a delivery interval has ended, its readings open the books. */
  private async meter(): Promise<void> {
    const interval = await this.newestEnded();
    if (interval === undefined || this.metered.has(interval)) return;
    this.metered.add(interval);
    for (const operator of operatorsOf(this.traders))
      await this.members.send(
        operator,
        this.traders
          .filter(({ zone }) => zone.operator === operator)
          .map(({ meter, produces }): Operation => ({
            type: 'metering.recordReading',
            meter,
            interval,
            consumedWh: produces ? '0' : String(this.prng.between(...IMPORT_WH)),
            producedWh: produces ? String(this.prng.between(...EXPORT_WH)) : '0',
          })),
      );
    this.interval = interval;
    for (const trader of this.traders) trader.resting = [];
  }

  private async newestEnded(): Promise<string | undefined> {
    for await (const { marketTime } of this.client.blocks({ pageSize: 1 })) {
      const time = typeof marketTime === 'string' ? parseTime(marketTime) : undefined;
      if (time !== undefined) return formatInterval(millis(Math.floor(time / INTERVAL_MS - 1) * INTERVAL_MS));
    }
    return undefined;
  }

  private async trade(trader: Trader): Promise<void> {
    const operations = Array.from({ length: OPERATIONS_PER_ENVELOPE }, () => this.operation(trader));
    const envelope = trader.signer.sign(operations);
    await this.client.submit(envelope);
    this.acknowledge(envelope.operationIds);
    for (const [at, id] of envelope.operationIds.entries())
      if (operations[at]?.type === 'market.placeOrder') trader.resting.push(id);
  }

  private operation({ account, zone, produces, resting }: Trader): Operation {
    const { prng, interval } = this;
    if (interval !== undefined && prng.chance(0.6))
      return {
        type: 'market.placeOrder',
        account,
        side: produces ? 'ask' : 'bid',
        fromZone: zone.id,
        toZone: zone.id,
        interval,
        priceTicks: prng.between(...PRICE_TICKS),
        quantityWh: String(prng.between(...QUANTITY_WH)),
        timeInForce: prng.chance(0.2) ? 'IOC' : 'GTC',
      };
    const order = prng.chance(0.4) ? resting.shift() : undefined;
    if (order !== undefined) return { type: 'market.cancelOrder', order };
    const others = this.traders.filter((other) => other.account !== account);
    const amount = String(prng.between(...TRANSFER_MICRO_WATT));
    return { type: 'accounts.transfer', from: account, to: prng.pick(others).account, asset: 'WATT', amount };
  }
}

const operatorsOf = (traders: readonly Trader[]): Set<string> => new Set(traders.map(({ zone }) => zone.operator));
