export { startProjector } from './projector.module.js';
export type { RunningRole } from './role.js';
export { startValidators } from './validator.module.js';
