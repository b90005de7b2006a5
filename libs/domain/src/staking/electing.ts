import { faultsTolerated, isLastOfEpoch, type ElectionResult } from '@gridtokenx/chain';
import { compareBytes, compareText } from '@gridtokenx/kernel';
import { STAKE_MAX, type EventOf } from '@gridtokenx/protocol';
import type { HookContext } from '../ledger/module.js';
import { FIXED_BEFORE_END, keysOf } from '../validators/epoch.js';
import { publicKeyOf } from '../validators/state.js';
import { retireKey } from './candidacy.js';
import { exposureTotal, type Exposure } from './exposure.js';
import type { EraRow, Member } from './rows.js';
import { BALANCING, type ElectionCache } from './snapshot.js';
import { sortedRows } from './state.js';
import { eraOf, type StakingParts } from './surroundings.js';

/** Of a snapshot and of supports, so many are told in one block, and in one fact. */
const TOLD_PER_BLOCK = 2_000;
const SUPPORTS_PER_BLOCK = 5_000;
const PER_FACT = 250;

export interface ElectingParts extends StakingParts {
  readonly cache: ElectionCache;
}

/** SPEC staking 10.2: at the start of the first block of an era, for the next one. */
export function beginElection({ staking, parameters, cache, ...parts }: ElectingParts, context: HookContext): void {
  const era = eraOf(parts, context) + 1;
  // Rows that the election before kept for its own sake.
  for (const { key, value } of [...staking.nominations.rows.values()])
    if (value?.targets.length === 0) staking.remove(staking.nominations, key);
  const seats = parameters.get('staking.validatorCount');
  const minimumBond = parameters.amount('staking.minimumValidatorBond');
  const begun = { era, seats, minimumBond, granted: 0, told: 0, winnersTold: 0, supportsTold: 0 };
  staking.election = { ...begun, phase: 'counting' };
  const { candidates, nominators } = cache.snapshot;
  const staked = nominators.reduce((sum, { budget }) => sum + budget, 0n);
  if (staked > STAKE_MAX) staking.election = { ...begun, phase: 'tooMuchStake' };
  context.events.push({
    type: 'staking.electionBegan',
    era,
    seats,
    candidates: candidates.length,
    nominators: nominators.length,
    staked: staked.toString(),
    iterations: BALANCING.iterations,
    tolerance: BALANCING.tolerance.toString(),
  });
}

/** SPEC staking 10.3 and 10.4: at the end of each block a slice of work; two blocks before the era ends its outcome is the set. */
export function goOnElecting(parts: ElectingParts, context: HookContext): void {
  const { staking, validators } = parts;
  tellSnapshot(parts, context);
  count(parts, context);
  tellWinners(parts, context);
  if (isLastOfEpoch(context.height + FIXED_BEFORE_END, validators.epochBlocks) && staking.election.phase !== 'fixed')
    fixSet(parts, context);
}

function tellSnapshot({ staking, cache }: ElectingParts, context: HookContext): void {
  const { phase, era } = staking.election;
  if (phase !== 'counting' && phase !== 'telling') return;
  const { candidates, nominators } = cache.snapshot;
  const places = new Map(candidates.map((candidate, place) => [candidate, place]));
  const all = candidates.length + nominators.length;
  for (let left = TOLD_PER_BLOCK; left > 0 && context.entriesLeft > 0;) {
    const { told } = staking.election;
    if (told === all) return;
    const room = Math.min(PER_FACT, left, context.entriesLeft);
    const first = told < candidates.length ? told : told - candidates.length;
    const event: EventOf<'staking.electionCandidates' | 'staking.electionNominators'> =
      told < candidates.length
        ? { type: 'staking.electionCandidates', era, first, candidates: candidates.slice(first, first + room) }
        : {
            type: 'staking.electionNominators',
            era,
            first,
            nominators: nominators.slice(first, first + room).map(({ id, budget, targets }) => ({
              account: id,
              budget: budget.toString(),
              targets: targets.map((target) => places.get(target) ?? 0),
            })),
          };
    const count = event.type === 'staking.electionCandidates' ? event.candidates.length : event.nominators.length;
    staking.election = { ...staking.election, told: told + count };
    context.events.push(event);
    for (let worked = 0; worked < count; worked++) context.worked();
    left -= count;
  }
}

