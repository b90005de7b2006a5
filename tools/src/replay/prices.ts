import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDecimal } from '@gridtokenx/kernel';
import type { Meter } from './readings.js';

/** What people would pay and take, from the published tariffs: limits in ticks of 0.01 THB/kWh. */
export interface Prices {
  /** The retail price of the interval for this kind of meter: what a buyer avoids. */
  retailTicks(start: number, meter: Meter): number;
  feedInTicks: number;
  /** Limits that differ from meter to meter, so that there is a market. */
  askTicks(start: number, meter: Meter, index: number): number;
  bidTicks(start: number, meter: Meter, index: number): number;
}

interface TariffFile {
  timeOfUse: { rates: { schedule: string; onPeakThbPerKwh: string; offPeakThbPerKwh: string }[] };
  feedIn: { thbPerKwh: string };
}

const BANGKOK_MS = 7 * 3_600_000;
/** Parts of a hundred of the spread between feed-in and retail that a seller asks for, and that a buyer keeps. */
const ASK_SHARES = [10, 18, 26, 34, 42, 50, 58, 66];
const KEEP_SHARES = [4, 9, 14, 19, 24, 29];
const FEE_PERCENT = 1;

/** Monday to Friday, 09:00 to 22:00, Asia/Bangkok. The week of the readings has no public holiday. */
export function isOnPeak(start: number): boolean {
  const local = new Date(start + BANGKOK_MS);
  const [day, hour] = [local.getUTCDay(), local.getUTCHours()];
  return day >= 1 && day <= 5 && hour >= 9 && hour < 22;
}

/** Rounded down to a tick. */
function ticksOf(thbPerKwh: string): number {
  const rate = parseDecimal(thbPerKwh, 4);
  if (rate === undefined) throw new Error(`tariffs.json: '${thbPerKwh}' is not a price`);
  return Number(rate / 100n);
}

export async function loadPrices(folder: string): Promise<Prices> {
  const file = JSON.parse(await readFile(join(folder, 'tariffs.json'), 'utf8')) as TariffFile;
  const rateOf = (part: string): { on: number; off: number } => {
    const rate = file.timeOfUse.rates.find(({ schedule }) => schedule.includes(part));
    if (rate === undefined) throw new Error(`tariffs.json has no schedule '${part}'`);
    return { on: ticksOf(rate.onPeakThbPerKwh), off: ticksOf(rate.offPeakThbPerKwh) };
  };
  const household = rateOf('residential');
  const business = rateOf('5.2, < 12 kV');
  const feedInTicks = ticksOf(file.feedIn.thbPerKwh);
  const retailTicks = (start: number, { kind }: Meter): number => {
    const rate = kind === 'household' ? household : business;
    return isOnPeak(start) ? rate.on : rate.off;
  };
  const spread = (start: number, meter: Meter): number => Math.max(0, retailTicks(start, meter) - feedInTicks);
  const share = (shares: readonly number[], index: number): number => shares[index % shares.length] ?? 0;
  return {
    retailTicks,
    feedInTicks,
    // Who lacks less than the feed-in price would do better to wait for the close.
    askTicks: (start, meter, index) =>
      feedInTicks + Math.floor((spread(start, meter) * share(ASK_SHARES, index)) / 100),
    // With the grid fee on top, buying here must still be cheaper than from the utility.
    bidTicks: (start, meter, index) =>
      Math.min(
        feedInTicks + Math.floor((spread(start, meter) * (100 - share(KEEP_SHARES, index))) / 100),
        Math.floor((retailTicks(start, meter) * 100) / (100 + FEE_PERCENT)) - 1,
      ),
  };
}
