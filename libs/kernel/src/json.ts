/**
 * Strict JSON (RFC 8259) for signed payloads: what JSON.parse lets through and two readers may understand differently
 * is refused: repeated keys, `__proto__`, numbers that are not integers within 2^53 - 1, lone surrogates, depth over 16.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonErrorCode =
  | 'json.malformed'
  | 'json.duplicateKey'
  | 'json.forbiddenKey'
  | 'json.notAnInteger'
  | 'json.numberTooLarge'
  | 'json.badString'
  | 'json.tooDeep';

/** `at` is the offset in the text (UTF-16 units); `pointer` the RFC 6901 pointer of the value it stands in. */
export class JsonError extends Error {
  constructor(
    readonly code: JsonErrorCode,
    readonly at: number,
    readonly pointer: string,
  ) {
    super(`${code} at ${at} (${pointer === '' ? 'the root' : pointer})`);
    this.name = 'JsonError';
  }
}

const DEPTH_MAX = 16;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Parses or throws a {@link JsonError}. Linear in the text. */
export function parseStrictJson(text: string): Json {
  const parser = new Parser(text);
  return parser.document();
}

class Parser {
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value();
    this.space();
    if (this.at !== this.text.length) this.fail('json.malformed');
    return value;
  }

  private fail(code: JsonErrorCode): never {
    const pointer = this.path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    throw new JsonError(code, this.at, pointer);
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  private value(): Json {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 123:
        return this.object();
      case 91:
        return this.array();
      case 34:
        return this.string();
      case 116:
        return this.word('true', true);
      case 102:
        return this.word('false', false);
      case 110:
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private word<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('json.malformed');
    this.at += word.length;
    return value;
  }

  private number(): number {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) this.fail('json.malformed');
    const literal = match[0];
    if (/[.eE]/.test(literal) || literal === '-0') this.fail('json.notAnInteger');
    const value = Number(literal);
    if (!Number.isSafeInteger(value)) this.fail('json.numberTooLarge');
    this.at += literal.length;
    return value;
  }

  private string(): string {
    let out = '';
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? '';
      out += plain;
      this.at += plain.length;
      const code = this.text.charCodeAt(this.at);
      if (code === 34) {
        this.at++;
        if (!out.isWellFormed()) this.fail('json.badString');
        return out;
      }
      if (code !== 92) this.fail(this.at >= this.text.length ? 'json.malformed' : 'json.badString');
      out += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text.charAt(this.at + 1);
    if (letter === 'u') {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('json.badString');
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[letter];
    if (plain === undefined) this.fail('json.badString');
    this.at += 2;
    return plain;
  }

  private deeper(): void {
    if (this.path.length >= DEPTH_MAX) this.fail('json.tooDeep');
  }

  private array(): Json[] {
    this.deeper();
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.text.charCodeAt(this.at) === 93) {
      this.at++;
      return items;
    }
    for (;;) {
      this.path.push(items.length);
      items.push(this.value());
      this.path.pop();
      this.space();
      const code = this.text.charCodeAt(this.at++);
      if (code === 93) return items;
      if (code !== 44) {
        this.at--;
        this.fail('json.malformed');
      }
    }
  }

  private object(): { [key: string]: Json } {
    this.deeper();
    const fields: { [key: string]: Json } = {};
    this.at++;
    this.space();
    if (this.text.charCodeAt(this.at) === 125) {
      this.at++;
      return fields;
    }
    for (;;) {
      this.space();
      if (this.text.charCodeAt(this.at) !== 34) this.fail('json.malformed');
      const key = this.string();
      if (key === '__proto__') this.fail('json.forbiddenKey');
      if (Object.hasOwn(fields, key)) this.fail('json.duplicateKey');
      this.space();
      if (this.text.charCodeAt(this.at) !== 58) this.fail('json.malformed');
      this.at++;
      this.path.push(key);
      fields[key] = this.value();
      this.path.pop();
      this.space();
      const code = this.text.charCodeAt(this.at++);
      if (code === 125) return fields;
      if (code !== 44) {
        this.at--;
        this.fail('json.malformed');
      }
    }
  }
}
