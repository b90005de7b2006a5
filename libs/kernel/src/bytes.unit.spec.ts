import {
  asciiText,
  compareBytes,
  compareText,
  concatBytes,
  equalBytes,
  fromBase64Url,
  fromBase64UrlBytes,
  fromHex,
  fromUtf8,
  isAscii,
  toBase64Url,
  toHex,
  utf8,
} from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const seeded = { seed: 20_261_122, numRuns: 2_000 };
const bytes = fc.uint8Array({ maxLength: 200 });
/** Text of all kinds: with pairs, with lone surrogates, with control characters. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const isSame = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

function decoded(data: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(data);
  } catch {
    return undefined;
  }
}

describe('bytes as text', () => {
  it('are hex and base64url as Buffer writes them, and come back', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const hex = Buffer.from(data).toString('hex');
        const text = Buffer.from(data).toString('base64url');
        return (
          toHex(data) === hex &&
          isSame(fromHex(hex), data) &&
          toBase64Url(data) === text &&
          isSame(fromBase64Url(text), data) &&
          isSame(fromBase64UrlBytes(utf8(text)), data)
        );
      }),
      seeded,
    );
  });

  it('have one base64url spelling: padding, stray bits, white space and other letters are refused', () => {
    for (const wrong of [
      'A',
      'AA==',
      'AAA=',
      'AB',
      'AAB',
      'AA A',
      'AAAA\n',
      'AA+/',
      'AAÿA',
      'AA\u0141A',
      'AAAAA',
      '\u0100AAA',
    ])
      expect(fromBase64Url(wrong)).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const data = fromBase64Url(text);
        return data === undefined || toBase64Url(data) === text;
      }),
      seeded,
    );
  });

  it('have one hex spelling: capitals, odd lengths and other letters are refused', () => {
    for (const wrong of ['0', 'AA', '0g', '0x', ' 0', '0\u0130']) expect(fromHex(wrong)).toBeUndefined();
  });
});

describe('UTF-8', () => {
  it('is written as TextEncoder writes it, lone surrogates included', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        return isSame(utf8(text), Buffer.from(text, 'utf8'));
      }),
      seeded,
    );
  });

  it('is read as a strict TextDecoder reads it, whatever the bytes', () => {
    const nearlyText = fc
      .tuple(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(), fc.nat(255))
      .map(([text, at, byte]) => {
        const data = utf8(text);
        if (data.length > 0) data[at % data.length] = byte;
        return data;
      });
    fc.assert(
      fc.property(fc.oneof(bytes, nearlyText), (data) => {
        return fromUtf8(data) === decoded(data);
      }),
      { ...seeded, numRuns: 5_000 },
    );
  });

  it.each([
    ['overlong', 'c080'],
    ['overlong in three bytes', 'e09fbf'],
    ['overlong in four bytes', 'f08fbfbf'],
    ['a surrogate', 'eda080'],
    ['above U+10FFFF', 'f4908080'],
    ['cut short', 'e282'],
    ['a lone continuation', '80'],
  ])('is refused when it is %s', (_name, hex) => {
    expect(fromUtf8(fromHex(hex) ?? new Uint8Array(0))).toBeUndefined();
  });

  it('comes back from texts longer than one call may take', () => {
    for (const text of ['x'.repeat(100_003), 'é'.repeat(50_001), `a${'😀'.repeat(20_001)}`])
      expect(fromUtf8(utf8(text))).toBe(text);
  });

  it('is read and written without regard to who owns the memory', () => {
    const pool = Buffer.from('__żółw__');
    expect(fromUtf8(pool.subarray(2, -2))).toBe('żółw');
  });

  it('is read from a part of some bytes as from a copy of that part', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, anyText.map(utf8)), fc.nat(), fc.nat(), (data, one, other) => {
        const [begin = 0, end = 0] = [one % (data.length + 1), other % (data.length + 1)].sort((a, b) => a - b);
        const part = data.slice(begin, end);
        expect(fromUtf8(data, begin, end)).toBe(fromUtf8(part));
        expect(asciiText(data, begin, end)).toBe(asciiText(part));
        expect(isAscii(data, begin, end)).toBe(isAscii(part));
      }),
      seeded,
    );
  });
});

describe('the order of bytes', () => {
  it('is that of Buffer.compare, and equality is its zero', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const order = Buffer.compare(a, b);
        return (
          Math.sign(compareBytes(a, b)) === order &&
          equalBytes(a, b) === (order === 0) &&
          isSame(concatBytes(a, b), Buffer.concat([a, b]))
        );
      }),
      seeded,
    );
    expect(['b', 'a', 'B', 'é', 'z'].sort(compareText)).toEqual(['B', 'a', 'b', 'z', 'é']);
  });
});
