import { fromUtf8, JsonError, parseStrictJson, utf8, type Json } from '@gridtokenx/kernel';
import { EnvelopeError } from '@gridtokenx/protocol';

const QUOTE = 0x22;
const BRACE = 0x7b;
const BACKSLASH = 0x5c;

/** The JWS of a line: bare, as a JSON string, or as `{"envelope": "<jws>"}`. Throws EnvelopeError. */
export function envelopeBytesOf(line: Uint8Array): Uint8Array {
  const first = line[0];
  if (first === QUOTE && line.at(-1) === QUOTE && line.length > 2 && !line.includes(BACKSLASH))
    return line.subarray(1, -1);
  if (first === QUOTE || first === BRACE) return envelopeIn(jsonOf(line));
  return line;
}

/** `{"envelope": "<jws>"}` and nothing else, or the JWS itself as a string. */
export function envelopeIn(value: Json): Uint8Array {
  if (typeof value === 'string') return utf8(value);
  const fields = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [];
  const [name, envelope] = fields[0] ?? [];
  if (fields.length !== 1 || name !== 'envelope' || typeof envelope !== 'string')
    throw new EnvelopeError('envelope.malformed', '', 'a JWS, or {"envelope": "<jws>"}');
  return utf8(envelope);
}

function jsonOf(line: Uint8Array): Json {
  const text = fromUtf8(line);
  if (text === undefined) throw new EnvelopeError('envelope.malformed', '', 'not UTF-8');
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new EnvelopeError('envelope.malformed', error.pointer, `${error.code} at character ${error.at}`);
  }
}
