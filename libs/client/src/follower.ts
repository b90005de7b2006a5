import { noble, type Crypto } from '@gridtokenx/crypto';
import { DecodeError, equalBytes, toHex } from '@gridtokenx/kernel';
import {
  blockFault,
  decodeBlock,
  encodeBlock,
  resultsOf,
  tipAfter,
  type Block,
  type BlockFault,
  type ChainRules,
} from '@gridtokenx/chain';
import {
  decodeEnvelope,
  decodeOutcome,
  EnvelopeError,
  type Envelope,
  type Operation,
  type Outcome,
} from '@gridtokenx/protocol';
import type { GenesisAnchor, SetAnchor, Tip } from './anchor.js';
import type { Refused } from './verify.js';

/** What an operation or a hook of a block did, proven by the block's certificate. */
export interface ProvenResult {
  readonly height: number;
  readonly index: number;
  /** Absent for hooks. */
  readonly asked:
    | { readonly operationId: string; readonly operation: Operation; readonly kid: string; readonly envelope: number }
    | undefined;
  readonly outcome: Outcome;
}

export interface VerifiedBlock {
  readonly valid: true;
  readonly block: Block;
  readonly height: number;
  readonly hash: string;
  /** Block time in milliseconds. */
  readonly time: number;
  readonly signers: number;
  /** In the set that decided it. */
  readonly validators: number;
  readonly envelopes: readonly Envelope[];
  readonly results: readonly ProvenResult[];
  readonly tip: Tip;
}

export type RecordFault = BlockFault | 'block.malformed' | 'block.notCanonical' | 'block.envelope' | 'block.outcome';

export interface VerifyBlockOptions {
  readonly crypto?: Crypto;
  /**
   * Checks the signature of each envelope too. A quorum has checked them already; in pure TypeScript it costs 2.5 ms
   * for each envelope.
   */
  readonly checkSignatures?: boolean;
}

/** Whether `block` is the one valid block after `tip` for someone who trusts the tip and its validators, and what it did. */
export function verifyBlock(
  rules: ChainRules,
  tip: Tip,
  block: Block,
  { crypto = noble, checkSignatures = false }: VerifyBlockOptions = {},
): VerifiedBlock | Refused<RecordFault> {
  const { ledgerId } = rules;
  const refused = (code: RecordFault): Refused<RecordFault> => ({ valid: false, code });
  let envelopes: Envelope[];
  try {
    envelopes = block.envelopes.map((bytes) =>
      decodeEnvelope(crypto, ledgerId, bytes, { signatureKnown: !checkSignatures }),
    );
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return refused(block.header.ledgerId === ledgerId ? 'block.envelope' : 'block.wrongLedger');
  }
  const fault = blockFault(crypto, rules, tip, block, envelopes);
  if (fault !== undefined) return refused(fault);
  const outcomes = outcomesOf(block);
  const results = resultsOf(block.outcomes, envelopes);
  if (outcomes === undefined || results === undefined) return refused('block.outcome');
  const { header, certificate } = block;
  const asked = envelopes.flatMap(({ kid, operations, operationIds }, envelope) =>
    operations.map((operation, i) => ({
      operationId: toHex(operationIds[i] ?? new Uint8Array(0)),
      operation,
      kid,
      envelope,
    })),
  );
  let next = 0;
  return {
    valid: true,
    block,
    height: header.height,
    hash: toHex(certificate.blockHash),
    time: header.time,
    signers: certificate.signatures.length,
    validators: tip.validators.keys.length,
    envelopes,
    results: outcomes.map((outcome, index) => ({
      height: header.height,
      index,
      asked: block.outcomes[index]?.hook === true ? undefined : asked[next++],
      outcome,
    })),
    tip: tipAfter(crypto, rules, tip, block),
  };
}

function outcomesOf(block: Block): Outcome[] | undefined {
  try {
    return block.outcomes.map(({ bytes }) => decodeOutcome(bytes));
  } catch {
    return undefined;
  }
}

/** The same from a record's bytes, which must be the one encoding of the block: a stranger's copy has no room for more. */
export function verifyRecord(
  rules: ChainRules,
  tip: Tip,
  record: Uint8Array,
  options: VerifyBlockOptions = {},
): VerifiedBlock | Refused<RecordFault> {
  let block: Block;
  try {
    block = decodeBlock(record);
  } catch (error) {
    if (error instanceof DecodeError) return { valid: false, code: 'block.malformed' };
    throw error;
  }
  const verified = verifyBlock(rules, tip, block, options);
  if (verified.valid && !isCanonical(tip, block, record)) return { valid: false, code: 'block.notCanonical' };
  return verified;
}

const isCanonical = ({ validators, certifiedBy }: Tip, block: Block, record: Uint8Array): boolean =>
  equalBytes(encodeBlock(block, validators.keys.length, certifiedBy.keys.length), record);

/** A record that was refused where only a valid one may stand. */
export class ChainFaultError extends Error {
  constructor(
    readonly code: RecordFault,
    readonly height: number,
  ) {
    super(`${code}: the record offered for height ${height} is not the next block`);
    this.name = 'ChainFaultError';
  }
}

/** Gives the bytes of a record, or `undefined` when the chain is not there yet. `GridClient.blockRecord` is one. */
export type RecordSource = (height: number) => Promise<Uint8Array | undefined>;

/**
 * Walks the chain block by block from the user's anchor. What it yields is proven; a record that is not the valid next
 * one (a gap, a repeat, another ledger's, a changed byte) never moves it. It learns each validator set from the blocks.
 */
export class BlockFollower {
  readonly #rules: ChainRules;
  readonly #options: VerifyBlockOptions;
  #tip: Tip;

  constructor(anchor: Pick<GenesisAnchor, 'rules' | 'tip'>, options: VerifyBlockOptions & { readonly tip?: Tip } = {}) {
    this.#rules = anchor.rules;
    this.#tip = options.tip ?? anchor.tip;
    this.#options = options;
  }

  /** The last block that was accepted; to go on from here later, give it as `tip`. */
  get tip(): Tip {
    return this.#tip;
  }

  /** Trust in the validators that were learned so far, to check proofs by: those of blocks up to the next one. */
  get trust(): SetAnchor {
    return { kind: 'set', ledgerId: this.#rules.ledgerId, set: this.#tip.validators };
  }

  /** Takes the next record, or says why it is not the next record and stays where it is. */
  accept(record: Uint8Array): VerifiedBlock | Refused<RecordFault> {
    const verified = verifyRecord(this.#rules, this.#tip, record, this.#options);
    if (verified.valid) this.#tip = verified.tip;
    return verified;
  }

  /** Blocks up to height `to`, or up to where the source ends. Throws {@link ChainFaultError}. */
  async *blocks(
    source: RecordSource,
    { to = Number.MAX_SAFE_INTEGER }: { to?: number } = {},
  ): AsyncGenerator<VerifiedBlock> {
    while (this.#tip.height < to) {
      const height = this.#tip.height + 1;
      const record = await source(height);
      if (record === undefined) return;
      const verified = this.accept(record);
      if (!verified.valid) throw new ChainFaultError(verified.code, height);
      yield verified;
    }
  }

  /** What operations and hooks did, in chain order: the events to recompute anything from. */
  async *results(source: RecordSource, range: { to?: number } = {}): AsyncGenerator<ProvenResult> {
    for await (const block of this.blocks(source, range)) yield* block.results;
  }
}
