import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { native } from '@gridtokenx/crypto-native';
import { createRowStore, migrate } from '@gridtokenx/postgres';
import { Projector, systemClock } from '@gridtokenx/runtime';
import { MemoryLog, startPostgres, type RunningPostgres } from '@gridtokenx/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDevelopmentLedger, type DevelopmentLedger } from './system/development-ledger.js';
import { forget } from './system/reset.js';

let folder: string;
let postgres: RunningPostgres;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-reset-'));
  postgres = await startPostgres({ folder: join(folder, 'elsewhere') });
});
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const rate = 1;

/** The ledger id and height that the read models stand at once a projector of this ledger has begun. */
async function project({ identity }: DevelopmentLedger): Promise<unknown> {
  await migrate(postgres.url, 'consortium');
  const store = createRowStore(postgres.url, 'consortium');
  try {
    await Projector.start({ crypto: native, identity, log: new MemoryLog(), store, clock: systemClock });
    const cursor = await store.cursor();
    return [cursor?.ledgerId, cursor?.height];
  } finally {
    await store.close();
  }
}

describe('a new ledger on the database of an old one', () => {
  it('is refused, until the old one is forgotten', async () => {
    const home = join(folder, 'home');
    const old = await openDevelopmentLedger(home, { rate });
    expect(await project(old)).toEqual([old.identity.ledgerId, 0]);

    const other = await openDevelopmentLedger(join(folder, 'other'), { rate });
    await expect(project(other)).rejects.toMatchObject({ code: 'rowStore.wrongLedger' });
    expect(await project(old)).toEqual([old.identity.ledgerId, 0]);

    await forget(home, postgres.url);
    expect(existsSync(old.genesisFile)).toBe(false);
    const fresh = await openDevelopmentLedger(home, { rate });
    expect(fresh.identity.ledgerId).not.toBe(old.identity.ledgerId);
    expect(await project(fresh)).toEqual([fresh.identity.ledgerId, 0]);
  });
});
