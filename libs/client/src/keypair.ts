import {
  decodeKeyFile,
  encodeKeyFile,
  KeyFileError,
  noble,
  SEED_BYTES,
  type Crypto,
  type PublicKey,
  type Signature,
} from '@gridtokenx/crypto';
import { toBase64Url } from '@gridtokenx/kernel';
import { platform, type Platform } from './platform.js';

export { KeyFileError, type KeyFileFault } from '@gridtokenx/crypto';

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
    return new Keypair(decodeKeyFile(crypto, text).seed, crypto);
  }

  /** The secret as a file: keep it where only its owner reads. */
  toFile(): string {
    return encodeKeyFile({ kid: this.kid, seed: this.#seed });
  }

  sign(message: Uint8Array): Signature {
    return this.#crypto.sign(message, this.#seed);
  }
}
