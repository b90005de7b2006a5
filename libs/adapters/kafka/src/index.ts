export { createKafkaLog } from './log.js';
export type { KafkaLogOptions } from './log.js';
