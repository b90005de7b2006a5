import { utf8 } from '@gridtokenx/kernel';
import type { Outcome } from '@gridtokenx/protocol';

/** `encodeOutcome` for what nearly every outcome is: ASCII, written once into a buffer of its size. */
export function outcomeBytes(outcome: Outcome): Uint8Array {
  const text = JSON.stringify(outcome);
  const { length } = text;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return utf8(text);
    bytes[i] = code;
  }
  return bytes;
}
