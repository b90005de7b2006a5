export { startProjector } from './projector.module.js';
export { runLedgerNode } from './run-ledger-node.js';
export type { RunningRole } from './role.js';
export { startValidators } from './validator.module.js';
