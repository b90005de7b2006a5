import type { LedgerTopics } from '@gridtokenx/protocol';
import { cutIntoParts, unpackBlock, type Log, type LedgerReads } from '@gridtokenx/runtime';

/**
 * Fills the empty blocks topic of a bus that has lost its records, from the bodies in the read models, and makes the
 * other topics only then: while there is no consensus topic, nobody decides a block. Every reader checks what it is given,
 * so a read model that holds anything but the chain restores nothing. Resolves with the height that stands on the topic.
 */
export async function restoreBlocks(log: Log, readModels: LedgerReads, topics: LedgerTopics): Promise<number> {
  const { blocks, ...others } = topics;
  await log.ensureTopics([blocks]);
  const end = await log.end(blocks.name);
  if (end > 0) throw new Error(`${blocks.name} holds ${end} records: only an empty topic is filled`);
  const { height: last } = await readModels.cursor();
  for (let height = 1; height <= last; height++) {
    const { value: body } = await readModels.blockBody(height);
    if (body === undefined) throw new Error(`the read models have no body of block ${height}`);
    await log.append(blocks.name, cutIntoParts(unpackBlock(body), body));
  }
  await log.ensureTopics(Object.values(others));
  return last;
}
