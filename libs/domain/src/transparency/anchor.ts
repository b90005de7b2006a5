import {
  checkpointTold,
  CLOCK_DRIFT_MS,
  decodeCertificate,
  decodeHeader,
  epochOf,
  headerHash,
  stateOfHash,
  verifyLightBlock,
  type ChainRules,
  type Header,
  type LightBlock,
  type LightOptions,
  type TrustedState,
} from '@gridtokenx/chain';
import type { Crypto, Hash, PublicKey } from '@gridtokenx/crypto';
import { compareBytes, DecodeError, equalBytes, formatTime, fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';
import { ANCHORS_PER_BLOCK_MAX, rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import { keysOf, trustedState, type AnchorRow, type TransparencyState, type TrustRow } from './state.js';

export interface AnchorParts {
  readonly transparency: TransparencyState;
  readonly parameters: ParametersState;
  readonly crypto: Crypto;
}

/** What was given as text, decoded; `undefined` when it is not strictly encoded. */
function decoded<T>(hex: string, decode: (bytes: Uint8Array) => T): T | undefined {
  const bytes = fromHex(hex);
  if (bytes === undefined) return undefined;
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Given keys, or those that are known where none are given. */
const keysOr = (given: readonly string[] | undefined, known: readonly PublicKey[]): readonly PublicKey[] | undefined =>
  given === undefined ? known : keysOf(given);

/** SPEC transparency 1.2 to 1.5 */
export function anchor(
  parts: AnchorParts,
  context: OperationContext,
  operation: OperationOf<'transparency.anchor'>,
): RejectedOutcome | undefined {
  const { transparency, crypto } = parts;
  if (context.key.account === '') return rejected('key.notAuthorised');
  const { trusted } = transparency;
  if (trusted === undefined) return rejected('transparency.noConsortium');
  const { rules, row } = trusted;
  if (row.frozenAt > 0) return rejected('transparency.frozen', { height: row.frozenAt.toString() });
  const header = decoded(operation.header, decodeHeader);
  if (header === undefined) return rejected('transparency.malformed', { field: 'header' });
  const known = header.ledgerId === rules.ledgerId ? transparency.anchors.get(header.height.toString()) : undefined;
  if (known === undefined && header.height <= row.height)
    return rejected('transparency.notNewer', { newest: row.height.toString() });

  const knownKeys = known === undefined ? row.nextValidators : (transparency.setOf(crypto, known.epoch)?.keys ?? []);
  const validators = keysOr(operation.validators, knownKeys);
  const nextValidators = validators && keysOr(operation.nextValidators, validators);
  if (validators === undefined || nextValidators === undefined)
    return rejected('transparency.malformed', { field: 'validators' });
  const certificate = decoded(operation.certificate, (bytes) => decodeCertificate(bytes, validators.length));
  if (certificate === undefined) return rejected('transparency.malformed', { field: 'certificate' });

  const block: LightBlock = { header, certificate, validators, nextValidators };
  if (known !== undefined && isDecision(known, headerHash(crypto, header), block))
    return rejected('transparency.alreadyAnchored');
  if (transparency.checked >= ANCHORS_PER_BLOCK_MAX) return rejected('transparency.blockFull');
  transparency.checked++;
  return known === undefined
    ? anchorNew(parts, context, rules, row, block)
    : freeze(parts, context, rules, row, known, block);
}

/** The same block with the same results, whichever quorum and round decided it. */
const isDecision = (known: AnchorRow, hash: Hash, { certificate }: LightBlock): boolean =>
  equalBytes(known.hash, hash) &&
  equalBytes(known.resultsRoot, certificate.resultsRoot) &&
  equalBytes(known.stateDigest, certificate.stateDigest);

const optionsOf = ({ parameters }: AnchorParts, rules: ChainRules): LightOptions => ({
  rules,
  trustingPeriodMs: parameters.get('transparency.trustingPeriodMs'),
  clockDriftMs: CLOCK_DRIFT_MS,
});

/** SPEC transparency 1.2: one step of the light client, from the newest block that is trusted. */
function anchorNew(
  parts: AnchorParts,
  context: OperationContext,
  rules: ChainRules,
  row: TrustRow,
  block: LightBlock,
): RejectedOutcome | undefined {
  const { transparency, crypto } = parts;
  const verified = verifyLightBlock(
    crypto,
    optionsOf(parts, rules),
    trustedState(crypto, rules, row),
    block,
    context.time,
  );
  if (verified.verdict !== 'SUCCESS')
    return verified.verdict === 'NOT_ENOUGH_TRUST'
      ? rejected('transparency.notEnoughTrust')
      : rejected('transparency.untrusted', { rule: verified.code });
  const { header, certificate } = block;
  const { state, validators } = verified;
  const { height, epoch, checkpointRoot } = header;
  learn(parts, context, row.nextValidators, [validators, state.nextValidators]);
  transparency.writeTrust(state);
  const { resultsRoot, stateDigest } = certificate;
  const { hash, time } = state;
  transparency.anchors.set(height.toString(), { hash, epoch, time, resultsRoot, stateDigest, checkpointRoot });
  const told = checkpointTold(height);
  context.events.push({
    type: 'transparency.anchored',
    account: context.key.account,
    height,
    hash: toHex(hash),
    epoch,
    time: formatTime(header.time),
    resultsRoot: toHex(resultsRoot),
    stateDigest: toHex(stateDigest),
    ...(told === undefined ? {} : { checkpointHeight: told, checkpointRoot: toHex(checkpointRoot) }),
    signers: certificate.signatures.length,
  });
  return undefined;
}

/** SPEC transparency 1.3: keeps the sets of these epochs, and tells those that are not the one before. */
function learn(
  { transparency }: AnchorParts,
  context: OperationContext,
  before: readonly PublicKey[],
  sets: readonly TrustedState['nextValidators'][],
): void {
  let last = before;
  for (const { epoch, keys } of sets) {
    if (!transparency.sets.has(epoch.toString())) transparency.sets.set(epoch.toString(), keys);
    if (!areSame(last, keys))
      context.events.push({ type: 'transparency.setLearned', epoch, validators: keys.map(toBase64Url) });
    last = keys;
  }
}

const areSame = (a: readonly PublicKey[], b: readonly PublicKey[]): boolean =>
  a.length === b.length && a.every((key, i) => compareBytes(key, b[i] as PublicKey) === 0);

/**
 * SPEC transparency 1.5: another decision of an anchored height, by a quorum of the set of its epoch, whose keys are answerable
 * still: as old as the older of the two blocks.
 */
function freeze(
  parts: AnchorParts,
  context: OperationContext,
  rules: ChainRules,
  row: TrustRow,
  known: AnchorRow,
  block: LightBlock,
): RejectedOutcome | undefined {
  const { transparency, crypto } = parts;
  const { header } = block;
  const set = transparency.setOf(crypto, known.epoch);
  if (set === undefined) return rejected('transparency.notNewer');
  const time = Math.min(known.time, header.time) - 1;
  const below: TrustedState = { height: header.height - 1, hash: header.parentHash, time, nextValidators: set };
  const verified = verifyLightBlock(crypto, optionsOf(parts, rules), below, block, context.time);
  if (verified.verdict !== 'SUCCESS') return rejected('transparency.untrusted', { rule: verified.code });
  transparency.writeTrust(trustedState(crypto, rules, row), header.height);
  context.events.push({
    type: 'transparency.frozen',
    account: context.key.account,
    height: header.height,
    anchored: toHex(known.hash),
    other: toHex(verified.state.hash),
  });
  return undefined;
}

/** SPEC transparency 1.6 */
export function recover(
  { transparency, crypto }: AnchorParts,
  context: OperationContext,
  operation: OperationOf<'transparency.recover'>,
): RejectedOutcome | undefined {
  if (context.track !== 'root') return rejected('key.notAuthorised');
  const { trusted } = transparency;
  if (trusted === undefined) return rejected('transparency.noConsortium');
  const header = decoded(operation.header, decodeHeader);
  const validators = keysOf(operation.validators);
  const nextValidators = keysOr(operation.nextValidators, validators ?? []);
  if (header === undefined || validators === undefined || nextValidators === undefined)
    return rejected('transparency.malformed');
  const hash = headerHash(crypto, header);
  const state = stateOfHash(crypto, trusted.rules, hash, { header, validators, nextValidators });
  if ('verdict' in state) return rejected('transparency.untrusted', { rule: state.code });
  const forgotten = forgetFrom(transparency, trusted.rules, header, hash);
  transparency.sets.set(header.epoch.toString(), validators);
  transparency.sets.set(state.nextValidators.epoch.toString(), state.nextValidators.keys);
  transparency.writeTrust(state);
  context.events.push({ type: 'transparency.recovered', height: header.height, hash: toHex(hash), forgotten });
  return undefined;
}

/** What was anchored at this height and above may be the lie that the recovery is from: it can be anchored again. Its heights, in order. */
function forgetFrom(
  { store, anchors, sets }: TransparencyState,
  { epochBlocks }: ChainRules,
  { height, epoch }: Header,
  hash: Hash,
): number[] {
  const isFrom = (at: number, is: AnchorRow): boolean => at > height || (at === height && !equalBytes(is.hash, hash));
  const forgotten: number[] = [];
  for (const cell of anchors.rows.values()) {
    if (cell.value === undefined || !isFrom(Number(cell.key), cell.value)) continue;
    forgotten.push(Number(cell.key));
    store.change(cell, undefined);
  }
  const last = Math.max(epoch, epochOf(height + 1, epochBlocks));
  for (const cell of sets.rows.values()) if (Number(cell.key) > last) store.change(cell, undefined);
  return forgotten.sort((a, b) => a - b);
}
