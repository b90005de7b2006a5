import { createHash, hash as oneShot } from 'node:crypto';
import type { Crypto, Hash, PublicKey, Signature } from '@gridtokenx/crypto';
import { noble } from '@gridtokenx/crypto';
import sodium from 'sodium-native';

const hash = oneShot as ((algorithm: string, data: Uint8Array, encoding: 'binary') => string) | undefined;

/** The signing key libsodium wants (seed and public key) for each seed in use; a process has few. */
const pairs = new Map<string, { publicKey: Buffer; secretKey: Buffer }>();

function pairOf(seed: Uint8Array): { publicKey: Buffer; secretKey: Buffer } {
  const id = Buffer.from(seed).toString('hex');
  let pair = pairs.get(id);
  if (pair === undefined) {
    if (seed.length !== 32) throw new RangeError('an Ed25519 seed has 32 bytes');
    pair = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(64) };
    sodium.crypto_sign_seed_keypair(pair.publicKey, pair.secretKey, Buffer.from(seed));
    pairs.set(id, pair);
  }
  return pair;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * What this process has done so far, for whoever measures it. A worker thread has a tally of its own and tells it to
 * the thread that it works for, which adds it here.
 */
export const tally = { verifications: 0 };

/** libsodium for signatures (its rule is the strict one), OpenSSL for SHA-256. */
export const native: Crypto = {
  sha256: (bytes) => {
    // A block takes hundreds of thousands of hashes, and of a short one most of the time goes into making the Buffer of
    // the digest: a string of 32 characters is cheaper, even when it is copied.
    const digest =
      hash === undefined ? createHash('sha256').update(bytes).digest('binary') : hash('sha256', bytes, 'binary');
    const out = new Uint8Array(32);
    for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
    return out as Hash;
  },
  verify: (signature, message, publicKey) => {
    tally.verifications++;
    return (
      signature.length === 64 &&
      publicKey.length === 32 &&
      sodium.crypto_sign_verify_detached(asBuffer(signature), asBuffer(message), asBuffer(publicKey))
    );
  },
  // Registration is rare; the reference rule decides.
  isAcceptableKey: noble.isAcceptableKey,
  sign: (message, seed) => {
    const signature = Buffer.alloc(64);
    sodium.crypto_sign_detached(signature, asBuffer(message), pairOf(seed).secretKey);
    return new Uint8Array(signature) as Signature;
  },
  publicKeyOf: (seed) => new Uint8Array(pairOf(seed).publicKey) as PublicKey,
};
