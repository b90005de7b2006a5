import type { HookContext } from '../ledger/module.js';
import type { PairTable } from '../ledger/store.js';
import { eraOf, type StakingParts } from './surroundings.js';

/**
 * SPEC staking 13.1: what is kept of an era: as long as evidence of it is taken and it is not paid whole. An exposure also as long
 * as an era is kept whose set stayed under it.
 */
export function forget(parts: StakingParts, context: HookContext): void {
  const { staking, parameters } = parts;
  const oldest = eraOf(parts, context) - parameters.get('staking.evidenceEras') - 1;
  while (context.entriesLeft > 0) {
    const { progress } = staking;
    const { keptFrom, exposuresFrom, payFrom } = progress;
    const neededFrom = staking.era(keptFrom)?.exposureEra ?? exposuresFrom;
    if (exposuresFrom < neededFrom) {
      if (forgetGroup(parts, context, staking.exposures, exposuresFrom))
        staking.progress = { ...progress, exposuresFrom: exposuresFrom + 1 };
    } else if (keptFrom < oldest && keptFrom < payFrom) {
      if (!forgetGroup(parts, context, staking.offences, keptFrom)) return;
      staking.remove(staking.eras, String(keptFrom));
      staking.remove(staking.points, String(keptFrom));
      staking.remove(staking.payouts, String(keptFrom));
      forgetSpans(parts, keptFrom);
      staking.progress = { ...progress, keptFrom: keptFrom + 1 };
    } else return;
  }
}

/** Whether all rows of the era are gone. */
function forgetGroup<V>({ staking }: StakingParts, context: HookContext, table: PairTable<V>, era: number): boolean {
  for (const { second, value } of [...table.group(String(era)).cells.values()]) {
    if (value === undefined) continue;
    if (context.entriesLeft <= 0) return false;
    staking.removePair(table, String(era), second);
    context.entriesLeft--;
  }
  return true;
}

/** Spans that ended with the era or before: nothing that is still taken falls into them. */
function forgetSpans({ staking }: StakingParts, era: number): void {
  for (const { first, second, value } of [...staking.spans.cells()])
    if (value !== undefined && value.to <= era) staking.removePair(staking.spans, first, second);
}
