import { elect } from '@gridtokenx/chain';
import type { LedgerEvent } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { ERA, id, snapshot, told } from './told-election.spec.js';
import { explainElection, verifyElection, type ElectionVerdict } from './verify-election.js';

const codeOf = (verdict: ElectionVerdict): string => (verdict.ok ? 'ok' : verdict.code);
type Changes<T extends LedgerEvent['type']> = (event: Extract<LedgerEvent, { type: T }>) => LedgerEvent;

/** The verdict where the last fact of a type says something else. */
function withChanged<T extends LedgerEvent['type']>(type: T, change: Changes<T>, again = false): string {
  const events = told();
  const at = events.findLastIndex((event) => event.type === type);
  events[at] = change(events[at] as Extract<LedgerEvent, { type: T }>);
  return codeOf(verifyElection(events, ERA, { again }));
}

describe('a published election', () => {
  it('is checked from the facts of its blocks alone, and held again', () => {
    const verdict = verifyElection(told(), ERA, { again: true });
    expect(verdict).toEqual({ ok: true, election: { snapshot, result: elect(snapshot) } });
    expect(codeOf(verifyElection(told(), ERA + 1))).toBe('election.incomplete');
    if (!verdict.ok) throw new Error(verdict.code);
    const story = explainElection(verdict.election.snapshot, verdict.election.result, id('p'));
    expect(story?.targets.map(({ outcome }) => outcome)).toContain('backed');
  });

  it('that lacks a fact, or has one twice, is incomplete', () => {
    const events = told();
    for (const [at, { type, ...event }] of events.entries()) {
      const isNeeded = type.startsWith('staking.election');
      const without = events.filter((_, place) => place !== at);
      expect([at, codeOf(verifyElection(without, ERA))]).toEqual([at, isNeeded ? 'election.incomplete' : 'ok']);
      if (!isNeeded) continue;
      const twice = events.flatMap((each, place) => (place === at ? [each, each] : [each]));
      expect([type, event, codeOf(verifyElection(twice, ERA))]).not.toEqual([type, event, 'ok']);
    }
  });

  it('that claims what its snapshot does not allow is told by its code', () => {
    expect(withChanged('staking.electionHeld', (event) => ({ ...event, minimalStake: '1' }))).toBe(
      'election.wrongScore',
    );
    expect(withChanged('staking.electionWinner', (event) => ({ ...event, stake: `${event.stake}0` }))).toBe(
      'election.incomplete',
    );
    expect(
      withChanged('staking.electionNominators', (event) => ({
        ...event,
        nominators: event.nominators.map((one) => ({ ...one, budget: `${one.budget}0` })),
      })),
    ).toBe('election.wrongBudget');
    expect(withChanged('staking.electionBegan', (event) => ({ ...event, seats: 2 }))).toBe('election.tooManyWinners');
    expect(withChanged('staking.electionBegan', (event) => ({ ...event, seats: 4 }))).toBe('election.seatLeftEmpty');
  });

  it('that is feasible and not the ledger’s own is found by holding it again', () => {
    const change: Changes<'staking.electionWinner'> = (event) => ({ ...event, round: event.round + 1 });
    expect(withChanged('staking.electionWinner', change)).toBe('ok');
    expect(withChanged('staking.electionWinner', change, true)).toBe('election.other');
    // One that claims other rounds of balancing would have had other supports.
    const fewer: Changes<'staking.electionBegan'> = (event) => ({ ...event, iterations: 0 });
    expect(withChanged('staking.electionBegan', fewer)).toBe('ok');
    expect(withChanged('staking.electionBegan', fewer, true)).toBe('election.other');
  });

  it('whose set has others than its winners, or with other stakes, is told', () => {
    expect(withChanged('staking.setElected', (event) => ({ ...event, waiting: [id('z')] }))).toBe('election.wrongSet');
    expect(
      withChanged('staking.setElected', (event) => ({
        ...event,
        validators: event.validators.map((one) => ({ ...one, stake: '1' })),
      })),
    ).toBe('election.wrongSet');
  });

  it('in facts that are none of the protocol is malformed', () => {
    expect(withChanged('staking.electionHeld', (event) => ({ ...event, sumStake: 'much' }))).toBe('election.malformed');
    expect(withChanged('staking.electionNominators', (event) => ({ ...event, nominators: [] }))).toBe(
      'election.incomplete',
    );
  });
});
