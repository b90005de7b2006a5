import { noble, type Crypto, type PublicKey, type Signature } from '@gridtokenx/crypto';
import { fromBase64Url, JsonError, parseStrictJson, toBase64Url } from '@gridtokenx/kernel';
import { platform, type Platform } from './platform.js';

export type KeyFileFault = 'key.malformed' | 'key.version' | 'key.seed' | 'key.mismatch';

export class KeyFileError extends Error {
  constructor(
    readonly code: KeyFileFault,
    reason: string,
  ) {
    super(`${code}: ${reason}`);
    this.name = 'KeyFileError';
  }
}

const SEED_BYTES = 32;

/** An Ed25519 key that can sign. The seed is a private field: printing or serialising the object does not show it. */
export class Keypair {
  readonly #seed: Uint8Array;
  readonly #crypto: Crypto;
  readonly publicKey: PublicKey;
  /** The public key in base64url: the name of the key everywhere. */
  readonly kid: string;

  private constructor(seed: Uint8Array, crypto: Crypto) {
    this.#seed = seed.slice();
    this.#crypto = crypto;
    this.publicKey = crypto.publicKeyOf(this.#seed);
    this.kid = toBase64Url(this.publicKey);
  }

  static generate({ randomBytes }: Pick<Platform, 'randomBytes'> = platform, crypto: Crypto = noble): Keypair {
    return new Keypair(randomBytes(SEED_BYTES), crypto);
  }

  static fromSeed(seed: Uint8Array, crypto: Crypto = noble): Keypair {
    if (seed.length !== SEED_BYTES) throw new KeyFileError('key.seed', 'a seed is 32 bytes');
    return new Keypair(seed, crypto);
  }

  /** Reads `{"version": 1, "kid", "seed"}`; a seed that does not make the named key is refused, not used. */
  static fromFile(text: string, crypto: Crypto = noble): Keypair {
    let value: unknown;
    try {
      value = parseStrictJson(text);
    } catch (error) {
      if (error instanceof JsonError) throw new KeyFileError('key.malformed', error.message);
      throw error;
    }
    const file = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    if (file['version'] !== 1) throw new KeyFileError('key.version', 'a key file has version 1');
    const seed = typeof file['seed'] === 'string' ? fromBase64Url(file['seed']) : undefined;
    if (seed === undefined) throw new KeyFileError('key.seed', 'the seed is 32 bytes in base64url');
    const keypair = Keypair.fromSeed(seed, crypto);
    if (file['kid'] !== keypair.kid)
      throw new KeyFileError('key.mismatch', 'the seed does not make the key that the file names');
    return keypair;
  }

  /** The secret as a file: keep it where only its owner reads. */
  toFile(): string {
    return `${JSON.stringify({ version: 1, kid: this.kid, seed: toBase64Url(this.#seed) })}\n`;
  }

  sign(message: Uint8Array): Signature {
    return this.#crypto.sign(message, this.#seed);
  }
}
