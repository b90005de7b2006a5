import { noble, ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { equalBytes, height as asHeight, millis, toBase64Url, utf8 } from '@gridtokenx/kernel';
import {
  certificateHashOf,
  commitSignBytes,
  encodeBlock,
  epochOf,
  genesisValidators,
  headerHash,
  operationsRootOf,
  proveOutcome,
  resultsOf,
  resultsRootOf,
  validatorSet,
  type Block,
  type BlockOutcome,
  type Certificate,
  type Header,
  type LightBlock,
  type OutcomeProof,
  type Signed,
  type ValidatorSet,
} from '@gridtokenx/chain';
import {
  decodeEnvelope,
  encodeOutcome,
  readGenesis,
  type LedgerIdentity,
  type Operation,
  type Outcome,
} from '@gridtokenx/protocol';
import { oneOrganisation, testGenesis } from '@gridtokenx/testkit';
import type { Io } from './cli/io.js';
import { Keypair } from './keypair.js';
import { signOperations } from './signing.js';

/** A small ledger of n validators whose blocks are signed by as many of them as a test wants. No test stands here. */

export const ACCOUNT = '0123456789abcdef0123456789abcdef';
export const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const ORGANISATION = 'aa'.repeat(16);
const GENESIS_MS = Date.UTC(2026, 5, 15);

export const seedOf = (n: number): Uint8Array => noble.sha256(utf8(`seed ${n}`));
export const cancelOf = (n: number): Operation => ({
  type: 'market.cancelOrder',
  order: n.toString(16).padStart(64, '0'),
});

const transferOf = (n: number): Operation => ({ type: 'grid.transfer', to: ACCOUNT, amount: String(n + 1) });

export const genesisFile = (validators: number, zone = 'MEA-BKK-01', epochBlocks = 1_000): Uint8Array =>
  utf8(
    JSON.stringify(
      testGenesis({
        timeMs: GENESIS_MS,
        consensus: { epochBlocks },
        ...oneOrganisation({
          id: ORGANISATION,
          account: ACCOUNT,
          zone,
          validators: Array.from({ length: validators }, (_, i) => toBase64Url(noble.publicKeyOf(seedOf(i)))),
        }),
      }),
    ),
  );

export interface TestBlock {
  readonly block: Block;
  readonly record: Uint8Array;
  readonly operationIds: readonly string[];
}

const usual = (_id: string, i: number): Outcome =>
  i % 2 === 0
    ? { v: 1, status: 'rejected', code: 'market.unknownOrder' }
    : { v: 1, status: 'executed', events: [], postings: [], holds: [] };

export class TestLedger {
  readonly file: Uint8Array;
  readonly identity: LedgerIdentity;
  readonly set: ValidatorSet;
  readonly blocks: TestBlock[] = [];
  private readonly seeds = new Map<string, Uint8Array>();
  private readonly sets: ValidatorSet[];
  private readonly epochBlocks: number;
  private sequence = 1;

  /** `later` are the validators of the epochs after the first, as numbers of seeds; the last of them stay. */
  constructor(
    validators: number,
    zone?: string,
    {
      epochBlocks = 1_000,
      later = [],
      file = genesisFile(validators, zone, epochBlocks),
    }: { epochBlocks?: number; later?: readonly (readonly number[])[]; file?: Uint8Array } = {},
  ) {
    this.file = file;
    this.epochBlocks = epochBlocks;
    this.identity = readGenesis(noble, this.file);
    this.set = genesisValidators(noble, this.identity.genesis);
    const keyOf = (seed: number) => {
      const key = noble.publicKeyOf(seedOf(seed));
      this.seeds.set(toBase64Url(key), seedOf(seed));
      return key;
    };
    for (let i = 0; i < validators; i++) keyOf(i);
    this.sets = [this.set, ...later.map((seeds, i) => validatorSet(noble, i + 1, seeds.map(keyOf)))];
  }

  setAt(height: number): ValidatorSet {
    const epoch = epochOf(height, this.epochBlocks);
    return { ...(this.sets[epoch] ?? (this.sets.at(-1) as ValidatorSet)), epoch };
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
    const signatures = this.setAt(header.height)
      .keys.slice(0, signers)
      .map((key, validator): Signed => {
        const seed = this.seeds.get(toBase64Url(key)) ?? new Uint8Array(32);
        return { validator, signature: noble.sign(message, seed) };
      });
    return { ...unsigned, signatures };
  }

  /** The next block: one hook, then one outcome for each of `operations` cancels, which may be said by the id of each. */
  grow(operations = 1, signers?: number, outcomeOf: (operationId: string, i: number) => Outcome = usual): TestBlock {
    const parent = this.blocks.at(-1)?.block;
    const height = this.blocks.length + 1;
    const [set, next] = [this.setAt(height), this.setAt(height + 1)];
    const parentSetSize = this.setAt(Math.max(1, height - 1)).keys.length;
    const isPublic = this.identity.genesis.kind === 'public';
    const envelope = signOperations(
      Keypair.fromSeed(seedOf(1000)),
      Array.from({ length: operations }, (_, i) => (isPublic ? transferOf(i) : cancelOf(i))),
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
          events: [{ type: 'settlement.intervalSettled', interval: INTERVAL }],
          postings: [],
          holds: [],
        }),
      },
      ...Array.from({ length: operations }, (_, i) => ({
        hook: false,
        bytes: encodeOutcome(outcomeOf(envelope.operationIds[i] ?? '', i)),
      })),
    ];
    const results = resultsOf(outcomes, hashed) ?? [];
    const header: Header = {
      version: 1,
      ledgerId: this.ledgerId,
      epoch: set.epoch,
      height: asHeight(height),
      proposer: height % set.keys.length,
      parentHash: parent === undefined ? this.identity.genesisHash : headerHash(noble, parent.header),
      parentCertificateHash:
        parent === undefined ? ZERO_HASH : certificateHashOf(noble, parent.certificate, parentSetSize),
      time: millis(GENESIS_MS + height * 1000),
      operationsRoot: operationsRootOf(noble, hashed),
      validatorsHash: set.hash,
      nextValidatorsHash: next.hash,
      checkpointRoot: ZERO_HASH,
    };
    const block: Block = {
      header,
      parentCertificate: parent?.certificate,
      certificate: this.sign(header, resultsRootOf(noble, results), signers ?? set.quorum),
      nextValidators: equalBytes(set.hash, next.hash) ? undefined : next.keys,
      envelopes,
      outcomes,
    };
    const record = encodeBlock(block, set.keys.length, parentSetSize);
    const grown = { block, record, operationIds: envelope.operationIds };
    this.blocks.push(grown);
    return grown;
  }

  /** As an honest gateway serves it. */
  lightBlock(height: number): LightBlock | undefined {
    const block = this.blocks[height - 1]?.block;
    if (block === undefined) return undefined;
    const { header, certificate } = block;
    const [validators, nextValidators] = [this.setAt(height).keys, this.setAt(height + 1).keys];
    return { header, certificate, validators, nextValidators };
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

/** The files of a command line that runs in a test: kept in `files`, and nobody else's. */
export const memoryFiles = (files: Map<string, Uint8Array>): Io['files'] => ({
  read: (path) => {
    const file = files.get(path);
    if (file === undefined) throw new Error(`no such file: ${path}`);
    return file;
  },
  exists: (path) => files.has(path),
  create: (path, text) => void files.set(path, utf8(text)),
  replace: (path, text) => void files.set(path, utf8(text)),
  mode: () => 0o600,
});
