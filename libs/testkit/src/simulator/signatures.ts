import { hash as oneShot } from 'node:crypto';
import type { Crypto, Hash, PublicKey, Signature } from '@gridtokenx/crypto';
import { concatBytes, equalBytes, toHex, utf8 } from '@gridtokenx/kernel';

const sha256 = (bytes: Uint8Array): Hash => {
  const digest = oneShot('sha256', bytes, 'binary' as 'hex');
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
  return out as Hash;
};

const KEY = utf8('simulated key');
const SIGNATURE = utf8('simulated signature');

/**
 * Signatures that cost two hashes. Nobody inside the simulator can forge one: verifying looks the secret up among those that
 * signed or published a key here, and only whoever holds a seed can sign with it.
 */
export function simulatedSignatures(): Crypto {
  const seeds = new Map<string, Uint8Array>();
  const publicKeys = new Map<string, PublicKey>();
  const signatureOf = (seed: Uint8Array, message: Uint8Array): Signature => {
    const half = sha256(concatBytes(SIGNATURE, seed, message));
    return concatBytes(half, sha256(half)) as Signature;
  };
  const publicKeyOf = (seed: Uint8Array): PublicKey => {
    const name = toHex(seed);
    let key = publicKeys.get(name);
    if (key === undefined) {
      key = sha256(concatBytes(KEY, seed)) as Uint8Array as PublicKey;
      publicKeys.set(name, key);
      seeds.set(toHex(key), seed.slice());
    }
    return key;
  };
  return {
    sha256,
    publicKeyOf,
    isAcceptableKey: (key) => key.length === 32,
    sign: (message, seed) => {
      publicKeyOf(seed);
      return signatureOf(seed, message);
    },
    verify: (signature, message, publicKey) => {
      const seed = seeds.get(toHex(publicKey));
      return seed !== undefined && equalBytes(signature, signatureOf(seed, message));
    },
  };
}
