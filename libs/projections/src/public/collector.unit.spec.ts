import { describe, expect, it } from '@jest/globals';
import { PublicCollector } from './collector.js';

const HASH = 'ab'.repeat(32);

describe('the rows of the public ledger', () => {
  it('lose the anchors that a recovery forgets', () => {
    const collector = new PublicCollector(9);
    collector.event(
      { type: 'transparency.recovered', height: 4, hash: HASH, forgotten: [5, 8] },
      { index: 0, event: 0, operationId: undefined },
    );
    const gone = collector.done().records.map(({ kind, id, body, fresh }) => ({ kind, id, body, fresh }));
    expect(gone).toEqual(
      ['0000000000000005', '0000000000000008'].map((id) => ({ kind: 'anchor', id, body: undefined, fresh: undefined })),
    );
  });
});
