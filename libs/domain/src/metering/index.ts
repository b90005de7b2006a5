import type { LedgerModule } from '../ledger/module.js';
import { executeMetering, METERING_OPERATIONS, type MeteringStates } from './execute.js';

export const meteringModule = (states: MeteringStates): LedgerModule<(typeof METERING_OPERATIONS)[number]> => ({
  name: 'metering',
  operations: METERING_OPERATIONS,
  execute: (context, operation) => executeMetering(states, context, operation),
  atStart: () => states.metering.beginBlock(),
});
