import { BILLION } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { threshold, type Curve } from './curve.js';
import {
  elapsedOf,
  enactmentAt,
  isTrack,
  judge,
  nextPhase,
  passesFrom,
  placeReferendum,
  submitReferendum,
  type Phase,
  type Referendum,
  type Standing,
  type TrackParameters,
} from './referendum.js';
import { approvalOf, supportOf } from './tally.js';

const TRACK: TrackParameters = {
  prepareMs: 10,
  decisionMs: 100,
  confirmMs: 20,
  enactmentMs: 30,
  undecidedMs: 50,
  approval: { kind: 'linear', length: BILLION, floor: BILLION / 2, ceil: BILLION },
  support: { kind: 'linear', length: BILLION, floor: 0, ceil: BILLION / 2 },
};
const standing = (ayes: number, nays: number, support: number): Standing => ({
  tally: { ayes: BigInt(ayes), nays: BigInt(nays), support: BigInt(support) },
  electorate: 100n,
});
const NOBODY = standing(0, 0, 0);
const ALL = standing(100, 0, 100);

const placed = (track = TRACK): Referendum => placeReferendum(submitReferendum(track, 1_000), 1_000);
const phaseAt = (referendum: Referendum, at: Standing, now: number): Phase => judge(referendum, at, now).phase;

const curve: fc.Arbitrary<Curve> = fc.oneof(
  fc.record({
    kind: fc.constant('linear' as const),
    length: fc.integer({ min: 1, max: BILLION }),
    floor: fc.integer({ min: 0, max: BILLION / 2 }),
    ceil: fc.integer({ min: BILLION / 2, max: BILLION }),
  }),
  fc.record({
    kind: fc.constant('stepped' as const),
    begin: fc.integer({ min: BILLION / 2, max: BILLION }),
    end: fc.integer({ min: 0, max: BILLION / 2 }),
    step: fc.integer({ min: 0, max: BILLION / 4 }),
    period: fc.integer({ min: 1, max: BILLION }),
  }),
  fc.record({
    kind: fc.constant('reciprocal' as const),
    factor: fc.integer({ min: 0, max: BILLION / 4 }),
    xOffset: fc.integer({ min: BILLION / 10, max: BILLION }),
    yOffset: fc.integer({ min: -BILLION / 10, max: BILLION / 2 }),
  }),
);
const track: fc.Arbitrary<TrackParameters> = fc.record({
  prepareMs: fc.integer({ min: 0, max: 20 }),
  decisionMs: fc.integer({ min: 1, max: 60 }),
  confirmMs: fc.integer({ min: 0, max: 20 }),
  enactmentMs: fc.integer({ min: 0, max: 20 }),
  undecidedMs: fc.integer({ min: 21, max: 40 }),
  approval: curve,
  support: curve,
});
const standings = fc.record({
  tally: fc.record({
    ayes: fc.bigInt({ min: 0n, max: 20n }),
    nays: fc.bigInt({ min: 0n, max: 10n }),
    support: fc.bigInt({ min: 0n, max: 20n }),
  }),
  electorate: fc.constant(20n),
});
/** The tally changes at these moments after submission, in order of time. */
const story = fc.array(fc.record({ at: fc.integer({ min: 1, max: 120 }), standing: standings }), {
  minLength: 1,
  maxLength: 6,
});

