import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CHECKPOINT_BLOCKS, CHECKPOINT_DELAY, genesisValidators } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import type { Ledger } from '@gridtokenx/domain';
import { Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity, type LedgerKind, type LedgerTopics } from '@gridtokenx/protocol';
import { packFrames, RowStoreError, SignerRecords, type HostEvent } from '@gridtokenx/runtime';
import { memorySignerSlots } from '../signer-memory.js';
import { SimulatedBus, type Party, type SeenFrame } from './bus.js';
import { Cabal, STRATEGIES, type Strategy } from './cabal.js';
import { Checker, SIZES, type Violation } from './checker.js';
import type { Clients } from './clients.js';
import type { Electorate } from './electorate.js';
import { checkerForAll } from './envelope-memo.js';
import { BAD_CLOCK_MS, Faults, type Fault } from './faults.js';
import { forgedSnapshot } from './forged-snapshot.js';
import { Network } from './network.js';
import { ledgerOf, ProjectorNode, ValidatorNode, type Member } from './nodes.js';
import { certifiedPast } from './past.js';
import { realmOf } from './realm.js';
import { simulatedSignatures } from './signatures.js';
import { Timeline } from './timeline.js';

export interface SimulationOptions {
  readonly seed: number;
  /** The consortium's by default. */
  readonly ledger?: LedgerKind;
  readonly validators: number;
  /** That a world reaches at least. */
  readonly heights?: number;
  /** Simulated signatures by default: a thousand seeds are cheap, and nobody inside can forge one. */
  readonly crypto?: Crypto;
  readonly trace?: (line: string) => void;
  /** No fault and no liar but what a scenario makes. */
  readonly isCalm?: boolean;
  /** Begins shortly before the first checkpoint, with snapshots; by default the seed says. */
  readonly hasPast?: boolean;
}

export interface SimulationResult {
  readonly seed: number;
  readonly validators: number;
  readonly heights: number;
  readonly events: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  /** Of everything that was stored and delivered, in order: same seed and commit, same hash. */
  readonly traceHash: string;
  /** Virtual time. */
  readonly seconds: number;
  /** Epochs that began with other validators than the one before. */
  readonly setChanges: number;
  /** The most rounds that a height took after the faults had stopped. */
  readonly roundsAfterFaults: number;
}

const START = Date.UTC(2026, 5, 15);
export const HEIGHTS_MIN = 20;
export const FAULTS_MIN = 10;
export const FAULT_KINDS_MIN = 3;
/** Of the heights that a world reaches, the share while it breaks. */
const FAULTY_SHARE = 0.6;
/** The most validators on one machine, where machines host several. */
const CROWD_MOST = 12;
/** Each so-manyth world has a past: it begins with certified blocks, and its machines keep snapshots. */
const PAST_EVERY = 4;
/** Where the calm of such a world ends: before or after the header that tells its first checkpoint. */
const CALM_HEIGHTS_LEAST = 98;
const CALM_HEIGHTS_MOST = 116;
/** So many of its heights the validators decide themselves. */
const CALM_DECIDED_LEAST = 3;
const CALM_DECIDED_MOST = 14;
const CALM_MS_MOST = 240_000;
const PAST_INTERVAL_MS = 1_000;
/** The header that tells the first checkpoint. */
const FIRST_TOLD = CHECKPOINT_BLOCKS + CHECKPOINT_DELAY;
const FAULTY_MS_LEAST = 15_000;
const FAULTY_MS_MOST = 90_000;
const VIOLATIONS_MAX = 5;

/**
 * How many rounds beyond the highest one reached the height that was open when the faults stopped may take, and how many each
 * later height: as many leaders in a row as may be faulty, and two for those who are still finding each other.
 */
export const roundsAfterFaults = (validators: number): number => (SIZES.get(validators)?.faults ?? 0) + 2;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  await simulation.run();
  return simulation.result();
}

