export * from './codec.js';
export * from './messages.js';
export * from './replica.js';
export * from './signer.js';
export * from './step.js';
export * from './timing.js';
export * from './types.js';
