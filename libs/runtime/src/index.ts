export * from './ports.js';
export * from './read-models.js';
export * from './row-store.js';
