import { assert, parseInterval, parseStrictJson, parseTime, type ByteReader } from '@gridtokenx/kernel';
import { firstMarketRules, marketRules, type ConsortiumGenesis, type MarketRules } from '@gridtokenx/protocol';
import { plainTable, type Store, type Table } from '../../ledger/store.js';
import { TradingHours } from './hours.js';

/** A version of the rules, which is never edited; by its number. */
export interface RulesRow {
  /** Market time from which it holds. */
  readonly validFrom: number;
  readonly rules: MarketRules;
}

/** The rules as they hold at some time. */
export interface RulesInForce {
  readonly version: number;
  readonly rules: MarketRules;
  /** Whether it limits anybody. */
  readonly limits: boolean;
  /** Absent when it is always traded. */
  readonly hours: TradingHours | undefined;
}

interface Step extends RulesInForce {
  readonly from: number;
}

/** How long before it begins an interval has its clock: longer than it may be traded forward. */
export const CLOCK_AHEAD_MS = 7 * 86_400_000;
/** Versions that may wait to come into force. */
export const VERSIONS_AHEAD_MAX = 100;

/** SPEC market-rules 2: what was decided about the rules, and what holds when. */
export class RulesVersions {
  readonly rows: Table<RulesRow>;
  /** In the order in which they come into force; made anew after a change. */
  private steps: readonly Step[] = [];
  private isKnown = false;
  /** The step that was asked for last, and from when to when it holds. */
  private current: Step | undefined = undefined;
  private currentFrom = 0;
  private currentTo = 0;

  constructor(store: Store) {
    this.rows = plainTable<RulesRow>(store, 'market.rules', {
      encode: (writer, { validFrom, rules }) => void writer.u64(validFrom).text(JSON.stringify(rules)),
      decode: (reader) => ({ validFrom: reader.u64(), rules: readRules(reader) }),
      changed: () => {
        this.isKnown = false;
        this.current = undefined;
      },
    });
  }

  /** SPEC market-rules 1.2: the first version. */
  begin({ market }: Pick<ConsortiumGenesis, 'market'>): void {
    const validFrom = parseTime(market.start);
    assert(validFrom !== undefined, 'a genesis that was read has times');
    this.add({ validFrom, rules: firstMarketRules(market) });
  }

  /** The version that holds at a market time; before the first one, the first. */
  at(marketTime: number): RulesInForce {
    const { current } = this;
    if (current !== undefined && this.currentFrom <= marketTime && marketTime < this.currentTo) return current;
    const steps = this.timeline();
    let next = steps.findIndex(({ from }) => from > marketTime);
    if (next === -1) next = steps.length;
    const step = steps[Math.max(0, next - 1)];
    assert(step !== undefined, 'a ledger has rules');
    this.current = step;
    this.currentFrom = next < 2 ? Number.NEGATIVE_INFINITY : step.from;
    this.currentTo = steps[Math.max(1, next)]?.from ?? Number.POSITIVE_INFINITY;
    return step;
  }

  /** SPEC market-rules 2.4: the rules that an interval is traded and settled by, from before it can be traded on. */
  ofInterval(interval: string): MarketRules {
    const start = parseInterval(interval);
    assert(start !== undefined, 'an operation that was decoded names an interval');
    return this.at(start - CLOCK_AHEAD_MS).rules;
  }

  /** How many come into force after this market time. */
  ahead(marketTime: number): number {
    return this.timeline().filter(({ from }) => from > marketTime).length;
  }

  /** The number of the version that was added. */
  add(row: RulesRow): number {
    const version = this.timeline().length + 1;
    // In the order of the schema, so that equal rules have equal bytes.
    this.rows.set(String(version), { ...row, rules: marketRules.parse(row.rules) });
    return version;
  }

  private timeline(): readonly Step[] {
    if (this.isKnown) return this.steps;
    this.steps = [...this.rows.rows.values()]
      .flatMap(({ key, value }): Step[] => {
        if (value === undefined) return [];
        const { validFrom: from, rules } = value;
        const hours = rules.tradingHours === undefined ? undefined : new TradingHours(rules.tradingHours);
        const limits = Object.keys(rules.limits).length > 0;
        return [{ from, version: Number(key), rules, limits, hours }];
      })
      .sort((a, b) => a.from - b.from || a.version - b.version);
    this.isKnown = true;
    return this.steps;
  }
}

function readRules(reader: ByteReader): MarketRules {
  const read = marketRules.safeParse(jsonOf(reader));
  return read.success ? read.data : reader.fail('rules');
}

/** A row's JSON; what is not strict JSON is no row. */
export function jsonOf(reader: ByteReader): unknown {
  const text = reader.text();
  try {
    return parseStrictJson(text);
  } catch {
    return reader.fail('json');
  }
}
