import { tipAfter, type Certificate, type ChainTip } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { equalBytes, millis, Prng, toHex, unreachable } from '@gridtokenx/kernel';
import { decodeMessage, decodeSignerRecord, encodeMessage, encodeSignerRecord } from '../codec.js';
import { messageShapeFault, messageSignatures, signBytesOf } from '../messages.js';
import type { Replica } from '../replica.js';
import { createReplica, step } from '../step.js';
import type { Candidate, ConsensusConfig, ConsensusMessage, Demand, Input, Output, UnsignedMessage } from '../types.js';
import { fakeCrypto } from './fake-crypto.js';
import {
  genesisTip,
  makeCandidate,
  makeValidators,
  resultsOf,
  rootOf,
  setAt,
  signAs,
  START,
  testConfig,
  type Validators,
} from './validators.js';

/** Where in signing a validator dies. */
export type CrashPoint = 'beforeRecord' | 'beforePublish' | 'afterPublish';

export interface ClusterOptions {
  readonly n: number;
  readonly seed?: number;
  readonly crypto?: Crypto;
  readonly config?: Partial<ConsensusConfig>;
  readonly demand?: Demand;
  /** Validators without a replica: silent, or played by the test. */
  readonly absent?: readonly number[];
  /** The delays after which copies of a message arrive; none: it is lost. */
  readonly link?: (from: number, to: number, message: ConsensusMessage, now: number) => readonly number[];
  readonly clockOffsetMs?: (validator: number) => number;
  readonly executeMs?: number;
  /** Asked at each signature of an honest validator. */
  readonly crashAt?: (validator: number, message: UnsignedMessage) => CrashPoint | undefined;
  readonly downMs?: number;
  /** Hears every message that is published. */
  readonly watch?: (message: ConsensusMessage) => void;
  /** Whose blocks the runtimes refuse. */
  readonly refuse?: (candidate: Candidate) => boolean;
}

interface Node {
  readonly validator: number;
  replica: Replica | undefined;
  record: Uint8Array | undefined;
  tip: ChainTip;
  tickToken: number;
  /** Counts restarts: what was under way before one is lost. */
  life: number;
}

interface Final {
  readonly candidate: Candidate | undefined;
  readonly certificate: Certificate;
  readonly decidedAt: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * n replicas on a virtual clock and a network that a test can make lossy, with checkers that see everything: agreement, one
 * certificate a height, no signature that contradicts an older one. Same options, same run.
 */
export class Cluster {
  readonly validators: Validators;
  readonly config: ConsensusConfig;
  readonly prng: Prng;
  readonly nodes: readonly Node[];
  /** By height: the first decision. */
  readonly chain = new Map<number, Final>();
  readonly evidence: Extract<Output, { kind: 'evidence' }>[] = [];
  readonly violations: string[] = [];
  /** By `validator/height/round/type`: what was signed. */
  readonly signed = new Map<string, string>();
  readonly messageCounts = { sign: 0, resend: 0 };
  now = START;
  private readonly crypto: Crypto;
  private readonly events: Event[] = [];
  private order = 0;
  private readonly candidates = new Map<string, Candidate>();
  private readonly commits = new Map<string, Set<number>>();
  private readonly certified = new Map<number, string>();

  constructor(private readonly options: ClusterOptions) {
    this.crypto = options.crypto ?? fakeCrypto;
    this.validators = makeValidators(this.crypto, options.n);
    this.config = { ...testConfig, ...options.config };
    this.prng = new Prng(options.seed ?? 1);
    this.nodes = Array.from({ length: options.n }, (_, validator) => ({
      validator,
      replica: undefined,
      record: undefined,
      tip: genesisTip(this.validators),
      tickToken: 0,
      life: 0,
    }));
    for (const node of this.nodes) if (!this.isAbsent(node.validator)) this.start(node);
  }

  // Driving.

  /** Runs until the condition holds; says whether it did before the time was over. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const end = this.now + limitMs;
    while (!condition()) {
      const next = this.pop(end);
      if (next === undefined) return false;
      this.now = next.at;
      next.run();
    }
    return true;
  }

  run(forMs: number): void {
    const end = this.now + forMs;
    this.runUntil(() => false, forMs);
    this.now = end;
  }

  /** The lowest tip of the validators that run. */
  get height(): number {
    const running = this.nodes.filter(({ replica }) => replica !== undefined);
    return running.length === 0 ? 0 : Math.min(...running.map(({ tip }) => tip.height));
  }

  crash(validator: number): void {
    const node = this.node(validator);
    node.replica = undefined;
    node.life++;
  }

