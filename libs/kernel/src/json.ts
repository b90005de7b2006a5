import { compareText } from './bytes.js';

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

/**
 * The one spelling of a JSON value: members by key in the order of UTF-16 units, no spaces. Of what {@link parseStrictJson} takes,
 * these are the bytes of RFC 8785.
 */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  const fields = value as { readonly [key: string]: Json };
  // A member that is not there in JSON may be there as undefined in a value that was typed.
  const keys = Object.keys(fields)
    .filter((key) => (fields[key] as unknown) !== undefined)
    .sort(compareText);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(fields[key] as Json)}`).join(',')}}`;
}

const DEPTH_MAX = 16;
const QUOTE = 34;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const BIG_E = 69;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const SMALL_E = 101;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;

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
  // The value always comes from JSON.parse: it is fast, and its strings are copies, while a slice would pin the whole
  // text for as long as one account id of it lives in the state. What is left is to know that the text is strict.
  const members = plainMembers(text);
  if (members !== undefined) {
    const value = parsed(text);
    if (value !== undefined && countMembers(value) === members) return value;
  }
  new StrictReader(text).document();
  return JSON.parse(text) as Json;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Integers of so many digits are below 2^53 whatever they are. */
const SAFE_DIGITS = 15;

/**
 * One quick look at a text: if JSON.parse takes it, is it strict too, save for repeated keys? Then the number of object
 * members that the text has, else `undefined`, which means only that {@link StrictReader} has to decide.
 */
function plainMembers(text: string): number | undefined {
  if (text.includes('\\') || text.includes('__proto__') || !text.isWellFormed()) return undefined;
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = text.indexOf('"', at + 1);
      if (at < 0) return undefined;
    } else if (code >= ZERO && code <= NINE) {
      const start = at;
      while (isDigit(text.charCodeAt(at + 1))) at++;
      if (at - start >= SAFE_DIGITS) return undefined;
      const next = text.charCodeAt(at + 1);
      if (next === POINT || next === SMALL_E || next === BIG_E) return undefined;
    } else if (code === COLON) members++;
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      depth++;
      if (depth > DEPTH_MAX) return undefined;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
    else if (code === MINUS && text.charCodeAt(at + 1) === ZERO) return undefined;
  }
  return members;
}

/** JSON.parse keeps one of the members that repeat a key, so there are fewer in the value than in the text. */
function countMembers(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) count += countMembers(item);
    return count;
  }
  const fields = value as { readonly [key: string]: Json };
  const keys = Object.keys(fields);
  count = keys.length;
  for (const key of keys) {
    const field = fields[key];
    if (typeof field === 'object' && field !== null) count += countMembers(field);
  }
  return count;
}

/** The rules one by one: says whether a text is strict, and where and why not. It builds no value. */
class StrictReader {
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(private readonly text: string) {}

  document(): void {
    this.value();
    this.space();
    if (this.at !== this.text.length) this.fail('json.malformed');
  }

  private fail(code: JsonErrorCode): never {
    const pointer = this.path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    throw new JsonError(code, this.at, pointer);
  }

  private peek(): number {
    return this.text.charCodeAt(this.at);
  }

  private space(): void {
    for (;;) {
      const code = this.peek();
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  private value(): void {
    this.space();
    switch (this.peek()) {
      case OPEN_OBJECT:
        return this.object();
      case OPEN_ARRAY:
        return this.array();
      case QUOTE:
        this.string();
        return;
      case 116:
        return this.word('true');
      case 102:
        return this.word('false');
      case 110:
        return this.word('null');
      default:
        return this.number();
    }
  }

  private word(word: string): void {
    if (!this.text.startsWith(word, this.at)) this.fail('json.malformed');
    this.at += word.length;
  }

  private number(): void {
    NUMBER.lastIndex = this.at;
    const literal = NUMBER.exec(this.text)?.[0];
    if (literal === undefined) this.fail('json.malformed');
    if (/[.eE]/.test(literal) || literal === '-0') this.fail('json.notAnInteger');
    if (!Number.isSafeInteger(Number(literal))) this.fail('json.numberTooLarge');
    this.at += literal.length;
  }

  private string(): string {
    let out = '';
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? '';
      out += plain;
      this.at += plain.length;
      const code = this.peek();
      if (code === QUOTE) {
        this.at++;
        if (!out.isWellFormed()) this.fail('json.badString');
        return out;
      }
      if (code !== BACKSLASH) this.fail(this.at >= this.text.length ? 'json.malformed' : 'json.badString');
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

  private open(): void {
    if (this.path.length >= DEPTH_MAX) this.fail('json.tooDeep');
    this.at++;
    this.space();
  }

  /** After an item: true when the container ends here, false when another item follows. */
  private closes(end: number): boolean {
    this.space();
    const code = this.peek();
    if (code !== end && code !== 44) this.fail('json.malformed');
    this.at++;
    return code === end;
  }

  private array(): void {
    this.open();
    if (this.peek() === CLOSE_ARRAY) {
      this.at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.path.push(index);
      this.value();
      this.path.pop();
      if (this.closes(CLOSE_ARRAY)) return;
    }
  }

  private object(): void {
    this.open();
    if (this.peek() === CLOSE_OBJECT) {
      this.at++;
      return;
    }
    const keys = new Set<string>();
    for (;;) {
      this.space();
      if (this.peek() !== QUOTE) this.fail('json.malformed');
      const key = this.string();
      if (key === '__proto__') this.fail('json.forbiddenKey');
      if (keys.has(key)) this.fail('json.duplicateKey');
      keys.add(key);
      this.space();
      if (this.peek() !== COLON) this.fail('json.malformed');
      this.at++;
      this.path.push(key);
      this.value();
      this.path.pop();
      if (this.closes(CLOSE_OBJECT)) return;
    }
  }
}
