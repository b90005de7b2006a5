import { native } from '@gridtokenx/crypto-native';
import { identityOfKind, ledgerTopics, readGenesis, TREASURY_ACCOUNT } from '@gridtokenx/protocol';
import { gridAmount } from '@gridtokenx/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from './create-gateway.js';
import { genesisFile, newWorld, type World } from './fixture.spec.js';
import { publicRoutes } from './openapi/public-routes.js';
import {
  anchorSecondBlock,
  ANN,
  BOB,
  CALL_HASH,
  CAT,
  EVENTS,
  FakePublicReads,
  MULTISIG,
  OLD_REPORT,
  PUBLIC_FILE,
  PUBLICATION,
  REPORT,
} from './public-fixture.spec.js';

const identity = identityOfKind(readGenesis(native, PUBLIC_FILE), 'public');

let world: World;
let gateway: Gateway;
beforeEach(async () => {
  world = newWorld();
  await world.log.ensureTopics([ledgerTopics.public.operations, ledgerTopics.public.consensus]);
  const consortium = { identity: world.identity, genesisFile: genesisFile(4), readModels: world.readModels };
  const readModels = new FakePublicReads(identity, EVENTS);
  anchorSecondBlock(world, readModels);
  gateway = await world.gateway({
    ledgers: { consortium, public: { identity, genesisFile: PUBLIC_FILE, readModels } },
  });
});
afterEach(() => world.close());

type Body = Record<string, unknown> & { readonly items?: readonly Record<string, unknown>[] };
async function get(path: string): Promise<{ status: number; body: Body; headers: Record<string, unknown> }> {
  const { statusCode, body, headers } = await gateway.app.inject({ method: 'GET', url: `/v1/public${path}` });
  return { status: statusCode, body: JSON.parse(body) as Body, headers };
}

/** Of each route, by its path: one that finds something. */
const asked = new Map(
  [
    `/accounts`,
    `/accounts/${ANN}`,
    `/transfers?account=${CAT}`,
    '/supply',
    '/fees',
    '/parameters',
    '/parameters/grid.feeBase/history',
    '/candidates?stands=true',
    `/candidates/${ANN}`,
    '/nominators',
    `/nominators/${BOB}`,
    `/accounts/${ANN}/bond`,
    `/accounts/${ANN}/bond/history`,
    `/accounts/${BOB}/supports`,
    `/accounts/${BOB}/rewards`,
    `/accounts/${BOB}/slashes`,
    '/eras',
    '/eras/3',
    '/eras/3/set',
    '/eras/3/election',
    '/eras/3/payouts',
    '/slashes?status=settled',
    '/slashes/1',
    '/offences',
    '/proposals?status=failed&track=treasury',
    '/proposals/7',
    '/proposals/7/history',
    '/proposals/7/tallies',
    '/proposals/7/votes',
    `/preimages/${CALL_HASH}`,
    `/accounts/${BOB}/votes`,
    `/accounts/${BOB}/votes/history`,
    `/accounts/${BOB}/delegations`,
    `/accounts/${ANN}/delegators`,
    '/treasury',
    '/treasury/spends?status=waiting',
    '/treasury/history',
    '/anchors',
    '/anchors/1100',
    '/anchors/1/proof',
    '/anchoring',
    '/aggregates?status=disputed',
    `/aggregates/${PUBLICATION}`,
    '/reports?kind=audit',
    `/reports/${OLD_REPORT}`,
    `/multisigs?signer=${BOB}`,
    `/multisigs/${MULTISIG}`,
    `/multisigs/${MULTISIG}/proposals?status=open`,
    `/multisigs/${MULTISIG}/history`,
  ].map((path) => {
    const parts = (path.split('?')[0] ?? '').split('/');
    const route = publicRoutes.find(({ path: documented }) => {
      const words = documented.split('/');
      return words.length === parts.length && words.every((word, at) => word.startsWith('{') || word === parts[at]);
    });
    return [route?.path, path] as const;
  }),
);

