import { randomBytes } from 'node:crypto';
import { Keypair, Signer } from '@gridtokenx/client';
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
  }, 180_000);
  afterAll(() => world?.remove(), 60_000);

  async function trade(): Promise<readonly string[]> {
    const { client } = world;
    const order = orderIn(market);
    const { operations } = await client.submit(signer.sign([order('ask', 10), order('bid', 10)]));
    const views = await Promise.all(operations.map(({ id }) => client.follow(id, { timeoutMs: 60_000 })));
    return views.map(({ status }) => status);
  }

  it('trade', async () => {
    expect(await trade()).toEqual(['executed', 'executed']);
  }, 90_000);

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
  }, 180_000);

  it('and none of them has logged an error', async () => {
    const { system } = world;
    const services = [...system.processes.map(({ name }) => name), 'gateway'] as const;
    expect(services).toHaveLength(4 + 2);
    expect(Object.keys(system.pids()).sort()).toEqual(['postgres', ...services].sort());
    expect(endedAmong(system.pids())).toEqual([]);
    for (const service of services) expect(await alarmsOf(world, service)).toEqual([]);
  });
});
