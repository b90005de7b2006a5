import { z } from 'zod';
import * as f from './fields.js';
import { ENERGY_WH_MAX, ORDER_WH_MIN, PRICE_TICKS_MAX } from './limits.js';

const energy = f.publicField(z.int().min(0).max(ENERGY_WH_MAX));
const someEnergy = f.publicField(z.int().min(1).max(ENERGY_WH_MAX));
const dayMs = f.publicField(z.int().min(0).max(86_400_000));
const someMs = f.publicField(z.int().min(1).max(86_400_000));

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const timeOfDay = f.publicField(z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day such as 09:30'));

/** Times of day in Thailand (UTC+7), from the one up to the other; a window over midnight is two. */
const tradingWindow = f.publicField(
  z.strictObject({
    days: f.publicField(
      z
        .array(f.publicField(z.enum(WEEKDAYS)))
        .min(1)
        .max(WEEKDAYS.length),
    ),
    from: timeOfDay,
    to: timeOfDay,
  }),
);

/** What one account may do at most; what is not named is not limited. Energy in Wh, money in micro-WATT. */
export const marketLimits = f.publicField(
  z.strictObject({
    /** Orders that stand at once. */
    openOrders: f.publicField(z.int().min(0).max(1_000_000)).optional(),
    /** Of one order. */
    orderWh: energy.optional(),
    /** Of one zone and interval, bought and asked for, and as much sold and offered. */
    positionWh: energy.optional(),
    /** Of the orders that are entered on one day in Thailand. */
    dailyWh: energy.optional(),
    /** What the bids that are entered on one day in Thailand may cost at their limits, without charges. */
    dailyNotional: f.count.optional(),
  }),
);

export const ALLOCATIONS = ['fifo', 'proRata'] as const;
export const SETTLEMENT_CYCLES = ['realTime', 'hourly', 'daily', 'weekly'] as const;

const fields = {
  /** Of limit prices, in ticks of 0.01 THB/kWh. */
  priceBand: f.publicField(z.strictObject({ minTicks: f.priceTicks, maxTicks: f.priceTicks })),
  /** Limit prices are whole multiples of this. */
  tickTicks: f.publicField(z.int().min(1).max(PRICE_TICKS_MAX)),
  /** Quantities of orders are whole multiples of this, and at least the minimum. */
  lotWh: someEnergy,
  minimumWh: f.publicField(z.int().min(ORDER_WH_MIN).max(ENERGY_WH_MAX)),
  /** An interval is traded forward from so many days before it begins until the gate closes, so long before it begins. */
  forwardDays: f.publicField(z.int().min(0).max(7)),
  gateMs: dayMs,
  /** An interval is traded spot for so long from its end on. */
  spotMs: someMs,
  /** Orders are taken within these windows only; without them always. */
  tradingHours: f.publicField(z.array(tradingWindow).min(1).max(100)).optional(),
  limits: marketLimits,
  /** A price that lies further than `movePercent` (in 0.0001) from the others of the last `windowMs` halts its book for `haltMs`. */
  breaker: f
    .publicField(
      z.strictObject({
        movePercent: f.publicField(z.int().min(1).max(1_000_000)),
        windowMs: someMs,
        haltMs: someMs,
      }),
    )
    .optional(),
  /** How the last price of an auction is shared. */
  auction: f.publicField(z.strictObject({ marginal: f.marginalRule })),
  /** How delivered energy is shared among the trades that sold it. */
  allocation: f.publicField(z.enum(ALLOCATIONS)),
  /** When dues are netted and paid. */
  cycle: f.publicField(z.enum(SETTLEMENT_CYCLES)),
} as const;

/** SPEC market-rules 1.1: the rules of the market, whole. Times in milliseconds of market time. */
export const marketRules = f.publicField(z.strictObject(fields));
/** What a genesis says otherwise than {@link DEFAULT_MARKET_RULES}. */
export const genesisMarketRules = marketRules.partial();

export type MarketRules = z.infer<typeof marketRules>;
export type MarketLimits = z.infer<typeof marketLimits>;
export type Allocation = (typeof ALLOCATIONS)[number];
export type SettlementCycle = (typeof SETTLEMENT_CYCLES)[number];

/** SPEC market-rules 1.2 */
export const DEFAULT_MARKET_RULES: MarketRules = {
  priceBand: { minTicks: 1, maxTicks: PRICE_TICKS_MAX },
  tickTicks: 1,
  lotWh: 1,
  minimumWh: ORDER_WH_MIN,
  forwardDays: 7,
  gateMs: 900_000,
  spotMs: 900_000,
  limits: {},
  auction: { marginal: 'time' },
  allocation: 'fifo',
  cycle: 'realTime',
};

/** The rules that a ledger begins with. */
export const firstMarketRules = (market: {
  readonly rules?: z.infer<typeof genesisMarketRules> | undefined;
}): MarketRules => {
  const said = Object.entries(market.rules ?? {}).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_MARKET_RULES, ...Object.fromEntries(said) };
};

/** SPEC market-rules 1.3: what is wrong with rules that no schema tells; `undefined` for nothing. */
export function marketRulesFault({
  priceBand,
  tickTicks,
  lotWh,
  minimumWh,
  tradingHours,
}: MarketRules): string | undefined {
  const { minTicks, maxTicks } = priceBand;
  if (Math.ceil(minTicks / tickTicks) > Math.floor(maxTicks / tickTicks)) return 'no whole tick lies in the price band';
  if (minimumWh % lotWh !== 0) return 'the minimum is not a whole number of lots';
  const backwards = tradingHours?.find(({ from, to }) => from >= to);
  if (backwards !== undefined)
    return `the window from ${backwards.from} to ${backwards.to} does not end after it begins`;
  return undefined;
}
