export * from './key-files.js';
export * from './signer-files.js';