function count({ staking, parameters, cache }: ElectingParts, context: HookContext): void {
  const { election } = staking;
  if (election.phase !== 'counting') return;
  const granted = election.granted + parameters.get('staking.electionUnitsPerBlock');
  const result = cache.advanceTo(granted);
  staking.election = { ...election, granted, phase: result === undefined ? 'counting' : 'telling' };
  if (result === undefined) return;
  const { winners, score, stripped } = result;
  context.events.push({
    type: 'staking.electionHeld',
    era: election.era,
    winners: winners.length,
    minimalStake: score.minimalStake.toString(),
    sumStake: score.sumStake.toString(),
    sumStakeSquared: score.sumStakeSquared.toString(),
    stripped: [...stripped],
  });
}

export const exposureOf = ({ candidate, supports }: ElectionResult['winners'][number]): Exposure => ({
  validator: candidate,
  own: supports.find(({ nominator }) => nominator === candidate)?.stake ?? 0n,
  backers: supports.flatMap(({ nominator, stake }) => (nominator === candidate ? [] : [{ account: nominator, stake }])),
});

/** What backs a winner is told and kept at once: winners that are told whole have a row. */
function tellWinners({ staking, cache }: ElectingParts, context: HookContext): void {
  const { phase, granted, era } = staking.election;
  if (phase !== 'telling') return;
  const winners = cache.advanceTo(granted)?.winners ?? [];
  for (let left = SUPPORTS_PER_BLOCK; left > 0 && context.entriesLeft > 0;) {
    const { winnersTold, supportsTold: first, told } = staking.election;
    const winner = winners[winnersTold];
    if (winner === undefined) {
      const { candidates, nominators } = cache.snapshot;
      if (told === candidates.length + nominators.length) staking.election = { ...staking.election, phase: 'told' };
      return;
    }
    const { candidate, round, stake, supports } = winner;
    const piece = supports.slice(first, first + Math.min(PER_FACT, left, context.entriesLeft));
    const isWhole = first + piece.length === supports.length;
    if (isWhole) staking.exposures.set(`${era}/${candidate}`, exposureOf(winner));
    staking.election = {
      ...staking.election,
      winnersTold: isWhole ? winnersTold + 1 : winnersTold,
      supportsTold: isWhole ? 0 : first + piece.length,
    };
    context.events.push({
      type: 'staking.electionWinner',
      era,
      candidate,
      round,
      stake: stake.toString(),
      first,
      supports: piece.map(({ nominator, stake: given }) => ({ nominator, stake: given.toString() })),
    });
    for (let worked = 0; worked < piece.length; worked++) context.worked();
    left -= piece.length;
  }
}

/** A winner that may be in the set, with all that stands behind it. */
interface Elected {
  readonly account: string;
  readonly stake: bigint;
}

/** SPEC staking 10.5: who stays, and so many newcomers as may come at once, those with most behind them; the rest waits. */
function choose(
  { staking, parameters }: ElectingParts,
  era: number,
  current: EraRow,
):
  | { readonly chosen: readonly Elected[]; readonly waiting: readonly string[] }
  | 'unfinished'
  | 'tooFewWinners'
  | 'tooMuchStake' {
  const { phase } = staking.election;
  if (phase === 'tooMuchStake') return phase;
  if (phase !== 'told') return 'unfinished';
  const winners = sortedRows(staking.exposures.group(String(era)).cells.values()).flatMap(([account, exposure]) => {
    const candidate = staking.candidates.get(account);
    if (candidate?.standing !== true || candidate.barredTo >= era) return [];
    return [{ account, stake: exposureTotal(exposure) }];
  });
  const members = new Set(current.members.map(({ account }) => account));
  const stay = winners.filter(({ account }) => members.has(account));
  const newcomers = winners
    .filter(({ account }) => !members.has(account))
    .sort((a, b) => (a.stake === b.stake ? compareText(a.account, b.account) : a.stake > b.stake ? -1 : 1));
  const room = Math.max(1, faultsTolerated(members.size));
  const chosen = [...stay, ...newcomers.slice(0, room)];
  if (chosen.length < parameters.get('staking.minimumValidatorCount')) return 'tooFewWinners';
  return { chosen, waiting: newcomers.slice(room).map(({ account }) => account) };
}

