import type { Execution } from '@gridtokenx/domain';
import type { Envelope, Genesis } from '@gridtokenx/protocol';

/**
 * What is wrong with the fees of a block: each envelope of an account costs what the genesis says by operation and by byte, whatever
 * became of it, unless it was refused for want of just that; all of it is told as collected. Nothing here asks the ledger.
 */
export function feesFault(
  genesis: Genesis,
  envelopes: readonly Envelope[],
  { outcomes, told }: Pick<Execution, 'outcomes' | 'told'>,
  ownsAccount: (kid: string) => boolean,
): string | undefined {
  if (genesis.kind !== 'public') return undefined;
  const { 'grid.feeBase': base, 'grid.feePerByte': perByte } = genesis.parameters;
  const done = told.filter((_, i) => outcomes[i]?.hook === false);
  let at = 0;
  let due = 0n;
  for (const { kid, operations, bytes } of envelopes) {
    const first = done[at];
    at += operations.length;
    if (!ownsAccount(kid) || (first?.status === 'rejected' && first.code === 'grid.feeUnpaid')) continue;
    due += BigInt(base) * BigInt(operations.length) + BigInt(perByte) * BigInt(bytes.length);
  }
  let collected = 0n;
  for (const outcome of told)
    for (const event of outcome.status === 'executed' ? outcome.events : [])
      if (event.type === 'grid.feesCollected') collected += BigInt(event.amount);
  return due === collected ? undefined : `its envelopes cost ${due}, and ${collected} was collected`;
}
