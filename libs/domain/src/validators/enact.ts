import type { Crypto } from '@gridtokenx/crypto';
import type { OperationContext } from '../ledger/module.js';
import type { RegistryState } from '../registry/state.js';
import type { ChangeRow, ValidatorRow, ValidatorsState } from './state.js';

/** What the operations on validators need of the ledger around them. */
export interface ValidatorsParts {
  readonly validators: ValidatorsState;
  readonly registry: RegistryState;
  readonly crypto: Crypto;
  readonly ledgerId: string;
}

/** SPEC validators 3.3: decided, it waits for its turn; a suspension bars proposals at once. */
export function enact(
  state: ValidatorsState,
  registry: RegistryState,
  context: OperationContext,
  id: string,
  row: ChangeRow,
): void {
  const last = state.decided().at(-1)?.[1].turn ?? 0;
  state.changes.set(id, { ...row, turn: last + 1 });
  context.events.push({ type: 'validators.changeEnacted', change: id });
  const { kind, validator, key } = row;
  const now = state.validators.get(validator);
  if (kind === 'suspend' && now !== undefined && !now.suspended && !now.removed) {
    state.validators.set(validator, { ...now, suspended: true });
    context.events.push({ type: 'validators.suspended', validator, change: id });
  }
  // Known before it is in a set, so that its host can say in time that it begins without a signer record.
  const comes = kind === 'admit' ? validator : key;
  const organisation = registry.keys.get(comes)?.organisation;
  if (comes !== '' && organisation !== undefined) state.validators.set(comes, newcomer(organisation));
}

export const newcomer = (organisation: string): ValidatorRow => ({
  organisation,
  rejoinedAt: 0,
  member: false,
  next: false,
  suspended: false,
  removed: false,
  lastHeight: 0,
  successor: '',
  settledTo: 0,
});
