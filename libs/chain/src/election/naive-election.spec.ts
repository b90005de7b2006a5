import type { ElectionSnapshot } from './snapshot.js';

/**
 * The election as the rules tell it: every score anew from every budget in every round, remainders handed out one by one.
 * It shares no code with the fast one, and must agree with it on every unit of every support.
 */
export interface NaiveResult {
  readonly winners: readonly { candidate: string; round: number; supports: [string, bigint][] }[];
  readonly stripped: readonly string[];
}

const ONE = 2n ** 128n - 1n;

export function naiveElection({ seats, candidates, nominators, balancing }: ElectionSnapshot): NaiveResult {
  const names = namesOf(candidates, nominators);
  const loads = nominators.map(() => 0n);
  const gained = nominators.map(() => new Map<string, bigint>());
  const elected: string[] = [];
  const approvalOf = (candidate: string): bigint =>
    nominators.reduce((sum, { budget }, n) => sum + (names[n]?.includes(candidate) === true ? budget : 0n), 0n);

  while (elected.length < seats && elected.length < candidates.length) {
    let winner: { candidate: string; score: bigint | undefined } | undefined;
    for (const candidate of candidates) {
      if (elected.includes(candidate)) continue;
      const approval = approvalOf(candidate);
      let score: bigint | undefined;
      if (approval > 0n) {
        score = ONE / approval;
        for (const [n, { budget }] of nominators.entries())
          if (names[n]?.includes(candidate) === true) score += ((loads[n] ?? 0n) * budget) / approval;
      }
      const isBetter =
        winner === undefined || (score !== undefined && (winner.score === undefined || score < winner.score));
      if (isBetter) winner = { candidate, score };
    }
    if (winner === undefined) break;
    elected.push(winner.candidate);
    if (winner.score === undefined) continue;
    for (const [n] of nominators.entries()) {
      if (names[n]?.includes(winner.candidate) !== true) continue;
      const rise = winner.score - (loads[n] ?? 0n);
      gained[n]?.set(winner.candidate, rise > 0n ? rise : 0n);
      loads[n] = winner.score;
    }
  }

  const given = nominators.map(({ budget }, n) => {
    const load = loads[n] ?? 0n;
    if (load === 0n || budget === 0n) return new Map<string, bigint>();
    const weights = (names[n] ?? []).flatMap((target): [string, bigint][] => {
      const weight = (budget * (gained[n]?.get(target) ?? 0n)) / load;
      return weight > 0n ? [[target, weight]] : [];
    });
    return naivelyToSum(weights, budget);
  });
  balanceNaively(given, nominators, balancing);
  return published(elected, given, nominators);
}

type Given = Map<string, bigint>[];
type Nominators = ElectionSnapshot['nominators'];

const stakeIn = (given: Given, candidate: string): bigint =>
  given.reduce((sum, each) => sum + (each.get(candidate) ?? 0n), 0n);

/** The maps hold the winners that each nominator may back, in the order in which it named them. */
function balanceNaively(given: Given, nominators: Nominators, balancing: ElectionSnapshot['balancing']): void {
  for (let round = 0; round < (balancing?.iterations ?? 0); round++) {
    const tolerance = balancing?.tolerance ?? 0n;
    let widest = 0n;
    for (const [n, own] of given.entries()) {
      const budget = nominators[n]?.budget ?? 0n;
      if (own.size < 2 || budget === 0n) continue;
      const stakes = [...own].map(([target, own]) => ({ target, stake: stakeIn(given, target), own }));
      const used = stakes.reduce((sum, each) => sum + each.own, 0n);
      const held = stakes.filter((each) => each.own > 0n).map(({ stake }) => stake);
      const apart = held.length > 0 ? max(held) - min(stakes.map(({ stake }) => stake)) + budget - used : budget;
      if (apart > widest) widest = apart;
      if (held.length > 0 && apart < tolerance) continue;
      // Water is poured on the lowest, level by level, without what the nominator itself has given.
      const ground = stakes.map(({ target, stake, own }) => ({ target, height: stake - own }));
      const rising = [...ground].sort((a, b) => (a.height < b.height ? -1 : a.height > b.height ? 1 : 0));
      let wet = 1;
      for (; wet < rising.length; wet++) {
        const next = rising[wet]?.height ?? 0n;
        const needed = rising.slice(0, wet).reduce((sum, { height }) => sum + next - height, 0n);
        if (needed > budget) break;
      }
      const low = rising.slice(0, wet);
      const top = max(low.map(({ height }) => height));
      const rest = budget - low.reduce((sum, { height }) => sum + top - height, 0n);
      const poured = ground.map(({ target, height }): [string, bigint] => [
        target,
        low.some((each) => each.target === target) ? top - height + rest / BigInt(wet) : 0n,
      ]);
      given[n] = naivelyToSum(poured, budget);
    }
    if (widest <= tolerance) break;
  }
}

