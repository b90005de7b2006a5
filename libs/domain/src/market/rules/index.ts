import { assert } from '@gridtokenx/kernel';
import type { LedgerModule } from '../../ledger/module.js';
import { executeRules, RULES_OPERATIONS, type RulesParts } from './execute.js';
import { endHalts } from './hooks.js';
import { dayOf } from './hours.js';

export const rulesModule = (parts: RulesParts): LedgerModule<(typeof RULES_OPERATIONS)[number]> => ({
  name: 'rules',
  operations: RULES_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a market');
    parts.rules.versions.begin(genesis);
  },
  execute: (context, operation) => executeRules(parts, context, operation),
  // Before the hooks of modules that end orders: what is left of one is given back to its day.
  atStart: (context) => {
    parts.rules.day = dayOf(context.marketTime);
    endHalts(parts.rules, context);
  },
});
