export * from './assert.js';
export * from './brand.js';
export * from './bytes.js';
export * from './codec.js';
export * from './json.js';
export * from './parts.js';
export * from './prng.js';
export * from './units.js';
