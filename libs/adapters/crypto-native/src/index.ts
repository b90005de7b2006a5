export { createChecker } from './checker-pool.js';
export { native, tally } from './native.js';
