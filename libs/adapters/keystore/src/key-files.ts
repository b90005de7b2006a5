import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeKeyFile, encodeKeyFile, KeyFileError, type Crypto, type KeyFile } from '@gridtokenx/crypto';
import { toBase64Url } from '@gridtokenx/kernel';

/** Reads one key file and checks that the seed makes the key it names. */
export async function readKeyFile(crypto: Crypto, path: string): Promise<KeyFile> {
  const text = await readFile(path, 'utf8');
  try {
    return decodeKeyFile(crypto, text);
  } catch (error) {
    if (error instanceof KeyFileError) throw new KeyFileError(error.code, `${path}: ${error.reason}`, { cause: error });
    throw error;
  }
}

/** Writes a new key file of mode 0600; refuses to overwrite one. */
export async function writeKeyFile(crypto: Crypto, path: string, seed: Uint8Array): Promise<KeyFile> {
  const file = { kid: toBase64Url(crypto.publicKeyOf(seed)), seed };
  await writeFile(path, encodeKeyFile(file), { mode: 0o600, flag: 'wx' });
  return file;
}

/** All key files of a folder (`*.key.json`), in the order of their names. */
export async function readKeyFolder(crypto: Crypto, folder: string): Promise<KeyFile[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.key.json')).sort();
  return Promise.all(names.map((name) => readKeyFile(crypto, join(folder, name))));
}