/** A world of its own. `run` breaks it from the seed; scenarios drive it by hand. */
export class Simulation {
  readonly timeline = new Timeline(START);
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  private readonly topics: LedgerTopics;
  readonly bus: SimulatedBus;
  readonly network: Network;
  readonly checker: Checker;
  private readonly clients: Clients;
  private readonly cabal: Cabal;
  private readonly faults: Faults;
  private readonly electorate: Electorate;
  readonly nodes: readonly ValidatorNode[];
  readonly members: readonly Member[];
  /** On which machine a validator is hosted. */
  private readonly home: readonly number[];
  private readonly projectors: readonly ProjectorNode[];
  private readonly liars: ReadonlyMap<number, ReadonlySet<Strategy>>;
  private readonly counts = new Map<string, number>();
  readonly violations: Violation[] = [];
  private readonly hash = createHash('sha256');
  private events = 0;
  /** Before the faults of a world with a past. */
  private isCalm: boolean;
  private readonly calmHeights: number;
  /** How many blocks were certified before. */
  private readonly past: number;
  private readonly heights: number;
  private clientsAreOn = true;
  /** Once the faults have stopped: whom honest hosts have caught, and how high the chain was then. */
  private caught: Map<string, number> | undefined;
  private worstRounds = 0;

  constructor(private readonly options: SimulationOptions) {
    const { seed, validators, ledger: kind = 'consortium', heights = HEIGHTS_MIN } = options;
    this.heights = heights;
    const numbers = SIZES.get(validators);
    if (numbers === undefined) throw new RangeError('no numbers are stated for so many validators');
    const root = new Prng(seed * 31 + validators);
    const hasPast = options.hasPast ?? (options.isCalm !== true && seed % PAST_EVERY === 0);
    this.isCalm = hasPast;
    this.calmHeights = hasPast ? root.between(CALM_HEIGHTS_LEAST, CALM_HEIGHTS_MOST) : 0;
    this.past = hasPast ? this.calmHeights - root.between(CALM_DECIDED_LEAST, CALM_DECIDED_MOST) : 0;
    const stream = (): Prng => new Prng(root.next());
    const { timeline } = this;
    this.crypto = options.crypto ?? simulatedSignatures();
    const timeMs = START - (this.past + 1) * PAST_INTERVAL_MS;
    const realm = realmOf(kind, { crypto: this.crypto, prng: root, validators, timeMs });
    const { identity } = realm;
    const { ledgerId } = identity;
    this.identity = identity;
    this.topics = topicsOf(identity);
    const set = genesisValidators(this.crypto, identity.genesis);
    const kidOf = (seed: Uint8Array): string => toBase64Url(this.crypto.publicKeyOf(seed));
    const seeds = new Map(realm.validatorSeeds.map((one) => [kidOf(one), one]));
    const keyPrng = stream();
    this.members = Array.from({ length: validators + realm.spares }, (_, index): Member => {
      const key = set.keys[index];
      const first = (key && seeds.get(toBase64Url(key))) ?? keyPrng.bytes(32);
      return { index, seeds: realm.mayRotate ? [first, keyPrng.bytes(32)] : [first] };
    });
    const seedOf = (member: number): Uint8Array => {
      const [first] = this.members[member]?.seeds ?? [];
      if (first === undefined) throw new RangeError('no such validator');
      return first;
    };
    const membersByKid = new Map(
      this.members.flatMap(({ index, seeds: own }) => own.map((one) => [kidOf(one), index] as const)),
    );
    const liarPrng = stream();
    this.liars =
      options.isCalm === true
        ? new Map()
        : drawLiars(liarPrng, validators, {
            most: numbers.faults,
            areMost: realm.isCrowded,
            preferred: hasPast ? FIRST_TOLD % validators : undefined,
          });
    const homes = realm.isCrowded ? crowds(stream(), this.members, this.liars) : this.members.map((one) => [one]);
    const home = new Map(homes.flatMap((own, machine) => own.map(({ index }) => [index, machine] as const)));
    this.home = this.members.map(({ index }) => home.get(index) ?? -1);
    const machineCount = homes.length;
    const parties: Party[] = Array.from({ length: machineCount }, (_, i) => i);
    const projectorParties = ['projector 0', 'projector 1'] as const;
    const readers = [...parties, ...projectorParties];
    this.network = new Network(stream(), readers);
    const clientPrng = stream();
    this.clients = realm.clients(clientPrng, () => timeline.now);
    const appendPrng = stream();
    this.bus = new SimulatedBus({
      timeline,
      prng: stream(),
      crypto: this.crypto,
      identity,
      passage: (record, _topic, receiver) => this.network.passage(record, receiver),
      appending: (sender, topic) => {
        if (topic === this.topics.blocks.name && appendPrng.chance(this.faults.blocksLost))
          return { ms: 1, fate: 'lost' };
        const failure = this.faults.failing.get(sender) ?? 0;
        if (failure > 0 && appendPrng.chance(failure))
          return { ms: 50, fate: appendPrng.chance(0.5) ? 'refused' : 'storedButRefused' };
        return { ms: appendPrng.between(1, 10), fate: 'stored' };
      },
      said: (sender, frames) => {
        if (typeof sender !== 'number') return;
        this.checker.onSaid(this.hostedOn(sender), frames);
        if (options.trace !== undefined) this.say(`${sender} says ${frames.map(frameText).join('; ')}`);
      },
      deliver: (receiver, topic, record, stored) => {
        this.note(`D ${receiver} ${topic} ${record.offset} ${record.value.length}`);
        if (typeof receiver === 'number') {
          const node = this.nodes[receiver];
          if (node === undefined) return;
          if (node.deliveryMs === 0) node.receive(topic, record, stored);
          else timeline.after(node.deliveryMs, () => node.receive(topic, record, stored));
        } else (this.projectors.find(({ party }) => party === receiver) ?? this.replay)?.receive(record);
      },
      watch: (topic, record) => {
        this.note(`S ${topic} ${record.offset} ${record.sender} ${record.digest}`);
        this.checker.onStored(topic, record);
        if (topic === this.topics.consensus.name) this.cabal.hear(record);
      },
    });
    this.checker = new Checker({
      crypto: this.crypto,
      identity,
      now: () => timeline.now,
      clockOf: (member) => this.homeOf(member)?.clock.recent ?? { least: 0, most: 0 },
      isLiar: (member) => this.liars.has(member),
      holds: (member, envelope) => this.homeOf(member)?.held.has(envelope) ?? false,
      memberOf: (key) => membersByKid.get(toBase64Url(key)),
      isVotedOut: (member) => this.electorate.isVotedOut(member),
      mayCome: (kid) => this.electorate.mayCome(kid),
      mayGo: (kid) => this.electorate.mayGo(kid) || this.liars.has(membersByKid.get(kid) ?? -1),
      isSignedByClient: (envelope) => this.clients.signed.has(envelope),
      onViolation: (violation) => this.onViolation(violation),
    });
    const nodePrng = stream();
    const context = {
      timeline,
      bus: this.bus,
      crypto: this.crypto,
      identity,
      prng: nodePrng,
      checker: checkerForAll(this.crypto, ledgerId),
      hasSnapshots: hasPast,
      onStarted: (node: ValidatorNode, ledger: Ledger, from: number) => {
        if (from > 0) this.say(`${node.index} starts from a snapshot, at record ${from} of the blocks`);
        const status = node.host?.status;
        if (status !== undefined) this.checker.onStarted(node.index, status.height, status.stateDigest, ledger);
      },
      onEvent: (node: ValidatorNode, event: HostEvent) => this.onHostEvent(node, event),
      onSigned: (...signed: Parameters<Checker['onSigned']>) => this.checker.onSigned(...signed),
      onFailed: (who: Party, error: unknown) => this.onFailed(who, error),
      rewrite: (node: ValidatorNode, ...said: Tail<Parameters<Cabal['rewrite']>>) =>
        this.cabal.rewrite(this.hostedOn(node.index), ...said),
    };
    this.nodes = homes.map((own, index) => new ValidatorNode(context, index, own, this.liars.has(own[0]?.index ?? -1)));
    this.projectors = projectorParties.map(
      (party) => new ProjectorNode(context, party, (height, hash) => this.checker.onProjected(party, height, hash)),
    );
    this.cabal = new Cabal({
      crypto: this.crypto,
      prng: stream(),
      ledgerId,
      topics: this.topics,
      setAt: (height) => this.checker.setAt(height),
      memberAt: (height, validator) => this.checker.memberAt(height, validator),
      now: () => timeline.now,
      after: (ms, run) => timeline.after(ms, run),
      seedOf,
      members: this.liars,
      readers,
      isLiars: (reader) => typeof reader === 'number' && this.nodes[reader]?.isLiar === true,
      validatorsOn: (reader) => this.hostedOn(reader).length,
      say: (liar, frames, audience) => {
        for (const value of packFrames(ledgerId, frames))
          this.bus.store(this.home[liar] ?? -1, this.topics.consensus.name, value, audience);
      },
      store: (liar, topic, value, audience) => this.bus.store(this.home[liar] ?? -1, topic, value, audience),
      records: (topic) => this.bus.records(topic),
      whisper: (liar, envelope) => this.whisper(liar, envelope),
      onLie: (strategy) => this.count(`liar.${strategy}`),
      isQuiet: () => this.isCalm,
    });
    this.electorate = realm.electorate({
      crypto: this.crypto,
      prng: stream(),
      now: () => timeline.now,
      nodes: this.nodes,
      ledger: () => this.checker.ledger,
      ask: (secret, operations) => {
        const { bytes, ids } = this.clients.ask(secret, operations);
        this.bus.store('client', this.topics.operations.name, bytes);
        return ids;
      },
      honest: validators - this.liars.size,
      mayBeBarred: () => Faults.counted(this.nodes) < numbers.faults,
      onMotion: (text) => this.say(`motion: ${text}`),
    });
    const faultPrng = stream();
    this.faults = new Faults({
      timeline,
      prng: faultPrng,
      network: this.network,
      nodes: this.nodes,
      projectors: this.projectors,
      budget: numbers.faults,
      hasSnapshots: hasPast,
      repeat: (reader) => {
        const { operations, consensus, blocks } = this.topics;
        const topic = faultPrng.pick(typeof reader === 'number' ? [operations, consensus, blocks] : [blocks]).name;
        const { length } = this.bus.records(topic);
        if (length > 0) this.bus.repeat(topic, faultPrng.below(length), reader);
      },
      forgeSnapshots: (change) => {
        const { name } = this.topics.snapshots;
        const records = this.bus.records(name);
        for (const { value } of records.slice(-4)) this.bus.store('bus', name, change(value));
        return records.length > 0;
      },
      inventSnapshot: () => {
        const { name } = this.topics.snapshots;
        const values = this.bus.records(name).map(({ value }) => value);
        const pieces = forgedSnapshot(this.crypto, identity, values);
        for (const value of pieces) this.bus.store('bus', name, value);
        return pieces.length > 0;
      },
      makeTopicsAnew: (mayForgetVotes) => this.makeTopicsAnew(faultPrng, mayForgetVotes),
      onFault: (fault, text) => {
        this.count(fault);
        this.say(`fault ${fault}: ${text}`);
      },
      canRejoin: (node) => this.electorate.canRejoin(node),
      onRecordDamaged: ({ members }) => members.forEach(({ index }) => this.checker.onRecordDamaged(index)),
    });
    for (const projector of this.projectors)
      projector.rows.onCall = () => {
        if (this.faults.storesAway.has(projector)) throw new RowStoreError('rowStore.unavailable', 'not there');
      };
  }

