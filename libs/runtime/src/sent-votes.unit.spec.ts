import type { Candidate, ConsensusMessage, Output, PreparedCertificate } from '@gridtokenx/consensus';
import { native } from '@gridtokenx/crypto-native';
import { NO_SUPPLY, type Ledger } from '@gridtokenx/domain';
import { toHex } from '@gridtokenx/kernel';
import { ledgerTopics, type Envelope } from '@gridtokenx/protocol';
import { MemoryLog, memorySignerSlots } from '@gridtokenx/testkit';
import { afterEach, describe, expect, it } from '@jest/globals';
import { messageFrame, packFrames } from './consensus-frames.js';
import { DivergedError } from './divergence.js';
import { StillClock, TestChain } from './fixture.spec.js';
import { SignerRecords } from './signer-records.js';
import { ValidatorHost } from './validator-host.js';

/** Of four validators some live in one host, and the others are played by the test, vote by vote. */
const AT = { epoch: 0, height: 1 } as const;
const open: ValidatorHost[] = [];
afterEach(() => {
  for (const host of open.splice(0)) host.close();
});

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

class Play {
  readonly chain = new TestChain();
  readonly log = new MemoryLog(() => 0);
  readonly slots = memorySignerSlots();
  readonly clock = new StillClock(this.chain.tip.time + 1_000);
  host!: ValidatorHost;
  readonly events: string[] = [];
  /** Why the host stopped by itself. */
  failure: unknown;
  /** The blocks that were run on the one ledger, by how many envelopes they hold; and how often one was taken back. */
  readonly runs: number[] = [];
  undone = 0;

  constructor(private readonly hosted: readonly number[]) {}

  async start(): Promise<void> {
    this.host = await ValidatorHost.start({
      crypto: native,
      identity: this.chain.consortium.identity,
      seeds: this.hosted.map((validator) => this.chain.secretOf(validator)),
      log: this.log,
      clock: this.clock,
      signerSlots: this.slots,
      observe: ({ kind }) => this.events.push(kind),
    });
    open.push(this.host);
    this.host.failed.catch((error: unknown) => (this.failure = error));
    const { ledger } = this;
    const { execute, undo } = ledger;
    ledger.execute = (block) => {
      this.runs.push(block.envelopes.length);
      return execute.call(ledger, block);
    };
    ledger.undo = () => {
      this.undone++;
      undo.call(ledger);
    };
    await settle();
  }

  get ledger(): Ledger {
    return (this.host as unknown as { ledger: Ledger }).ledger;
  }

  /** The records of a topic, as the bus would bring them. */
  private async bring(topic: string, values: readonly Uint8Array[]): Promise<void> {
    const from = await this.log.append(topic, values);
    const records = values.map((value, i) => ({ offset: from + i, timestampMs: 0, value }));
    await this.host.take(topic, records).catch(() => {});
    await settle();
  }

  envelopes(envelopes: readonly Envelope[]): Promise<void> {
    return this.bring(
      ledgerTopics.consortium.operations.name,
      envelopes.map(({ bytes }) => bytes),
    );
  }

  messages(...messages: readonly ConsensusMessage[]): Promise<void> {
    return this.bring(
      ledgerTopics.consortium.consensus.name,
      packFrames(this.chain.ledgerId, messages.map(messageFrame)),
    );
  }

  /** What only this process hears, and nobody will hear again. */
  async whisper(...messages: readonly ConsensusMessage[]): Promise<void> {
    const [value = new Uint8Array(0)] = packFrames(this.chain.ledgerId, messages.map(messageFrame));
    const { name } = ledgerTopics.consortium.consensus;
    await this.host.take(name, [{ offset: await this.log.end(name), timestampMs: 0, value }]);
    await settle();
  }

  block(record: Uint8Array): Promise<void> {
    return this.bring(ledgerTopics.consortium.blocks.name, [record]);
  }

  proposal(candidate: Candidate): ConsensusMessage {
    return this.chain.sign({ type: 'proposal', ...AT, round: 0, validator: 1, candidate, justification: undefined });
  }

