import type { LedgerModule } from '../ledger/module.js';
import { settleWhatIsDue, type SettlementParts } from './close.js';

export const settlementModule = (parts: SettlementParts): LedgerModule<never> => ({
  name: 'settlement',
  operations: [],
  execute: () => undefined,
  atStart: (context) => settleWhatIsDue(parts, context),
});