  // ---- the run -----------------------------------------------------------------------------------------------

  start(): void {
    for (const [liar, strategies] of this.liars) this.say(`liar ${liar}: ${[...strategies].join(', ')}`);
    for (const node of this.nodes) node.start();
    for (const projector of this.projectors) projector.start();
    this.startClients();
    if (this.options.isCalm !== true && !this.isCalm) this.faults.start();
  }

  /** The blocks of the past are on the bus, and no validator has signed anything since. */
  async prepare(): Promise<void> {
    if (this.past === 0) return;
    const { clients, crypto, bus } = this;
    const { identity } = this;
    const blocks = Array.from({ length: this.past }, (_, i) => (i === 0 ? clients.opening() : [clients.usual()]));
    const intervalMs = PAST_INTERVAL_MS;
    const seedOf = (validator: number): Uint8Array => this.members[validator]?.seeds[0] ?? new Uint8Array(32);
    for (const one of blocks.flat()) bus.store('client', this.topics.operations.name, one);
    for (const record of certifiedPast({ crypto, identity, seedOf, blocks, intervalMs }))
      bus.store('bus', this.topics.blocks.name, record);
    for (const { disk, members } of this.nodes) {
      const slots = memorySignerSlots();
      const { store } = await SignerRecords.load(crypto, slots);
      const kids = members.flatMap(({ seeds }) => seeds.map((one) => toBase64Url(crypto.publicKeyOf(one))));
      await store.begin(kids, 0);
      disk.note(slots.slots);
    }
  }

