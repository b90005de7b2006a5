export * from './bus.js';
export * from './config.js';
export * from './genesis.js';
export * from './run-process.js';
