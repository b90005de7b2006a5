import { randomBytes } from 'node:crypto';
import { native } from '@gridtokenx/crypto-native';

const SIGNED = 4_096;
/** About what an envelope with one order has. */
const MESSAGE_BYTES = 512;
const CPU_SECONDS = 1;

/**
 * Ed25519 verifications a second of one core, by the verifier of production: distinct keys and messages, none of which
 * comes twice before all have come once. By CPU time, so that a busy machine does not make the limit look low.
 */
export function verifyPerSecondLimit(): number {
  const signed = Array.from({ length: SIGNED }, () => {
    const seed = randomBytes(32);
    const message = new Uint8Array(randomBytes(MESSAGE_BYTES));
    return { message, publicKey: native.publicKeyOf(seed), signature: native.sign(message, seed) };
  });
  const from = process.cpuUsage();
  let verified = 0;
  for (;;) {
    for (const { signature, message, publicKey } of signed)
      if (!native.verify(signature, message, publicKey)) throw new Error('a true signature was refused');
    verified += signed.length;
    const { user, system } = process.cpuUsage(from);
    const seconds = (user + system) / 1e6;
    if (seconds >= CPU_SECONDS) return Math.round(verified / seconds);
  }
}
