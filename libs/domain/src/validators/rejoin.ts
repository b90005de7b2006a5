import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { ValidatorsState } from './state.js';

/** SPEC validators 6.1: signed by the validator's own key, so that only its owner can say that its record was lost. */
export function rejoin(
  state: ValidatorsState,
  context: OperationContext,
  { validator, nonce }: OperationOf<'validators.rejoin'>,
): RejectedOutcome | undefined {
  const row = state.validators.get(validator);
  if (row === undefined || context.kid !== validator || context.key.removed)
    return rejected('validators.unknownValidator', { validator });
  state.validators.set(validator, { ...row, rejoinedAt: context.height });
  context.events.push({ type: 'validators.rejoined', validator, nonce });
  return undefined;
}
