import {
  checkElection,
  elect,
  electionTold,
  isSameResult,
  type ElectionEvent,
  type ElectionFault,
  type ToldElection,
} from '@gridtokenx/chain';
import { eventSchemas, type EventOf, type LedgerEvent } from '@gridtokenx/protocol';

/** SPEC election 4.4: whom one nominator's stake backs, and why; of the election that a verdict holds. */
export { explainElection } from '@gridtokenx/chain';

export type ElectionVerdict =
  | { readonly ok: true; readonly election: ToldElection }
  | {
      readonly ok: false;
      /** What checkElection says; or that facts are malformed or missing, that the ledger's rule elects others, that the set is not of winners. */
      readonly code:
        ElectionFault['code'] | 'election.malformed' | 'election.incomplete' | 'election.other' | 'election.wrongSet';
      readonly about: string;
    };

const TOLD = [
  'staking.electionBegan',
  'staking.electionCandidates',
  'staking.electionNominators',
  'staking.electionHeld',
  'staking.electionWinner',
] as const satisfies readonly ElectionEvent['type'][];

const isOfElection = (event: LedgerEvent): event is ElectionEvent => TOLD.some((type) => type === event.type);

const fault = (code: Exclude<ElectionVerdict, { ok: true }>['code'], about = ''): ElectionVerdict => ({
  ok: false,
  code,
  about,
});

/**
 * SPEC election 4.3 and 4.5: whether the election that was held for an era is what the ledger says: from the facts of its blocks, in
 * their order (others among them are passed over), without trust in whoever hands them on; that they stand in blocks is shown by
 * proofs. With `again` the election is held again and every unit compared: seconds for a large one; else one pass says that it is
 * feasible and as good as claimed.
 */
export function verifyElection(
  events: readonly LedgerEvent[],
  era: number,
  { again = false }: { readonly again?: boolean } = {},
): ElectionVerdict {
  const ofElection: ElectionEvent[] = [];
  let set: EventOf<'staking.setElected'> | undefined;
  for (const event of events) {
    if (!isOfElection(event) && event.type !== 'staking.setElected') continue;
    if (event.era !== era) continue;
    if (!eventSchemas[event.type].safeParse(event).success) return fault('election.malformed', event.type);
    if (event.type === 'staking.setElected') set = event;
    else ofElection.push(event);
  }
  const election = electionTold(ofElection, era);
  if (election === undefined) return fault('election.incomplete');
  const bad = checkElection(election.snapshot, election.result);
  if (bad !== undefined) return fault(bad.code, bad.about);
  if (again && !isSameResult(elect(election.snapshot), election.result)) return fault('election.other');
  const stray = set === undefined ? undefined : strayIn(set, election);
  return stray === undefined ? { ok: true, election } : fault('election.wrongSet', stray);
}

/** Who is in the set, or waits for it, and did not win; or with another stake than it won with. */
function strayIn(
  { validators, waiting }: EventOf<'staking.setElected'>,
  { result: { winners } }: ToldElection,
): string | undefined {
  const stakes = new Map(winners.map(({ candidate, stake }) => [candidate, stake.toString()]));
  return (
    validators.find(({ account, stake }) => stakes.get(account) !== stake)?.account ??
    waiting.find((account) => !stakes.has(account))
  );
}
