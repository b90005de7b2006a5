import { randomBytes } from 'node:crypto';
import { Keypair, Signer } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatInterval, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { DEVELOPMENT_RESERVE, ZONES, type DevelopmentLedger } from '../system/development-ledger.js';
import { Load, OPERATIONS_PER_ENVELOPE, TRADERS, type LoadOptions, type Work } from './load.js';

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

/** The consortium: metered energy, orders, cancels, transfers. */
export class TradingLoad extends Load {
  private readonly traders: readonly Trader[];
  private interval: string | undefined;
  private readonly metered = new Set<string>();

  constructor(
    private readonly ledger: DevelopmentLedger,
    options: LoadOptions,
  ) {
    super(ledger, options);
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
    const backOffice = this.ledger.directory.organisations['back-office'];
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
      ...Object.values(this.ledger.directory.accounts).flatMap((account): Operation[] => [
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

  protected works(): Work[] {
    return [
      ...this.traders.map((trader) => this.trader(() => this.trade(trader))),
      { pauseMs: LOOK_MS, run: () => this.meter() },
    ];
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
    const { operationIds } = await this.send(trader.signer, operations);
    for (const [at, id] of operationIds.entries())
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