  private hostedOn(machine: Party): readonly number[] {
    const node = typeof machine === 'number' ? this.nodes[machine] : undefined;
    return node?.members.map(({ index }) => index) ?? [];
  }

  private homeOf(member: number): ValidatorNode | undefined {
    return this.nodes[this.home[member] ?? -1];
  }

  /** Puts an envelope into the pool of one validator's machine and nowhere else. */
  whisper(member: number, envelope: Uint8Array): void {
    this.checker.learnEnvelope(envelope);
    const record = {
      offset: this.bus.records(this.topics.operations.name).length,
      timestampMs: this.timeline.now,
      value: envelope,
    };
    const node = this.homeOf(member);
    node?.held.add(toHex(this.crypto.sha256(envelope)));
    void node?.host?.take(this.topics.operations.name, [record]);
  }

  async run(): Promise<void> {
    await this.prepare();
    this.start();
    const { timeline } = this;
    if (this.isCalm) {
      if (!(await this.until(() => this.lowest() >= this.calmHeights, CALM_MS_MOST)))
        return this.onViolation({ invariant: 'liveness', text: `height ${this.calmHeights} is not reached in calm` });
      this.isCalm = false;
      this.faults.start();
    }
    const started = timeline.now;
    const isShaken = (): boolean => {
      const ms = timeline.now - started;
      return (
        ms >= FAULTY_MS_MOST ||
        (ms >= FAULTY_MS_LEAST &&
          this.hasEnoughFaults() &&
          this.lowest() >= this.calmHeights + FAULTY_SHARE * this.heights)
      );
    };
    await this.until(isShaken, 2 * FAULTY_MS_MOST);
    if (this.isOver) return;
    await this.recover();
    if (this.isOver) return;
    await this.compareRows();
  }

