import { assert } from '@gridtokenx/kernel';
import type { LedgerModule } from '../ledger/module.js';
import { newcomer, type ValidatorsParts } from './enact.js';
import { executeValidators, VALIDATORS_OPERATIONS } from './execute.js';
import { beginEpoch, endBlock } from './hooks.js';

export const validatorsModule = (parts: ValidatorsParts): LedgerModule<(typeof VALIDATORS_OPERATIONS)[number]> => ({
  name: 'validators',
  operations: VALIDATORS_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'the validators of the consortium are those of its organisations');
    for (const { key, organisation } of genesis.validators)
      parts.validators.validators.set(key, { ...newcomer(organisation), member: true, next: true });
  },
  execute: (context, operation) => executeValidators(parts, context, operation),
  atStart: (context) => beginEpoch(parts.validators, context),
  atEnd: (context) => endBlock(parts.validators, parts.registry, context),
});
