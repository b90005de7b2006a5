import { native } from '@gridtokenx/crypto-native';
import { describe, expect, it } from '@jest/globals';
import { LightChain } from './light-chain.spec.js';
import { decodeTrustedState, encodeTrustedState } from './trusted-state.js';

const chain = new LightChain([
  [0, 1, 2, 3],
  [0, 1, 2, 4],
  [0, 1, 2, 4],
]);
const { rules } = chain.options;
const bytes = encodeTrustedState(chain.stateAt(3));
const read = (changed: Uint8Array) => decodeTrustedState(native, rules, changed);

describe('the bytes of a trusted state', () => {
  it('are 52 and 32 for each validator of the next height, and come back as they were', () => {
    expect(bytes).toHaveLength(52 + 4 * 32);
    expect(read(bytes)).toEqual(chain.stateAt(3));
    expect(encodeTrustedState(read(encodeTrustedState(chain.genesis())))).toEqual(encodeTrustedState(chain.genesis()));
  });

  it('have one spelling', () => {
    const keyAt = (i: number): Uint8Array => bytes.slice(52 + 32 * i, 84 + 32 * i);
    const swapped = bytes.slice();
    swapped.set(keyAt(1), 52);
    swapped.set(keyAt(0), 84);
    const twice = bytes.slice();
    twice.set(keyAt(0), 84);
    const nobody = bytes.slice(0, 52);
    nobody.set([0, 0, 0, 0], 48);
    expect(() => read(swapped)).toThrow('trustedState.order');
    expect(() => read(twice)).toThrow('trustedState.order');
    expect(() => read(nobody)).toThrow('trustedState.nobody');
    for (let length = 0; length < bytes.length; length++)
      expect(() => read(bytes.slice(0, length))).toThrow('trustedState.');
    expect(() => read(new Uint8Array([...bytes, 0]))).toThrow('trustedState.');
  });
});
