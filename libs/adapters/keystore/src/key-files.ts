import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Crypto } from '@gridtokenx/crypto';
import { fromBase64Url, toBase64Url } from '@gridtokenx/kernel';

/** A secret key in a file of mode 0600: `{"version": 1, "kid": "...", "seed": "..."}`, both base64url. */
export interface KeyFile {
  readonly kid: string;
  readonly seed: Uint8Array;
}

export class KeyFileError extends Error {
  constructor(
    readonly code: 'keyFile.malformed' | 'keyFile.mismatch',
    readonly path: string,
  ) {
    super(`${code}: ${path}`);
    this.name = 'KeyFileError';
  }
}

/** Reads one key file and checks that the seed makes the key it names. */
export async function readKeyFile(crypto: Crypto, path: string): Promise<KeyFile> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new KeyFileError('keyFile.malformed', path);
    throw error;
  }
  const { version, kid, seed } = (typeof content === 'object' && content !== null ? content : {}) as Record<
    string,
    unknown
  >;
  const bytes = typeof seed === 'string' ? fromBase64Url(seed) : undefined;
  if (version !== 1 || typeof kid !== 'string' || bytes?.length !== 32)
    throw new KeyFileError('keyFile.malformed', path);
  if (toBase64Url(crypto.publicKeyOf(bytes)) !== kid) throw new KeyFileError('keyFile.mismatch', path);
  return { kid, seed: bytes };
}

/** Writes a new key file; refuses to overwrite one. */
export async function writeKeyFile(crypto: Crypto, path: string, seed: Uint8Array): Promise<KeyFile> {
  const kid = toBase64Url(crypto.publicKeyOf(seed));
  const content = { version: 1, kid, seed: toBase64Url(seed) };
  await writeFile(path, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' });
  return { kid, seed };
}

/** All key files of a folder (`*.key.json`), in the order of their names. */
export async function readKeyFolder(crypto: Crypto, folder: string): Promise<KeyFile[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.key.json')).sort();
  return Promise.all(names.map((name) => readKeyFile(crypto, join(folder, name))));
}
