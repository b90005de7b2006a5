export * from './block.js';
export * from './certificate.js';
export * from './header.js';
export * from './proof.js';
export * from './quorum.js';
export * from './trees.js';
export * from './validators.js';
export * from './votes.js';