  restart(validator: number): void {
    const node = this.node(validator);
    if (node.replica === undefined) this.start(node);
  }

  isRunning = (validator: number): boolean => this.node(validator).replica !== undefined;

  sign(message: UnsignedMessage): ConsensusMessage {
    return signAs(this.validators, message);
  }

  /** Puts a message on the network as its sender would, to some only if the test lies so. */
  publish(message: ConsensusMessage, to: readonly number[] = this.nodes.map(({ validator }) => validator)): void {
    this.watchCommit(message);
    this.options.watch?.(message);
    if (message.type === 'proposal') this.candidates.set(toHex(message.candidate.hash), message.candidate);
    // What arrives was decoded from bytes, and its signatures verified, once for all receivers.
    const arrived = decodeMessage(this.crypto, encodeMessage(message));
    if (!this.isGenuine(arrived)) return;
    for (const receiver of to)
      for (const delay of this.link(message, receiver))
        this.after(delay, () => this.feed(receiver, { kind: 'message', message: arrived }));
  }

  after(ms: number, run: () => void): void {
    this.push({ at: this.now + ms, order: this.order++, run });
  }

  feed(validator: number, input: Input): void {
    const node = this.node(validator);
    if (node.replica === undefined) return;
    const clock = millis(this.now + this.offset(validator));
    for (const output of step(node.replica, input, clock)) this.handle(node, output);
  }

  // Inside.

  private node(validator: number): Node {
    const node = this.nodes[validator];
    if (node === undefined) throw new RangeError('no such validator');
    return node;
  }

  private isAbsent(validator: number): boolean {
    return this.options.absent?.includes(validator) ?? false;
  }

  private offset(validator: number): number {
    return this.options.clockOffsetMs?.(validator) ?? 0;
  }

  private link(message: ConsensusMessage, to: number): readonly number[] {
    // The own message comes back by way of the process, not of the network.
    if (message.validator === to) return [0];
    return this.options.link?.(message.validator, to, message, this.now) ?? [this.prng.between(5, 20)];
  }

  private isGenuine(message: ConsensusMessage): boolean {
    const { validators, config } = this;
    const { height } = message;
    const sets = {
      height: height - 1,
      certifiedBy: setAt(validators, Math.max(1, height - 1), config.epochBlocks),
      validators: setAt(validators, height, config.epochBlocks),
    };
    return (
      messageShapeFault(message, sets, config) === undefined &&
      messageSignatures(message, sets, config.ledgerId).every(({ publicKey, signBytes, signature }) =>
        this.crypto.verify(signature, signBytes, publicKey),
      )
    );
  }

  private start(node: Node): void {
    const record = node.record === undefined ? undefined : decodeSignerRecord(this.crypto, node.record);
    const key = this.validators.set.keys[node.validator];
    if (key === undefined) throw new RangeError('no such validator');
    const clock = millis(this.now + this.offset(node.validator));
    const { replica, outputs } = createReplica(this.config, key, node.tip, record, clock, { crypto: this.crypto });
    node.replica = replica;
    for (const output of outputs) this.handle(node, output);
    this.feed(node.validator, { kind: 'demand', demand: this.options.demand ?? 'waiting' });
  }

  /** Answers come later, and not at all to a validator that died meanwhile. */
  private answer(node: Node, ms: number, input: () => Input | undefined): void {
    const { life } = node;
    this.after(ms, () => {
      const given = node.life === life ? input() : undefined;
      if (given !== undefined) this.feed(node.validator, given);
    });
  }

  private handle(node: Node, output: Output): void {
    // It died within this step.
    if (node.replica === undefined) return;
    switch (output.kind) {
      case 'sign':
        return this.signAndPublish(node, output);
      case 'resend':
        this.messageCounts.resend++;
        return this.publish(output.message);
      case 'wake': {
        const token = ++node.tickToken;
        this.answer(node, Math.max(0, output.at - this.offset(node.validator) - this.now), () =>
          token === node.tickToken ? { kind: 'tick' } : undefined,
        );
        return;
      }
      case 'build': {
        const { height, round, time } = output;
        const content = `${node.validator}/${height}/${round}/${time}`;
        const candidate = makeCandidate(this.validators, node.tip, node.validator, time, content);
        return this.answer(node, 2, () => ({ kind: 'built', height, round, candidate }));
      }
      case 'check': {
        const { candidate } = output;
        this.candidates.set(toHex(candidate.hash), candidate);
        const ok =
          equalBytes(rootOf(this.crypto, candidate.envelopeHashes), candidate.header.operationsRoot) &&
          this.options.refuse?.(candidate) !== true;
        return this.answer(node, 1, () => ({ kind: 'checked', blockHash: candidate.hash, ok, candidate }));
      }
      case 'fetchBlock':
        return this.answer(node, 30, () => {
          const candidate = this.candidates.get(toHex(output.blockHash));
          return candidate && { kind: 'candidate', candidate };
        });
      case 'execute':
        return this.answer(node, this.options.executeMs ?? 5, () => ({
          kind: 'executed',
          ...resultsOf(this.crypto, output.candidate.hash),
        }));
      case 'decided':
        return this.onDecided(node, output);
      case 'behind':
        return this.after(40, () => this.catchUp(this.node(output.validator), node.tip.height));
      case 'evidence':
        this.evidence.push(output);
        return;
      case 'halt':
        this.violations.push(`${node.validator} halted at block ${toHex(output.committed.blockHash)}`);
        return;
      default:
        return unreachable(output);
    }
  }