  /** Liveness: with the faults gone, every height is decided within the stated rounds, and everyone has it. */
  private async recover(): Promise<void> {
    const { timeline, checker } = this;
    this.faults.stop();
    this.caught = new Map();
    const open = Math.max(...this.nodes.map(({ host }) => host?.status.height ?? 0), checker.height) + 1;
    const reached = checker.highestRound(open);
    const bound = roundsAfterFaults(this.options.validators);
    this.say(`the faults stop at height ${open}, round ${reached}`);
    const target = Math.max(this.past + this.heights, open + 5);
    const { beatMs, timeoutCapMs } = this.identity.genesis.consensus;
    const perHeight = beatMs + (bound + 2) * timeoutCapMs;
    const soon = 20_000 + (bound + 2) * timeoutCapMs;
    if (!(await this.until(() => checker.decidedAt.has(open), soon)))
      return this.isOver
        ? undefined
        : this.onViolation({
            invariant: 'liveness',
            text: `height ${open} is not decided ${soon / 1000} s after the faults`,
          });
    const limit = 60_000 + (target - this.lowest() + 4) * perHeight;
    const isLive = await this.until(
      // Decided by its COMMITs a block is final; it also has to come to the blocks topic.
      () =>
        this.lowest() >= target &&
        checker.height >= target &&
        !this.nodes.some(({ isLiar, isLost }) => isLost && !isLiar),
      limit,
    );
    if (this.isOver) return;
    if (!isLive) {
      const where = this.nodes.map(
        ({ index, host, isLost }) => `${index}:${host?.status.height ?? 'down'}${isLost ? ' lost' : ''}`,
      );
      return this.onViolation({
        invariant: 'liveness',
        text: `${(timeline.now - START) / 1000} s: not everyone is at height ${target} some ${limit / 1000} s after the faults: ${where.join(' ')}`,
      });
    }
    for (const [validator, height] of this.caught) checker.checkCaught(validator, height);
    for (let height = open; height <= target; height++) {
      const decided = checker.decidedAt.get(height);
      if (decided === undefined) continue;
      const rounds = decided.round - (height === open ? reached : 0);
      this.worstRounds = Math.max(this.worstRounds, rounds);
      if (rounds > bound)
        this.onViolation({
          invariant: 'liveness',
          text: `height ${height} was decided in round ${decided.round}, ${bound} are stated`,
        });
    }
  }

