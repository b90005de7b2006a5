import { assert } from '@gridtokenx/kernel';
import type { LedgerModule } from '../ledger/module.js';
import type { ValidatorsParts } from './enact.js';
import { beginEpoch } from './epoch.js';
import { executeValidators, VALIDATORS_OPERATIONS } from './execute.js';
import { endBlock } from './hooks.js';
import { newcomer } from './state.js';

/** The validators of the consortium: its organisations vote on them. */
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
