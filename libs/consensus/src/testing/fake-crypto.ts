import { noble, type Crypto, type Hash, type PublicKey, type Signature } from '@gridtokenx/crypto';
import { concatBytes, equalBytes, utf8 } from '@gridtokenx/kernel';

const DOMAIN = utf8('key');

/** Anyone can compute it, nobody in a test does: the signature is a hash of key and message. Real hashes, cheap signatures. */
function signatureOf(publicKey: Uint8Array, message: Uint8Array): Signature {
  const half = noble.sha256(concatBytes(publicKey, message));
  return concatBytes(half, half) as Signature;
}

const publicKeyOf = (seed: Uint8Array): PublicKey => noble.sha256(concatBytes(DOMAIN, seed)) as Uint8Array as PublicKey;

export const fakeCrypto: Crypto = {
  sha256: (bytes): Hash => noble.sha256(bytes),
  verify: (signature, message, publicKey) => equalBytes(signature, signatureOf(publicKey, message)),
  isAcceptableKey: (publicKey) => publicKey.length === 32,
  sign: (message, seed) => signatureOf(publicKeyOf(seed), message),
  publicKeyOf,
};
