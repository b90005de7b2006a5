import type { HookContext } from '../../ledger/module.js';
import { marketKey, type RulesState } from './state.js';

/** SPEC market-rules 5.2: halts whose time has come end by themselves. */
export function endHalts(rules: RulesState, context: HookContext): void {
  for (const [market, { until }] of rules.halted()) {
    if (until === 0 || until > context.marketTime) continue;
    if (context.entriesLeft === 0) return;
    rules.store.change(rules.halts.cell(marketKey(market)), undefined);
    context.events.push({ type: 'market.resumed', ...market });
    context.worked();
  }
}
