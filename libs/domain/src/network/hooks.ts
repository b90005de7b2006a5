import type { BlockContext, HookContext } from '../ledger/module.js';
import type { NetworkState } from './state.js';

/** SPEC network 5.4 */
export function endRestriction(network: NetworkState, context: BlockContext, restriction: string): void {
  network.store.change(network.restrictions.cell(restriction), undefined);
  network.dropTask({ kind: 'restriction', restriction });
  context.events.push({ type: 'network.restrictionEnded', restriction });
}

/** SPEC network 5.4: a restriction whose last interval is settled is forgotten. */
export function endRestrictions(network: NetworkState, context: HookContext): void {
  while (context.entriesLeft > 0) {
    const restriction = network.ending.dueAt(context.marketTime);
    if (restriction === undefined) return;
    endRestriction(network, context, restriction);
    context.worked();
  }
}
