import { chainRules, indexOfKey, VOTE_STEPS, type ChainTip } from '@gridtokenx/chain';
import {
  signBytesOf,
  type Candidate,
  type ConsensusMessage,
  type PreparedCertificate,
  type SignerRecord,
} from '@gridtokenx/consensus';
import type { Crypto } from '@gridtokenx/crypto';
import { createLedger } from '@gridtokenx/domain';
import { equalBytes, toBase64Url, toHex } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { BlockReader } from './block-records.js';
import { MessageVerifier } from './message-verifier.js';
import type { Log } from './ports.js';
import { readToEnd } from './read-to-end.js';
import { SignerRecords, type SignerSlots } from './signer-records.js';
import { genesisTip } from './validator-host.js';

export interface SignerResetOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly log: Log;
  readonly slots: SignerSlots;
  readonly seeds: readonly Uint8Array[];
}

export interface SignerReset {
  readonly kid: string;
  /** `kept`: its record is there and not below what it published. */
  readonly did: 'kept' | 'reset';
  readonly height: number;
  readonly round: number;
}

/** The record of a validator cannot be made from what is on the bus: it signed a COMMIT whose PREPAREs are not there. */
export class SignerResetError extends Error {
  readonly code = 'signerReset.preparesMissing';
}

/**
 * SPEC ledger 6.9: makes lost signer records from the own messages on the bus, for when too many are lost for a rejoin to be
 * certified. It is as sound as the consensus topic is whole, so all operators have to agree to it first.
 */
export async function resetSigners({
  crypto,
  identity,
  log,
  slots,
  seeds,
}: SignerResetOptions): Promise<SignerReset[]> {
  const { blocks, consensus } = topicsOf(identity);
  await log.ensureTopics([blocks, consensus]);
  const tip = await certifiedTip(crypto, identity, log);
  const { messages, candidates } = await openHeight(crypto, identity, log, tip);
  const { store, loaded } = await SignerRecords.load(crypto, slots);
  const { ledgerId } = identity;
  const made = new Map<string, SignerRecord>();
  const done = seeds.map((seed): SignerReset => {
    const key = crypto.publicKeyOf(seed);
    const kid = toBase64Url(key);
    const index = indexOfKey(tip.validators, key);
    const own = messages.filter(({ validator }) => validator === index).sort(byPlace);
    const last = own.at(-1);
    const known = loaded.records.get(kid);
    if (known !== undefined && !isBelow(known, last, tip.height))
      return { kid, did: 'kept', height: known.height, round: known.round };
    const record = last === undefined ? nothingAbove(tip) : recordOf(ledgerId, tip, own, last, messages, candidates);
    made.set(kid, record);
    return { kid, did: 'reset', height: record.height, round: record.round };
  });
  if (made.size > 0) await store.save(made, loaded.operationsOffset ?? 0);
  return done;
}

const byPlace = (a: ConsensusMessage, b: ConsensusMessage): number =>
  a.round - b.round || VOTE_STEPS[a.type] - VOTE_STEPS[b.type];

/** A record of a height that is decided binds nothing any more; one below an own message is not the newest. */
function isBelow(known: SignerRecord, last: ConsensusMessage | undefined, tipHeight: number): boolean {
  if (last === undefined) return false;
  if (known.height <= tipHeight) return true;
  return (last.round - known.round || VOTE_STEPS[last.type] - known.step) > 0;
}

/** Nothing was published above the tip: anything may be signed there. */
const nothingAbove = ({ height, hash }: ChainTip): SignerRecord => ({
  height,
  round: 0,
  step: VOTE_STEPS.commit,
  signBytes: hash,
  prepared: undefined,
  committed: undefined,
});

function recordOf(
  ledgerId: string,
  tip: ChainTip,
  own: readonly ConsensusMessage[],
  last: ConsensusMessage,
  all: readonly ConsensusMessage[],
  candidates: ReadonlyMap<string, Candidate>,
): SignerRecord {
  const commit = own.findLast((message) => message.type === 'commit');
  const claims = own.flatMap((message) =>
    message.type === 'roundChange' && message.prepared !== undefined ? [message.prepared] : [],
  );
  const found = commit && certificateOf(tip, commit, all);
  const certificate = [...claims, ...(found === undefined ? [] : [found])].sort((a, b) => a.round - b.round).at(-1);
  const candidate = certificate && candidates.get(toHex(certificate.blockHash));
  // A COMMIT is a lock; without what it was prepared on, the lock would be forgotten.
  if ((commit !== undefined && (certificate?.round ?? -1) < commit.round) || (certificate && candidate === undefined))
    throw new SignerResetError(
      `the block or the PREPAREs that validator ${last.validator} was prepared on are not on the bus`,
    );
  return {
    height: last.height,
    round: last.round,
    step: VOTE_STEPS[last.type],
    signBytes: signBytesOf(last, ledgerId),
    prepared: certificate && candidate && { certificate, candidate },
    committed: commit && {
      blockHash: commit.blockHash,
      resultsRoot: commit.resultsRoot,
      stateDigest: commit.stateDigest,
    },
  };
}

/** The quorum of PREPAREs that a COMMIT stands on. */
function certificateOf(
  { validators }: ChainTip,
  { height, round, blockHash }: Extract<ConsensusMessage, { type: 'commit' }>,
  all: readonly ConsensusMessage[],
): PreparedCertificate | undefined {
  const signatures = new Map(
    all.flatMap((message) =>
      message.type === 'prepare' && message.round === round && equalBytes(message.blockHash, blockHash)
        ? [[message.validator, message.signature] as const]
        : [],
    ),
  );
  if (signatures.size < validators.quorum) return undefined;
  const quorum = [...signatures].sort(([a], [b]) => a - b).slice(0, validators.quorum);
  return {
    height,
    round,
    blockHash,
    signatures: quorum.map(([validator, signature]) => ({ validator, signature })),
  };
}

/** Where the certified chain ends; no block is run. */
async function certifiedTip(crypto: Crypto, identity: LedgerIdentity, log: Log): Promise<ChainTip> {
  const genesis = genesisTip(crypto, identity, createLedger(crypto, identity));
  const reader = new BlockReader(crypto, chainRules(identity), genesis);
  await readToEnd(log, topicsOf(identity).blocks.name, 0, (records) => {
    for (const record of records) reader.push(record);
  });
  return reader.tip;
}

/** All that is on the bus of the height that is open, as far as it can be believed. */
async function openHeight(
  crypto: Crypto,
  identity: LedgerIdentity,
  log: Log,
  tip: ChainTip,
): Promise<{ messages: ConsensusMessage[]; candidates: Map<string, Candidate> }> {
  const verifier = new MessageVerifier(crypto, chainRules(identity), () => {});
  const messages: ConsensusMessage[] = [];
  const candidates = new Map<string, Candidate>();
  await readToEnd(log, topicsOf(identity).consensus.name, 0, (records) => {
    for (const { value } of records)
      for (const frame of verifier.framesOf(value)) {
        if (frame.kind === 'candidate') candidates.set(toHex(frame.candidate.hash), frame.candidate);
        if (frame.kind !== 'message') continue;
        const message = verifier.verified(frame.bytes, tip);
        if (message === undefined || message.height !== tip.height + 1) continue;
        messages.push(message);
        if (message.type === 'proposal') candidates.set(toHex(message.candidate.hash), message.candidate);
      }
  });
  return { messages, candidates };
}
