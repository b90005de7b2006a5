export type { KeyFile } from '@gridtokenx/crypto';
export * from './key-files.js';
export * from './signer-files.js';
export * from './snapshot-files.js';
