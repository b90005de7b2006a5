import type { Crypto, Hash, PublicKey, Signature } from '@gridtokenx/crypto';
import {
  asciiText,
  ByteWriter,
  fromBase64Url,
  fromBase64UrlBytes,
  fromUtf8,
  JsonError,
  parseStrictJson,
  parseTime,
  readBase64Url,
  toBase64Url,
  utf8,
  type Json,
  type Millis,
} from '@gridtokenx/kernel';
import { z } from 'zod';
import * as f from './fields.js';
import { kindOfLedger, ledgerOperations } from './ledgers.js';
import { ENVELOPE_BYTES_MAX, OPERATIONS_PER_ENVELOPE_MAX } from './limits.js';
import { isOperationType, operationSchemas, type Operation } from './operations.js';
import { rejections, type RejectionCode } from './rejections.js';
import type { LedgerKind } from './topics.js';

export const ENVELOPE_TYPE = 'gridtokenx-operations+jws';

/** The signed content: what one key asks for. */
export interface EnvelopePayload {
  /** 1..2^53-1, used once per key. */
  readonly sequence: number;
  readonly validUntil: string;
  /** true: one refusal undoes the whole envelope; false: each operation stands alone, in order. */
  readonly atomic: boolean;
  readonly operations: readonly Operation[];
}

/** An envelope that passed every check that needs no state. */
export interface Envelope {
  readonly kid: string;
  readonly publicKey: PublicKey;
  readonly ledgerId: string;
  readonly sequence: number;
  readonly validUntil: Millis;
  readonly atomic: boolean;
  readonly operations: readonly Operation[];
  /** The JWS as it travels, is stored and is hashed. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`: what blocks and requests name. */
  readonly hash: Hash;
  /** Ids of the operations, in order: SPEC wire 2.3. */
  readonly operationIds: readonly Hash[];
}

/** A refusal with a place: `pointer` is an RFC 6901 pointer into the payload (or the header, for `envelope.header`). */
export class EnvelopeError extends Error {
  constructor(
    readonly code: RejectionCode,
    readonly pointer: string = '',
    readonly reason: string = rejections[code].text,
  ) {
    super(`${code}${pointer === '' ? '' : ` at ${pointer}`}: ${reason}`);
    this.name = 'EnvelopeError';
  }
}

const headerSchema = z.strictObject({
  alg: z.enum(['EdDSA', 'Ed25519']),
  kid: f.keyId,
  typ: z.literal(ENVELOPE_TYPE),
  ledger: z.string().min(1).max(32),
});

const frameSchema = z.strictObject({
  sequence: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  validUntil: f.time,
  atomic: z.boolean(),
  operations: z.array(z.unknown()),
});

const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function firstIssue(error: z.ZodError, code: RejectionCode, prefix: string): EnvelopeError {
  const issue = error.issues[0];
  const extra = issue?.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
  return new EnvelopeError(code, prefix + pointerOf([...(issue?.path ?? []), ...extra]), issue?.message ?? 'invalid');
}

/** What one part of an envelope decodes to: no envelope is larger, and nothing of it is kept. */
const scratch = new Uint8Array(ENVELOPE_BYTES_MAX);

function strictJson(part: Uint8Array, code: 'envelope.header' | 'envelope.json'): Json {
  const length = readBase64Url(part, scratch);
  if (length === undefined) throw new EnvelopeError('envelope.malformed', '', 'not strict base64url');
  const text = fromUtf8(scratch.subarray(0, length));
  if (text === undefined) throw new EnvelopeError(code, '', 'not UTF-8');
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonError)
      throw new EnvelopeError(code, error.pointer, `${error.code} at character ${error.at}`);
    throw error;
  }
}

