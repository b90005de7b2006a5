import { leafHash, verifyInclusion } from '@gridtokenx/crypto';
import { compareText, DecodeError, equalBytes, fromBase64Url, fromHex, utf8 } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { decodeHistory, foldHistory, type HistoryEntry, type NamedHistory } from '@gridtokenx/chain';
import { placeKey } from './positions.js';
import type { SettlementState } from './state.js';

export type PositionEvidence = OperationOf<'settlement.correct'>['evidence'][number];
type SettledLeaf = NonNullable<NonNullable<PositionEvidence['between']>['before']>;

/** SPEC settlement 9.3: the history that a piece of evidence proves, or why it proves none. The interval is settled. */
export function provenHistory(
  settlement: SettlementState,
  interval: string,
  evidence: PositionEvidence,
): NamedHistory | RejectedOutcome {
  const { account, zone, proof, between } = evidence;
  const named = { account, zone };
  let history: HistoryEntry[];
  try {
    history = decodeHistory(fromBase64Url(evidence.history) ?? new Uint8Array(1));
  } catch (error) {
    if (error instanceof DecodeError) return rejected('settlement.evidenceMalformed', named);
    throw error;
  }
  const mismatch = rejected('settlement.evidenceMismatch', named);
  const place = placeKey(zone, interval);
  const chain = foldHistory(settlement.crypto, history);
  const corrected = settlement.corrected.getPair(account, place);
  // What a correction left stands in the place of the leaf: an older history proves nothing any more.
  if (corrected !== undefined) return equalBytes(corrected.history, chain) ? { ...named, history } : mismatch;
  const hasProof = proof !== undefined;
  if (hasProof === (between !== undefined)) return mismatch;
  if (hasProof) return isLeaf(settlement, place, { account, ...proof }, chain) ? { ...named, history } : mismatch;
  return history.length === 0 && isAbsent(settlement, place, account, between ?? {}) ? { ...named, history } : mismatch;
}

function isLeaf(
  { roots, crypto }: SettlementState,
  place: string,
  { account, index, path }: Pick<SettledLeaf, 'account' | 'index' | 'path'>,
  chain: Uint8Array,
): boolean {
  const row = roots.get(place);
  if (row === undefined) return false;
  const hash = crypto.sha256.bind(crypto);
  const leaf = leafHash(hash, utf8(account), chain);
  const siblings = path.map((text) => fromHex(text) ?? new Uint8Array(0));
  return verifyInclusion(hash, leaf, index, row.positions, siblings, row.root);
}

/** Whether the account has no leaf: its neighbours in the order of accounts stand next to each other, or at an end. */
function isAbsent(
  settlement: SettlementState,
  place: string,
  account: string,
  { before, after }: NonNullable<PositionEvidence['between']>,
): boolean {
  const row = settlement.roots.get(place);
  if (row === undefined) return before === undefined && after === undefined;
  for (const leaf of [before, after])
    if (leaf !== undefined && !isLeaf(settlement, place, leaf, fromHex(leaf.history) ?? new Uint8Array(0)))
      return false;
  if (before !== undefined && compareText(before.account, account) >= 0) return false;
  if (after !== undefined && compareText(account, after.account) >= 0) return false;
  const next = before === undefined ? 0 : before.index + 1;
  return next === (after === undefined ? row.positions : after.index);
}
