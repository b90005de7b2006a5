export * from './free-port.js';
export * from './genesis.js';
export * from './memory-log.js';
export * from './postgres.js';
export * from './consortium.js';
export * from './signer-memory.js';
export * from './snapshot-memory.js';
export * from './simulator/index.js';
