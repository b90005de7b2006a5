import { zstdCompressSync } from 'node:zlib';
import {
  certificateHashOf,
  commitSignBytes,
  encodeBlock,
  encodeCertificate,
  encodeHeader,
  genesisValidators,
  headerHash,
  operationsRootOf,
  resultsOf,
  resultsRootOf,
  type Block,
  type Certificate,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { ZERO_HASH } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, height as asHeight, millis, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import {
  projectionOf,
  type ConsortiumFacts,
  type ConsortiumRecords,
  type ProjectedBlock,
  type RowsOf,
} from '@gridtokenx/projections';
import {
  ledgerTopics,
  decodeEnvelope,
  encodeOutcome,
  readGenesis,
  SEQUENCE_AHEAD_MAX,
  SEQUENCE_WINDOW,
  signEnvelope,
  type EnvelopePayload,
  type LedgerEvent,
  type LedgerIdentity,
  type LedgerKind,
  type Operation,
  type Outcome,
} from '@gridtokenx/protocol';
import type {
  AccountView,
  Admission,
  AdmissionQuestion,
  AsOf,
  BalanceView,
  BlockView,
  BookFilter,
  BookView,
  Clock,
  ContractView,
  FactFilter,
  KeyView,
  ListFilter,
  MeterView,
  NetworkSources,
  OperationView,
  OrderView,
  PageRequest,
  ReadingView,
  ReadModels,
  RecordView,
  StatementFacts,
  TradeView,
  ValidatorChangeView,
} from '@gridtokenx/runtime';
import { signBytesOf } from '@gridtokenx/consensus';
import { messageFrame, packFrames } from '@gridtokenx/runtime';
import { MemoryLog, oneOrganisation, testGenesis } from '@gridtokenx/testkit';
import { createGateway, type Gateway } from './create-gateway.js';
import type { GatewayParts } from './parts.js';

/** A gateway around a bus and read models in memory, and a ledger whose blocks a test makes. No test stands here. */

export const OPERATIONS_TOPIC = 'consortium.operations';
export const GENESIS_MS = Date.UTC(2026, 5, 15);
export const ORGANISATION = 'aa'.repeat(16);
export const ACCOUNT = '0123456789abcdef0123456789abcdef';
export const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
export const INTERVAL_START_MS = Date.UTC(2026, 5, 15, 3);

export const seedOf = (n: number): Uint8Array => native.sha256(utf8(`seed ${n}`));
export const kidOf = (seed: Uint8Array): string => toBase64Url(native.publicKeyOf(seed));

export const genesisFile = (validators: number): Uint8Array =>
  utf8(
    JSON.stringify(
      testGenesis({
        timeMs: GENESIS_MS,
        ...oneOrganisation({
          id: ORGANISATION,
          account: ACCOUNT,
          zone: 'MEA-BKK-01',
          validators: Array.from({ length: validators }, (_, i) => kidOf(seedOf(i))),
        }),
      }),
    ),
  );

/** Time that moves when a test says so. */
export class ManualClock implements Clock {
  private ms = GENESIS_MS + 1_000;
  private readonly timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.ms;
  }
  at(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }
  advance(byMs: number): void {
    this.ms += byMs;
    for (const timer of [...this.timers]) if (timer.atMs <= this.ms && this.timers.delete(timer)) timer.callback();
  }
}

export const executed: Outcome = { v: 1, status: 'executed', events: [], postings: [], holds: [] };

interface KeyState {
  used: Set<number>;
  removedHeight?: number;
}

/** The port of the read models over what a test has put in, without facts and records. */
export class FakeReads {
  readonly keys = new Map<string, KeyState>();
  readonly operations = new Map<string, OperationView>();
  readonly accounts = new Map<string, AccountView>();
  readonly balancesOf = new Map<string, BalanceView[]>();
  readonly bookList: BookView[] = [];
  readonly meterList: MeterView[] = [];
  readonly orderList: OrderView[] = [];
  readonly tradeList: TradeView[] = [];
  readonly readingList: ReadingView[] = [];
  readonly changeList: ValidatorChangeView[] = [];
  readonly suspended = new Set<string>();
  readonly blockList: (BlockView & { readonly body: Uint8Array })[] = [];
  readonly hashesAt = new Map<number, readonly Uint8Array[]>();
  readonly asked: string[] = [];
  private readonly listeners = new Set<(height: number) => void>();
  broken: Error | undefined;

