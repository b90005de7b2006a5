import type { Brand } from '@gridtokenx/kernel';

/** 32 bytes of SHA-256. */
export type Hash = Brand<Uint8Array, 'Hash'>;
/** 32 bytes, an encoded Ed25519 point (RFC 8032 section 5.1.2). */
export type PublicKey = Brand<Uint8Array, 'PublicKey'>;
/** 64 bytes, R and S (RFC 8032 section 5.1.6). */
export type Signature = Brand<Uint8Array, 'Signature'>;

export const HASH_BYTES = 32;
export const ZERO_HASH = new Uint8Array(HASH_BYTES) as Hash;

/**
 * What the core asks of cryptography; `noble` is the default and the reference, `crypto-native` (libsodium) runs on hot paths.
 * Both pass one vector suite.
 */
export interface Crypto {
  sha256(bytes: Uint8Array): Hash;
  /**
   * The one strict rule (the rule of libsodium and of dalek's `verify_strict`): S below the group order, A canonical and
   * not of small order, R not of small order, and R equal byte for byte to S*B - k*A (no cofactor). Wrong lengths are false.
   */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  /** Whether a key may be registered: a canonical encoding of a point that is not of small order. */
  isAcceptableKey(publicKey: Uint8Array): boolean;
  /** Signs with a 32-byte seed (RFC 8032 section 5.1.5). */
  sign(message: Uint8Array, seed: Uint8Array): Signature;
  publicKeyOf(seed: Uint8Array): PublicKey;
}
