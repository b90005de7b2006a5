import { epochOf, isLastOfEpoch } from '@gridtokenx/chain';
import { unreachable } from '@gridtokenx/kernel';
import type { ValidatorChangeKind } from '@gridtokenx/protocol';
import type { HookContext } from '../ledger/module.js';
import type { RegistryState } from '../registry/state.js';
import type { ChangeRow, ConsortiumValidators } from './changes.js';
import { FIXED_BEFORE_END, keysOf } from './epoch.js';
import type { ValidatorRow } from './state.js';

/** SPEC validators 3.4 and 4.1: what was open for too long lapses; two blocks before an epoch ends the next set is fixed. */
export function endBlock(state: ConsortiumValidators, registry: RegistryState, context: HookContext): void {
  const { height, time, events } = context;
  const { changes, epochBlocks } = state;
  for (const [id, { until }] of state.open()) {
    if (until > time) continue;
    changes.store.change(changes.cell(id), undefined);
    events.push({ type: 'validators.changeLapsed', change: id });
  }
  if (!isLastOfEpoch(height + FIXED_BEFORE_END, epochBlocks)) return;
  const before = keysOf(state);
  applyDecided(state, registry, context);
  const after = keysOf(state);
  if (before.join() !== after.join())
    events.push({ type: 'validators.setFixed', epoch: epochOf(height, epochBlocks) + 1, validators: after });
}

/** SPEC validators 4.2: in the order in which they were decided, as many as one epoch may change; the rest waits. */
function applyDecided(state: ConsortiumValidators, registry: RegistryState, context: HookContext): void {
  const { changes, epochBlocks } = state;
  const { height, events } = context;
  const epoch = epochOf(height, epochBlocks) + 1;
  let left = state.changesPerEpoch;
  for (const [id, change] of state.decided()) {
    const subject = state.answering(change.validator);
    const fate = subject === undefined ? 'nothing' : fateOf(state, change.kind, subject[1]);
    if (fate === 'waits' || (fate === 'changes' && left === 0)) continue;
    changes.store.change(changes.cell(id), undefined);
    if (subject === undefined || fate === 'nothing') {
      events.push({ type: 'validators.changeDropped', change: id });
      continue;
    }
    if (fate === 'changes') left--;
    apply(state, registry, context, { ...change, validator: subject[0] }, subject[1]);
    events.push({ type: 'validators.changeApplied', change: id, epoch });
  }
}

/**
 * What a decided change does to the set when its turn comes: `changes` it, leaves it as it is (`aside`: only what is known of a
 * validator changes), has `nothing` to do any more, or `waits` because the set would become too small.
 */
function fateOf(
  state: ConsortiumValidators,
  kind: ValidatorChangeKind,
  row: ValidatorRow,
): 'changes' | 'aside' | 'nothing' | 'waits' {
  if (row.removed) return 'nothing';
  switch (kind) {
    case 'admit':
      return row.next ? 'nothing' : 'changes';
    case 'reinstate':
      if (!row.suspended) return 'nothing';
      return row.next ? 'aside' : 'changes';
    case 'rotateKey':
      return row.next ? 'changes' : 'aside';
    case 'suspend':
      if (!row.suspended || !row.next) return 'nothing';
      break;
    case 'remove':
      if (!row.next) return 'aside';
      break;
    default:
      unreachable(kind);
  }
  return state.next.length <= state.sizeMin ? 'waits' : 'changes';
}

function apply(
  state: ConsortiumValidators,
  registry: RegistryState,
  { height, events }: HookContext,
  { kind, validator, key }: ChangeRow,
  row: ValidatorRow,
): void {
  const { validators } = state;
  const lastHeight = height + FIXED_BEFORE_END;
  /** SPEC validators 4.4: a key that is no validator any more signs nothing for anyone. */
  const retire = (): void => {
    const registered = registry.keys.get(validator);
    if (registered === undefined || registered.removed) return;
    registry.keys.set(validator, { ...registered, removed: true });
    events.push({ type: 'registry.keyRemoved', key: validator });
  };
  switch (kind) {
    case 'admit':
      return validators.set(validator, { ...row, next: true });
    case 'suspend':
      return validators.set(validator, { ...row, next: false });
    case 'reinstate':
      return validators.set(validator, {
        ...row,
        suspended: false,
        next: true,
        settledTo: Math.max(row.settledTo, height),
      });
    case 'remove':
      validators.set(validator, { ...row, next: false, removed: true, lastHeight });
      return retire();
    case 'rotateKey': {
      const newcomer = validators.get(key);
      if (newcomer === undefined) return;
      validators.set(key, { ...newcomer, next: row.next, suspended: row.suspended });
      validators.set(validator, { ...row, next: false, removed: true, lastHeight, successor: key });
      return retire();
    }
    default:
      unreachable(kind);
  }
}
