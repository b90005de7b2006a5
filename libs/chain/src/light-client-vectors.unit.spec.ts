import { readFileSync } from 'node:fs';
import { parseTime } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { lightRuleFault, lightVerdictOf, type LightStep, type LightVerdict } from './light-rule.js';

/** Published verdicts of Tendermint's light client, made by its TLA+ model; our quorum stands for its "> 2/3". */
interface Vectors {
  readonly cases: readonly {
    readonly name: string;
    readonly trusted: VectorState;
    readonly trustingPeriodNs: string;
    readonly steps: readonly (VectorState & {
      readonly now: string;
      readonly validators: Members;
      readonly signedBy: readonly string[];
      readonly verdict: LightVerdict;
    })[];
  }[];
}
/** Names with their voting power, which is the same for all. */
type Members = Readonly<Record<string, number>>;
interface VectorState {
  readonly height: number;
  readonly time: string;
  readonly nextValidators: Members;
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../vectors/light-client.json', import.meta.url), 'utf8'),
) as Vectors;
const namesOf = (members: Members): Set<string> => new Set(Object.keys(members));
const timeOf = (text: string): number => parseTime(text) ?? Number.NaN;
const stateOf = ({ height, time, nextValidators }: VectorState): LightStep['trusted'] => ({
  height,
  time: timeOf(time),
  nextValidators: namesOf(nextValidators),
});

function verdictsOf({ trusted, trustingPeriodNs, steps }: Vectors['cases'][number]): LightVerdict[] {
  let state = stateOf(trusted);
  return steps.map((step) => {
    const { height, time, now, validators, signedBy } = step;
    const verdict = lightVerdictOf(
      lightRuleFault({
        trusted: state,
        block: { height, time: timeOf(time), validators: namesOf(validators), signedBy: new Set(signedBy) },
        now: timeOf(now),
        trustingPeriodMs: Number(BigInt(trustingPeriodNs) / 1_000_000n),
        clockDriftMs: 0,
        isBound: height === state.height + 1,
      }),
    );
    // Only what is trusted moves the trusted state.
    if (verdict === 'SUCCESS') state = stateOf(step);
    return verdict;
  });
}

describe('the published verdicts of light clients', () => {
  it.each(cases)('hold for $name', (run) => {
    expect(verdictsOf(run)).toEqual(run.steps.map(({ verdict }) => verdict));
  });

  it('are all there, all of validators with one equal vote', () => {
    const verdicts = cases.flatMap(({ steps }) => steps.map(({ verdict }) => verdict));
    const count = (verdict: LightVerdict): number => verdicts.filter((one) => one === verdict).length;
    expect([cases.length, verdicts.length]).toEqual([41, 99]);
    expect([count('SUCCESS'), count('NOT_ENOUGH_TRUST'), count('INVALID')]).toEqual([44, 42, 13]);
    const powers = cases.flatMap(({ trusted, steps }) => [
      ...Object.values(trusted.nextValidators),
      ...steps.flatMap(({ validators, nextValidators }) => [
        ...Object.values(validators),
        ...Object.values(nextValidators),
      ]),
    ]);
    expect(new Set(powers)).toEqual(new Set([50]));
  });
});

describe('of 21 validators', () => {
  const validators = new Set(Array.from({ length: 21 }, (_, i) => `validator ${i}`));
  const faultWith = (signers: number, isBound: boolean) =>
    lightRuleFault({
      trusted: { height: 1, time: 1_000, nextValidators: validators },
      block: {
        height: isBound ? 2 : 3,
        time: 2_000,
        validators,
        signedBy: new Set([...validators].slice(0, signers)),
      },
      now: 3_000,
      trustingPeriodMs: 1_000_000,
      clockDriftMs: 0,
      isBound,
    });

  it.each([true, false])('14 signatures are enough and 13 are not (bound to the trusted set: %s)', (isBound) => {
    expect(faultWith(14, isBound)).toBeUndefined();
    expect(faultWith(13, isBound)).toBe('light.noQuorum');
    expect(lightVerdictOf(faultWith(13, isBound))).toBe('INVALID');
  });
});
