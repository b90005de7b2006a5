import { toBase64Url } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { decodeKeyFile, encodeKeyFile, KeyFileError, SEED_BYTES } from './key-file.js';
import { noble } from './noble.js';

const seed = new Uint8Array(SEED_BYTES).fill(7);
const kid = toBase64Url(noble.publicKeyOf(seed));
const written = { version: 1, kid, seed: toBase64Url(seed) };

describe('a key file', () => {
  it('is one line of JSON, and reads back as it was written', () => {
    const text = encodeKeyFile({ kid, seed });
    expect(text).toBe(`{"version":1,"kid":"${kid}","seed":"${toBase64Url(seed)}"}\n`);
    expect(decodeKeyFile(noble, text)).toEqual({ kid, seed });
  });

  it.each([
    ['no JSON', 'key.malformed', 'x'],
    ['one field twice', 'key.malformed', `{"version":1,"kid":"","kid":"${kid}","seed":""}`],
    ['no object', 'key.version', 'null'],
    ['a later version', 'key.version', JSON.stringify({ ...written, version: 2 })],
    ['no seed', 'key.seed', JSON.stringify({ version: 1, kid })],
    ['a short seed', 'key.seed', JSON.stringify({ ...written, seed: 'AAAA' })],
    ['the name of another key', 'key.mismatch', JSON.stringify({ ...written, kid: toBase64Url(seed) })],
    ['no name', 'key.mismatch', JSON.stringify({ version: 1, seed: written.seed })],
  ])('with %s is refused', (_, code, text) => {
    let refusal: unknown;
    try {
      decodeKeyFile(noble, text);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(KeyFileError);
    expect(refusal).toMatchObject({ code });
    // A message goes into logs.
    expect(String(refusal)).not.toContain(written.seed);
  });
});