  constructor(protected readonly identity: LedgerIdentity) {}

  register(kid: string): void {
    this.keys.set(kid, { used: new Set() });
  }

  private at(name: string): AsOf {
    this.asked.push(name);
    if (this.broken !== undefined) throw this.broken;
    const block = this.blockList.at(-1);
    return { height: block?.height ?? 0, timeMs: block?.timeMs ?? GENESIS_MS };
  }
  protected found<T>(name: string, value: T): AsOf & { readonly value: T } {
    return { ...this.at(name), value };
  }

  async cursor() {
    const at = this.at('cursor');
    return { ...at, ledgerId: this.identity.ledgerId, blockHash: 'ff'.repeat(32) };
  }
  async waitForHeight(minHeight: number, timeoutMs: number) {
    if (this.at('wait').height >= minHeight) return this.at('wait').height;
    return new Promise<number>((done) => {
      const end = (): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        done(this.at('wait').height);
      };
      const listener = (height: number): void => {
        if (height >= minHeight) end();
      };
      const timer = setTimeout(end, timeoutMs);
      this.listeners.add(listener);
    });
  }
  onHeight(listener: (height: number) => void) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  advanced(): void {
    for (const listener of this.listeners) listener(this.blockList.at(-1)?.height ?? 0);
  }

  async operation(id: string) {
    return this.found('operation', this.operations.get(id));
  }
  async operationsByIds(ids: readonly string[]) {
    return this.found(
      'operationsByIds',
      ids.flatMap((id) => this.operations.get(id) ?? []),
    );
  }
  async key(kid: string) {
    const state = this.keys.get(kid);
    const used = [...(state?.used ?? [])].sort((a, b) => a - b);
    const highest = used.at(-1) ?? 0;
    const view: KeyView | undefined =
      state === undefined
        ? undefined
        : {
            kid,
            organisation: ORGANISATION,
            account: undefined,
            registeredHeight: 0,
            removedHeight: state.removedHeight,
            highestSequence: highest,
            usedSequences: used.filter((sequence) => sequence > highest - SEQUENCE_WINDOW),
          };
    return this.found('key', view);
  }
  async admission(questions: readonly AdmissionQuestion[]) {
    return this.found(
      'admission',
      questions.map(({ kid, sequence }): Admission => {
        const state = this.keys.get(kid);
        const highest = Math.max(0, ...(state?.used ?? []));
        if (state === undefined) return 'operation.unknownKey';
        if (state.removedHeight !== undefined) return 'operation.keyRemoved';
        if (state.used.has(sequence)) return 'operation.sequenceUsed';
        if (sequence <= highest - SEQUENCE_WINDOW) return 'operation.sequenceTooOld';
        return sequence > highest + SEQUENCE_AHEAD_MAX ? 'operation.sequenceTooFar' : 'admissible';
      }),
    );
  }
  async account(id: string) {
    return this.found('account', this.accounts.get(id));
  }
  async organisation() {
    return this.found('organisation', undefined);
  }
  async balances(id: string) {
    return this.found('balances', this.balancesOf.get(id) ?? []);
  }
  async markets({ after = '0', limit = 100 }: { after?: string | undefined; limit?: number | undefined }) {
    return this.page('markets', this.bookList, after, limit);
  }
  async book(named: BookFilter) {
    const names = Object.entries(named).filter(([, value]) => value !== undefined);
    return this.found(
      'book',
      this.bookList.find((book) => names.every(([name, value]) => book[name as keyof BookFilter] === value)),
    );
  }
  async order(id: string) {
    return this.found(
      'order',
      this.orderList.find(({ order }) => order === id),
    );
  }
  async orders({ after = '0', limit = 100 }: { after?: string | undefined; limit?: number | undefined }) {
    return this.page('orders', this.orderList, after, limit);
  }
  async trades({ after = '0', limit = 100 }: { after?: string | undefined; limit?: number | undefined }) {
    return this.page('trades', this.tradeList, after, limit);
  }
  protected page<T>(name: string, list: readonly T[], after: string, limit: number) {
    const from = Number(after);
    const items = list.slice(from, from + limit);
    return { ...this.at(name), items, next: from + limit < list.length ? String(from + limit) : undefined };
  }
  async meters(ids: readonly string[]) {
    return { ...this.at('meters'), value: this.meterList.filter(({ meter }) => ids.includes(meter)) };
  }
  async readings(meter: string, { after = '0', limit = 100 }: PageRequest) {
    return this.page(
      'readings',
      this.readingList.filter((reading) => reading.meter === meter),
      after,
      limit,
    );
  }
  async blocks({
    before,
    after,
    limit = 100,
  }: {
    before?: number | undefined;
    after?: number | undefined;
    limit?: number | undefined;
  }) {
    const inRange = this.blockList.filter(
      ({ height }) => height < (before ?? Number.MAX_SAFE_INTEGER) && height > (after ?? 0),
    );
    const taken = after === undefined ? inRange.slice(-limit) : inRange.slice(0, limit);
    return this.found('blocks', taken.reverse());
  }
  async block(height: number) {
    return this.found('block', this.blockList[height - 1]);
  }
  async validatorSet(height: number) {
    const kids = genesisValidators(native, this.identity.genesis).keys.map(toBase64Url);
    return this.found('validatorSet', height < 1 ? undefined : { fromHeight: 1, kids });
  }
  async validatorChanges({ after = '0', limit = 100 }: { after?: string | undefined; limit?: number | undefined }) {
    return this.page('validatorChanges', this.changeList, after, limit);
  }
  async participation(blocks: number) {
    const kids = genesisValidators(native, this.identity.genesis).keys.map(toBase64Url);
    return this.found('participation', {
      sets: [{ fromHeight: 1, kids }],
      certificates: this.blockList.slice(-blocks).reverse(),
      validators: kids.map((kid) => ({
        kid,
        organisation: ORGANISATION,
        firstHeight: 1,
        missedProposals: 0,
        missedProposalsEver: 0,
        suspended: this.suspended.has(kid),
      })),
    });
  }
  async headers(from: number, to: number) {
    return this.found(
      'headers',
      this.blockList.slice(from - 1, to).map(({ header }) => header),
    );
  }
  async blockBody(height: number) {
    return this.found('blockBody', this.blockList[height - 1]?.body);
  }
  async envelopeHashes(height: number) {
    return this.found('envelopeHashes', this.hashesAt.get(height) ?? []);
  }
  async close() {}
}

