export * from './check.js';
export * from './explain.js';
export { normalise, sharesOf } from './normalise.js';
export { elect, Election } from './phragmen.js';
export { phragmms } from './phragmms.js';
export { reduce, type Assignment } from './reduce.js';
export type { ElectionResult, Support, Winner } from './result.js';
export { isBetterScore, isSameScore, scoreOf, type ElectionScore } from './score.js';
export { STAKE_MAX, TARGETS_MAX, type Balancing, type ElectionSnapshot, type Nominator } from './snapshot.js';
