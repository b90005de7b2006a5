export { startBroker, whyNoBroker, type Broker } from '../kafka/broker.mjs';
export { Members } from './replay/members.js';
export { openDevelopmentLedger, ZONES, type DevelopmentLedger } from './system/development-ledger.js';
export type { Layout, LedgerProcess } from './system/layout.js';
export { startSystem, type RunningSystem, type ServiceName, type SystemOptions } from './system/system.js';