/** The rows of a block whose one hook told this. */
export function blockRowsOf<K extends LedgerKind>(
  kind: K,
  identity: LedgerIdentity,
  events: readonly LedgerEvent[],
  marketTime: string,
  timeMs: number,
): RowsOf<K> {
  const outcomes: Outcome[] = [[{ type: 'ledger.clockAdvanced', marketTime } as const], events].map((told) => ({
    v: 1,
    status: 'executed',
    events: [...told],
    postings: [],
    holds: [],
  }));
  const zero = new Uint8Array(32);
  const set = genesisValidators(native, identity.genesis);
  const header = {
    version: 1,
    ledgerId: identity.ledgerId,
    epoch: 0,
    height: 1,
    proposer: 0,
    parentHash: zero,
    parentCertificateHash: zero,
    time: timeMs,
    operationsRoot: zero,
    validatorsHash: set.hash,
    nextValidatorsHash: set.hash,
    checkpointRoot: zero,
  };
  const certificate = {
    epoch: 0,
    height: 1,
    round: 0,
    blockHash: zero,
    resultsRoot: zero,
    stateDigest: zero,
    signatures: [],
  };
  return projectionOf(kind).blockRows({
    block: { header, certificate, envelopes: [], outcomes: outcomes.map(() => ({ hook: true, bytes: zero })) },
    envelopes: [],
    outcomes,
    tip: { certifiedBy: set, validators: set },
    body: zero,
  } as unknown as ProjectedBlock);
}

