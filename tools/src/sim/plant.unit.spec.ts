import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MUTATIONS } from './mutations.js';
import { mutated } from './plant.js';

const SOURCE = `
export const double = (n) => { return n * 2; };
/** Ünicode before the place: offsets are of bytes. */
export function half(n) {
    return n / 2;
}
class Box {
    open() {
        return 1;
    }
}
`;

describe('planting', () => {
  const file = 'libs/x/src/x.ts';

  it('replaces text in one named function and nowhere else', () => {
    const planted = mutated(SOURCE, { file, function: 'half', replace: [['return n / 2', 'return n']] });
    expect(planted).toBe(SOURCE.replace('return n / 2', 'return n'));
  });

  it('replaces a body, of functions and of methods', () => {
    expect(mutated(SOURCE, { file, function: 'double', body: '{ return 0; }' })).toContain(
      'double = (n) => { return 0; };',
    );
    expect(mutated(SOURCE, { file, function: 'Box.open', body: '{ return 2; }' })).toContain('open() { return 2; }');
  });

  it('fails when the function or the text is not there, or the text is there twice', () => {
    expect(() => mutated(SOURCE, { file, function: 'third', body: '{}' })).toThrow('0 functions third');
    expect(() => mutated(SOURCE, { file, function: 'half', replace: [['gone', '']] })).toThrow('stands 0 times');
    expect(() => mutated(SOURCE, { file, function: 'half', replace: [['n', 'm']] })).toThrow('times in it, not once');
  });
});

describe('the mutations', () => {
  it('have names of their own and name files that exist', () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
    for (const { edits } of MUTATIONS)
      for (const { file } of edits)
        expect([file, existsSync(new URL(`../../../${file}`, import.meta.url))]).toEqual([file, true]);
  });

  it('each change the compiled module, where it is built', () => {
    for (const { edits } of MUTATIONS)
      for (const edit of edits) {
        const url = new URL(
          `../../../${edit.file.replace('/src/', '/dist/').replace(/\.ts$/, '.js')}`,
          import.meta.url,
        );
        if (!existsSync(url)) continue;
        const source = readFileSync(url, 'utf8');
        expect(mutated(source, edit)).not.toBe(source);
      }
  });
});
