import { quotient } from '@gridtokenx/kernel';
import { FIXED_BEFORE_END } from '../validators/epoch.js';
import type { EquivocationJudge } from '../validators/evidence.js';
import { isLastOfEpoch } from '@gridtokenx/chain';
import { rejected, TREASURY_ACCOUNT, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { BlockContext, HookContext, OperationContext } from '../ledger/module.js';
import { slashBond } from './bond.js';
import { chill } from './candidacy.js';
import { equivocationFraction, unresponsivenessFraction } from './offence.js';
import { isEvidenceInTime, slashDueAt } from './parameters.js';
import type { OffenceRow, SlashRow } from './rows.js';
import { newSpan, slashInSpan, type Charge, type SlashingSpan } from './slash.js';
import { sortedRows, type StakingState } from './state.js';
import { durationsOf, eraOf, type StakingParts } from './surroundings.js';

/** Charges in one fact. */
const CHARGES_PER_FACT = 250;

const NO_OFFENCE: OffenceRow = { equivocated: false, unresponsive: false, reporter: '' };

/** SPEC staking 12.1: evidence counts against who was in the set of the era with this key, once, for as many eras as parameters say. */
export const stakingJudge = (parts: StakingParts): EquivocationJudge => ({
  refuse: (context, { validator, row, epoch }) => {
    const { staking } = parts;
    const era = staking.era(epoch);
    if (era === undefined || !isEvidenceInTime(durationsOf(parts), epoch, eraOf(parts, context)))
      return rejected('validators.evidenceExpired');
    if (!era.members.some(({ key }) => key === validator)) return rejected('validators.notEvidence');
    return staking.offences.getPair(String(epoch), row.organisation)?.equivocated === true
      ? rejected('validators.evidenceSettled', { validator, era: String(epoch) })
      : undefined;
  },
  convict: (context, { row: { organisation: account }, epoch }) => {
    const { staking, validators } = parts;
    const { kid, key } = context;
    // A host that accuses signs with the key of one of its validators: its account is rewarded.
    const reporter = key.account === '' ? (validators.validators.get(kid)?.organisation ?? '') : key.account;
    const before = staking.offences.getPair(String(epoch), account) ?? NO_OFFENCE;
    setOffence(staking, epoch, account, { ...before, equivocated: true, reporter });
    bar(parts, context, account);
    const offenders = sortedRows(staking.offences.group(String(epoch)).cells.values()).filter(
      ([, { equivocated }]) => equivocated,
    );
    const members = staking.eraKnown(epoch).members.length;
    const fraction = equivocationFraction(offenders.length, members);
    context.events.push({
      type: 'staking.offended',
      era: epoch,
      validator: account,
      offence: 'equivocation',
      offenders: offenders.length,
      validators: members,
      fraction,
      ...(reporter !== '' && { reporter }),
    });
    // SPEC staking 12.3: one more makes it worse for those who are known already.
    for (const [offender, { reporter: by }] of offenders) deferSlash(parts, context, epoch, offender, fraction, by);
    suspend(parts, context, account);
  },
});

function setOffence(staking: StakingState, era: number, account: string, row: OffenceRow): void {
  staking.offences.set(`${era}/${account}`, row);
}

/** SPEC staking 12.2: its proposals are refused from now on, under whatever key it is to make them. */
function suspend(
  { staking, validators }: StakingParts,
  { events, operationId }: OperationContext,
  account: string,
): void {
  const own = staking.candidates.get(account)?.key;
  for (const [key, row] of validators.all()) {
    if (row.organisation !== account || row.removed || row.suspended) continue;
    if (!row.member && !row.next && key !== own) continue;
    validators.validators.set(key, { ...row, suspended: true });
    events.push({ type: 'validators.suspended', validator: key, change: operationId });
  }
}

/** SPEC staking 12.2: it stands no more, and is in no set that is not fixed yet, however soon it stands anew. */
function bar(parts: StakingParts, context: BlockContext, account: string): void {
  const { staking } = parts;
  chill(parts, context, account, 'offended');
  const row = staking.candidates.get(account);
  if (row !== undefined) staking.setCandidate(account, { ...row, barredTo: firstOpenEra(parts, context) });
}

/** The first era whose set is not fixed when this block begins its operations. */
function firstOpenEra(parts: StakingParts, context: BlockContext): number {
  const era = eraOf(parts, context);
  return isFixed(parts, context) ? era + 2 : era + 1;
}

/** The set of the next era is fixed at the end of its block: what happens in that block is still taken into account. */
function isFixed({ validators: { epochBlocks } }: StakingParts, { height }: BlockContext): boolean {
  for (let before = 1; before <= FIXED_BEFORE_END; before++)
    if (isLastOfEpoch(height + FIXED_BEFORE_END - before, epochBlocks)) return true;
  return false;
}

/**
 * SPEC staking 12.4: who passed its turns to propose in an era, and stands in no more of its certificates than parameters say. A
 * certificate alone, which stops at a quorum, tells nothing about who is not in it.
 */
export function punishUnresponsive(
  parts: StakingParts,
  context: BlockContext,
  era: number,
  silent: readonly string[],
): void {
  const { staking } = parts;
  if (silent.length === 0) return;
  const members = staking.eraKnown(era).members.length;
  const fraction = unresponsivenessFraction(silent.length, members);
  for (const account of silent) {
    const before = staking.offences.getPair(String(era), account) ?? NO_OFFENCE;
    setOffence(staking, era, account, { ...before, unresponsive: true });
    context.events.push({
      type: 'staking.offended',
      era,
      validator: account,
      offence: 'unresponsiveness',
      offenders: silent.length,
      validators: members,
      fraction,
    });
    bar(parts, context, account);
    deferSlash(parts, context, era, account, fraction, '');
  }
}

interface KnownSpan extends SlashingSpan {
  readonly from: number;
  readonly to: number;
}

/** SPEC staking 12.5: the span that an era of a validator is in; one that nothing was taken in yet ends with the sets that are fixed. */
function spanOf(parts: StakingParts, context: BlockContext, account: string, era: number): KnownSpan {
  let from = 0;
  for (const { second, value } of parts.staking.spans.group(account).cells.values()) {
    if (value === undefined) continue;
    const began = Number(second);
    if (began <= era && era <= value.to) {
      const taken = new Map(value.taken.map(({ account: from, amount }) => [from, amount]));
      return { validator: account, taken, reports: value.reports, from: began, to: value.to };
    }
    if (value.to < era && value.to + 1 > from) from = value.to + 1;
  }
  return { ...newSpan(account), from, to: firstOpenEra(parts, context) - 1 };
}

/** SPEC staking 12.3: what an offence takes beyond what the span has taken, when its time has come. */
function deferSlash(
  parts: StakingParts,
  context: BlockContext,
  era: number,
  account: string,
  fraction: number,
  reporter: string,
): void {
  const { staking, parameters } = parts;
  const exposure = staking.exposure(era, account);
  if (exposure === undefined) return;
  const known = spanOf(parts, context, account, era);
  const rewardShare = reporter === '' ? 0 : parameters.get('staking.reporterShare');
  const { span, charges, total, reward } = slashInSpan(known, exposure, { fraction, rewardShare });
  if (total === 0n) return;
  const taken = [...span.taken].map(([from, amount]): Charge => ({ account: from, amount }));
  staking.spans.set(`${account}/${known.from}`, { to: known.to, reports: span.reports, taken });
  const { progress } = staking;
  const id = progress.slashes + 1;
  staking.progress = { ...progress, slashes: id };
  const due = slashDueAt(durationsOf(parts), era);
  staking.slashes.set(String(id), { validator: account, era, due, reporter, reward, charges, done: 0, taken: 0n });
  context.events.push({
    type: 'staking.slashDeferred',
    id,
    validator: account,
    era,
    due,
    total: total.toString(),
    reward: reward.toString(),
    ...(reporter !== '' && { reporter }),
  });
}

/** Slashes whose time has come, by their numbers. */
export const slashesDue = ({ slashes }: StakingState, era: number): (readonly [id: number, row: SlashRow])[] =>
  [...slashes.rows.values()]
    .flatMap(({ key, value }) => (value !== undefined && value.due <= era ? [[Number(key), value] as const] : []))
    .sort(([a], [b]) => a - b);

/** SPEC staking 12.6: before any operation of the era; where it is more than a block may work off, no bond is withdrawn meanwhile. */
export function takeSlashes(parts: StakingParts, context: HookContext): void {
  for (const [id, row] of slashesDue(parts.staking, eraOf(parts, context))) {
    if (context.entriesLeft <= 0) return;
    takeSlash(parts, context, id, row);
  }
}

function takeSlash(parts: StakingParts, context: HookContext, id: number, due: SlashRow): void {
  const { staking, grid } = parts;
  const { validator } = due;
  let row = due;
  while (row.done < row.charges.length && context.entriesLeft > 0) {
    const piece = row.charges.slice(row.done, row.done + Math.min(CHARGES_PER_FACT, context.entriesLeft));
    let sum = 0n;
    const charges = piece.map(({ account, amount }) => {
      const { bond, taken } = slashBond(staking.bond(account), amount);
      if (taken > 0n) staking.setBond(account, bond);
      const got = grid.take(account, taken);
      sum += got;
      grid.sweep(context, account);
      return { account, due: amount.toString(), taken: got.toString() };
    });
    grid.credit(context, TREASURY_ACCOUNT, sum);
    row = { ...row, done: row.done + piece.length, taken: row.taken + sum };
    staking.slashes.set(String(id), row);
    context.events.push({ type: 'staking.slashed', id, validator, charges });
    for (let worked = 0; worked < piece.length; worked++) context.worked();
  }
  if (row.done === row.charges.length) settle(parts, context, id, row);
}

/** SPEC staking 12.7: the reporter has its part of what was taken, as far as all of it was. */
function settle({ staking, grid }: StakingParts, context: HookContext, id: number, row: SlashRow): void {
  const { validator, reporter, taken } = row;
  const total = row.charges.reduce((sum, { amount }) => sum + amount, 0n);
  const reward = grid.take(TREASURY_ACCOUNT, quotient(row.reward * taken, total));
  grid.credit(context, reporter === '' ? TREASURY_ACCOUNT : reporter, reward);
  staking.remove(staking.slashes, String(id));
  context.events.push({
    type: 'staking.slashSettled',
    id,
    validator,
    taken: taken.toString(),
    reward: reward.toString(),
    ...(reporter !== '' && { reporter }),
    treasury: (taken - reward).toString(),
  });
}

/** SPEC staking 12.8: what was cancelled counts as taken in its span. */
export function cancelSlash(
  { staking }: StakingParts,
  context: OperationContext,
  { id }: OperationOf<'staking.cancelSlash'>,
): RejectedOutcome | undefined {
  if (context.track !== 'root') return rejected('key.notAuthorised');
  const row = staking.slashes.get(String(id));
  if (row === undefined || row.done > 0) return rejected('staking.unknownSlash', { id: String(id) });
  staking.remove(staking.slashes, String(id));
  context.events.push({ type: 'staking.slashCancelled', id, validator: row.validator });
  return undefined;
}
