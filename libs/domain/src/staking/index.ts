export * from './bond.js';
export * from './commission.js';
export * from './exposure.js';
export * from './inflation.js';
export * from './offence.js';
export * from './parameters.js';
export * from './payout.js';
export * from './slash.js';
