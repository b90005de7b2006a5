import { fromBase64Url, JsonError, parseStrictJson, toBase64Url } from '@gridtokenx/kernel';
import type { Crypto } from './crypto.js';

/** A secret key as a file: `{"version": 1, "kid": "...", "seed": "..."}`, both in base64url. Whoever writes one keeps it from others. */
export interface KeyFile {
  /** The public key: the name of the key everywhere. */
  readonly kid: string;
  readonly seed: Uint8Array;
}

export type KeyFileFault = 'key.malformed' | 'key.version' | 'key.seed' | 'key.mismatch';

export class KeyFileError extends Error {
  constructor(
    readonly code: KeyFileFault,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${reason}`, options);
    this.name = 'KeyFileError';
  }
}

const VERSION = 1;
export const SEED_BYTES = 32;

/** Reads the text of a key file; a seed that does not make the named key is refused, not used. Throws {@link KeyFileError}. */
export function decodeKeyFile(crypto: Crypto, text: string): KeyFile {
  const { version, kid, seed: encoded } = fieldsOf(text);
  if (version !== VERSION) throw new KeyFileError('key.version', `a key file has version ${VERSION}`);
  const seed = typeof encoded === 'string' ? fromBase64Url(encoded) : undefined;
  if (seed?.length !== SEED_BYTES) throw new KeyFileError('key.seed', `the seed is ${SEED_BYTES} bytes in base64url`);
  if (typeof kid !== 'string' || kid !== toBase64Url(crypto.publicKeyOf(seed)))
    throw new KeyFileError('key.mismatch', 'the seed does not make the key that the file names');
  return { kid, seed };
}

export function encodeKeyFile({ kid, seed }: KeyFile): string {
  return `${JSON.stringify({ version: VERSION, kid, seed: toBase64Url(seed) })}\n`;
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value = parseStrictJson(text);
    return (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof JsonError) throw new KeyFileError('key.malformed', error.message);
    throw error;
  }
}
