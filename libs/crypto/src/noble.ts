import { concatBytes, equalBytes } from '@gridtokenx/kernel';
import { getPublicKey, hashes, Point, sign } from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { Crypto, Hash, PublicKey, Signature } from './crypto.js';

hashes.sha512 = sha512;

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

/** The point, if its encoding is canonical and its order is not small. */
function acceptablePoint(encoded: Uint8Array): Point | undefined {
  if (encoded.length !== 32) return undefined;
  try {
    const point = Point.fromBytes(encoded);
    return point.isSmallOrder() || !equalBytes(point.toBytes(), encoded) ? undefined : point;
  } catch {
    return undefined;
  }
}

/**
 * The strict rule, step by step, on noble's points. noble's own `verify` multiplies by the cofactor, which accepts
 * signatures that libsodium refuses (speccheck cases 4 and 5), so it is not used.
 */
function verifyStrict(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const encodedR = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= GROUP_ORDER) return false;
  const a = acceptablePoint(publicKey);
  if (a === undefined || acceptablePoint(encodedR) === undefined) return false;
  const k = littleEndian(sha512(concatBytes(encodedR, publicKey, message))) % GROUP_ORDER;
  const r = Point.BASE.multiply(s, false).subtract(a.multiply(k, false));
  return equalBytes(r.toBytes(), encodedR);
}

/** Pure TypeScript: runs everywhere, about 0.4 k verifications a second on one core. */
export const noble: Crypto = {
  sha256: (bytes) => sha256(bytes) as Uint8Array as Hash,
  verify: verifyStrict,
  isAcceptableKey: (publicKey) => acceptablePoint(publicKey) !== undefined,
  sign: (message, seed) => sign(message, seed) as Uint8Array as Signature,
  publicKeyOf: (seed) => getPublicKey(seed) as Uint8Array as PublicKey,
};
