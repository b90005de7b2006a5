import type { LedgerModule } from '../ledger/module.js';
import { executeValidators, VALIDATORS_OPERATIONS } from './execute.js';
import type { ValidatorsState } from './state.js';

export const validatorsModule = (state: ValidatorsState): LedgerModule<(typeof VALIDATORS_OPERATIONS)[number]> => ({
  name: 'validators',
  operations: VALIDATORS_OPERATIONS,
  genesis: ({ validators }) => {
    for (const { key, organisation } of validators) state.validators.set(key, { organisation, rejoinedAt: 0 });
  },
  execute: (context, operation) => executeValidators(state, context, operation),
});
