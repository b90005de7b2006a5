import { HASH_BYTES, noble, type Crypto, type Hash } from '@gridtokenx/crypto';
import {
  ByteReader,
  DecodeError,
  fromBase64Url,
  fromHex,
  fromUtf8,
  JsonError,
  parseStrictJson,
  toBase64Url,
  toHex,
  utf8,
} from '@gridtokenx/kernel';
import {
  decodeCertificate,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  readSignatures,
  type Certificate,
  type OutcomeProof,
} from '@gridtokenx/chain';
import { isRecord } from './problem.js';

export type ProofJsonFault =
  'proof.json' | 'proof.field' | 'proof.unknownField' | 'proof.inconsistent' | 'proof.checksum' | 'proof.tooLarge';

export class ProofJsonError extends Error {
  constructor(
    readonly code: ProofJsonFault,
    readonly pointer: string,
    reason: string,
  ) {
    super(`${code}${pointer === '' ? '' : ` at ${pointer}`}: ${reason}`);
    this.name = 'ProofJsonError';
  }
}

/** A proof as it was read, with what its text says beyond the proof itself. */
export interface DecodedProof extends OutcomeProof {
  /** Of the validator set, as the certificate's bytes claim it. */
  readonly setSize: number;
  /** Fields that are no part of the proof; nobody vouches for them. */
  readonly extra: readonly string[];
}

export const PROOF_BYTES_MAX = 16 * 1024 * 1024;
const PATH_MAX = 53;
const FIELDS: ReadonlySet<string> = new Set([
  'ledgerId',
  'height',
  'header',
  'certificate',
  'operationId',
  'index',
  'size',
  'outcome',
  'path',
  'checksum',
  // What the gateway adds for people; it must say what the proof says.
  'decoded',
  'signers',
]);

/** Bytes of a certificate with the size of the set that they claim, which the certificate itself does not keep. */
export function readCertificate(bytes: Uint8Array): { certificate: Certificate; setSize: number } {
  const certificate = decodeCertificate(bytes);
  const reader = new ByteReader(bytes, 'certificate');
  reader.fixed(8 + 8 + 4 + 3 * HASH_BYTES);
  return { certificate, setSize: readSignatures(reader).setSize };
}

function bodyOf(proof: OutcomeProof, setSize: number): string {
  const { header, certificate, operationId, index, size, outcome, path } = proof;
  return JSON.stringify({
    ledgerId: header.ledgerId,
    height: header.height,
    header: toBase64Url(encodeHeader(header)),
    certificate: toBase64Url(encodeCertificate(certificate, setSize)),
    operationId: toHex(operationId),
    index,
    size,
    outcome: toBase64Url(outcome),
    path: path.map(toHex),
  });
}

/**
 * SHA-256 over the proof's fields. It adds no trust, and anyone can make it: it shows damage that the signatures do not,
 * such as another `size`, because a path fits several sizes of the tree.
 */
export const proofChecksum = (proof: OutcomeProof, setSize: number, crypto: Crypto = noble): string =>
  toHex(crypto.sha256(utf8(bodyOf(proof, setSize))));

/** The text of a proof file: no white space, fields in this order, the checksum last. */
export function encodeProofJson(proof: OutcomeProof, setSize: number, crypto: Crypto = noble): string {
  return `${bodyOf(proof, setSize).slice(0, -1)},"checksum":"${proofChecksum(proof, setSize, crypto)}"}`;
}

export interface ProofJsonOptions {
  /** What to do with fields that are no part of a proof: the gateway's answer may hold some for people to read. */
  readonly extraFields?: 'ignore' | 'refuse';
  readonly crypto?: Crypto;
}

