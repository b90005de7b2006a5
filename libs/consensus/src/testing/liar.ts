import { epochOf, proposerOf } from '@gridtokenx/chain';
import { Prng, toHex } from '@gridtokenx/kernel';
import { claimOf, type Prepare, type RoundChange } from '../messages.js';
import type { Candidate, ConsensusMessage, PreparedCertificate, RoundChangeVote } from '../types.js';
import type { Cluster } from './cluster.js';
import { makeCandidate, resultsOf } from './validators.js';

/** How often a liar speaks. */
const SPEAKS_EVERY_MS = 60;

/**
 * A validator that says whatever its key can sign and what it has seen can justify: other things to others, votes for old
 * rounds, claims it picks, proposals with the quorum that suits it. What it cannot do is forge.
 */
export class Liar {
  private height = 0;
  private readonly candidates = new Map<string, Candidate>();
  private readonly prepares = new Map<string, Map<number, Prepare>>();
  private readonly roundChanges = new Map<number, RoundChange[]>();
  private highestRound = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly validator: number,
    private readonly prng: Prng,
    private readonly until: number,
  ) {
    this.speakLater();
  }

  /** It hears everything that is published. */
  hear(message: ConsensusMessage): void {
    if (message.height < this.height) return;
    if (message.height > this.height) {
      this.height = message.height;
      this.highestRound = 0;
      for (const seen of [this.candidates, this.prepares, this.roundChanges]) seen.clear();
    }
    this.highestRound = Math.max(this.highestRound, Math.min(message.round, this.highestRound + 1));
    if (message.type === 'proposal') this.candidates.set(toHex(message.candidate.hash), message.candidate);
    if (message.type === 'prepare') {
      const key = `${message.round}/${toHex(message.blockHash)}`;
      const votes = this.prepares.get(key) ?? new Map<number, Prepare>();
      this.prepares.set(key, votes.set(message.validator, message));
    }
    if (message.type === 'roundChange')
      this.roundChanges.set(message.round, [...(this.roundChanges.get(message.round) ?? []), message]);
  }

  private speakLater(): void {
    this.cluster.after(SPEAKS_EVERY_MS, () => {
      if (this.cluster.now >= this.until) return;
      if (this.height > 0) this.speak();
      this.speakLater();
    });
  }

  private base(round: number): { epoch: number; height: number; round: number; validator: number } {
    const epoch = epochOf(this.height, this.cluster.config.epochBlocks);
    return { epoch, height: this.height, round, validator: this.validator };
  }

  private speak(): void {
    const { prng, cluster } = this;
    const round = prng.between(Math.max(0, this.highestRound - 2), this.highestRound + 1);
    const listeners = cluster.nodes.map(({ validator }) => validator).filter(() => prng.chance(0.5));
    const candidates = [...this.candidates.values()];
    const say = (message: ConsensusMessage): void => cluster.publish(message, listeners);
    if (candidates.length > 0) {
      const { hash: blockHash } = prng.pick(candidates);
      say(cluster.sign({ ...this.base(round), type: 'prepare', blockHash }));
      const results = resultsOf(cluster.validators.crypto, blockHash, prng.chance(0.1) ? 'lie' : '');
      say(cluster.sign({ ...this.base(round), type: 'commit', ...results }));
    }
    if (round > 0) say(this.roundChange(round));
    if (proposerOf(cluster.nodes.length, this.height, round) === this.validator) this.propose(round, say);
  }

  private roundChange(round: number): ConsensusMessage {
    const certificates = this.certificates().filter((certificate) => certificate.round < round);
    const prepared = certificates.length > 0 && this.prng.chance(0.5) ? this.prng.pick(certificates) : undefined;
    return this.cluster.sign({ ...this.base(round), type: 'roundChange', prepared });
  }

  /** All certificates that the PREPAREs heard make, with its own added: one more than the others may know of. */
  private certificates(): PreparedCertificate[] {
    const { quorum } = this.cluster.validators.set;
    return [...this.prepares.values()].flatMap((votes): PreparedCertificate[] => {
      const [first] = votes.values();
      if (first === undefined) return [];
      const { height, round, blockHash } = first;
      const own = this.cluster.sign({ ...this.base(round), type: 'prepare', blockHash });
      const signers = new Map<number, ConsensusMessage>([...votes, [this.validator, own]]);
      const signatures = [...signers.values()]
        .map(({ validator, signature }) => ({ validator, signature }))
        .sort((a, b) => a.validator - b.validator)
        .slice(0, quorum);
      return signatures.length < quorum ? [] : [{ height, round, blockHash, signatures }];
    });
  }

  private propose(round: number, say: (message: ConsensusMessage) => void): void {
    const { cluster, prng, validator } = this;
    const tip = cluster.nodes.map((node) => node.tip).find(({ height }) => height === this.height - 1);
    if (tip === undefined) return;
    const time = Math.max(cluster.now, tip.time + 1);
    const fresh = makeCandidate(cluster.validators, tip, validator, time, `lie ${prng.next()}`);
    if (round === 0) {
      say(cluster.sign({ ...this.base(0), type: 'proposal', candidate: fresh, justification: undefined }));
      return;
    }
    const heard = [...(this.roundChanges.get(round) ?? [])].filter((vote) => vote.validator !== validator);
    const own = this.roundChange(round);
    if (own.type === 'roundChange') heard.push(own);
    // Of each validator any of its votes, of all of them any quorum.
    const chosen = new Map(prng.shuffle(heard).map((vote) => [vote.validator, vote]));
    const votes = [...chosen.values()]
      .slice(0, cluster.validators.set.quorum)
      .sort((a, b) => a.validator - b.validator);
    if (votes.length < cluster.validators.set.quorum) return;
    let highest: PreparedCertificate | undefined;
    for (const { prepared } of votes)
      if (prepared !== undefined && prepared.round > (highest?.round ?? -1)) highest = prepared;
    const candidate = highest === undefined ? fresh : this.candidates.get(toHex(highest.blockHash));
    if (candidate === undefined) return;
    const roundChanges = votes.map((vote): RoundChangeVote => ({
      validator: vote.validator,
      prepared: claimOf(vote.prepared),
      signature: vote.signature,
    }));
    const justification = { roundChanges, prepared: highest };
    say(cluster.sign({ ...this.base(round), type: 'proposal', candidate, justification }));
  }
}
