import type { LedgerModule } from '../ledger/module.js';
import { settleWhatIsDue, type SettlementParts } from './close.js';
import { correct, SETTLEMENT_OPERATIONS } from './execute.js';

export const settlementModule = (parts: SettlementParts): LedgerModule<(typeof SETTLEMENT_OPERATIONS)[number]> => ({
  name: 'settlement',
  operations: SETTLEMENT_OPERATIONS,
  execute: (context, operation) => correct(parts, context, operation),
  atStart: (context) => settleWhatIsDue(parts, context),
  audit: () => parts.settlement.audit(),
});
