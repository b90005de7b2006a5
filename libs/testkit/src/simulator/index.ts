export { INVARIANTS, SIZES, type Invariant, type Violation } from './checker.js';
export * from './simulation.js';
export { MemoryRows, type StandingRecord } from './rows.js';
