import { randomBytes } from 'node:crypto';
import { GridClient, GridProblem, type OperationView } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatInterval, INTERVAL_MS, millis, parseTime, toBase64Url } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { Members, ZONES, type RunningSystem } from '@gridtokenx/tools';
import type { LoadKind } from './load.js';

/** Enough for any run: what is measured is the spine, not refusals for want of money. */
const WATT_EACH = 10_000_000n * 1_000_000n;
const KWH_EACH_WH = 1_000_000_000;
const OPERATIONS_PER_ENVELOPE = 500;
const DECIDED_WITHIN_MS = 120_000;
const ASK_AGAIN_MS = 250;

/** Over the public interface: accounts with keys, money and energy, and an open book in each zone. */
export async function prepareMarket(system: RunningSystem, keys: number): Promise<LoadKind> {
  const { ledger, url } = system;
  const client = new GridClient({ url, identity: ledger.identity, crypto: native });
  const members = new Members(ledger, client, native);
  const backOffice = ledger.directory.organisations['back-office'];
  const start = parseTime(ledger.identity.genesis.market.start);
  if (backOffice === undefined || start === undefined) throw new Error('the development ledger has a back office');
  // The one interval that had just ended when market time began: it can be metered at once, and its books stay open.
  const interval = formatInterval(millis(Math.floor(start / INTERVAL_MS - 1) * INTERVAL_MS));
  const accounts = Array.from({ length: keys }, (_, i) => {
    const zone = ZONES[i % ZONES.length] ?? ZONES[0];
    const seed = randomBytes(32);
    return {
      account: randomBytes(16).toString('hex'),
      meter: randomBytes(16).toString('hex'),
      zone: zone.id,
      operator: zone.operator,
      seedHex: seed.toString('hex'),
      kid: toBase64Url(native.publicKeyOf(seed)),
    };
  });

  const sent: string[] = [];
  const send = async (organisation: string, operations: readonly Operation[]): Promise<void> => {
    for (let at = 0; at < operations.length; at += OPERATIONS_PER_ENVELOPE) {
      const group = operations.slice(at, at + OPERATIONS_PER_ENVELOPE);
      sent.push(...(await members.send(organisation, group)).operationIds);
    }
  };
  await send(
    'back-office',
    accounts.flatMap(({ account, kid }): Operation[] => [
      { type: 'registry.openAccount', account, organisation: backOffice.id },
      { type: 'registry.registerKey', key: kid, owner: { kind: 'account', account } },
    ]),
  );
  await allExecuted(client, sent.splice(0));
  const supply = (WATT_EACH * BigInt(keys)).toString();
  await send('bank', [
    ...accounts.map(({ account }): Operation => ({ type: 'registry.setKyc', account, status: 'verified' })),
    { type: 'accounts.attestReserve', amount: supply, reference: 'bench-reserve' },
    ...accounts.map(({ account }): Operation => ({
      type: 'accounts.mint',
      account,
      amount: WATT_EACH.toString(),
      reference: 'bench-deposit',
    })),
  ]);
  for (const operator of new Set(ZONES.map((zone) => zone.operator)))
    await send(
      operator,
      accounts
        .filter((account) => account.operator === operator)
        .flatMap(({ account, meter, zone }): Operation[] => [
          { type: 'registry.registerMeter', meter, account, zone, limitWh: String(KWH_EACH_WH) },
          {
            type: 'metering.recordReading',
            meter,
            interval,
            consumedWh: '0',
            producedWh: String(KWH_EACH_WH),
          },
        ]),
    );
  await allExecuted(client, sent);
  return {
    kind: 'market',
    accounts: accounts.map(({ account, zone, seedHex }) => ({ account, zone, seedHex })),
    interval,
  };
}

async function allExecuted(client: GridClient, ids: readonly string[]): Promise<void> {
  const until = Date.now() + DECIDED_WITHIN_MS;
  let open = [...ids];
  while (open.length > 0) {
    if (Date.now() > until) throw new Error(`${open.length} operations of the preparation were not decided`);
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
    const views = new Map((await statuses(client, open)).map((view) => [view.id, view]));
    open = open.filter((id) => {
      const view = views.get(id);
      if (view === undefined || view.status === 'pending') return true;
      if (view.status !== 'executed') throw new Error(`the preparation met ${view.status} ${view.code ?? ''}`);
      return false;
    });
  }
}

async function statuses(client: GridClient, ids: readonly string[]): Promise<readonly OperationView[]> {
  try {
    return await client.statuses(ids);
  } catch (error) {
    if (error instanceof GridProblem && error.status === 404) return [];
    throw error;
  }
}