  /** Projection = replay, and both are what the ledger says. */
  private async compareRows(): Promise<void> {
    this.clientsAreOn = false;
    const { projectors, checker, bus } = this;
    const isLevel = (): boolean => projectors.every(({ height }) => height === checker.height);
    if (!(await this.until(isLevel, 60_000)))
      return this.isOver
        ? undefined
        : this.onViolation({
            invariant: 'projection',
            text: `the projectors are at ${projectors.map(({ height }) => height).join(', ')}, the chain at ${checker.height}`,
          });
    const shown = new Map(projectors.map((one) => [one.party, one.rows.contents()] as const));
    const balances = new Map<string, string>();
    for (const cell of checker.ledger.state.accounts.balances.cells())
      if (cell.value !== undefined) balances.set(cell.key, `${cell.value.available}/${cell.value.held}`);
    for (const { party, rows } of projectors) {
      const own = new Map([...rows.balances()].map(([key, { available, held }]) => [key, `${available}/${held}`]));
      const different = [...new Set([...own.keys(), ...balances.keys()])].find(
        (key) => own.get(key) !== balances.get(key),
      );
      if (different !== undefined)
        this.onViolation({
          invariant: 'projection',
          text: `${party} shows ${own.get(different)} for ${different}, the ledger has ${balances.get(different)}`,
        });
    }
    const upTo = checker.height;
    const replayed = new ProjectorNode(
      {
        timeline: this.timeline,
        bus,
        crypto: this.crypto,
        identity: this.identity,
        onFailed: (who, error) => this.onFailed(who, error),
      },
      'projector 9',
      () => {},
    );
    replayed.start();
    this.replay = replayed;
    if (!(await this.until(() => replayed.height >= upTo, 60_000)))
      return this.onViolation({
        invariant: 'projection',
        text: 'a replay of the blocks topic does not come to its end',
      });
    for (const [table, rows] of replayed.rows.contents(upTo))
      for (const [party, contents] of shown)
        if (contents.get(table) !== rows)
          this.onViolation({ invariant: 'projection', text: `${party} and a replay differ in ${table}` });
  }

  private replay: ProjectorNode | undefined;

