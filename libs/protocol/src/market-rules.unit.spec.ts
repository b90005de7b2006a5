import {
  DEFAULT_MARKET_RULES,
  firstMarketRules,
  genesisMarketRules,
  marketRules,
  marketRulesFault,
  type MarketRules,
} from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';

const window = { days: ['mon'], from: '09:00', to: '22:00' };
const whole = {
  ...DEFAULT_MARKET_RULES,
  tradingHours: [window],
  limits: { openOrders: 10, orderWh: 1_000, positionWh: 5_000, dailyWh: 20_000, dailyNotional: 9_000_000_000 },
  breaker: { movePercent: 1_000, windowMs: 300_000, haltMs: 600_000 },
};

describe('market rules', () => {
  it('has a default that is a whole record without a fault', () => {
    expect(marketRules.parse(DEFAULT_MARKET_RULES)).toEqual(DEFAULT_MARKET_RULES);
    expect(marketRulesFault(DEFAULT_MARKET_RULES)).toBeUndefined();
    expect(marketRules.parse(whole)).toEqual(whole);
  });

  it('of a genesis are the default ones but for what it says', () => {
    expect(firstMarketRules({})).toEqual(DEFAULT_MARKET_RULES);
    const rules = genesisMarketRules.parse({ gateMs: 3_600_000, limits: { openOrders: 3 } });
    expect(firstMarketRules({ rules })).toEqual({ ...DEFAULT_MARKET_RULES, ...rules });
  });

  it.each<[what: string, rules: Record<string, unknown>]>([
    ['a field that is unknown', { ...whole, colour: 1 }],
    ['a field that is missing', { ...whole, cycle: undefined }],
    ['a price of nothing', { ...whole, priceBand: { minTicks: 0, maxTicks: 10 } }],
    ['a minimum below the smallest order', { ...whole, minimumWh: 99 }],
    ['a tick of nothing', { ...whole, tickTicks: 0 }],
    ['more than a week forward', { ...whole, forwardDays: 8 }],
    ['no spot time', { ...whole, spotMs: 0 }],
    ['hours without a window', { ...whole, tradingHours: [] }],
    ['a day that there is not', { ...whole, tradingHours: [{ ...window, days: ['someday'] }] }],
    ['a time of day that there is not', { ...whole, tradingHours: [{ ...window, to: '24:01' }] }],
    ['a negative limit', { ...whole, limits: { openOrders: -1 } }],
    ['a breaker that breaks at once', { ...whole, breaker: { ...whole.breaker, movePercent: 0 } }],
    ['a cycle that there is not', { ...whole, cycle: 'yearly' }],
  ])('%s is refused', (_what, rules) => {
    expect(marketRules.safeParse(rules).success).toBe(false);
  });

  it.each<[what: string, changes: Partial<MarketRules>, fault: RegExp]>([
    ['when the band ends before it begins', { priceBand: { minTicks: 10, maxTicks: 9 } }, /no whole tick/],
    ['when no tick is in the band', { priceBand: { minTicks: 11, maxTicks: 19 }, tickTicks: 10 }, /no whole tick/],
    ['when the minimum is not whole lots', { lotWh: 70, minimumWh: 100 }, /whole number of lots/],
    ['when a window ends before it begins', { tradingHours: [{ days: ['mon'], from: '22:00', to: '06:00' }] }, /22:00/],
  ])('have a fault %s', (_what, changes, fault) => {
    expect(marketRulesFault({ ...DEFAULT_MARKET_RULES, ...changes })).toMatch(fault);
  });
});
