import { fromUtf8, parseStrictJson, utf8, type Json } from '@gridtokenx/kernel';
import type { LedgerEvent } from './events.js';
import type { RejectionCode } from './rejections.js';

/** A net change of one balance by one operation: account, asset, change of available, change of held (minor units). */
export type Posting = readonly [account: string, asset: string, available: string, held: string];
/** What stands in escrow for one order after the operation: order, account, asset, amount (zero when released). */
export type HoldEntry = readonly [order: string, account: string, asset: string, amount: string];

export interface ExecutedOutcome {
  readonly v: 1;
  readonly status: 'executed';
  readonly events: readonly LedgerEvent[];
  readonly postings: readonly Posting[];
  readonly holds: readonly HoldEntry[];
}

export interface RejectedOutcome {
  readonly v: 1;
  readonly status: 'rejected';
  readonly code: RejectionCode;
  /** What the code is about, for people: never needed to understand it. */
  readonly detail?: Readonly<Record<string, string>>;
}

/** What became of one operation, or of one block hook: the leaf of the results tree. */
export type Outcome = ExecutedOutcome | RejectedOutcome;

export const rejected = (code: RejectionCode, detail?: Readonly<Record<string, string>>): RejectedOutcome =>
  detail === undefined ? { v: 1, status: 'rejected', code } : { v: 1, status: 'rejected', code, detail };

/**
 * The bytes that go into the results tree: JSON in the field order in which the ledger built it. Readers parse these
 * bytes and never re-encode them, so no canonical form is needed.
 */
export const encodeOutcome = (outcome: Outcome): Uint8Array => utf8(JSON.stringify(outcome));

/**
 * SPEC wire 3.4: the outcome behind proven bytes. Its shape is checked, the fields of its events are not: they are in a
 * block that a quorum signed, and a reader older than the ledger can still show a code or an event it does not know.
 * Throws JsonError or a TypeError when the bytes are no outcome.
 */
export function decodeOutcome(bytes: Uint8Array): Outcome {
  const text = fromUtf8(bytes);
  if (text === undefined) throw new TypeError('an outcome is UTF-8');
  return outcomeIn(parseStrictJson(text));
}

/**
 * {@link decodeOutcome} for a block whose results root was checked: an honest quorum computed these very bytes, so they
 * need not be asked again whether they are strict JSON. Throws a SyntaxError or a TypeError when the text is no outcome.
 */
export const parseCertifiedOutcome = (text: string): Outcome => outcomeIn(JSON.parse(text) as Json);

function outcomeIn(value: Json): Outcome {
  if (!isOutcome(value)) throw new TypeError('an outcome is executed or rejected, with what belongs to it');
  return value as unknown as Outcome;
}

type JsonObject = { readonly [key: string]: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: Json | undefined): value is string => typeof value === 'string';
const isListOf = (value: Json | undefined, is: (item: Json) => boolean): boolean =>
  Array.isArray(value) && (value as readonly Json[]).every(is);
const isFourTexts = (value: Json): boolean => isListOf(value, isText) && (value as readonly Json[]).length === 4;

function isOutcome(value: Json): boolean {
  if (!isObject(value) || value['v'] !== 1) return false;
  if (value['status'] === 'rejected') {
    const detail = value['detail'];
    return isText(value['code']) && (detail === undefined || (isObject(detail) && Object.values(detail).every(isText)));
  }
  return (
    value['status'] === 'executed' &&
    isListOf(value['events'], (event) => isObject(event) && isText(event['type'])) &&
    isListOf(value['postings'], isFourTexts) &&
    isListOf(value['holds'], isFourTexts)
  );
}
