import { assert, fromBase64Url, fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';

const HEX_DIGITS = 32;
const HEX_BYTES = 16;
const KEY_BYTES = 32;

/** Whether an account is named by a random id, in hex, and not by the key that owns it. */
export const isHexAccount = (id: string): boolean => id.length === HEX_DIGITS;

/**
 * The 16 bytes of an account that a random id names (32 lower-case hex digits), or the 32 of the key that owns it (43
 * characters of base64url); the length tells which. `undefined` when the text is neither.
 */
export function accountBytes(id: string): Uint8Array | undefined {
  const bytes = isHexAccount(id) ? fromHex(id) : fromBase64Url(id);
  return bytes?.length === (isHexAccount(id) ? HEX_BYTES : KEY_BYTES) ? bytes : undefined;
}

/** The way back. */
export function accountText(bytes: Uint8Array): string {
  assert(bytes.length === HEX_BYTES || bytes.length === KEY_BYTES, 'an account is 16 or 32 bytes');
  return bytes.length === HEX_BYTES ? toHex(bytes) : toBase64Url(bytes);
}