function published(elected: readonly string[], given: Given, nominators: Nominators): NaiveResult {
  return {
    winners: elected.flatMap((candidate, round) => {
      const supports = nominators.flatMap(({ id }, n): [string, bigint][] => {
        const stake = given[n]?.get(candidate) ?? 0n;
        return stake > 0n ? [[id, stake]] : [];
      });
      return supports.length > 0 ? [{ candidate, round, supports }] : [];
    }),
    stripped: elected.filter((candidate) => stakeIn(given, candidate) === 0n),
  };
}

/** PhragMMS in the same manner. */
export function naivePhragmms({ seats, candidates, nominators, balancing }: ElectionSnapshot): NaiveResult {
  const names = namesOf(candidates, nominators);
  const elected: string[] = [];
  const given: Given = nominators.map(() => new Map());
  while (elected.length < seats) {
    let best: { candidate: string; above: bigint; below: bigint } | undefined;
    for (const candidate of candidates) {
      if (elected.includes(candidate)) continue;
      let above = 0n;
      let below = 10n ** 9n;
      for (const [n, { budget }] of nominators.entries()) {
        if (names[n]?.includes(candidate) !== true) continue;
        above += budget * 10n ** 9n;
        for (const [winner, weight] of given[n] ?? [])
          if (weight > 0n) below += (weight * 10n ** 9n) / stakeIn(given, winner);
      }
      if (above > 0n && (best === undefined || above * best.below > best.above * below))
        best = { candidate, above, below };
    }
    if (best === undefined) break;
    const { candidate: winner, above, below } = best;
    const [down, up] = [above / below, above / below + 1n];
    const cutoff = up * below - above < above - down * below ? up : down;
    elected.push(winner);
    for (const [n, { budget }] of nominators.entries()) {
      if (names[n]?.includes(winner) !== true) continue;
      const own = given[n] ?? new Map<string, bigint>();
      let share = budget - [...own.values()].reduce((sum, weight) => sum + weight, 0n);
      for (const [other, weight] of own) {
        const stake = stakeIn(given, other);
        if (stake <= cutoff) continue;
        own.set(other, weight - (weight * cutoff) / stake);
        share += (weight * cutoff) / stake;
      }
      own.set(winner, share);
      given[n] = new Map((names[n] ?? []).flatMap((name) => (own.has(name) ? [[name, own.get(name) ?? 0n]] : [])));
    }
    balanceNaively(given, nominators, balancing);
  }
  return published(elected, given, nominators);
}

/** The candidates that each nominator names, each once. */
const namesOf = (candidates: readonly string[], nominators: Nominators): string[][] =>
  nominators.map(({ targets }) =>
    targets.filter((target, at) => candidates.includes(target) && targets.indexOf(target) === at),
  );

const max = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b > a ? b : a));
const min = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b < a ? b : a));

function naivelyToSum(weights: [string, bigint][], sum: bigint): Map<string, bigint> {
  const brought = naivelyNormalised(
    weights.map(([, weight]) => weight),
    sum,
  );
  return new Map(weights.map(([target], at) => [target, brought[at] ?? 0n]));
}

/** One by one, however long it takes. */
export function naivelyNormalised(values: readonly bigint[], sum: bigint): bigint[] {
  if (values.length === 0) return [];
  const out = [...values];
  const order = values.map((_, at) => at).sort((a, b) => Number((values[a] ?? 0n) - (values[b] ?? 0n)) || a - b);
  const n = BigInt(values.length);
  const total = values.reduce((a, b) => a + b, 0n);
  const least = min(values);
  const change = (at: number, by: bigint): void => void (out[at] = (out[at] ?? 0n) + by);
  let place = total < sum ? 0 : values.length - 1;
  const at = (): number => order[place] ?? 0;
  if (total < sum) {
    const missing = sum - total;
    const gifts = [...values.map(() => missing / n), ...Array.from({ length: Number(missing % n) }, () => 1n)];
    for (const gift of gifts) {
      if (gift === 0n) continue;
      change(at(), gift);
      if ((out[at()] ?? 0n) >= sum / n) place = (place + 1) % values.length;
    }
  } else if (total > sum) {
    let left = (total - sum) % n;
    const share = (total - sum) / n;
    const next = (): void => {
      if ((out[at()] ?? 0n) <= least) place = (place + values.length - 1) % values.length;
    };
    if (share > 0n)
      for (let i = 0; i < values.length; i++) {
        const taken = min([share, out[at()] ?? 0n]);
        left += share - taken;
        change(at(), -taken);
        next();
      }
    for (; left > 0n;) {
      if ((out[at()] ?? 0n) > 0n) {
        change(at(), -1n);
        left--;
      }
      next();
    }
  }
  return out;
}