  private signAndPublish(node: Node, { message, signBytes, record }: Extract<Output, { kind: 'sign' }>): void {
    const crash = this.options.crashAt?.(node.validator, message);
    if (crash === 'beforeRecord') return this.die(node);
    node.record = encodeSignerRecord(record);
    const key = `${node.validator}/${message.height}/${message.round}/${message.type}`;
    const bytes = toHex(signBytes);
    const before = this.signed.get(key);
    if (before !== undefined && before !== bytes) this.violations.push(`${key} was signed twice`);
    if (!equalBytes(signBytes, signBytesOf(message, this.config.ledgerId))) this.violations.push(`${key}: wrong bytes`);
    this.signed.set(key, bytes);
    this.messageCounts.sign++;
    if (crash === 'beforePublish') return this.die(node);
    this.publish(this.sign(message));
    if (crash === 'afterPublish') this.die(node);
  }

  private die(node: Node): void {
    this.crash(node.validator);
    this.after(this.options.downMs ?? 500, () => this.restart(node.validator));
  }

  /** Whoever has seen a quorum of equal COMMITs, liars' too, has a certificate, shown or not: there must be one block only. */
  private watchCommit(message: ConsensusMessage): void {
    if (message.type !== 'commit') return;
    const content = toHex(message.blockHash) + toHex(message.resultsRoot) + toHex(message.stateDigest);
    const key = `${message.height}/${message.round}/${content}`;
    let voters = this.commits.get(key);
    if (voters === undefined) this.commits.set(key, (voters = new Set()));
    voters.add(message.validator);
    if (voters.size < this.validators.set.quorum) return;
    const before = this.certified.get(message.height);
    if (before !== undefined && before !== content)
      this.violations.push(`two certificates at height ${message.height}`);
    this.certified.set(message.height, content);
  }

  private onDecided(node: Node, { certificate, candidate }: Extract<Output, { kind: 'decided' }>): void {
    const { height } = certificate;
    const first = this.chain.get(height);
    if (first === undefined) this.chain.set(height, { certificate, candidate, decidedAt: this.now });
    else if (!equalBytes(first.certificate.blockHash, certificate.blockHash))
      this.violations.push(`two blocks at height ${height}`);
    const { life } = node;
    this.after(candidate === undefined ? 50 : 3, () => {
      if (node.life === life) this.moveTo(node, certificate);
    });
  }

  private moveTo(node: Node, certificate: Certificate): void {
    const candidate = this.candidates.get(toHex(certificate.blockHash));
    if (candidate === undefined || certificate.height !== node.tip.height + 1) return;
    node.tip = tipAfter(this.crypto, this.config, node.tip, { header: candidate.header, certificate });
    this.feed(node.validator, { kind: 'advanced', tip: node.tip });
  }

  private catchUp(node: Node, height: number): void {
    if (node.replica === undefined) return;
    for (let next = node.tip.height + 1; next <= height; next++) {
      const final = this.chain.get(next);
      if (final !== undefined) this.moveTo(node, final.certificate);
    }
  }

  // A binary heap by time, then by order of asking.

  private push(event: Event): void {
    const { events } = this;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, events[parent])) break;
      events[at] = events[parent] ?? event;
      at = parent;
    }
    events[at] = event;
  }

  private pop(end: number): Event | undefined {
    const { events } = this;
    const [first] = events;
    if (first === undefined || first.at > end) return undefined;
    const last = events.pop();
    if (last === undefined || events.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = isBefore(events[left + 1], events[left]) ? left + 1 : left;
      const smaller = events[child];
      if (smaller === undefined || !isBefore(smaller, last)) break;
      events[at] = smaller;
      at = child;
    }
    events[at] = last;
    return first;
  }
}

function isBefore(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