/** SPEC wire 3.1: an operation that the ledger knows, if it is known which ledger. Throws {@link EnvelopeError} with a pointer from `at` on. */
function decodeOperation(value: unknown, kind: LedgerKind | undefined, at: string): Operation {
  const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw new EnvelopeError('envelope.schema', `${at}/type`, 'an operation has a type');
  if (!isOperationType(type) || (kind !== undefined && !ledgerOperations[kind].has(type)))
    throw new EnvelopeError('envelope.unknownOperation', `${at}/type`);
  const parsed = operationSchemas[type].safeParse(value);
  if (!parsed.success) throw firstIssue(parsed.error, 'envelope.schema', at);
  return parsed.data;
}

/**
 * SPEC wire 3.5: the operation that a text asks for, of this kind of ledger: what is decided about before it is asked for. Throws
 * {@link EnvelopeError}.
 */
export function decodeCall(kind: LedgerKind, text: string): Operation {
  let value: Json;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonError)
      throw new EnvelopeError('envelope.json', error.pointer, `${error.code} at character ${error.at}`);
    throw error;
  }
  return decodeOperation(value, kind, '');
}

/** SPEC wire 2.3: SHA-256 of the ledger id and the JWS signing input, then of that and the index. */
export function operationIds(crypto: Crypto, ledgerId: string, signingInput: Uint8Array, count: number): Hash[] {
  const prefix = lastPrefix.ledgerId === ledgerId ? lastPrefix.bytes : prefixOf(ledgerId);
  const length = prefix.length + signingInput.length;
  const named = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length);
  named.set(prefix);
  named.set(signingInput, prefix.length);
  numbered.set(crypto.sha256(named));
  const ids: Hash[] = [];
  for (let index = 0; index < count; index++) {
    numberedView.setUint32(32, index);
    ids.push(crypto.sha256(numbered));
  }
  return ids;
}

const numbered = new Uint8Array(36);
const numberedView = new DataView(numbered.buffer);

/** A process has to do with one ledger, mostly. */
let lastPrefix: { readonly ledgerId: string; readonly bytes: Uint8Array } = { ledgerId: '', bytes: new Uint8Array(4) };

function prefixOf(ledgerId: string): Uint8Array {
  lastPrefix = { ledgerId, bytes: new ByteWriter(64).text(ledgerId).done() };
  return lastPrefix.bytes;
}

const DOT = 46;

interface Header {
  readonly kid: string;
  readonly ledger: string;
  readonly publicKey: Uint8Array | undefined;
}

/** A signer writes the same header each time: what was read once is known by its bytes. The oldest are forgotten. */
const headers = new Map<string, Header>();
const HEADERS_MAX = 20_000;
const HEADER_REMEMBERED_BYTES_MAX = 512;

/** The protected header of SPEC wire 2.1. */
function headerOf(part: Uint8Array): Header {
  if (part.length > HEADER_REMEMBERED_BYTES_MAX) return readHeader(part);
  const spelling = asciiText(part);
  const known = headers.get(spelling);
  if (known !== undefined) return known;
  const header = readHeader(part);
  headers.set(spelling, header);
  if (headers.size > HEADERS_MAX)
    for (const oldest of headers.keys()) {
      headers.delete(oldest);
      break;
    }
  return header;
}

function readHeader(part: Uint8Array): Header {
  const head = headerSchema.safeParse(strictJson(part, 'envelope.header'));
  if (!head.success) throw firstIssue(head.error, 'envelope.header', '');
  const { kid, ledger } = head.data;
  return { kid, ledger, publicKey: fromBase64Url(kid) };
}

/** The three parts of a compact JWS. */
function partsOf(bytes: Uint8Array): readonly [header: Uint8Array, payload: Uint8Array, signature: Uint8Array] {
  const first = bytes.indexOf(DOT);
  const second = bytes.indexOf(DOT, first + 1);
  if (first < 0 || second < 0 || bytes.includes(DOT, second + 1))
    throw new EnvelopeError('envelope.malformed', '', 'a compact JWS has three parts');
  return [bytes.subarray(0, first), bytes.subarray(first + 1, second), bytes.subarray(second + 1)];
}