/** Strict reader of a proof as the gateway serves it or as a proof file holds it. Throws {@link ProofJsonError}. */
export function decodeProofJson(
  text: string,
  { extraFields = 'ignore', crypto = noble }: ProofJsonOptions = {},
): DecodedProof {
  const fields = fieldsOf(text);
  const extra = Object.keys(fields).filter((name) => !FIELDS.has(name));
  if (extraFields === 'refuse' && extra[0] !== undefined)
    throw new ProofJsonError('proof.unknownField', `/${extra[0]}`, 'not a part of a proof, so nobody vouches for it');

  const header = binary(fields, 'header', decodeHeader);
  const { certificate, setSize } = binary(fields, 'certificate', readCertificate);
  const path = fields['path'];
  if (!Array.isArray(path) || path.length > PATH_MAX)
    throw new ProofJsonError('proof.field', '/path', `a list of at most ${PATH_MAX} hashes`);
  const proof: DecodedProof = {
    header,
    certificate,
    setSize,
    operationId: hashAt(fields['operationId'], '/operationId'),
    index: countAt(fields['index'], '/index'),
    size: countAt(fields['size'], '/size'),
    outcome: binary(fields, 'outcome', (bytes) => bytes),
    path: path.map((hash: unknown, i) => hashAt(hash, `/path/${i}`)),
    extra,
  };
  if (fields['ledgerId'] !== header.ledgerId)
    throw new ProofJsonError('proof.inconsistent', '/ledgerId', 'the header names another ledger');
  if (fields['height'] !== header.height)
    throw new ProofJsonError('proof.inconsistent', '/height', 'the header is of another height');
  checkCompanions(fields, proof);
  if (fields['checksum'] !== undefined && fields['checksum'] !== proofChecksum(proof, setSize, crypto))
    throw new ProofJsonError('proof.checksum', '/checksum', 'the proof was changed after it was written');
  return proof;
}

/** What stands beside the proof for people to read would otherwise be believed without being proven. */
function checkCompanions({ signers, decoded }: Record<string, unknown>, { certificate, outcome }: OutcomeProof): void {
  if (signers !== undefined && signers !== certificate.signatures.length)
    throw new ProofJsonError('proof.inconsistent', '/signers', 'the certificate has another number of signatures');
  if (decoded !== undefined && !sameJson(decoded, jsonOf(outcome)))
    throw new ProofJsonError('proof.inconsistent', '/decoded', 'the proven outcome is another');
}

function jsonOf(outcome: Uint8Array): unknown {
  try {
    return parseStrictJson(fromUtf8(outcome) ?? '');
  } catch (error) {
    if (error instanceof JsonError) throw new ProofJsonError('proof.field', '/outcome', error.message);
    throw error;
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => sameJson(one, b[i]));
  if (!isRecord(a) || !isRecord(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

function fieldsOf(text: string): Record<string, unknown> {
  if (text.length > PROOF_BYTES_MAX)
    throw new ProofJsonError('proof.tooLarge', '', `at most ${PROOF_BYTES_MAX} characters`);
  try {
    const value: unknown = parseStrictJson(text);
    if (isRecord(value)) return value;
  } catch (error) {
    if (error instanceof JsonError) throw new ProofJsonError('proof.json', error.pointer, error.message);
    throw error;
  }
  throw new ProofJsonError('proof.json', '', 'a proof is a JSON object');
}

function binary<T>(fields: Record<string, unknown>, name: string, decode: (bytes: Uint8Array) => T): T {
  const value = fields[name];
  const bytes = typeof value === 'string' ? fromBase64Url(value) : undefined;
  if (bytes === undefined) throw new ProofJsonError('proof.field', `/${name}`, 'strict base64url is needed');
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw new ProofJsonError('proof.field', `/${name}`, error.message);
    throw error;
  }
}

function hashAt(value: unknown, pointer: string): Hash {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  if (bytes?.length !== HASH_BYTES)
    throw new ProofJsonError('proof.field', pointer, '64 hex digits in lower case are needed');
  return bytes as Hash;
}

function countAt(value: unknown, pointer: string): number {
  if (typeof value !== 'number' || value < 0 || value > 0xffff_ffff)
    throw new ProofJsonError('proof.field', pointer, 'a whole number is needed');
  return value;
}
