export * from './consortium/lists.js';
export * from './consortium/rows.js';
export * from './lists.js';
export type { Projection } from './projection.js';
export { projectionOf } from './projection-of.js';
export * from './public/rows.js';
export * from './rows.js';