  prepare(validator: number, { hash: blockHash }: Candidate, round = 0): ConsensusMessage {
    return this.chain.sign({ type: 'prepare', ...AT, round, validator, blockHash });
  }

  /** What each hosted validator has signed last: height, round and step. */
  async signed(): Promise<string[]> {
    const { loaded } = await SignerRecords.load(native, this.slots);
    return [...loaded.records.values()].map(({ height, round, step }) => `${height}/${round}/${step}`);
  }
}

const COMMITTED = '1/0/3';

describe('a host that COMMITted to a block', () => {
  it('and computes other results for it after a restart halts, says what it signed and computed, and signs nothing (C8)', async () => {
    const play = new Play([0]);
    const { chain } = play;
    const envelopes = chain.trade();
    const candidate = chain.candidate(envelopes, 1);
    await play.start();
    await play.envelopes(envelopes);
    await play.messages(play.proposal(candidate), play.prepare(1, candidate), play.prepare(2, candidate));
    expect(await play.signed()).toEqual([COMMITTED]);
    play.host.close();

    // Another version, or a bad disk: the supply that the mint moves is another one here.
    await play.start();
    const { accounts, store } = play.ledger.state;
    accounts.supplies.set('WATT', { ...NO_SUPPLY, genesis: 1n });
    store.endBlock();
    await play.envelopes(envelopes);
    // The block is proposed again in round 1, by its certificate, and all others PREPARE it.
    const certificate: PreparedCertificate = {
      height: 1,
      round: 0,
      blockHash: candidate.hash,
      signatures: [0, 1, 2].map((validator) => ({
        validator,
        signature: play.prepare(validator, candidate).signature,
      })),
    };
    const roundChanges = [1, 2, 3].map((validator) =>
      chain.sign({ type: 'roundChange', ...AT, round: 1, validator, prepared: certificate }),
    );
    await play.messages(
      chain.sign({
        type: 'proposal',
        ...AT,
        round: 1,
        validator: 2,
        candidate,
        justification: {
          roundChanges: roundChanges.map(({ validator, signature }) => ({
            validator,
            prepared: { round: 0, blockHash: candidate.hash },
            signature,
          })),
          prepared: certificate,
        },
      }),
      ...[1, 2, 3].map((validator) => play.prepare(validator, candidate, 1)),
    );
    const { failure } = play;
    if (!(failure instanceof DivergedError)) throw new Error(`it should have halted: ${String(failure)}`);
    expect(failure.code).toBe('validator.halted');
    expect(failure.message).toContain('validator.halted: block 1 is COMMITted by this validator with');
    expect(failure.report).toMatchObject({ height: 1, blockHash: toHex(candidate.hash), signedBy: 'validator' });
    expect(failure.report.differs).toContain('stateDigest');
    expect(failure.report.changes.map(({ key }) => key)).toContain('accounts.reserve/WATT');
    expect(failure.report.recover.join()).toContain('gridtokenx node replay');
    expect(play.host.status.height).toBe(0);
    expect((await play.signed()).every((last) => !last.endsWith('/1/3'))).toBe(true);
  });
});

describe('a host that hears a vote of its own key which it never recorded', () => {
  it('takes its record for a restored one, and signs nothing until its rejoin is certified (C5)', async () => {
    const play = new Play([0]);
    const { chain } = play;
    const candidate = chain.candidate([], 1);
    await play.start();
    const before = await play.signed();
    await play.messages(play.prepare(0, chain.candidate(chain.trade(), 1)));
    expect(play.events).toContain('rejoining');
    await play.messages(play.proposal(candidate), ...[1, 2, 3].map((validator) => play.prepare(validator, candidate)));
    play.clock.move(60_000);
    await settle();
    expect(await play.signed()).toEqual(before);
  });
});

