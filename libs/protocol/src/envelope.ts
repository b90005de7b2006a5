import type { Crypto, Hash, PublicKey, Signature } from '@gridtokenx/crypto';
import {
  ByteWriter,
  fromBase64Url,
  fromBase64UrlBytes,
  fromUtf8,
  JsonError,
  parseStrictJson,
  parseTime,
  toBase64Url,
  utf8,
  type Json,
  type Millis,
} from '@gridtokenx/kernel';
import { z } from 'zod';
import * as f from './fields.js';
import { ENVELOPE_BYTES_MAX, OPERATIONS_PER_ENVELOPE_MAX } from './limits.js';
import { isOperationType, operationSchemas, type Operation } from './operations.js';
import { rejections, type RejectionCode } from './rejections.js';

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

function strictJson(part: Uint8Array, code: 'envelope.header' | 'envelope.json'): Json {
  const bytes = fromBase64UrlBytes(part);
  if (bytes === undefined) throw new EnvelopeError('envelope.malformed', '', 'not strict base64url');
  const text = fromUtf8(bytes);
  if (text === undefined) throw new EnvelopeError(code, '', 'not UTF-8');
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonError)
      throw new EnvelopeError(code, error.pointer, `${error.code} at character ${error.at}`);
    throw error;
  }
}

function decodeOperation(value: unknown, index: number): Operation {
  const at = `/operations/${index}`;
  const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw new EnvelopeError('envelope.schema', `${at}/type`, 'an operation has a type');
  if (!isOperationType(type)) throw new EnvelopeError('envelope.unknownOperation', `${at}/type`);
  const parsed = operationSchemas[type].safeParse(value);
  if (!parsed.success) throw firstIssue(parsed.error, 'envelope.schema', at);
  return parsed.data;
}

/** SPEC wire 2.3: SHA-256 of the ledger id and the JWS signing input, then of that and the index. */
export function operationIds(crypto: Crypto, ledgerId: string, signingInput: Uint8Array, count: number): Hash[] {
  const inner = crypto.sha256(new ByteWriter(signingInput.length + 64).text(ledgerId).fixed(signingInput).done());
  const numbered = new ByteWriter(36).fixed(inner).u32(0).done();
  const view = new DataView(numbered.buffer);
  return Array.from({ length: count }, (_, index) => {
    view.setUint32(32, index);
    return crypto.sha256(numbered);
  });
}

const DOT = 46;

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

  const head = headerSchema.safeParse(strictJson(header, 'envelope.header'));
  if (!head.success) throw firstIssue(head.error, 'envelope.header', '');
  if (head.data.ledger !== ledgerId)
    throw new EnvelopeError('envelope.wrongLedger', '/ledger', `this ledger is ${ledgerId}`);

  const frame = frameSchema.safeParse(strictJson(payload, 'envelope.json'));
  if (!frame.success) throw firstIssue(frame.error, 'envelope.schema', '');
  const { sequence, validUntil, atomic, operations } = frame.data;
  if (operations.length < 1 || operations.length > OPERATIONS_PER_ENVELOPE_MAX)
    throw new EnvelopeError('envelope.tooManyOperations', '/operations');
  const decoded = operations.map(decodeOperation);

  const publicKey = fromBase64Url(head.data.kid);
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
    kid: head.data.kid,
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
  const text = fromUtf8(fromBase64UrlBytes(payload) ?? new Uint8Array(0)) ?? '';
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