  /** Runs events until the condition holds; false when it does not within this much virtual time. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const end = this.timeline.now + ms;
    while (!condition()) {
      if (this.isOver || !this.timeline.step(end)) return false;
      this.events++;
      // What the event has set going by promises comes to rest before the next event.
      await nextTurn();
    }
    return true;
  }

  /**
   * Topics are deleted and made anew, as after the loss of a cluster: the blocks topic with one record of each certified block,
   * the operations topic with what no block holds yet, the consensus topic with nothing. Not while a process reads itself in,
   * which an operator would start again, nor before the first block, when a record that was wiped could not be missed.
   */
  private makeTopicsAnew(prng: Prng, mayForgetVotes: boolean): string | undefined {
    const { bus, checker, nodes } = this;
    const { operations, consensus, blocks } = this.topics;
    if (checker.height === 0 || nodes.some(({ isRunning, host }) => isRunning && host === undefined)) return undefined;
    const chosen = [blocks, operations, ...(mayForgetVotes ? [consensus] : [])].filter(() => prng.chance(0.6));
    for (const { name } of chosen) {
      const old = bus.records(name);
      const kept =
        name === blocks.name
          ? checker.certifiedRecords
          : name === operations.name
            ? old.filter(({ digest }) => !checker.usedEnvelopes.has(digest)).map(({ value }) => value)
            : [];
      bus.recreate(name, kept);
    }
    return chosen.length === 0 ? undefined : chosen.map(({ name }) => name).join(', ');
  }

  private startClients(): void {
    const prng = new Prng(this.options.seed ^ 0x5eed);
    const { timeline, bus, clients, electorate } = this;
    const append = (envelope: Uint8Array): void => void bus.store('client', this.topics.operations.name, envelope);
    if (this.past === 0) for (const envelope of clients.opening()) append(envelope);
    const again = (): void =>
      timeline.after(prng.between(100, 1_500), () => {
        if (!this.clientsAreOn) return;
        append(clients.next());
        again();
      });
    again();
    const meet = (): void =>
      timeline.after(prng.between(500, 2_000), () => {
        if (this.caught !== undefined) return;
        if (this.options.isCalm !== true && !this.isCalm) electorate.meet();
        meet();
      });
    meet();
  }

  // ---- what is seen ------------------------------------------------------------------------------------------

  private onHostEvent(node: ValidatorNode, event: HostEvent): void {
    if (event.kind === 'decided') {
      const digest = node.host?.status.stateDigest;
      this.note(`decided ${node.index} ${event.height} ${event.round} ${digest}`);
      this.say(
        `${node.index} decided ${event.height} in round ${event.round}: ${event.operations} operations, ${event.rejected} refused`,
      );
      if (!node.isLiar && node.host !== undefined && digest !== undefined) {
        this.checker.onDecided(node.index, event.height, event.round, digest);
        if (event.height % this.identity.genesis.consensus.epochBlocks === 0)
          this.checker.setIs(event.height, ledgerOf(node.host).state.validators.next);
      }
    } else if (event.kind === 'rejoining' || event.kind === 'rejoined')
      this.say(`${node.index} ${event.kind} ${JSON.stringify(event)}`);
    else if (
      event.kind === 'snapshotTaken' ||
      event.kind === 'snapshotFetched' ||
      event.kind === 'snapshotRefused' ||
      event.kind === 'snapshotGivenUp'
    )
      this.say(`${node.index} ${event.kind} ${event.height}${'reason' in event ? `: ${event.reason}` : ''}`);
    else if (event.kind === 'evidence') {
      this.say(`${node.index} has evidence against ${event.validator}`);
      const canAccuse = !node.isLiar && !node.isLost && Math.abs(node.clock.skew) <= BAD_CLOCK_MS;
      if (canAccuse && this.caught?.has(event.validator) === false)
        this.caught.set(event.validator, Math.max(event.height, this.checker.height));
    }
  }

  private onFailed(who: Party, error: unknown): void {
    if (typeof who === 'number' && this.liars.has(who)) return;
    const text = error instanceof Error ? error.message : String(error);
    this.onViolation({ invariant: 'running', text: `${who} stopped: ${text}` });
  }

