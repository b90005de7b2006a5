import { JsonError, parseStrictJson, type Json } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const seeded = { seed: 20_261_122, numRuns: 1_000 };

function refusal(text: string): [code: string, pointer: string] | undefined {
  try {
    parseStrictJson(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return [error.code, error.pointer];
  }
}

/** Values that a strict document may hold. */
const strictValue = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n)),
    fc.constantFrom(null, true, false, 0, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 999_999_999_999_999),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

describe('strict JSON', () => {
  it('means what JSON.parse means, with and without white space', () => {
    fc.assert(
      fc.property(strictValue, fc.constantFrom(0, 1, '\t', ' \r\n'), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
        expect(JSON.stringify(parseStrictJson(text))).toBe(JSON.stringify(value));
      }),
      seeded,
    );
  });

  it('accepts nothing that JSON.parse refuses, and repeats every document it accepts', () => {
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '"',
        '\\',
        '\\u0061',
        '\\ud800',
        '1',
        '-',
        '0',
        '.',
        'e',
        '9007199254740993',
      ],
      ...[
        'true',
        'null',
        ' ',
        '\n',
        'é',
        '\ud800',
        '"__proto__"',
        '"constructor"',
        '{"a":1}',
        '[1,2]',
        '{"a":{"a":1}}',
      ],
    );
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
          strictMutations(),
        ),
        (text) => {
          if (refusal(text) !== undefined) return;
          accepted++;
          const value = parseStrictJson(text);
          expect(value).toEqual(JSON.parse(text));
          expect(parseStrictJson(JSON.stringify(value))).toEqual(value);
        },
      ),
      { ...seeded, numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it.each([
    ['repeated keys', '{"a":1,"a":1}', 'json.duplicateKey', ''],
    ['repeated keys, one escaped', '{"a":1,"\\u0061":2}', 'json.duplicateKey', ''],
    ['repeated keys inside', '{"x":[{"b":1,"c":{},"b":1}]}', 'json.duplicateKey', '/x/0'],
    ['repeated keys in a value that is itself repeated away', '{"a":{"b":1,"b":2}}', 'json.duplicateKey', '/a'],
    ['__proto__', '{"a":{"__proto__":1}}', 'json.forbiddenKey', '/a'],
    ['__proto__ in disguise', '{"__pr\\u006fto__":{}}', 'json.forbiddenKey', ''],
    ['a float', '{"a":[1,2.5]}', 'json.notAnInteger', '/a/1'],
    ['a float that is whole', '1.0', 'json.notAnInteger', ''],
    ['a float that rounds to a whole number', '0.99999999999999999999', 'json.notAnInteger', ''],
    ['an exponent', '[1e3]', 'json.notAnInteger', '/0'],
    ['a capital exponent', '[1E3]', 'json.notAnInteger', '/0'],
    ['minus zero', '{"~/":-0}', 'json.notAnInteger', '/~0~1'],
    ['2^53', '9007199254740992', 'json.numberTooLarge', ''],
    ['-2^53', '-9007199254740992', 'json.numberTooLarge', ''],
    ['a very long number', '1'.repeat(400), 'json.numberTooLarge', ''],
    ['a lone high surrogate', '["\\ud800"]', 'json.badString', '/0'],
    ['a lone low surrogate', '["\\udc00x"]', 'json.badString', '/0'],
    ['a lone surrogate that is not escaped', '"\ud800"', 'json.badString', ''],
    ['a lone surrogate in a key', '{"\\ud800":1}', 'json.badString', ''],
    ['a control character', '"a\tb"', 'json.badString', ''],
    ['an unknown escape', '"\\x41"', 'json.badString', ''],
    ['a short escape', '"\\u00g0"', 'json.badString', ''],
    ['depth 17', `${'['.repeat(17)}${']'.repeat(17)}`, 'json.tooDeep', '/0'.repeat(16)],
    ['no end of depth', '['.repeat(200_000), 'json.tooDeep', '/0'.repeat(16)],
    ['trailing bytes', '{} x', 'json.malformed', ''],
    ['two documents', '1 2', 'json.malformed', ''],
    ['a leading zero', '01', 'json.malformed', ''],
    ['a plus', '+1', 'json.malformed', ''],
    ['a trailing comma', '[1,]', 'json.malformed', '/1'],
    ['a trailing comma in an object', '{"a":1,}', 'json.malformed', ''],
    ['an open string', '"abc', 'json.malformed', ''],
    ['an open object', '{"a":1', 'json.malformed', ''],
    ['single quotes', "{'a':1}", 'json.malformed', ''],
    ['a comment', '/* */1', 'json.malformed', ''],
    ['NaN', 'NaN', 'json.malformed', ''],
    ['a byte order mark', '\ufeff1', 'json.malformed', ''],
    ['a no-break space', '\u00a01', 'json.malformed', ''],
    ['nothing', '', 'json.malformed', ''],
  ])('refuses %s', (_name, text, code, pointer) => {
    expect(refusal(text)).toEqual([code, pointer]);
  });

  it('takes what only looks forbidden', () => {
    const text =
      '{"constructor":1,"toString":{"valueOf":"1.5e3 -0"},"hasOwnProperty":[],"a":"__proto__","é":"\\ud83d\\ude00"}';
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    expect(parseStrictJson(`${'['.repeat(16)}${']'.repeat(16)}`)).toBeDefined();
    expect(parseStrictJson('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseStrictJson(' -9007199254740991\n')).toBe(-Number.MAX_SAFE_INTEGER);
    expect(parseStrictJson('[{"a":1},{"a":1}]')).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('is linear: half a megabyte of the worst is refused or read at once', () => {
    const worst = [
      `"${'\\u0041'.repeat(80_000)}"`,
      `{${Array.from({ length: 60_000 }, (_, i) => `"${i}":0`).join(',')}}`,
      `[${'{},'.repeat(160_000)}{}]`,
      `[${'"'.repeat(500_000)}`,
      '{"a":'.repeat(100_000),
      '1'.repeat(500_000),
      ' '.repeat(500_000),
    ];
    const codes = [undefined, 'json.malformed', 'json.tooDeep', 'json.numberTooLarge'];
    const started = performance.now();
    for (const text of worst) expect(codes).toContain(refusal(text)?.[0]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

function strictMutations(): fc.Arbitrary<string> {
  return fc
    .tuple(strictValue, fc.nat(), fc.constantFrom('', '"', ',', '0', '.', 'e', '-', '{', ']', ' ', '\\', '\u0001'))
    .map(([value, at, by]) => {
      const text = JSON.stringify(value);
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + by + text.slice(cut + (at % 3 === 0 ? 1 : 0));
    });
}
