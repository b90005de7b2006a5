import type { PublicKey } from '@gridtokenx/crypto';
import { DecodeError, fromBase64Url, JsonError, parseStrictJson } from '@gridtokenx/kernel';
import { decodeHeader, type LightBlock } from '@gridtokenx/chain';
import { isRecord } from './problem.js';
import { readCertificate } from './proof-json.js';

export type LightBlockJsonFault =
  'lightBlock.json' | 'lightBlock.field' | 'lightBlock.unknownField' | 'lightBlock.inconsistent';

export class LightBlockJsonError extends Error {
  constructor(
    readonly code: LightBlockJsonFault,
    readonly pointer: string,
    reason: string,
  ) {
    super(`${code}${pointer === '' ? '' : ` at ${pointer}`}: ${reason}`);
    this.name = 'LightBlockJsonError';
  }
}

const FIELDS: ReadonlySet<string> = new Set([
  'ledgerId',
  'height',
  'header',
  'certificate',
  'validators',
  'nextValidators',
]);

/** SPEC light-client 6.1: strict reader of a light block as the gateway serves it. Throws {@link LightBlockJsonError}. */
export function decodeLightBlockJson(text: string): LightBlock {
  const fields = fieldsOf(text);
  const extra = Object.keys(fields).find((name) => !FIELDS.has(name));
  if (extra !== undefined)
    throw new LightBlockJsonError('lightBlock.unknownField', `/${extra}`, 'not a part of a light block');
  const header = binary(fields, 'header', decodeHeader);
  const { certificate, setSize } = binary(fields, 'certificate', readCertificate);
  const validators = keysAt(fields, 'validators');
  const nextValidators = keysAt(fields, 'nextValidators');
  const inconsistent = (pointer: string, reason: string): never => {
    throw new LightBlockJsonError('lightBlock.inconsistent', pointer, reason);
  };
  if (fields['ledgerId'] !== header.ledgerId) inconsistent('/ledgerId', 'the header names another ledger');
  if (fields['height'] !== header.height) inconsistent('/height', 'the header is of another height');
  if (setSize !== validators.length) inconsistent('/certificate', 'it is of another number of validators');
  return { header, certificate, validators, nextValidators };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = parseStrictJson(text);
    if (isRecord(value)) return value;
  } catch (error) {
    if (error instanceof JsonError) throw new LightBlockJsonError('lightBlock.json', error.pointer, error.message);
    throw error;
  }
  throw new LightBlockJsonError('lightBlock.json', '', 'a light block is a JSON object');
}

function binary<T>(fields: Record<string, unknown>, name: string, decode: (bytes: Uint8Array) => T): T {
  const value = fields[name];
  const bytes = typeof value === 'string' ? fromBase64Url(value) : undefined;
  if (bytes === undefined) throw new LightBlockJsonError('lightBlock.field', `/${name}`, 'strict base64url is needed');
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw new LightBlockJsonError('lightBlock.field', `/${name}`, error.message);
    throw error;
  }
}

function keysAt(fields: Record<string, unknown>, name: string): PublicKey[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new LightBlockJsonError('lightBlock.field', `/${name}`, 'a list of keys is needed');
  return value.map((kid: unknown, i) => {
    const key = typeof kid === 'string' ? fromBase64Url(kid) : undefined;
    if (key?.length !== 32)
      throw new LightBlockJsonError('lightBlock.field', `/${name}/${i}`, 'a key is 32 bytes in base64url');
    return key as PublicKey;
  });
}