type ListRows = Pick<RowsOf<'consortium'>, 'height' | 'timeMs' | 'facts' | 'records'>;

/** What the consortium's facts and records answer, of blocks that told what a test says. */
export class FakeReadModels extends FakeReads implements ReadModels {
  readonly contractList: ContractView[] = [];
  private readonly told: ListRows[];

  constructor(identity: LedgerIdentity) {
    super(identity);
    // Worlds are also made of the file of the other ledger.
    this.told = identity.genesis.kind === 'consortium' ? [projectionOf('consortium').genesisRows(identity)] : [];
  }

  /** In one block. */
  tell(events: readonly LedgerEvent[]): void {
    this.told.push(blockRowsOf('consortium', this.identity, events, '2026-06-15T03:00:00Z', GENESIS_MS));
  }

  private listed<T>(list: readonly T[], { after = '0', limit = 100, oldestFirst = false }: ListFilter) {
    return this.page('lists', oldestFirst ? list : list.toReversed(), after, limit);
  }

  facts: ReadModels['facts'] = async <T extends keyof ConsortiumFacts>(topic: T, subject: string, filter: FactFilter) =>
    this.listed(
      this.told.flatMap(({ height, timeMs, facts }) =>
        facts
          .filter((row) => row.topic === topic && row.subject === subject && holds(row.body, filter.having))
          .map(({ body, index }) => ({
            fact: body as ConsortiumFacts[T],
            ...{ index, height, timeMs, operationId: undefined },
          })),
      ),
      filter,
    );

  private standing<K extends keyof ConsortiumRecords>(
    kind: K,
    parent: string,
  ): RecordView<ConsortiumRecords[K], never>[] {
    const found = new Map<string, RecordView<ConsortiumRecords[K], never>>();
    for (const { height, records } of this.told)
      for (const { id, ...row } of records) {
        if (row.kind !== kind || row.parent !== parent) continue;
        const old = found.get(id);
        const body =
          old === undefined ? row.fresh : row.body && (row.replaces ? row.body : { ...old.body, ...row.body });
        if (body === undefined) found.delete(id);
        else {
          const beganHeight = old?.beganHeight ?? height;
          found.set(id, { parent, id, body: body as ConsortiumRecords[K], beganHeight, height, sums: {} });
        }
      }
    return [...found.values()];
  }

  records: ReadModels['records'] = async (kind, parent, { having, ...filter }) =>
    this.listed(
      this.standing(kind, parent).filter(({ body }) => holds(body, having)),
      filter,
    );
  record: ReadModels['record'] = async (kind, parent, id) =>
    this.found(
      'record',
      this.standing(kind, parent).find((view) => view.id === id),
    );
  recordFrom: ReadModels['recordFrom'] = async (kind, parent, id) =>
    this.found(
      'recordFrom',
      this.standing(kind, parent).find((view) => view.id >= id),
    );
  contracts: ReadModels['contracts'] = async (filter) => this.listed(this.contractList, filter);
  statement: StatementFacts | undefined;
  statementFacts: ReadModels['statementFacts'] = async () => this.found('statementFacts', this.statement);
  positions: ReadModels['positions'] = async (_account, filter) => this.listed([], filter);
  sources: NetworkSources = { contracts: [], orders: [], links: [], pairs: [], meters: [] };
  networkSources: ReadModels['networkSources'] = async () => this.found('networkSources', this.sources);
}

const holds = (body: object, having: object = {}): boolean =>
  Object.entries(having).every(([name, value]) => (body as Record<string, unknown>)[name] === value);

/** What a test may do to the world around a gateway. */
export class World {
  readonly identity: LedgerIdentity;
  readonly set: ValidatorSet;
  readonly readModels: FakeReadModels;
  readonly clock = new ManualClock();
  readonly log = new MemoryLog(() => this.clock.now());
  readonly seed = seedOf(100);
  readonly kid = kidOf(this.seed);
  private readonly chain: Block[] = [];
  private sequence = 0;
  private gateways: Gateway[] = [];

