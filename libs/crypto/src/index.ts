export * from './crypto.js';
export * from './merkle.js';
export * from './noble.js';
