import { assert, Prng } from '@gridtokenx/kernel';
import type { EventType, Operation, Outcome, Track } from '@gridtokenx/protocol';
import { gridAmount, TEST_PARAMETERS } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { delegationOf, hashOfCall, MINUTE, voteOf, whole } from '../spec/governance-world.spec.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';
import { TrackBallots } from './ballots.js';
import { addTally, NO_VOTES, refuseDelegation, takeTally, tallyOf, type Delegation, type Vote } from './tally.js';

const NAMES = Array.from({ length: 12 }, (_, n) => `voter ${n}`);
const TRACKS: readonly Track[] = ['root', 'marketPolicy', 'treasury'];

/** What people might ask for, sensible or not. */
class Asking {
  constructor(
    private readonly prng: Prng,
    private readonly world: PublicWorld,
  ) {}

  private one<T>(all: readonly T[]): T {
    const it = all[this.prng.below(all.length)];
    assert(it !== undefined, 'there is something to choose from');
    return it;
  }

  private level(): 0 | 1 | 2 | 3 | 4 | 5 | 6 {
    return this.one([0, 1, 2, 3, 4, 5, 6] as const);
  }

  /** Mostly one that is open. */
  private referendum(): number {
    const open = TRACKS.flatMap((track) => [...this.world.ledger.state.governance.track(track).placed]);
    return open.length > 0 && this.prng.below(8) > 0 ? this.one(open).number : 1 + this.prng.below(40);
  }

  private call(): string {
    const { prng } = this;
    const calls: Operation[] = [
      { type: 'parameters.set', name: 'policy.renewableShareTarget', value: String(prng.below(11_000)) },
      { type: 'parameters.set', name: 'governance.lockPeriodMs', value: String(prng.below(20) * MINUTE) },
      { type: 'treasury.spend', beneficiary: keyOf(this.one(NAMES)), amount: gridAmount(1 + prng.below(40)) },
      { type: 'governance.cancel', referendum: this.referendum(), asSpam: prng.below(2) === 0 },
      { type: 'grid.transfer', to: keyOf(this.one(NAMES)), amount: '1' },
    ];
    return JSON.stringify(this.one(calls));
  }

  next(by: string): Operation {
    const { prng } = this;
    const track = this.one(TRACKS);
    const call = this.call();
    const known = [...this.world.ledger.state.governance.preimages.rows.keys()];
    const callHash = known.length > 0 ? this.one(known) : hashOfCall(call);
    switch (this.one([0, 0, 0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10])) {
      case 0:
        return voteOf(this.referendum(), prng.below(5) > 0, this.level(), whole(prng.below(1_200) + 1));
      case 1: {
        const [aye, nay, abstain] = [0, 0, 0].map(() => gridAmount(prng.below(300)));
        return {
          type: 'governance.vote',
          referendum: this.referendum(),
          vote: { kind: 'split', aye: aye ?? '0', nay: nay ?? '0', abstain: abstain ?? '0' },
        };
      }
      case 2:
        return { type: 'governance.removeVote', referendum: this.referendum() };
      case 3:
        return { type: 'governance.notePreimage', callHash: prng.below(6) === 0 ? callHash : hashOfCall(call), call };
      case 4:
        return { type: 'governance.propose', track, callHash };
      case 5:
        return {
          type: 'governance.placeDeposit',
          referendum: 1 + prng.below(this.world.ledger.state.governance.count + 1),
        };
      case 6:
        return delegationOf(track, this.one(NAMES), this.level(), whole(prng.below(1_200) + 1));
      case 7:
        return { type: 'governance.undelegate', track };
      case 8:
        return { type: 'governance.refundDeposit', callHash };
      case 9:
        return {
          type: 'grid.transfer',
          to: keyOf(this.one(NAMES.filter((name) => name !== by))),
          amount: gridAmount(1 + prng.below(600)),
        };
      default:
        return { type: 'governance.cancel', referendum: this.referendum(), asSpam: false };
    }
  }
}

