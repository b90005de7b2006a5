export * from './config.js';
export * from './health.js';
export * from './log-server.js';
export * from './problem.js';
export * from './problem-filter.js';
export * from './route-table.js';
export * from './stderr-logger.js';
export * from './stop-asked.js';