/**
 * Decodes and checks one envelope: form, schema, ledger and, unless `signatureKnown`, the signature (SPEC wire 2.1-2.4).
 * Throws {@link EnvelopeError}; nothing else, whatever the bytes.
 */
export function decodeEnvelope(
  crypto: Crypto,
  ledgerId: string,
  bytes: Uint8Array,
  { signatureKnown = false }: { signatureKnown?: boolean } = {},
): Envelope {
  if (bytes.length > ENVELOPE_BYTES_MAX) throw new EnvelopeError('envelope.tooLarge');
  const [header, payload, signature] = partsOf(bytes);
  const { kid, ledger, publicKey } = headerOf(header);
  if (ledger !== ledgerId) throw new EnvelopeError('envelope.wrongLedger', '/ledger', `this ledger is ${ledgerId}`);

  const frame = frameSchema.safeParse(strictJson(payload, 'envelope.json'));
  if (!frame.success) throw firstIssue(frame.error, 'envelope.schema', '');
  const { sequence, validUntil, atomic, operations } = frame.data;
  if (operations.length < 1 || operations.length > OPERATIONS_PER_ENVELOPE_MAX)
    throw new EnvelopeError('envelope.tooManyOperations', '/operations');
  const kind = kindOfLedger(ledgerId);
  const decoded = operations.map((one, index) => decodeOperation(one, kind, `/operations/${index}`));

  const signatureBytes = fromBase64UrlBytes(signature);
  if (publicKey?.length !== 32) throw new EnvelopeError('envelope.badKey', '/kid');
  if (signatureBytes?.length !== 64)
    throw new EnvelopeError('envelope.malformed', '', 'the signature is 64 bytes in base64url');
  const signingInput = bytes.subarray(0, header.length + 1 + payload.length);
  if (!signatureKnown && !crypto.verify(signatureBytes, signingInput, publicKey))
    throw crypto.isAcceptableKey(publicKey)
      ? new EnvelopeError('envelope.badSignature')
      : new EnvelopeError('envelope.badKey', '/kid');

  return {
    kid,
    publicKey: publicKey as PublicKey,
    ledgerId,
    sequence,
    validUntil: parseTime(validUntil) as Millis,
    atomic,
    operations: decoded,
    bytes,
    hash: crypto.sha256(bytes),
    operationIds: operationIds(crypto, ledgerId, signingInput, decoded.length),
  };
}

/** The operations of an envelope that was checked: its payload need not prove again what it is. */
export function operationsIn(bytes: Uint8Array): readonly Operation[] {
  const [, payload] = partsOf(bytes);
  const text = fromUtf8(scratch.subarray(0, readBase64Url(payload, scratch))) ?? '';
  return (JSON.parse(text) as EnvelopePayload).operations;
}

/** The JWS signing input of a payload: what a signer signs (RFC 7515 section 5.1). */
export function signingInputOf(kid: string, ledgerId: string, payload: EnvelopePayload): Uint8Array {
  const header = { alg: 'EdDSA', kid, typ: ENVELOPE_TYPE, ledger: ledgerId };
  const encoded = [header, payload].map((part) => toBase64Url(utf8(JSON.stringify(part))));
  return utf8(encoded.join('.'));
}

/** The compact JWS from its signing input and signature. */
export function compactJws(signingInput: Uint8Array, signature: Signature): Uint8Array {
  const tail = utf8(`.${toBase64Url(signature)}`);
  const out = new Uint8Array(signingInput.length + tail.length);
  out.set(signingInput);
  out.set(tail, signingInput.length);
  return out;
}

/** Signs a payload with a seed and gives the envelope's bytes. */
export function signEnvelope(crypto: Crypto, seed: Uint8Array, ledgerId: string, payload: EnvelopePayload): Uint8Array {
  const input = signingInputOf(toBase64Url(crypto.publicKeyOf(seed)), ledgerId, payload);
  return compactJws(input, crypto.sign(input, seed));
}