  /** Of any ledger whose validators have the first four seeds. */
  constructor(readonly file = genesisFile(4)) {
    this.identity = readGenesis(native, file);
    this.set = genesisValidators(native, this.identity.genesis);
    this.readModels = new FakeReadModels(this.identity);
  }

  async gateway(parts: Partial<GatewayParts> = {}): Promise<Gateway> {
    await this.log.ensureTopics([{ name: OPERATIONS_TOPIC }, ledgerTopics.consortium.consensus]);
    const { identity, log, readModels, clock, file: genesisFile } = this;
    const gateway = await createGateway(
      { crypto: native, log, clock, ledgers: { consortium: { identity, genesisFile, readModels } }, ...parts },
      false,
    );
    this.gateways.push(gateway);
    await gateway.app.init();
    await gateway.app.getHttpAdapter().getInstance().ready();
    return gateway;
  }

  /** A vote of a validator, by its index in the set; signed by another when said so. */
  async vote(
    validator: number,
    type: 'prepare' | 'commit',
    place: { readonly height: number; readonly round?: number; readonly epoch?: number },
    { ledgerId = this.identity.ledgerId, signer = validator }: { ledgerId?: string; signer?: number } = {},
  ): Promise<void> {
    const hash = native.sha256(utf8(`block ${place.height}`));
    const body = { epoch: 0, round: 0, ...place, validator, blockHash: hash };
    const unsigned = type === 'prepare' ? { ...body, type } : { ...body, type, resultsRoot: hash, stateDigest: hash };
    const signature = native.sign(signBytesOf(unsigned, ledgerId), this.seedOfValidator(signer));
    const frames = [messageFrame({ ...unsigned, signature })];
    await this.log.append(ledgerTopics.consortium.consensus.name, packFrames(ledgerId, frames));
  }

  private seedOfValidator(validator: number): Uint8Array {
    const kid = toBase64Url(this.set.keys[validator] ?? ZERO_HASH);
    return Array.from({ length: 4 }, (_, i) => seedOf(i)).find((seed) => kidOf(seed) === kid) ?? seedOf(99);
  }

  async close(): Promise<void> {
    for (const { app } of this.gateways.splice(0)) await app.close();
  }

  payload(operations: readonly Operation[], changes: Partial<EnvelopePayload> = {}): EnvelopePayload {
    const validUntil = formatTime(millis(this.clock.now() + 600_000));
    return { sequence: ++this.sequence, validUntil, atomic: false, operations, ...changes };
  }

  /** The bytes of an envelope of `count` transfers, or of the operations given. */
  envelope(
    operations: number | readonly Operation[] = 1,
    changes: Partial<EnvelopePayload> = {},
    seed = this.seed,
  ): Uint8Array {
    const list = typeof operations === 'number' ? transfers(operations) : operations;
    return signEnvelope(native, seed, this.identity.ledgerId, this.payload(list, changes));
  }

  /** Decides envelopes in the next block, as the ledger and the projector would. */
  decide(envelopes: readonly Uint8Array[], outcomeOf: (index: number) => Outcome = () => executed): Block {
    const decoded = envelopes.map((bytes) => decodeEnvelope(native, this.identity.ledgerId, bytes));
    const count = decoded.reduce((sum, { operations }) => sum + operations.length, 0);
    const hook = { hook: true, bytes: encodeOutcome(executed) };
    const outcomes = [
      hook,
      ...Array.from({ length: count }, (_, i) => ({ hook: false, bytes: encodeOutcome(outcomeOf(i)) })),
    ];
    const results = resultsOf(outcomes, decoded) ?? [];
    const parent = this.chain.at(-1);
    const height = this.chain.length + 1;
    const header: Header = {
      version: 1,
      ledgerId: this.identity.ledgerId,
      epoch: 0,
      height: asHeight(height),
      proposer: 0,
      parentHash: parent === undefined ? this.identity.genesisHash : headerHash(native, parent.header),
      parentCertificateHash:
        parent === undefined ? ZERO_HASH : certificateHashOf(native, parent.certificate, this.set.keys.length),
      time: millis(Math.max(this.clock.now(), (parent?.header.time ?? GENESIS_MS) + 1)),
      operationsRoot: operationsRootOf(native, decoded),
      validatorsHash: this.set.hash,
      nextValidatorsHash: this.set.hash,
      checkpointRoot: ZERO_HASH,
    };
    const certificate = this.certify(header, resultsRootOf(native, results));
    const block: Block = { header, parentCertificate: parent?.certificate, certificate, envelopes, outcomes };
    this.chain.push(block);
    this.project(block, decoded, outcomeOf);
    return block;
  }

