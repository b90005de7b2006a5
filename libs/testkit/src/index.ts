export * from './memory-log.js';
export * from './postgres.js';
