import type { LedgerModule } from '../ledger/module.js';
import { METERING_OPERATIONS, recordReading, type MeteringStates } from './execute.js';

export const meteringModule = (states: MeteringStates): LedgerModule<(typeof METERING_OPERATIONS)[number]> => ({
  name: 'metering',
  operations: METERING_OPERATIONS,
  execute: (context, operation) => recordReading(states, context, operation),
});