  private certify(header: Header, resultsRoot: Certificate['resultsRoot']): Certificate {
    const unsigned: Certificate = {
      epoch: 0,
      height: header.height,
      round: 0,
      blockHash: headerHash(native, header),
      resultsRoot,
      stateDigest: native.sha256(utf8(`state ${header.height}`)),
      signatures: [],
    };
    const message = commitSignBytes(header.ledgerId, unsigned);
    const seeds = new Map(Array.from({ length: 4 }, (_, i) => [kidOf(seedOf(i)), seedOf(i)]));
    const signatures = this.set.keys.slice(0, this.set.quorum).map((key, validator) => ({
      validator,
      signature: native.sign(message, seeds.get(toBase64Url(key)) ?? new Uint8Array(32)),
    }));
    return { ...unsigned, signatures };
  }

  private project(
    block: Block,
    decoded: readonly ReturnType<typeof decodeEnvelope>[],
    outcomeOf: (index: number) => Outcome,
  ): void {
    const { header, certificate } = block;
    this.readModels.hashesAt.set(
      header.height,
      decoded.map(({ hash }) => hash),
    );
    let n = 0;
    for (const { kid, sequence, operations, operationIds } of decoded) {
      this.readModels.keys.get(kid)?.used.add(sequence);
      for (const [i, { type }] of operations.entries()) {
        const outcome = outcomeOf(n);
        const operationId = toHex(operationIds[i] ?? ZERO_HASH);
        const { status } = outcome;
        const code = outcome.status === 'rejected' ? outcome.code : undefined;
        this.readModels.operations.set(operationId, {
          operationId,
          height: header.height,
          index: ++n,
          kid,
          type,
          status,
          code,
        });
      }
    }
    const body = zstdCompressSync(encodeBlock(block, this.set.keys.length));
    this.readModels.blockList.push({
      height: header.height,
      hash: toHex(certificate.blockHash),
      parentHash: toHex(header.parentHash),
      timeMs: header.time,
      epoch: 0,
      proposer: 0,
      round: 0,
      signerCount: certificate.signatures.length,
      envelopeCount: decoded.length,
      operationCount: n,
      rejectedCount: 0,
      marketTimeMs: 1_781_456_400_000,
      hookCount: 1,
      tradeCount: 0,
      bodyBytes: body.length,
      header: encodeHeader(header),
      certificate: encodeCertificate(certificate, this.set.keys.length),
      body,
    });
    this.readModels.advanced();
  }
}

export function transfers(count: number): Operation[] {
  return Array.from({ length: count }, () => ({
    type: 'accounts.transfer',
    from: ACCOUNT,
    to: 'fedcba9876543210fedcba9876543210',
    asset: 'WATT',
    amount: '1',
  }));
}

/** A world with one registered key. */
export function newWorld(): World {
  const world = new World();
  world.readModels.register(world.kid);
  return world;
}

export const tick = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A JWS with any header and payload, signed as said. */
export function jws(header: unknown, payload: unknown, seed: Uint8Array): string {
  const encode = (part: unknown): string => toBase64Url(utf8(typeof part === 'string' ? part : JSON.stringify(part)));
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${toBase64Url(native.sign(utf8(input), seed))}`;
}
