import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Keypair, Signer, type OperationView } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatInterval, formatTime, INTERVAL_MS, millis, parseInterval } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import {
  alarmsOf,
  openMarket,
  pause,
  randomId,
  startTestSystem,
  type Market,
  type TestSystem,
} from './fixture.spec.js';

/** The local link of the development ledger: 2,500 kWh per quarter of an hour. */
const LINK = 'BKK-NON';
const ACROSS = { fromZone: 'MEA-BKK-01', toZone: 'MEA-NON-02' } as const;
const FEEDER = 'MEA-BKK-01-F1';

let world: TestSystem;
let market: Market;
let office: Signer;
/** In two hours. */
let start: number;
let interval: string;

beforeAll(async () => {
  world = await startTestSystem('network');
  const keypair = Keypair.fromSeed(new Uint8Array(randomBytes(32)), native);
  office = new Signer(keypair, world.anchor.ledgerId, { crypto: native, nextSequence: 1 });
  market = await openMarket(world, { kid: keypair.kid });
  start = (parseInterval(market.interval) ?? 0) + 9 * INTERVAL_MS;
  interval = formatInterval(millis(start));
  const meter = randomId();
  await world.members.carryOut('mea', [
    { type: 'registry.registerMeter', meter, account: market.seller, zone: ACROSS.fromZone, limitWh: '2000000' },
    { type: 'network.assignMeter', meter, feeder: FEEDER },
  ]);
  // The margin of what is sold before delivery.
  await world.members.carryOut('bank', [
    { type: 'accounts.mint', account: market.seller, amount: '20000000000', reference: 'margin' },
  ]);
});
afterAll(() => world?.remove());

async function outcome(operation: Operation): Promise<OperationView> {
  const envelope = office.sign([operation]);
  await world.client.submit(envelope);
  return world.client.follow(envelope.operationIds[0] ?? '', { timeoutMs: 60_000 });
}

const order = (side: 'bid' | 'ask', kwh: number): Operation => ({
  type: 'market.placeOrder',
  account: side === 'ask' ? market.seller : market.buyer,
  side,
  ...ACROSS,
  interval,
  priceTicks: 450,
  quantityWh: String(kwh * 1_000),
  timeInForce: 'GTC',
});

async function read(path: string): Promise<readonly Record<string, unknown>[]> {
  const response = await fetch(`${world.system.url}/v1${path}`);
  expect([path, response.status]).toEqual([path, 200]);
  return ((await response.json()) as { items: Record<string, unknown>[] }).items;
}

const flows = async (): Promise<unknown[]> => {
  const items = await read(`/network/flows/${formatTime(millis(start))}?intervals=1`);
  return items.map(({ kind, name, direction, contractedWh, bidWh }) => [kind, name, direction, contractedWh, bidWh]);
};

describe('the grid of the whole system', () => {
  it('tells operators what to expect of what was sold ahead over a link', async () => {
    expect((await outcome(order('ask', 1_000))).status).toBe('executed');
    expect((await outcome(order('bid', 1_000))).status).toBe('executed');
    expect((await outcome(order('bid', 40))).status).toBe('executed');
    const expected = await flows();
    expect(expected).toContainEqual(['link', LINK, 'out', '1000000', '40000']);
    // The meter of the reading hangs on no feeder and is rated as the other.
    expect(expected).toContainEqual(['feeder', FEEDER, 'out', '500000', '0']);
    expect(expected).toContainEqual(['unassigned', ACROSS.fromZone, 'out', '500000', '0']);
    expect(expected).toContainEqual(['unassigned', ACROSS.toZone, 'in', '1000000', '40000']);
  });

  it('cuts it when the link is curtailed, cancels what was still asked for, and takes nothing new', async () => {
    const [view] = await world.members.carryOut('mea', [
      {
        type: 'network.curtail',
        target: { kind: 'link', link: LINK },
        flow: 'out',
        // A tenth of what it carries.
        limit: { kind: 'share', share: 1_000 },
        firstInterval: interval,
        lastInterval: interval,
      },
    ]);
    let enforced: unknown;
    for (let left = 60; enforced === undefined && left > 0; left--) {
      await pause(500);
      const [restriction] = await read('/network/restrictions?kind=curtailment');
      ({ enforced } = restriction ?? {});
    }
    expect(enforced).toEqual({ orders: 1, contracts: 1, cutWh: '750000' });
    expect(view?.status).toBe('executed');
    const [contract] = await read(`/contracts?account=${market.buyer}&open=true`);
    expect(contract).toMatchObject({ cuts: [{ cutWh: '750000', quantityWh: '250000' }] });
    expect(await flows()).toContainEqual(['link', LINK, 'out', '250000', '0']);
    expect(await outcome(order('bid', 1))).toMatchObject({ status: 'rejected', code: 'network.curtailed' });
  });

  it('without an alarm in any log', async () => {
    expect([await alarmsOf(world, 'consortium-ledger'), await alarmsOf(world, 'gateway')]).toEqual([[], []]);
  });
});
