/** Bytes and their spellings, without `Buffer` or `TextEncoder`: the core runs where those are not. */

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order by unsigned byte; the order of validator sets. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Order of strings by UTF-16 code unit: the same on every machine, unlike localeCompare. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Texts up to this length are made in one piece. */
const PIECE_MAX = 128;
const PIECES = Array.from({ length: PIECE_MAX + 1 }, (_, length) => Array.from({ length }, () => 0));

/**
 * A list to be filled with so many codes and given to {@link textOf} at once. The engine makes one flat text of it; a text
 * that is put together from pieces is a tree of them, which is slower to make, takes several times the memory, and is put
 * in order by whoever reads it first.
 */
const pieceOf = (length: number): number[] => PIECES[length] ?? [];
const textOf = (codes: readonly number[]): string => String.fromCharCode.apply(undefined, codes as number[]);

const hexCode = (digit: number): number => (digit < 10 ? 48 : 87) + digit;

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += PIECE_MAX / 2) {
    const codes = pieceOf(2 * Math.min(PIECE_MAX / 2, bytes.length - from));
    for (let i = 0; i < codes.length; i += 2) {
      const byte = bytes[from + (i >> 1)] ?? 0;
      codes[i] = hexCode(byte >> 4);
      codes[i + 1] = hexCode(byte & 15);
    }
    text = from === 0 ? textOf(codes) : text + textOf(codes);
  }
  return text;
}

const hexValue = (code: number): number =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;

/** Lower-case hex only; `undefined` for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = hexValue(text.charCodeAt(2 * i));
    const low = hexValue(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    out[i] = high * 16 + low;
  }
  return out;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const LETTERS = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const VALUES = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;
const valueOf = (code: number | undefined): number => VALUES[code ?? 0] ?? -1;

/** ASCII as text; of any other bytes each as the letter of that code. A range of its own spares a view of it. */
export function asciiText(bytes: Uint8Array, begin = 0, end = bytes.length): string {
  let text = '';
  for (let from = begin; from < end; from += PIECE_MAX) {
    const codes = pieceOf(Math.min(PIECE_MAX, end - from));
    for (let i = 0; i < codes.length; i++) codes[i] = bytes[from + i] ?? 0;
    text = from === begin ? textOf(codes) : text + textOf(codes);
  }
  return text;
}

/** base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let at = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const triple = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    // Writes beyond the end of a typed array are dropped: the last triple may be short.
    out[at] = LETTERS[triple >> 18] ?? 0;
    out[at + 1] = LETTERS[(triple >> 12) & 63] ?? 0;
    out[at + 2] = LETTERS[(triple >> 6) & 63] ?? 0;
    out[at + 3] = LETTERS[triple & 63] ?? 0;
    at += 4;
  }
  return asciiText(out);
}

/** Strict: no padding, no white space, no stray bits in the last character; `undefined` otherwise. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const codes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return undefined;
    codes[i] = code;
  }
  return fromBase64UrlBytes(codes);
}

/** {@link fromBase64Url} of text that is still bytes, as it came over the wire. */
export function fromBase64UrlBytes(codes: Uint8Array): Uint8Array | undefined {
  const tail = codes.length % 4;
  if (tail === 1) return undefined;
  const out = new Uint8Array(((codes.length - tail) / 4) * 3 + (tail === 0 ? 0 : tail - 1));
  return readBase64Url(codes, out) === undefined ? undefined : out;
}

/** The same into a buffer that is long enough and used again: gives how many bytes were written. */
export function readBase64Url(codes: Uint8Array, out: Uint8Array): number | undefined {
  const tail = codes.length % 4;
  if (tail === 1) return undefined;
  const whole = codes.length - tail;
  let at = 0;
  let seen = 0;
  for (let i = 0; i < whole; i += 4) {
    const bits =
      (valueOf(codes[i]) << 18) | (valueOf(codes[i + 1]) << 12) | (valueOf(codes[i + 2]) << 6) | valueOf(codes[i + 3]);
    // A character outside the alphabet has the value -1, which makes `seen` negative for good.
    seen |= bits;
    out[at] = bits >> 16;
    out[at + 1] = bits >> 8;
    out[at + 2] = bits;
    at += 3;
  }
  if (tail !== 0) {
    const bits =
      (valueOf(codes[whole]) << 18) |
      (valueOf(codes[whole + 1]) << 12) |
      (tail === 3 ? valueOf(codes[whole + 2]) << 6 : 0);
    seen |= bits;
    if ((bits & (tail === 3 ? 0xff : 0xffff)) !== 0) return undefined;
    out[at++] = bits >> 16;
    if (tail === 3) out[at++] = bits >> 8;
  }
  return seen < 0 ? undefined : at;
}

/** How many bytes the UTF-8 of a text takes; a lone surrogate counts as U+FFFD. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    length += code < 0x800 ? 1 : 2;
    // A pair: two units, four bytes.
    if (isHigh(code) && isLow(text.charCodeAt(i + 1))) i++;
  }
  return length;
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

/** UTF-8 of a well-formed string; a lone surrogate becomes U+FFFD, as TextEncoder does. */
export function utf8(text: string): Uint8Array {
  const out = new Uint8Array(utf8Length(text));
  if (out.length === text.length) {
    for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i);
    return out;
  }
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      out[at++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(i + 1);
      if (isHigh(code) && isLow(next)) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        i++;
      } else code = 0xfffd;
    }
    if (code < 0x800) out[at++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x10000) out[at++] = 0xe0 | (code >> 12);
      else {
        out[at++] = 0xf0 | (code >> 18);
        out[at++] = 0x80 | ((code >> 12) & 63);
      }
      out[at++] = 0x80 | ((code >> 6) & 63);
    }
    out[at++] = 0x80 | (code & 63);
  }
  return out;
}

export function isAscii(bytes: Uint8Array, begin = 0, end = bytes.length): boolean {
  let seen = 0;
  for (let i = begin; i < end; i++) seen |= bytes[i] ?? 0;
  return seen < 0x80;
}

const UNITS_PER_CALL = 4096;

/** Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF; `undefined` otherwise. */
export function fromUtf8(all: Uint8Array, begin = 0, end = all.length): string | undefined {
  // Nearly everything on the wire is ASCII, and that is its own UTF-16.
  if (isAscii(all, begin, end)) return asciiText(all, begin, end);
  const bytes = all.subarray(begin, end);
  const units = new Uint16Array(bytes.length);
  let at = 0;
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i++] ?? 0;
    if (first < 0x80) {
      units[at++] = first;
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return undefined;
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    let code = first & (0x3f >> more);
    for (let k = 0; k < more; k++) {
      const byte = bytes[i++];
      if (byte === undefined || (byte & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (byte & 0x3f);
    }
    const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    if (code < 0x10000) units[at++] = code;
    else {
      units[at++] = 0xd800 + ((code - 0x10000) >> 10);
      units[at++] = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
  }
  let text = '';
  // A call takes only so many arguments.
  for (let k = 0; k < at; k += UNITS_PER_CALL)
    text += String.fromCharCode.apply(null, units.subarray(k, Math.min(at, k + UNITS_PER_CALL)) as unknown as number[]);
  return text;
}
