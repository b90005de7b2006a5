export * from './book.js';
export * from './calendar.js';
export * from './check.js';
export * from './schema.js';
export * from './terms.js';