  private onViolation(violation: Violation): void {
    this.say(`VIOLATION of ${violation.invariant}: ${violation.text}`);
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(violation);
  }

  /** After a violation nothing that follows says anything new. */
  private get isOver(): boolean {
    return this.violations.length > 0;
  }

  /** The lowest height of those who do not lie. */
  lowest(nodes = this.nodes): number {
    let lowest = Infinity;
    for (const { isLiar, height } of nodes) if (!isLiar && height < lowest) lowest = height;
    return lowest;
  }

  private hasEnoughFaults(): boolean {
    let sum = 0;
    for (const times of this.counts.values()) sum += times;
    return sum >= FAULTS_MIN && this.counts.size >= FAULT_KINDS_MIN;
  }

  private count(kind: Fault | `liar.${Strategy}`): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  private note(line: string): void {
    this.hash.update(`${this.timeline.now} ${line}\n`);
  }

  private say(line: string): void {
    this.options.trace?.(`${((this.timeline.now - START) / 1000).toFixed(3)} ${line}`);
  }

  result(): SimulationResult {
    const { seed, validators } = this.options;
    return {
      seed,
      validators,
      heights: this.checker.height - this.past,
      events: this.events,
      faults: Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
      violations: this.violations,
      traceHash: this.hash.digest('hex'),
      seconds: (this.timeline.now - START) / 1000,
      setChanges: this.checker.setChanges,
      roundsAfterFaults: this.worstRounds,
    };
  }
}

function frameText({ frame, message }: SeenFrame): string {
  if (message === undefined) return frame.kind;
  const { type, height, round, validator } = message;
  const place = `${type} ${height}/${round} of ${validator}`;
  if (message.type === 'roundChange')
    return message.prepared === undefined
      ? place
      : `${place} claiming ${message.prepared.round} ${toHex(message.prepared.blockHash).slice(0, 8)}`;
  const hash = message.type === 'proposal' ? message.candidate.hash : message.blockHash;
  return `${place} ${toHex(hash).slice(0, 8)}`;
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

/** Who shares a machine: of those who lie and of those who do not, machines with few and with many. */
function crowds(prng: Prng, members: readonly Member[], liars: ReadonlyMap<number, unknown>): Member[][] {
  return [false, true].flatMap((lie) => {
    const left = prng.shuffle(members.filter(({ index }) => liars.has(index) === lie));
    const machines: Member[][] = [];
    while (left.length > 0) machines.push(left.splice(0, prng.between(1, CROWD_MOST)));
    return machines;
  });
}

interface LiarTerms {
  readonly most: number;
  /** Whether no fewer lie. */
  readonly areMost: boolean;
  /** Who is mostly among them. */
  readonly preferred: number | undefined;
}

/** Up to f liars, mostly with the preferred one, each with some strategies; now and then all with all of them. */
function drawLiars(
  prng: Prng,
  validators: number,
  { most, areMost, preferred }: LiarTerms,
): Map<number, Set<Strategy>> {
  const count = areMost ? most : prng.chance(0.2) ? 0 : prng.between(1, most);
  const order = prng.shuffle(Array.from({ length: validators }, (_, i) => i));
  if (preferred !== undefined && prng.chance(0.6)) order.unshift(preferred);
  const liars = [...new Set(order)].slice(0, count);
  const likely = prng.pick([0.15, 0.3, 0.6, 1]);
  const shared = STRATEGIES.filter((strategy) => !QUIET.includes(strategy) && prng.chance(likely));
  return new Map(
    liars.map((liar) => {
      const own = prng.chance(0.6) ? shared : STRATEGIES.filter((one) => !QUIET.includes(one) && prng.chance(likely));
      const quiet = QUIET.filter(() => prng.chance(0.15));
      const strategies = [...own, ...quiet];
      return [liar, new Set(strategies.length > 0 ? strategies : [prng.pick(STRATEGIES)])];
    }),
  );
}

/** Who says nothing tells no other lie. */
const QUIET: readonly Strategy[] = ['silence', 'lateness'];
