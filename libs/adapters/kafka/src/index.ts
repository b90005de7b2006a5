export { createKafkaLog, deleteTopics } from './log.js';
export type { KafkaLogOptions } from './log.js';
