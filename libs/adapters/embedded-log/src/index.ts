export { createEmbeddedLog } from './log.js';
export type { EmbeddedLogOptions } from './log.js';