describe('a host that decided a block, voted above it, and died before anyone else had the block', () => {
  it('decides it again when it starts, and brings its record to the bus', async () => {
    const play = new Play([2]);
    const { chain, log } = play;
    const candidate = chain.candidate([], 1);
    const { append } = log;
    // The bus takes no block, and of the COMMITs of others shows what no other reader sees.
    log.append = (topic, values) =>
      topic === ledgerTopics.consortium.blocks.name ? new Promise(() => {}) : append.call(log, topic, values);
    await play.start();
    await play.messages(play.proposal(candidate), play.prepare(1, candidate), play.prepare(3, candidate));
    expect(await play.signed()).toEqual([COMMITTED]);
    const { block } = chain.grow([]);
    const { resultsRoot, stateDigest } = block.certificate;
    const commits = [0, 1].map((validator) =>
      chain.sign({ type: 'commit', ...AT, round: 0, validator, blockHash: candidate.hash, resultsRoot, stateDigest }),
    );
    await play.whisper(...commits);
    play.clock.move(10_000);
    await settle();
    // It leads the next height, and proposed there.
    expect((await play.signed())[0]).toMatch(/^2\//);
    play.host.close();

    log.append = append;
    await play.start();
    // The others send again what they sent last.
    await play.messages(play.proposal(candidate));
    play.clock.move(3_000);
    await settle();
    expect(play.host.status.height).toBe(1);
    expect(await log.end(ledgerTopics.consortium.blocks.name)).toBe(1);
  });
});

describe('the validators of one host, on one state', () => {
  it('run a block once for all of them, and take it back only when another of its height has to run (C17)', async () => {
    const play = new Play([0, 2, 3]);
    const { chain } = play;
    const [lost, won] = [chain.trade(), chain.reserve()];
    const loser = chain.candidate(lost, 1);
    await play.start();
    await play.envelopes([...lost, ...won]);
    // A slow disk: what they COMMIT stays here, so that nobody decides.
    play.slots.write = () => new Promise(() => {});
    await play.messages(play.proposal(loser), play.prepare(1, loser), play.prepare(2, loser), play.prepare(3, loser));
    expect([play.runs, play.undone]).toEqual([[lost.length], 0]);
    const { record, tip } = chain.grow(won);
    await play.block(record);
    expect([play.runs, play.undone]).toEqual([[lost.length, won.length], 1]);
    await play.messages(play.prepare(0, loser));
    expect(play.failure).toBeUndefined();
    expect([play.host.status.height, play.host.status.stateDigest]).toEqual([1, toHex(tip.stateDigest)]);
    expect([play.runs, play.undone]).toEqual([[lost.length, won.length], 1]);
  });

  it('leave a height that is decided, though one of them is then shown a quorum for a block that lost it (C17)', async () => {
    const play = new Play([0, 2]);
    const { chain } = play;
    const [lost, won] = [chain.trade(), chain.reserve()];
    const loser = chain.candidate(lost, 1);
    await play.start();
    await play.envelopes([...lost, ...won]);
    await play.messages(play.proposal(loser));
    expect(play.runs).toEqual([]);
    const { record, tip } = chain.grow(won);
    await play.block(record);
    expect([play.host.status.height, play.runs]).toEqual([1, [won.length]]);
    await play.messages(play.prepare(1, loser), play.prepare(3, loser));
    expect(play.failure).toBeUndefined();
    expect([play.host.status.stateDigest, play.runs, play.undone]).toEqual([toHex(tip.stateDigest), [won.length], 0]);
    expect(await play.signed()).not.toContain(COMMITTED);
  });

  it('answer no replica on a height that is decided: its block is neither checked nor run on the state of another (C17)', async () => {
    const play = new Play([0, 2]);
    const { chain } = play;
    const [lost, won] = [chain.trade(), chain.reserve()];
    const loser = chain.candidate(lost, 1);
    await play.start();
    await play.envelopes([...lost, ...won]);
    const { record } = chain.grow(won);
    await play.block(record);
    // What a replica that has not yet heard of the new tip would ask.
    const inner = play.host as unknown as { hosted: object[]; handle(hosted: object, output: Output): void };
    const [hosted] = inner.hosted;
    if (hosted === undefined) throw new Error('two live here');
    for (const kind of ['check', 'execute'] as const) inner.handle(hosted, { kind, candidate: loser });
    await settle();
    expect(play.failure).toBeUndefined();
    expect([play.runs, play.undone]).toEqual([[won.length], 0]);
  });
});
