import { assert, formatTime, millis } from '@gridtokenx/kernel';
import { TRACKS, TREASURY_ACCOUNT, type LedgerEvent, type Track } from '@gridtokenx/protocol';
import type { GridState } from '../grid/state.js';
import type { ParametersState } from '../parameters/state.js';
import { enactmentAt, judge, placeReferendum, type Phase } from './referendum.js';
import { DEPOSITS, isOpen, type DepositKind, type GovernanceState, type ReferendumRow } from './state.js';
import { addTally, takeTally } from './tally.js';

/** What governance needs of the ledger around it. */
export interface GovernanceParts {
  readonly governance: GovernanceState;
  readonly grid: GridState;
  readonly parameters: ParametersState;
}

/** What facts go to, of an operation or a hook, and the moment. */
export interface Facts {
  readonly events: LedgerEvent[];
  readonly time: number;
}

const timeOf = (ms: number): string => formatTime(millis(ms));

interface ToldTally {
  readonly ayes: string;
  readonly nays: string;
  readonly support: string;
  readonly electorate: string;
}

const tallyTold = ({ electorate }: GovernanceState, { tally }: ReferendumRow): ToldTally => ({
  ayes: tally.ayes.toString(),
  nays: tally.nays.toString(),
  support: tally.support.toString(),
  electorate: electorate.toString(),
});

/** SPEC governance 5.5: brings an open referendum up to the moment, with what stands now, and tells what became of it. */
export function bringUp(parts: GovernanceParts, facts: Facts, row: ReferendumRow): ReferendumRow {
  const { governance } = parts;
  assert(isOpen(row), 'what has ended is not judged any more');
  const began: Phase[] = [];
  const referendum = judge(row.referendum, governance.standing(row), facts.time, (phase) => began.push(phase));
  let now: ReferendumRow = { ...row, referendum };
  for (const phase of began) now = tellPhase(parts, facts, now, phase);
  return governance.put(now);
}

function tellPhase(parts: GovernanceParts, facts: Facts, row: ReferendumRow, phase: Phase): ReferendumRow {
  const { events } = facts;
  const { number, referendum } = row;
  switch (phase.kind) {
    case 'deciding':
      events.push({ type: 'governance.phaseBegan', referendum: number, phase: phase.kind, at: timeOf(phase.since) });
      return row;
    case 'confirming': {
      const at = timeOf(phase.confirmingSince);
      events.push({ type: 'governance.phaseBegan', referendum: number, phase: phase.kind, at });
      return row;
    }
    case 'approved': {
      const at = enactmentAt(referendum, row.wantedAt);
      assert(at !== undefined, 'what is approved is enacted');
      const enactAt = Math.max(at, phase.at + row.enactAfterMs);
      events.push({
        type: 'governance.approved',
        referendum: number,
        at: timeOf(phase.at),
        enactAt: timeOf(enactAt),
        ...tallyTold(parts.governance, row),
      });
      settleDeposits(parts, facts, number, false);
      return { ...row, enactAt };
    }
    case 'rejected':
      events.push({
        type: 'governance.rejected',
        referendum: number,
        at: timeOf(phase.at),
        why: phase.why,
        ...tallyTold(parts.governance, row),
      });
      settleDeposits(parts, facts, number, false);
      return row;
    case 'preparing':
      return row;
  }
}

const depositKey = (number: number, kind: DepositKind): string => `${number}/${kind}`;

export const depositOf = ({ deposits }: GovernanceState, number: number, kind: DepositKind): bigint =>
  deposits.get(depositKey(number, kind))?.amount ?? 0n;

/** SPEC governance 6.6: puts a deposit on hold; what may be spent covers it. */
export function placeDeposit(
  { governance, grid }: GovernanceParts,
  number: number,
  kind: DepositKind,
  { account, amount }: { readonly account: string; readonly amount: bigint },
): void {
  grid.hold(account, amount);
  governance.deposits.set(depositKey(number, kind), { account, amount });
}

/** SPEC governance 6.6: when a referendum ends its deposits come back, or are the treasury's. */
export function settleDeposits(
  { governance, grid }: GovernanceParts,
  { events }: Facts,
  number: number,
  forfeited: boolean,
): void {
  const { deposits, store } = governance;
  for (const deposit of DEPOSITS) {
    const cell = deposits.find(depositKey(number, deposit));
    if (cell?.value === undefined) continue;
    const { account, amount } = cell.value;
    store.change(cell, undefined);
    grid.hold(account, -amount);
    if (forfeited) grid.credit({ events }, TREASURY_ACCOUNT, grid.take(account, amount));
    events.push({
      type: 'governance.depositSettled',
      referendum: number,
      deposit,
      account,
      amount: amount.toString(),
      forfeited,
    });
  }
}

/**
 * SPEC governance 5.4: changes what stands behind these referenda by one account's vote or delegation, and judges each with what stands
 * now. They are open, and were judged up to this moment with what stood so far.
 */
export function changeTallies(
  parts: GovernanceParts,
  facts: Facts,
  {
    track,
    account,
    rows,
  }: { readonly track: Track; readonly account: string; readonly rows: readonly ReferendumRow[] },
  change: () => void,
): void {
  const { ballots } = parts.governance.track(track);
  const before = rows.map((row) => ({ row, part: ballots.partOf(row.number, account) }));
  change();
  for (const { row, part } of before) {
    const tally = addTally(takeTally(row.tally, part), ballots.partOf(row.number, account));
    const { ayes, nays, support } = row.tally;
    if (tally.ayes === ayes && tally.nays === nays && tally.support === support) continue;
    tellTally(parts, facts, { ...row, tally });
  }
}

/** A referendum whose tally or electorate has changed, which was judged before. */
function tellTally(parts: GovernanceParts, facts: Facts, row: ReferendumRow): void {
  facts.events.push({ type: 'governance.tallied', referendum: row.number, ...tallyTold(parts.governance, row) });
  bringUp(parts, facts, row);
}

/** SPEC governance 5.6: the electorate is this from now on. */
export function setElectorate(parts: GovernanceParts, facts: Facts, electorate: bigint): void {
  const { governance } = parts;
  if (governance.electorate === electorate) return;
  const rows = TRACKS.flatMap((track) => [...governance.track(track).placed])
    .map((row) => bringUp(parts, facts, row))
    .filter(isOpen);
  governance.electorate = electorate;
  facts.events.push({ type: 'governance.electorateCounted', electorate: electorate.toString() });
  for (const row of rows) tellTally(parts, facts, row);
}

/** SPEC governance 5.3: those that wait longest have the places that are free. */
export function fillPlaces(parts: GovernanceParts, facts: Facts): void {
  const { governance, parameters } = parts;
  for (const track of TRACKS) {
    const { placed, queue } = governance.track(track);
    if (queue.first === undefined) continue;
    const { decidingMax } = parameters.get('governance.tracks')[track];
    for (let first = queue.first; first !== undefined && placed.size < decidingMax; first = queue.first) {
      const row = bringUp(parts, facts, first);
      if (!isOpen(row)) continue;
      facts.events.push({ type: 'governance.placed', referendum: row.number });
      bringUp(parts, facts, { ...row, referendum: placeReferendum(row.referendum, facts.time) });
    }
  }
}