/** In the order of their keys, as a set counts its places. */
export const inSetOrder = (members: readonly Member[]): readonly Member[] =>
  members
    .map((member) => ({ member, bytes: publicKeyOf(member.key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ member }) => member);

/** SPEC staking 10.4 and 10.6 */
function fixSet(parts: ElectingParts, context: HookContext): void {
  const { staking } = parts;
  const { era } = staking.election;
  const current = staking.eraKnown(era - 1);
  const choice = choose(parts, era, current);
  staking.election = { ...staking.election, phase: 'fixed' };
  const memberOf = (account: string, kept?: Member): Member => {
    const candidate = staking.candidates.get(account);
    const { key, commission } = candidate === undefined ? { key: '', commission: undefined } : candidate;
    return {
      account,
      key: candidate === undefined ? (kept?.key ?? '') : key,
      commission: commission?.parts ?? kept?.commission ?? 0,
    };
  };
  if (typeof choice === 'string') {
    const members = inSetOrder(current.members.map((kept) => memberOf(kept.account, kept)));
    staking.eras.set(String(era), { ...current, beganAt: 0, members });
    context.events.push({ type: 'staking.setKept', era, why: choice });
  } else {
    const members = inSetOrder(choice.chosen.map(({ account }) => memberOf(account)));
    const staked = choice.chosen.reduce((sum, { stake }) => sum + stake, 0n);
    staking.eras.set(String(era), { beganAt: 0, members, staked, exposureEra: era });
    tellElected(parts, context, era, choice.waiting);
  }
  nameSigners(parts, context, era);
}

export function tellElected(
  { staking }: StakingParts,
  { events }: HookContext,
  era: number,
  waiting: readonly string[],
): void {
  const { members } = staking.eraKnown(era);
  const validators = members.map(({ account, key, commission }) => {
    const exposure = staking.exposure(era, account);
    const stake = exposure === undefined ? 0n : exposureTotal(exposure);
    return { account, key, commission, stake: stake.toString() };
  });
  events.push({ type: 'staking.setElected', era, validators, waiting: [...waiting] });
}

/** Whose keys sign the blocks of the era that comes; a key that its account has replaced goes. */
function nameSigners(parts: ElectingParts, context: HookContext, era: number): void {
  const { staking, validators } = parts;
  const { members } = staking.eraKnown(era);
  const before = keysOf(validators);
  const signers = new Set(members.map(({ key }) => key));
  for (const [key, row] of validators.all()) {
    const next = signers.has(key);
    const barredTo = staking.candidates.get(row.organisation)?.barredTo ?? 0;
    // Whoever was barred may propose again once it is elected anew.
    const suspended = row.suspended && (barredTo >= era || !next);
    if (row.next !== next || row.suspended !== suspended) validators.validators.set(key, { ...row, next, suspended });
  }
  for (const [key, row] of validators.all()) {
    const successor = staking.candidates.get(row.organisation)?.key;
    if (row.removed || row.next || successor === undefined || successor === key) continue;
    retireKey(parts, context, row.organisation, key, successor, context.height + FIXED_BEFORE_END);
  }
  const after = keysOf(validators);
  if (before.join() !== after.join())
    context.events.push({ type: 'validators.setFixed', epoch: era, validators: after });
}
