export * from './block-rows.js';
export * from './genesis-rows.js';
export * from './rows.js';
