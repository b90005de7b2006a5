import { Histories } from '@gridtokenx/chain';
import type { GenesisAnchor } from './anchor.js';
import { BlockFollower, type RecordSource } from './follower.js';

/**
 * SPEC settlement 8.5: the histories of all positions, from blocks that are each proven from the user's genesis on, up to height `to` or
 * as far as there are any. Throws ChainFaultError.
 */
export async function readHistories(
  records: RecordSource,
  anchor: Pick<GenesisAnchor, 'rules' | 'tip'>,
  range: { readonly to?: number } = {},
): Promise<{ readonly histories: Histories; readonly height: number }> {
  const follower = new BlockFollower(anchor);
  const histories = new Histories();
  for await (const { height, index, outcome } of follower.results(records, range))
    histories.add(height, index, outcome);
  return { histories, height: follower.tip.height };
}
