import { assert } from '@gridtokenx/kernel';
import type { LedgerModule } from '../../ledger/module.js';
import { executeRules, RULES_OPERATIONS, type RulesParts } from './execute.js';
import { endHalts } from './hooks.js';

export const rulesModule = (parts: RulesParts): LedgerModule<(typeof RULES_OPERATIONS)[number]> => ({
  name: 'rules',
  operations: RULES_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a market');
    parts.rules.versions.begin(genesis);
  },
  execute: (context, operation) => executeRules(parts, context, operation),
  atStart: (context) => endHalts(parts.rules, context),
});
