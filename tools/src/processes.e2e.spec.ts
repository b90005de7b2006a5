import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Keypair, Signer, type Row } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  alarmsOf,
  endedAmong,
  openMarket,
  orderIn,
  startTestSystem,
  type Market,
  type TestSystem,
} from './fixture.spec.js';

describe('4 validators in 4 processes, with the projector in a process of its own', () => {
  let world: TestSystem;
  let market: Market;
  let signer: Signer;

  beforeAll(async () => {
    world = await startTestSystem('processes', {
      validators: 4,
      layout: { validatorProcesses: 4, projector: 'own' },
    });
    const { ledgerId } = world.system.ledger.identity;
    signer = new Signer(Keypair.fromSeed(randomBytes(32), native), ledgerId, { crypto: native });
    market = await openMarket(world, { kid: signer.keypair.kid });
  });
  afterAll(() => world?.remove());

  async function trade(): Promise<readonly string[]> {
    const { client } = world;
    const order = orderIn(market);
    const { operations } = await client.submit(signer.sign([order('ask', 10), order('bid', 10)]));
    const views = await Promise.all(operations.map(({ id }) => client.follow(id, { timeoutMs: 60_000 })));
    return views.map(({ status }) => status);
  }

  it('trade', async () => {
    expect(await trade()).toEqual(['executed', 'executed']);
  });

  it('are seen over REST, and so is the one that falls silent', async () => {
    const { system, client } = world;
    const table = async (): Promise<Row[]> => {
      const rows: Row[] = [];
      for await (const row of client.validators()) rows.push(row);
      return rows;
    };
    const [keyFile = ''] = system.processes.find(({ name }) => name === 'validators-4')?.keyFiles ?? [];
    const silent = Keypair.fromFile(await readFile(join(system.ledger.validatorKeys, keyFile), 'utf8')).kid;
    for (const row of await table()) expect(row).toMatchObject({ status: 'active', lastVote: expect.any(String) });

    await system.halt('validators-4');
    // On a busy machine the turn of another may pass once, and a vote come late; the silent one stands out all the same.
    const leads = (rows: readonly Row[], field: string): boolean =>
      rows.every((row) => row['kid'] === silent || Number(row[field]) < Number(rows.find(isSilent)?.[field]));
    const isSilent = (row: Row): boolean => row['kid'] === silent;
    let seen = false;
    for (let tries = 0; tries < 40 && !seen; tries++) {
      expect(await trade()).toEqual(['executed', 'executed']);
      const rows = await table();
      seen = leads(rows, 'missedProposals') && leads(rows, 'missedVotes');
    }
    expect(seen).toBe(true);
    await system.revive('validators-4');
  });

  it('trade while one of the processes is dead, while another stands still, and when both are back', async () => {
    const { system } = world;
    await system.kill('validators-2');
    expect(await trade()).toEqual(['executed', 'executed']);
    await system.revive('validators-2');
    system.suspend('validators-3');
    expect(await trade()).toEqual(['executed', 'executed']);
    system.resume('validators-3');
    await system.halt('projector');
    await system.revive('projector');
    expect(await trade()).toEqual(['executed', 'executed']);
  });

  it('and none of them has logged an error', async () => {
    const { system } = world;
    const services = [...system.processes.map(({ name }) => name), 'gateway'] as const;
    expect(services).toHaveLength(4 + 2);
    expect(Object.keys(system.pids()).sort()).toEqual(['postgres', ...services].sort());
    expect(endedAmong(system.pids())).toEqual([]);
    for (const service of services) expect(await alarmsOf(world, service)).toEqual([]);
  });
});
