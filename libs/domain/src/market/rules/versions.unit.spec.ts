import { describe, expect, it } from '@jest/globals';
import { formatInterval, formatTime, millis } from '@gridtokenx/kernel';
import { DEFAULT_MARKET_RULES } from '@gridtokenx/protocol';
import fc from 'fast-check';
import { CLOCK_AHEAD_MS, Store } from '../../index.js';
import { RulesVersions } from './versions.js';

const START = 1_780_000_200_000;
const begun = (store = new Store()): RulesVersions => {
  const versions = new RulesVersions(store);
  versions.begin({ market: { start: formatTime(millis(START)), rate: 1 } });
  return versions;
};

describe('versions of the rules', () => {
  it('hold as a search through all of them says', () => {
    const step = fc.record({
      from: fc.integer({ min: 1, max: 30 }),
      ask: fc.array(fc.integer({ min: -2, max: 32 }), { maxLength: 5 }),
      isUndone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const store = new Store();
        const versions = begun(store);
        const known = [{ from: 0, version: 1 }];
        for (const { from, ask, isUndone } of steps) {
          const mark = store.mark();
          const version = versions.add({
            validFrom: START + from,
            rules: { ...DEFAULT_MARKET_RULES, lotWh: known.length },
          });
          expect(version).toBe(known.length + 1);
          if (isUndone) {
            versions.at(START + from);
            store.undoTo(mark);
          } else known.push({ from, version });
          for (const time of ask) {
            const holds = known
              .filter((one) => one.from <= time)
              .reduce((best, one) => (one.from >= best.from ? one : best), { from: 0, version: 1 });
            expect(versions.at(START + time).version).toBe(holds.version);
          }
          expect(versions.ahead(START + 10)).toBe(known.filter((one) => one.from > 10).length);
        }
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  it('of an interval are those of seven days before it', () => {
    const versions = begun();
    const begins = Math.ceil((START + 2 * CLOCK_AHEAD_MS) / 900_000) * 900_000;
    const interval = formatInterval(millis(begins));
    versions.add({ validFrom: begins - CLOCK_AHEAD_MS, rules: { ...DEFAULT_MARKET_RULES, gateMs: 1 } });
    versions.add({ validFrom: begins - CLOCK_AHEAD_MS + 1, rules: { ...DEFAULT_MARKET_RULES, gateMs: 2 } });
    expect(versions.ofInterval(interval).gateMs).toBe(1);
    expect(versions.ofInterval(formatInterval(millis(begins - 900_000))).gateMs).toBe(DEFAULT_MARKET_RULES.gateMs);
    expect(versions.ofInterval(formatInterval(millis(begins + 900_000))).gateMs).toBe(2);
  });
});
