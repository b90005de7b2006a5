export * from './conviction.js';
export * from './curve.js';
export * from './referendum.js';
export * from './tally.js';
export * from './vote-lock.js';