/** Judged in each ms anew, from the definition: no moment is computed, each is looked at. */
function slowly(terms: TrackParameters, placedAt: number, standingAt: (now: number) => Standing, until: number): Phase {
  let phase: Phase = { kind: 'preparing' };
  for (let now = 0; now <= until; now++) {
    // In one ms first what was, then what has changed in it.
    for (const { tally, electorate } of now === 0 ? [standingAt(0)] : [standingAt(now - 1), standingAt(now)]) {
      for (let moved = true; moved;) {
        moved = false;
        const passes = (since: number): boolean =>
          approvalOf(tally) >= threshold(terms.approval, elapsedOf(terms, since, now)) &&
          supportOf(tally, electorate) >= threshold(terms.support, elapsedOf(terms, since, now));
        const before: Phase = phase;
        if (phase.kind === 'preparing') {
          // Who comes in the ms in which it ends comes too late.
          if (now >= terms.undecidedMs && placedAt >= terms.undecidedMs)
            phase = { kind: 'rejected', at: now, why: 'notDecided' };
          else if (now >= placedAt && now >= terms.prepareMs) phase = { kind: 'deciding', since: now };
        } else if (phase.kind === 'deciding') {
          if (passes(phase.since)) phase = { kind: 'confirming', since: phase.since, confirmingSince: now };
          else if (now >= phase.since + terms.decisionMs) phase = { kind: 'rejected', at: now, why: 'notPassed' };
        } else if (phase.kind === 'confirming') {
          if (!passes(phase.since)) phase = { kind: 'deciding', since: phase.since };
          else if (now >= phase.confirmingSince + terms.confirmMs) phase = { kind: 'approved', at: now };
        }
        moved = phase !== before;
      }
    }
  }
  return phase;
}

