import { rejected } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { RegistryState } from '../registry/state.js';
import type { ChangeRow, ConsortiumValidators } from './changes.js';
import { isExpired, type EquivocationJudge, type EvidenceParts } from './evidence.js';
import { newcomer } from './state.js';

/** What the operations on validators need of the ledger around them. */
export interface ValidatorsParts extends EvidenceParts {
  readonly validators: ConsortiumValidators;
  readonly registry: RegistryState;
}

/** SPEC validators 3.3: decided, it waits for its turn; a suspension bars proposals at once. */
export function enact(
  state: ConsortiumValidators,
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

/** SPEC validators 5.2 and 5.3: on the ledger of the consortium an offence suspends, as if a vote had decided it. */
export const consortiumJudge = ({ validators: state, registry }: ValidatorsParts): EquivocationJudge => ({
  refuse: (context, { validator, row, epoch, height }) => {
    if (row.removed && height > row.lastHeight) return rejected('validators.notEvidence');
    if (height <= row.settledTo)
      return rejected('validators.evidenceSettled', { validator, height: String(row.settledTo) });
    return isExpired(state, context, { epoch, height }) ? rejected('validators.evidenceExpired') : undefined;
  },
  convict: (context, { validator, row }) => {
    state.validators.set(validator, { ...row, settledTo: context.height });
    const answering = state.answering(validator);
    if (answering === undefined || answering[1].removed || answering[1].suspended) return;
    const change = { validator: answering[0], key: '', organisation: '', until: 0, approvals: [], turn: 0 };
    enact(state, registry, context, context.operationId, { kind: 'suspend', ...change });
  },
});