describe('a route of the public ledger', () => {
  it.each(publicRoutes.map((route) => [route.path, route] as const))(
    '%s answers as it is described',
    async (path, route) => {
      const { status, body, headers } = await get(asked.get(path) ?? 'not asked');
      expect([path, status]).toEqual([path, 200]);
      expect(headers['x-ledger-height']).toBe('1');
      const { success, error } = route.answer.safeParse(body);
      expect([path, success, error?.issues]).toEqual([path, true, undefined]);
      expect([path, 'items' in route.answer.shape, body.items?.length ?? 0]).not.toEqual([path, true, 0]);
    },
  );

  it('refuses what it does not take, and says what is not there', async () => {
    for (const path of ['/accounts/x', '/eras/01', '/proposals?status=open', '/transfers?to=me', '/anchors/0'])
      expect([path, (await get(path)).status]).toEqual([path, 400]);
    for (const path of [`/candidates/${CAT}`, '/eras/9', '/proposals/8', '/anchors/1201', `/reports/${CALL_HASH}`]) {
      const { status, body } = await get(path);
      expect([path, status, body['code']]).toEqual([path, 404, 'public.unknown']);
    }
  });

  it('pages, in either direction, with a link to the next page', async () => {
    const { body, headers } = await get('/transfers?limit=1');
    expect(body.items).toMatchObject([{ from: CAT, to: BOB, amount: '2' }]);
    expect(headers['link']).toBe(`</v1/public/transfers?limit=1&cursor=1>; rel="next"`);
    const second = await get('/transfers?limit=1&cursor=1');
    expect(second.body.items).toMatchObject([{ from: ANN, to: CAT, amount: '7' }]);
    expect(second.headers['link']).toBeUndefined();
    expect((await get('/transfers?order=oldest')).body.items?.map(({ amount }) => amount)).toEqual(['7', '2']);
  });
});

describe('what is told of the public ledger', () => {
  it('is what an account may spend: what it has, less the greatest lock', async () => {
    expect((await get(`/accounts/${ANN}`)).body).toMatchObject({
      account: ANN,
      available: '100',
      spendable: '30',
      locks: [
        { reason: 'staking', amount: '70' },
        { reason: 'governance', amount: '20' },
      ],
    });
  });

  it('is all GRID, by reason', async () => {
    const genesis = BigInt(gridAmount(20_000));
    expect((await get('/supply')).body).toMatchObject({
      genesis: genesis.toString(),
      issued: { stakingReward: '30' },
      destroyed: { treasuryBurn: '8' },
      total: (genesis + 22n).toString(),
    });
    expect((await get('/treasury')).body).toMatchObject({
      account: TREASURY_ACCOUNT,
      collected: { fees: '9', dust: '1' },
      burned: '8',
    });
  });

  it('is why somebody earned what', async () => {
    const { body } = await get(`/accounts/${BOB}/rewards`);
    expect(body.items).toMatchObject([
      { height: 1, fact: { type: 'reward', era: 3, validator: ANN, stake: '50', reward: '2' } },
    ]);
    const { body: bond } = await get(`/accounts/${BOB}/bond`);
    expect(bond).toMatchObject({ id: BOB, payee: null, bonded: '50', active: '50' });
    const { body: paid } = await get('/eras/3/payouts');
    expect(paid.items).toMatchObject([
      { fact: { validator: ANN, points: 40, ofPoints: 40, payout: '20', residue: '1' } },
    ]);
  });

  it('is how a referendum stands, and which report follows which', async () => {
    expect((await get('/proposals/7')).body).toMatchObject({
      id: '7',
      status: 'failed',
      code: 'key.notAuthorised',
      placed: true,
      decisionDeposit: { account: BOB, amount: '100' },
      tally: { ayes: '5' },
    });
    expect((await get(`/reports/${OLD_REPORT}`)).body).toMatchObject({ supersededBy: REPORT, version: 1 });
    expect((await get('/anchors/1100')).body).toMatchObject({ height: 1_200, asOf: { height: 1 } });
    expect((await get(`/multisigs/${MULTISIG}/proposals`)).body.items).toMatchObject([
      { approvals: 2, status: 'open' },
    ]);
  });
});