describe('a referendum', () => {
  it('is where looking at each moment would find it, and it does not matter when it is looked at', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        track,
        story,
        fc.integer({ min: 0, max: 45 }),
        fc.integer({ min: 0, max: 160 }),
        fc.array(fc.integer({ min: 0, max: 160 }), { maxLength: 4 }),
        (terms, changes, placedAt, until, looks) => {
          const standingAt = (now: number): Standing =>
            changes
              .filter(({ at }) => at <= now)
              .reduce((last, next) => (next.at >= last.at ? next : last), {
                at: 0,
                standing: { tally: { ayes: 0n, nays: 0n, support: 0n }, electorate: 20n },
              }).standing;
          const moments = [...new Set([placedAt, until, ...looks, ...changes.map(({ at }) => at)])]
            .filter((at) => at <= until)
            .sort((a, b) => a - b);
          let referendum = submitReferendum(terms, 0);
          for (const now of moments) {
            referendum = judge(referendum, standingAt(Math.max(0, now - 1)), now);
            if (now === placedAt && referendum.phase.kind === 'preparing')
              referendum = placeReferendum(referendum, now);
            referendum = judge(referendum, standingAt(now), now);
          }
          expect(referendum.phase).toEqual(slowly(terms, placedAt, standingAt, until));
          kinds.add(referendum.phase.kind);
        },
      ),
      { seed: 101, numRuns: 600 },
    );
    expect([...kinds].sort()).toEqual(['approved', 'confirming', 'deciding', 'preparing', 'rejected']);
  });

  it('is prepared, decided, confirmed and approved, each in its time', () => {
    const referendum = placed();
    expect(phaseAt(referendum, ALL, 1_009)).toEqual({ kind: 'preparing' });
    expect(phaseAt(referendum, NOBODY, 1_010)).toEqual({ kind: 'deciding', since: 1_010 });
    expect(phaseAt(referendum, ALL, 1_010)).toEqual({ kind: 'confirming', since: 1_010, confirmingSince: 1_010 });
    expect(phaseAt(referendum, ALL, 1_029)).toMatchObject({ kind: 'confirming' });
    const approved = judge(referendum, ALL, 5_000);
    expect(approved.phase).toEqual({ kind: 'approved', at: 1_030 });
    expect(enactmentAt(approved, 0)).toBe(1_060);
    expect(enactmentAt(approved, 2_000)).toBe(2_000);
    expect(enactmentAt(referendum, 2_000)).toBeUndefined();
    expect(nextPhase(approved, NOBODY)).toBeUndefined();
    expect(judge(approved, NOBODY, 6_000).phase).toEqual(approved.phase);
  });

  it('passes once both curves have come down to it', () => {
    // 75 % ayes are enough half way through; 40 % support is after a fifth.
    const deciding = judge(placed(), NOBODY, 1_010);
    const votes = standing(75, 25, 40);
    expect(passesFrom(deciding, 1_010, votes)).toBe(1_060);
    expect(nextPhase(deciding, votes)).toEqual({
      at: 1_060,
      phase: { kind: 'confirming', since: 1_010, confirmingSince: 1_060 },
    });
    expect(phaseAt(deciding, votes, 1_080)).toEqual({ kind: 'approved', at: 1_080 });
    expect(passesFrom(deciding, 1_010, standing(49, 51, 40))).toBeUndefined();
    expect(passesFrom(deciding, 1_010, standing(75, 25, 5))).toBe(1_100);
  });

  it('is rejected at the end of its decision period, unless it passes then: it may be confirmed after it', () => {
    expect(phaseAt(placed(), standing(49, 51, 50), 1_109)).toMatchObject({ kind: 'deciding' });
    expect(phaseAt(placed(), standing(49, 51, 50), 9_999)).toEqual({ kind: 'rejected', at: 1_110, why: 'notPassed' });
    const late = judge(placed(), standing(50, 50, 50), 1_115);
    expect(late.phase).toEqual({ kind: 'confirming', since: 1_010, confirmingSince: 1_110 });
    expect(phaseAt(late, standing(50, 50, 50), 1_130)).toEqual({ kind: 'approved', at: 1_130 });
    expect(phaseAt(late, standing(49, 51, 50), 1_115)).toEqual({ kind: 'rejected', at: 1_115, why: 'notPassed' });
  });

  it('begins its confirmation anew when it did not pass for a moment', () => {
    const confirming = judge(placed(), ALL, 1_025);
    const broken = judge(confirming, standing(50, 50, 50), 1_025);
    expect(broken.phase).toEqual({ kind: 'deciding', since: 1_010 });
    const again = judge(judge(broken, standing(50, 50, 50), 1_026), ALL, 1_026);
    expect(again.phase).toEqual({ kind: 'confirming', since: 1_010, confirmingSince: 1_026 });
    expect(phaseAt(again, ALL, 1_046)).toEqual({ kind: 'approved', at: 1_046 });
    // 92 % ayes are enough one ms later.
    const nearly = standing(92, 8, 50);
    expect(passesFrom(confirming, 1_010, nearly)).toBe(1_026);
    expect(phaseAt(confirming, nearly, 1_025)).toEqual({ kind: 'deciding', since: 1_010 });
    expect(phaseAt(confirming, nearly, 1_026)).toEqual({ kind: 'confirming', since: 1_010, confirmingSince: 1_026 });
  });

  it('without its deposit or its place is not decided, and ends', () => {
    const submitted = submitReferendum(TRACK, 1_000);
    expect(phaseAt(submitted, ALL, 1_049)).toEqual({ kind: 'preparing' });
    expect(phaseAt(submitted, ALL, 1_050)).toEqual({ kind: 'rejected', at: 1_050, why: 'notDecided' });
    const late = placeReferendum(judge(submitted, ALL, 1_040), 1_040);
    expect(phaseAt(late, NOBODY, 1_040)).toEqual({ kind: 'deciding', since: 1_040 });
    expect(() => placeReferendum(submitted, 1_001)).toThrow('bug');
    expect(() => placeReferendum(placed(), 1_000)).toThrow('bug');
  });

  it('keeps the parameters of its track, whatever they become', () => {
    const terms = { ...TRACK };
    const referendum = placeReferendum(submitReferendum(terms, 1_000), 1_000);
    Object.assign(terms, { confirmMs: 0, decisionMs: 1, approval: TRACK.support });
    expect(phaseAt(referendum, ALL, 1_029)).toMatchObject({ kind: 'confirming' });
    expect(phaseAt(referendum, standing(49, 51, 50), 1_109)).toMatchObject({ kind: 'deciding' });
  });

  it('is judged forward in time, by tracks that make sense', () => {
    expect(() => judge(judge(placed(), ALL, 1_005), ALL, 1_004)).toThrow('bug');
    expect(isTrack(TRACK)).toBe(true);
    for (const part of [
      { decisionMs: 0 },
      { prepareMs: -1 },
      { confirmMs: 0.5 },
      { enactmentMs: Infinity },
      { undecidedMs: 10 },
      { support: { kind: 'linear', length: 0, floor: 0, ceil: 1 } as const },
    ]) {
      expect(isTrack({ ...TRACK, ...part })).toBe(false);
      expect(() => submitReferendum({ ...TRACK, ...part }, 0)).toThrow('bug');
    }
  });
});
