import {
  commitSignBytes,
  chainRules,
  genesisValidators,
  headerHash,
  operationsRootOf,
  tipAfter,
  type Block,
  type Certificate,
  type ChainRules,
  type ChainTip,
  type Header,
  type ValidatorSet,
  signersOf,
} from '@gridtokenx/chain';
import { signBytesOf, type Candidate, type UnsignedMessage } from '@gridtokenx/consensus';
import type { Hash, Signature } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { createLedger, type Ledger } from '@gridtokenx/domain';
import { height, millis, Prng, toBase64Url } from '@gridtokenx/kernel';
import { decodeEnvelope, PROTOCOL_VERSION, type Envelope } from '@gridtokenx/protocol';
import { testConsortium, TestSigner, TRADE_ACCOUNTS, tradeOfTheBrief, type TestConsortium } from '@gridtokenx/testkit';
import { compressBlock, cutIntoParts } from './block-records.js';
import type { Clock, LogRecord } from './ports.js';
import { genesisTip } from './validator-host.js';

/** What the specs beside this file stand on: certified blocks without a host, and a clock that stands still. */

export const START_MS = Date.UTC(2026, 5, 15);

export interface ChainBlock {
  readonly block: Block;
  readonly packed: Uint8Array;
  readonly record: Uint8Array;
  readonly tip: ChainTip;
}

/** A ledger that grows block by block, each certified by a quorum of validators whose keys are known. */
export class TestChain {
  readonly consortium: TestConsortium;
  readonly set: ValidatorSet;
  readonly rules: ChainRules;
  readonly genesis: ChainTip;
  readonly signer: TestSigner;
  tip: ChainTip;
  private readonly ledger: Ledger;
  private readonly seeds: ReadonlyMap<string, Uint8Array>;

  constructor(seed = 1, validators = 4) {
    this.consortium = testConsortium(native, {
      validators,
      seed,
      timeMs: START_MS,
      consensus: { epochBlocks: 5 },
    });
    const { identity, validatorSeeds } = this.consortium;
    this.set = genesisValidators(native, identity.genesis);
    this.rules = chainRules(identity);
    this.ledger = createLedger(native, identity);
    this.genesis = genesisTip(native, identity, this.ledger);
    this.tip = this.genesis;
    this.signer = new TestSigner(native, identity.ledgerId, () => START_MS);
    this.seeds = new Map(validatorSeeds.map((secret) => [toBase64Url(native.publicKeyOf(secret)), secret]));
  }

  get ledgerId(): string {
    return this.consortium.identity.ledgerId;
  }

  /** The trade of the brief: four envelopes that a block can hold. */
  trade(): Envelope[] {
    return tradeOfTheBrief(native, this.consortium, this.signer).map((bytes) => this.decode(bytes));
  }

  /** More money in reserve, and some of it minted. */
  reserve(): Envelope[] {
    const { seeds } = this.consortium;
    const signed = this.signer.sign(seeds.bank, [
      { type: 'accounts.attestReserve', amount: '30000000000', reference: 'reserve-2' },
      { type: 'accounts.mint', account: TRADE_ACCOUNTS.buyer, amount: '7', reference: 'deposit-2' },
    ]);
    return [this.decode(signed)];
  }

  decode(bytes: Uint8Array): Envelope {
    return decodeEnvelope(native, this.ledgerId, bytes);
  }

  candidate(envelopes: readonly Envelope[] = [], proposer = 0): Candidate {
    const header: Header = {
      version: PROTOCOL_VERSION,
      ledgerId: this.ledgerId,
      epoch: this.tip.validators.epoch,
      height: height(this.tip.height + 1),
      proposer,
      parentHash: this.tip.hash,
      parentCertificateHash: this.tip.certificateHash,
      time: millis(this.tip.time + 1_000),
      operationsRoot: operationsRootOf(native, envelopes),
      validatorsHash: this.set.hash,
      nextValidatorsHash: this.set.hash,
      checkpointRoot: this.ledger.checkpoints.rootOf(this.tip.height + 1),
    };
    const envelopeHashes = envelopes.map(({ hash }) => hash);
    return { header, hash: headerHash(native, header), envelopeHashes, parentCertificate: this.tip.certificate };
  }

  /** The seed of a validator, by its place in the set. */
  secretOf(validator: number): Uint8Array {
    const key = this.set.keys[validator];
    const secret = key && this.seeds.get(toBase64Url(key));
    if (secret === undefined) throw new Error('the keys of the set are known');
    return secret;
  }

  /** A message of one of the validators, as the bus would carry it. */
  sign<M extends UnsignedMessage>(message: M): M & { readonly signature: Signature } {
    return {
      ...message,
      signature: native.sign(signBytesOf(message, this.ledgerId), this.secretOf(message.validator)),
    };
  }

  grow(envelopes: readonly Envelope[] = []): ChainBlock {
    const { header, hash, parentCertificate } = this.candidate(envelopes);
    const { outcomes, resultsRoot, stateDigest } = this.ledger.execute({
      height: header.height,
      time: header.time,
      proposer: header.proposer,
      parentSigners: signersOf(parentCertificate),
      envelopes,
    });
    this.ledger.commit();
    const certificate = this.certify(header, hash, resultsRoot, stateDigest);
    const block = { header, parentCertificate, certificate, envelopes: envelopes.map(({ bytes }) => bytes), outcomes };
    const packed = compressBlock(block, this.tip);
    const [record] = cutIntoParts(block, packed);
    if (record === undefined) throw new Error('a block has a part');
    this.tip = tipAfter(native, this.rules, this.tip, block);
    return { block, packed, record, tip: this.tip };
  }

  private certify({ epoch, height: at }: Header, blockHash: Hash, resultsRoot: Hash, stateDigest: Hash): Certificate {
    const unsigned = { epoch, height: at, round: 0, blockHash, resultsRoot, stateDigest, signatures: [] };
    const signBytes = commitSignBytes(this.ledgerId, unsigned);
    const signatures = this.set.keys.slice(0, this.set.quorum).map((_, validator) => ({
      validator,
      signature: native.sign(signBytes, this.secretOf(validator)),
    }));
    return { ...unsigned, signatures };
  }
}

/** Records of one topic as the log hands them out. */
export const recordsOf = (values: readonly Uint8Array[], from = 0): LogRecord[] =>
  values.map((value, i) => ({ offset: from + i, timestampMs: START_MS, value }));

/** These bytes with a few of them changed, cut out, put in or cut off. */
export function nearly(prng: Prng, valid: Uint8Array): Uint8Array {
  const at = prng.below(valid.length);
  switch (prng.below(3)) {
    case 0:
      return valid.map((byte, i) => (i === at ? byte ^ (1 + prng.below(255)) : byte));
    case 1:
      return valid.slice(0, at);
    default:
      return Uint8Array.from([...valid.slice(0, at), ...prng.bytes(prng.below(6)), ...valid.slice(at + prng.below(6))]);
  }
}

/** Stands still until it is moved; then what was due is called, in the order of its time. */
export class StillClock implements Clock {
  private readonly due = new Set<{ readonly atMs: number; readonly call: () => void }>();

  constructor(private nowMs = START_MS) {}

  now(): number {
    return this.nowMs;
  }

  at(atMs: number, call: () => void): () => void {
    const timer = { atMs, call };
    this.due.add(timer);
    return () => this.due.delete(timer);
  }

  move(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.due].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.due.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.call();
    }
    this.nowMs = end;
  }
}
