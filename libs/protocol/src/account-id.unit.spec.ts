import { Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { accountBytes, accountText } from './account-id.js';

describe('the id of an account', () => {
  const prng = new Prng(1);
  it.each([
    ['a random id', toHex(prng.bytes(16)), 16],
    ['a key', toBase64Url(prng.bytes(32)), 32],
  ])('that is %s comes back from its bytes', (_what, id, size) => {
    const bytes = accountBytes(id);
    expect(bytes).toHaveLength(size);
    expect(accountText(bytes ?? new Uint8Array())).toBe(id);
  });

  it.each(['', 'ab', 'A'.repeat(32), 'g'.repeat(32), '0'.repeat(64), `${'A'.repeat(42)}B`, '='.repeat(43)])(
    'is not %j',
    (id) => {
      expect(accountBytes(id)).toBeUndefined();
    },
  );

  it('has no other size', () => {
    expect(() => accountText(new Uint8Array(20))).toThrow('bug');
  });
});
