import type { HookContext } from '../ledger/module.js';
import type { NetworkState } from './state.js';

/** SPEC network 5.4: a restriction whose last interval is over is forgotten. */
export function endRestrictions(network: NetworkState, context: HookContext): void {
  while (context.entriesLeft > 0) {
    const restriction = network.ending.dueAt(context.marketTime);
    if (restriction === undefined) return;
    network.store.change(network.restrictions.cell(restriction), undefined);
    context.events.push({ type: 'network.restrictionEnded', restriction, why: 'over' });
    context.worked();
  }
}
