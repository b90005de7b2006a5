export * from './allocation.js';
export * from './control.js';
export * from './correction.js';
export * from './history.js';
export * from './money.js';
export * from './netting.js';
export * from './position.js';