describe('whatever is asked of governance', () => {
  it.each([1, 2])(
    'each block is sound, and a ledger that is restored goes on as the one that ran (seed %i)',
    (seed) => {
      const prng = new Prng(seed);
      const tracks = TEST_PARAMETERS['governance.tracks'];
      const terms = {
        accounts: Object.fromEntries(NAMES.map((name) => [name, 1_000])),
        parameters: {
          'governance.tracks': {
            root: { ...tracks.root, decidingMax: 2 },
            marketPolicy: { ...tracks.marketPolicy, confirmMs: 0 },
            treasury: tracks.treasury,
          },
          'treasury.periodBlocks': 30,
        },
        consensus: { epochBlocks: 25 },
      };
      const [running, restarting] = [new PublicWorld(terms), new PublicWorld(terms)];
      const asking = new Asking(prng, running);
      const seen = new Set<EventType>();
      const codes = new Set<string>();
      for (let block = 0; block < 200; block++) {
        const envelopes = Array.from({ length: prng.below(7) }, () => {
          const by = NAMES[prng.below(NAMES.length)] as string;
          return running.envelope(by, [asking.next(by)]);
        });
        const pace = { afterMs: 6_000 + prng.below(40) * 1_000 };
        if (prng.below(15) === 0) restarting.restart();
        const [ran, ranToo] = [running.block(envelopes, pace), restarting.block(envelopes, pace)];
        expect(ran.quarantined).toEqual([]);
        expect(ranToo).toEqual(ran);
        expect(restarting.ledger.stateDigest).toEqual(running.ledger.stateDigest);
        for (const { type } of ran.events) seen.add(type);
        for (const outcome of ran.outcomes) codes.add(codeOf(outcome));
      }
      expect([...seen].sort()).toEqual(expect.arrayContaining(EXPECTED_EVENTS));
      expect([...codes].sort()).toEqual(expect.arrayContaining(EXPECTED_CODES));
    },
  );

  const codeOf = (outcome: Outcome): string => (outcome.status === 'rejected' ? outcome.code : 'executed');

  const EXPECTED_EVENTS: EventType[] = [
    'governance.approved',
    'governance.capitalLocked',
    'governance.delegated',
    'governance.depositSettled',
    'governance.enacted',
    'governance.phaseBegan',
    'governance.placed',
    'governance.preimageRemoved',
    'governance.rejected',
    'governance.tallied',
    'governance.undelegated',
    'governance.voteRemoved',
    'governance.votesCleared',
    'parameters.changed',
    'treasury.burned',
  ];
  const EXPECTED_CODES = [
    'executed',
    'governance.delegationLoop',
    'governance.depositPlaced',
    'governance.insufficientBalance',
    'governance.noVote',
    'governance.preimageMismatch',
    'governance.unknownReferendum',
    'governance.votesStand',
    'grid.insufficientBalance',
    'key.notAuthorised',
  ];
});

describe('what stands behind whom', () => {
  it.each([1, 2, 3, 4])(
    'is what all votes and delegations say, however they change, and in long ways too (seed %i)',
    (seed) => {
      const prng = new Prng(seed);
      const ballots = new TrackBallots();
      const names = Array.from({ length: 40 }, (_, n) => `a${n}`);
      const delegations = new Map<string, Delegation>();
      const votes = [1, 2].map(() => new Map<string, Vote>());
      const tallies = [NO_VOTES, NO_VOTES];
      let longest = 0;
      const change = (account: string, act: () => void): void => {
        const before = votes.map((_, n) => ballots.partOf(n, account));
        act();
        for (const n of votes.keys())
          tallies[n] = addTally(takeTally(tallies[n] ?? NO_VOTES, before[n] ?? NO_VOTES), ballots.partOf(n, account));
      };
      for (let step = 0; step < 1_000; step++) {
        const account = names[prng.below(40)] as string;
        // Mostly to a neighbour, so that ways become long.
        const to = prng.below(10) > 0 ? `a${Number(account.slice(1)) + 1}` : (names[prng.below(40)] as string);
        if (prng.below(3) === 0) {
          const n = prng.below(2);
          const old = votes[n]?.get(account);
          const now: Vote | undefined =
            prng.below(2) === 0
              ? undefined
              : prng.below(4) === 0
                ? { kind: 'split', aye: 3n, nay: 2n, abstain: 1n }
                : { kind: 'standard', aye: prng.below(2) === 0, conviction: 2, capital: BigInt(prng.below(50)) };
          change(account, () => {
            if (now === undefined) votes[n]?.delete(account);
            else votes[n]?.set(account, now);
            ballots.voteChanged(n, account, old, now);
          });
        } else if (delegations.has(account) && prng.below(6) === 0) {
          const old = delegations.get(account);
          change(account, () => {
            delegations.delete(account);
            ballots.delegationChanged(account, old, undefined);
          });
        } else if (!delegations.has(account) && refuseDelegation(delegations, account, to) === undefined) {
          const now: Delegation = { to, conviction: 1, capital: BigInt(prng.below(50)) };
          change(account, () => {
            delegations.set(account, now);
            ballots.delegationChanged(account, undefined, now);
          });
        }
        longest = Math.max(longest, ...names.map((name) => lengthOf(delegations, name)));
        expect(tallies).toEqual(votes.map((all) => tallyOf(all, delegations)));
      }
      expect(longest).toBeGreaterThan(16);
      // The same rows in another order make the same.
      const again = new TrackBallots();
      for (const [n, all] of votes.entries())
        for (const [account, vote] of all) again.voteChanged(n, account, undefined, vote);
      for (const [account, delegation] of [...delegations].reverse())
        again.delegationChanged(account, undefined, delegation);
      for (const account of names)
        for (const n of votes.keys()) expect(again.partOf(n, account)).toEqual(ballots.partOf(n, account));
    },
  );

  const lengthOf = (delegations: ReadonlyMap<string, Delegation>, from: string): number => {
    let [at, length] = [delegations.get(from)?.to, 0];
    for (; at !== undefined; at = delegations.get(at)?.to) length++;
    return length;
  };
});
