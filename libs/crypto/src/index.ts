export * from './crypto.js';
export * from './key-file.js';
export * from './merkle.js';
export * from './noble.js';
