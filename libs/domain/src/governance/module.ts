import { TRACKS } from '@gridtokenx/protocol';
import type { LedgerModule } from '../ledger/module.js';
import { executeGovernance, GOVERNANCE_OPERATIONS, type GovernanceTools } from './execute.js';
import { beginBlock } from './hooks.js';
import { nextPhase } from './referendum.js';
import { isOpen } from './state.js';
import { tallyOf } from './tally.js';

export const governanceModule = (
  tools: GovernanceTools,
  epochBlocks: number,
): LedgerModule<(typeof GOVERNANCE_OPERATIONS)[number]> => ({
  name: 'governance',
  operations: GOVERNANCE_OPERATIONS,
  execute: (context, operation) => executeGovernance(tools, context, operation),
  atStart: (context) => beginBlock(tools, context, epochBlocks),
  audit: () => auditGovernance(tools),
});

/** SPEC governance 6.7: tallies, moments and locks are what votes and delegations, read from their rows, make of them. */
function auditGovernance({ governance, grid }: GovernanceTools): string[] {
  const faults: string[] = [];
  const voters = new Set<string>();
  const delegations = new Map(TRACKS.map((track) => [track, governance.delegations.group(track)]));
  for (const group of delegations.values())
    for (const { second, value } of group.cells.values()) if (value) voters.add(second);
  for (const { value: row } of governance.referenda.cells()) {
    if (row === undefined) continue;
    const votes = valuesIn(governance.votes.group(String(row.number)).cells.values());
    for (const account of votes.keys()) voters.add(account);
    if (!isOpen(row)) continue;
    const naive = tallyOf(votes, valuesIn(delegations.get(row.track)?.cells.values() ?? []));
    const { ayes, nays, support } = row.tally;
    if (naive.ayes !== ayes || naive.nays !== nays || naive.support !== support)
      faults.push(`the tally of referendum ${row.number} is not that of its votes`);
    if (row.dueAt !== nextPhase(row.referendum, governance.standing(row))?.at)
      faults.push(`referendum ${row.number} is not looked at when something becomes of it`);
  }
  for (const account of voters) {
    const locked = grid.locks.get(account)?.standing.find(({ reason }) => reason === 'governance')?.amount ?? 0n;
    if (locked !== governance.standsWith(account)) faults.push(`${account} has locked ${locked} for its votes`);
  }
  for (const { key, value } of grid.locks.cells())
    if (value?.standing.some(({ reason }) => reason === 'governance') === true && !voters.has(key))
      faults.push(`${key} has locked something for votes that it does not have`);
  return faults;
}

function valuesIn<V>(
  cells: Iterable<{ readonly first: string; readonly second: string; readonly value: V | undefined }>,
): Map<string, V> {
  const values = new Map<string, V>();
  for (const { second, value } of cells) if (value !== undefined) values.set(second, value);
  return values;
}
