import { noble, ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { height as asHeight, millis, parseTime, toBase64Url, utf8 } from '@gridtokenx/kernel';
import {
  certificateHashOf,
  commitSignBytes,
  encodeBlock,
  genesisValidators,
  headerHash,
  operationsRootOf,
  proveOutcome,
  resultsOf,
  resultsRootOf,
  type Block,
  type BlockOutcome,
  type Certificate,
  type Header,
  type OutcomeProof,
  type Signed,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { decodeEnvelope, encodeOutcome, readGenesis, type LedgerIdentity, type Operation } from '@gridtokenx/protocol';
import { Keypair } from './keypair.js';
import { signOperations } from './signing.js';

/** A small ledger of n validators whose blocks are signed by as many of them as a test wants. No test stands here. */

export const ACCOUNT = '0123456789abcdef0123456789abcdef';
export const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const ORGANISATION = 'aa'.repeat(16);
const GENESIS_TIME = '2026-06-15T00:00:00Z';

export const seedOf = (n: number): Uint8Array => noble.sha256(utf8(`seed ${n}`));
export const cancelOf = (n: number): Operation => ({
  type: 'market.cancelOrder',
  order: n.toString(16).padStart(64, '0'),
});

export function genesisFile(validators: number, zone = 'MEA-BKK-01'): Uint8Array {
  const keys = Array.from({ length: validators }, (_, i) => toBase64Url(noble.publicKeyOf(seedOf(i))));
  return utf8(
    JSON.stringify({
      version: 1,
      kind: 'consortium',
      time: GENESIS_TIME,
      market: { start: GENESIS_TIME, rate: 1 },
      consensus: {
        intervalMs: 1000,
        beatMs: 5000,
        fullIntervalMs: 250,
        baseTimeoutMs: 1200,
        timeoutCapMs: 8000,
        epochBlocks: 1_000,
        evidence: { heights: 100_000, ageMs: 86_400_000 },
      },
      limits: { operationsPerBlock: 12_000, envelopeBytesPerBlock: 8_388_608 },
      validators: keys.map((key) => ({ key, organisation: ORGANISATION })),
      organisations: [{ id: ORGANISATION, sector: 'gridOperator', roles: ['gridOperator'], keys: [] }],
      accounts: [{ id: ACCOUNT, organisation: ORGANISATION }],
      zones: [{ id: zone, operator: ORGANISATION, account: ACCOUNT }],
      tariff: { version: 1, gridFee: { rate: 100, buyerShare: 10_000, sellerShare: 0 }, feedInRate: 22_000 },
    }),
  );
}

export interface TestBlock {
  readonly block: Block;
  readonly record: Uint8Array;
  readonly operationIds: readonly string[];
}

export class TestLedger {
  readonly file: Uint8Array;
  readonly identity: LedgerIdentity;
  readonly set: ValidatorSet;
  readonly blocks: TestBlock[] = [];
  private readonly seeds: Uint8Array[];
  private sequence = 1;

  constructor(validators: number, zone?: string) {
    this.file = genesisFile(validators, zone);
    this.identity = readGenesis(noble, this.file);
    this.set = genesisValidators(noble, this.identity.genesis);
    const seeds = new Map(
      Array.from({ length: validators }, (_, i) => [toBase64Url(noble.publicKeyOf(seedOf(i))), seedOf(i)]),
    );
    this.seeds = this.set.keys.map((key) => seeds.get(toBase64Url(key)) ?? new Uint8Array(32));
  }

  get ledgerId(): string {
    return this.identity.ledgerId;
  }

  sign(header: Header, resultsRoot: Hash, signers: number): Certificate {
    const unsigned: Certificate = {
      epoch: header.epoch,
      height: header.height,
      round: 0,
      blockHash: headerHash(noble, header),
      resultsRoot,
      stateDigest: noble.sha256(utf8(`state ${header.height}`)),
      signatures: [],
    };
    const message = commitSignBytes(header.ledgerId, unsigned);
    const signatures = this.seeds
      .slice(0, signers)
      .map((seed, validator): Signed => ({ validator, signature: noble.sign(message, seed) }));
    return { ...unsigned, signatures };
  }

  /** The next block: one hook, then one outcome for each of `operations` cancels. */
  grow(operations = 1, signers = this.set.quorum): TestBlock {
    const parent = this.blocks.at(-1)?.block;
    const envelope = signOperations(
      Keypair.fromSeed(seedOf(1000)),
      Array.from({ length: operations }, (_, i) => cancelOf(i)),
      { ledgerId: this.ledgerId, sequence: this.sequence++, validUntil: '2026-06-15T01:00:00Z' },
    );
    const envelopes = [utf8(envelope.jws)];
    const hashed = envelopes.map((bytes) => decodeEnvelope(noble, this.ledgerId, bytes));
    const outcomes: BlockOutcome[] = [
      {
        hook: true,
        bytes: encodeOutcome({
          v: 1,
          status: 'executed',
          events: [{ type: 'market.bookClosed', zone: 'MEA-BKK-01', interval: INTERVAL }],
          postings: [],
          holds: [],
        }),
      },
      ...Array.from({ length: operations }, (_, i) => ({
        hook: false,
        bytes: encodeOutcome(
          i % 2 === 0
            ? { v: 1, status: 'rejected', code: 'market.unknownOrder' }
            : { v: 1, status: 'executed', events: [], postings: [], holds: [] },
        ),
      })),
    ];
    const results = resultsOf(outcomes, hashed) ?? [];
    const height = this.blocks.length + 1;
    const header: Header = {
      version: 1,
      ledgerId: this.ledgerId,
      epoch: 0,
      height: asHeight(height),
      proposer: height % this.set.keys.length,
      parentHash: parent === undefined ? this.identity.genesisHash : headerHash(noble, parent.header),
      parentCertificateHash:
        parent === undefined ? ZERO_HASH : certificateHashOf(noble, parent.certificate, this.set.keys.length),
      time: millis((parseTime(GENESIS_TIME) ?? 0) + height * 1000),
      operationsRoot: operationsRootOf(noble, hashed),
      validatorsHash: this.set.hash,
      nextValidatorsHash: this.set.hash,
      checkpointRoot: ZERO_HASH,
    };
    const block: Block = {
      header,
      parentCertificate: parent?.certificate,
      certificate: this.sign(header, resultsRootOf(noble, results), signers),
      envelopes,
      outcomes,
    };
    const grown = { block, record: encodeBlock(block, this.set.keys.length), operationIds: envelope.operationIds };
    this.blocks.push(grown);
    return grown;
  }

  prove({ block }: TestBlock, at: number): OutcomeProof {
    const hashed = block.envelopes.map((bytes) => decodeEnvelope(noble, this.ledgerId, bytes));
    const results = resultsOf(block.outcomes, hashed) ?? [];
    const id = hashed.flatMap(({ operationIds }) => operationIds)[at] ?? ZERO_HASH;
    const proof = proveOutcome(noble, block, results, id);
    if (proof === undefined) throw new Error('the fixture holds no such operation');
    return proof;
  }
}
