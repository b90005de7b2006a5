import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres, type RunningPostgres } from '@gridtokenx/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  independentCheck,
  ToldLedger,
  type CheckSources,
  type ComputedStatement,
  type StatedTotals,
  type ToldBlock,
} from './check.js';

/** What a ledger may say: the check believes none of its sums, so a test lets it say anything. */
type Told = { readonly type: string } & Readonly<Record<string, unknown>>;

const TARIFFS = fileURLToPath(new URL('../../../../data/tariffs.json', import.meta.url));
/** Monday, 10:00 in Thailand: on-peak. */
const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const id = (digit: string): string => digit.repeat(32);
const seller = id('1');
const atHome = id('2');
const farAway = id('3');
const unmetered = id('4');
const here = id('5');
const there = id('6');
const platform = id('7');
const tax = id('8');

const METERS = `meter_id,operator,zone,class
pv,HERE,Z-HERE,household
load,HERE,Z-HERE,household
far,THERE,Z-THERE,commercial
`;
const READINGS = `meter_id,interval_start,consumed_wh,produced_wh
pv,2026-06-15T10:00:00+07:00,200,1200
load,2026-06-15T10:00:00+07:00,900,0
far,2026-06-15T10:00:00+07:00,500,0
pv,2026-06-15T10:15:00+07:00,0,9000
`;
const CORRECTIONS = `meter_id,interval_start,consumed_wh,produced_wh
pv,2026-06-15T10:00:00+07:00,200,900
`;
const POPULATION = {
  pv: { meter: id('a'), account: seller },
  load: { meter: id('b'), account: atHome },
  far: { meter: id('c'), account: farAway },
};
const BOOK = {
  entries: [
    {
      validFrom: '2026-06-01',
      wires: [{ wheeling: 10_700 }],
      vat: { on: ['gridFee', 'wheeling'] },
      payees: { platform, tax },
    },
  ],
};

const reading = (meter: string, account: string, zone: string, consumed: number, produced: number): Told => ({
  type: 'metering.readingRecorded',
  meter,
  account,
  zone,
  interval: INTERVAL,
  consumedWh: String(consumed),
  producedWh: String(produced),
  mintedWh: String(Math.max(0, produced - consumed)),
  importWh: String(Math.max(0, consumed - produced)),
});

interface Agreed {
  readonly buyer: string;
  readonly toZone: string;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly mechanism?: string;
  readonly phase?: string;
}

/** A trade with its two orders: a bid that just reaches it with the wheeling of 1.1449 THB/kWh, and an ask. */
function agreed(trade: number, money: Readonly<Record<string, string>>, terms: Agreed): Told[] {
  const { mechanism = 'continuous', phase = 'spot', buyer, ...rest } = terms;
  const book = { mechanism, phase, fromZone: 'Z-HERE', toZone: rest.toZone, interval: INTERVAL };
  const order = (side: string, account: string, priceTicks: number): Told => ({
    type: 'market.orderPlaced',
    order: `${side}-${trade}`,
    account,
    side,
    ...book,
    priceTicks,
    quantityWh: String(rest.quantityWh),
  });
  return [
    order('ask', seller, rest.priceTicks),
    order('bid', buyer, rest.priceTicks + 115),
    {
      type: 'market.traded',
      trade,
      bid: `bid-${trade}`,
      ask: `ask-${trade}`,
      buyer,
      seller,
      ...book,
      priceTicks: rest.priceTicks,
      quantityWh: String(rest.quantityWh),
      feePayee: rest.toZone === 'Z-HERE' ? here : there,
      ...money,
    },
  ];
}

const paid = (payer: string, payee: string, amount: number): Told => ({
  type: 'settlement.duePaid',
  payer,
  payee,
  amount: String(amount),
});

const named = (names: string, values: readonly number[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, String(values[i])]));

const tradeCorrected = (trade: number, values: readonly number[]): Told => ({
  type: 'settlement.tradeCorrected',
  trade,
  interval: INTERVAL,
  ...named('deliveredWh shortfallWh buyerMore sellerMore toOperatorMore fromOperatorMore platformMore taxMore', values),
});

const positionCorrected = (account: string, zone: string, values: readonly number[]): Told => ({
  type: 'settlement.positionCorrected',
  account,
  zone,
  interval: INTERVAL,
  ...named(
    'importWh exportWh boughtWh retiredWh surplusWh amount expiredWh amountMore mintedMoreWh movedInMoreWh movedOutMoreWh retiredMoreWh expiredMoreWh',
    values,
  ),
});

const settled = (account: string, zone: string, wh: readonly number[], amount = 0): Told => ({
  type: 'settlement.positionSettled',
  account,
  zone,
  interval: INTERVAL,
  ...named('importWh exportWh boughtWh retiredWh surplusWh expiredWh', wh),
  amount: String(amount),
});

/** 600 Wh sold ahead, 300 to another zone, 50 to somebody without a meter; 50 are left. Computed by hand. */
const STORY: readonly Told[] = [
  ...[seller, atHome, farAway, unmetered, here, there].map((account) => ({
    type: 'accounts.minted',
    account,
    asset: 'WATT',
    amount: '10000000',
  })),
  ...agreed(
    1,
    { notional: '1800000', buyerFee: '19260', sellerFee: '0', wheeling: '686940', toOperator: '660000', tax: '46200' },
    { buyer: atHome, toZone: 'Z-HERE', priceTicks: 300, quantityWh: 600, phase: 'forward' },
  ),
  reading(id('a'), seller, 'Z-HERE', 200, 1_200),
  reading(id('b'), atHome, 'Z-HERE', 900, 0),
  reading(id('c'), farAway, 'Z-THERE', 500, 0),
  ...agreed(
    2,
    { notional: '750000', buyerFee: '8025', sellerFee: '0', wheeling: '343470', toOperator: '328500', tax: '22995' },
    { buyer: farAway, toZone: 'Z-THERE', priceTicks: 250, quantityWh: 300 },
  ),
  ...agreed(
    3,
    { notional: '125000', buyerFee: '1337', sellerFee: '0', wheeling: '57245', toOperator: '54750', tax: '3832' },
    { buyer: unmetered, toZone: 'Z-HERE', priceTicks: 250, quantityWh: 50, mechanism: 'auction' },
  ),
  {
    type: 'settlement.contractSettled',
    trade: 1,
    deliveredWh: '600',
    shortfallWh: '0',
    buyerPays: '2506200',
    sellerGets: '1800000',
    toOperator: '660000',
    fromOperator: '0',
    platform: '0',
    tax: '46200',
    topUpBuyer: '0',
    topUpSeller: '0',
  },
  settled(seller, 'Z-HERE', [0, 1_000, 0, 0, 50, 0], 110_000),
  settled(atHome, 'Z-HERE', [900, 0, 600, 600, 0, 0]),
  settled(unmetered, 'Z-HERE', [0, 0, 50, 0, 0, 50]),
  settled(farAway, 'Z-THERE', [500, 0, 300, 300, 0, 0]),
  { type: 'settlement.intervalSettled', interval: INTERVAL },
  paid(here, seller, 110_000),
  { type: 'settlement.netted', net: '110000' },
  tradeCorrected(2, [100, 200, 234_330, -1_192_100, 973_100, 0, 0, -15_330]),
  tradeCorrected(3, [0, 50, 58_582, -298_025, 243_275, 0, 0, -3_832]),
  positionCorrected(seller, 'Z-HERE', [0, 700, 0, 0, 0, 0, 0, -110_000, -300, 0, -200, -50, 0]),
  positionCorrected(farAway, 'Z-THERE', [500, 0, 100, 100, 0, 0, 0, 0, 0, -200, 0, -200, 0]),
  positionCorrected(unmetered, 'Z-HERE', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50]),
  { type: 'settlement.corrected', interval: INTERVAL },
  paid(seller, there, 973_100),
  paid(seller, here, 353_275),
  paid(seller, farAway, 234_330),
  paid(seller, unmetered, 39_420),
  paid(tax, unmetered, 19_162),
  { type: 'settlement.netted', net: '1619287' },
];

/** After the correction: 600 + 100 + 0 Wh are delivered; for the rest the operators stand in at 5.9605 THB/kWh. */
const BALANCES: Readonly<Record<string, number>> = {
  [seller]: 10_000_000 + 1_800_000 + 250_000 - 692_100 - 173_025,
  [atHome]: 10_000_000 - 1_800_000 - 19_260 - 686_940,
  [farAway]: 10_000_000 - 250_000 - 2_675 - 114_490 - 500_000,
  [unmetered]: 10_000_000 - 125_000,
  [here]: 10_000_000 + 660_000 + 298_025,
  [there]: 10_000_000 + 109_500 + 1_192_100,
  [tax]: 46_200 + 7_665,
};

/** As the SDK states them: of the seller after the correction, of a buyer before it, and of a utility. */
const STATEMENTS: readonly StatedTotals[] = [
  {
    account: seller,
    kind: 'participant',
    isCorrected: true,
    totals: { exportWh: '700', soldWh: '700', sales: '1184875', amount: '1184875' },
  },
  {
    account: farAway,
    kind: 'participant',
    isCorrected: false,
    totals: {
      importWh: '500',
      boughtWh: '300',
      usedWh: '300',
      retailWh: '200',
      purchases: '-1101495',
      amount: '-1101495',
    },
  },
  {
    account: there,
    kind: 'utility',
    isCorrected: true,
    totals: { charges: '109500', topUp: '1192100', surplus: '0', amount: '1301600' },
  },
];

let folder: string;
let postgres: RunningPostgres;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-check-'));
  postgres = await startPostgres({ folder });
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

interface World {
  readonly story: readonly Told[];
  readonly balances: Readonly<Record<string, number>>;
  readonly sources: Partial<CheckSources>;
  readonly postings: ToldBlock['postings'];
  readonly statements: readonly StatedTotals[];
}

async function check({
  story = STORY,
  balances = BALANCES,
  sources = {},
  postings,
  statements = STATEMENTS,
}: Partial<World> = {}) {
  const ledger = new ToldLedger();
  const posted = Object.entries(balances).map(([account, watt]) => [account, 'WATT', String(watt), '0'] as const);
  ledger.take({
    height: 1,
    events: story as unknown as ToldBlock['events'],
    postings: [...posted, ...(postings ?? [])],
  });
  return independentCheck(
    postgres.url,
    ledger,
    {
      'readings.csv': READINGS,
      'corrections.csv': CORRECTIONS,
      'meters.csv': METERS,
      'tariffs.json': await readFile(TARIFFS, 'utf8'),
      'tariff-book.json': JSON.stringify(BOOK),
      'population.json': JSON.stringify(POPULATION),
      'zones.json': JSON.stringify({
        'Z-HERE': { operator: 'here', account: here },
        'Z-THERE': { operator: 'there', account: there },
      }),
      'intervals.json': JSON.stringify(['2026-06-15T03:00:00Z']),
      ...sources,
    },
    {
      balances: Object.entries(balances).map(([account, watt]) => ({ account, height: 1, watt: BigInt(watt) })),
      statements,
    },
  );
}

const faultsOf = async (world: Partial<World>): Promise<string[]> => [
  ...new Set((await check(world)).differences.map(({ what }) => what)),
];

/** The story with the last event of this type, or that of this trade, told otherwise. */
function otherwise(type: string, fields: Readonly<Record<string, unknown>>, trade?: number): Told[] {
  const at = STORY.findLastIndex((event) => event.type === type && (trade === undefined || event['trade'] === trade));
  return STORY.map((event, i) => (i === at ? { ...event, ...fields } : event));
}

describe('the independent check', () => {
  it('finds nothing where everything adds up, and computes statements before and after the correction', async () => {
    const { differences, statements } = await check();
    expect(differences).toEqual([]);
    const of = (title: string): ComputedStatement[] => statements.filter((one) => one.title === title);
    expect(of('pv')).toMatchObject([
      {
        version: 1,
        export: 1_000n,
        sold: 950n,
        surplus: 50n,
        earned: 2_675_000n,
        feed_in: 110_000n,
        amount: 2_785_000n,
      },
      { version: 2, export: 700n, sold: 700n, surplus: 0n, earned: 1_184_875n, feed_in: 0n, amount: 1_184_875n },
    ]);
    expect(of('there')).toMatchObject([{ charged: 328_500n }, { charged: 1_301_600n }]);
    expect(of('here')).toMatchObject([{ amount: 604_750n }, { amount: 958_025n }]);
    expect(of('tax')).toMatchObject([{ amount: 73_027n }, { amount: 53_865n }]);
    expect(of('far')).toMatchObject([
      { used: 300n, retail: 200n },
      { used: 100n, retail: 400n },
    ]);
    expect(of('other')).toMatchObject([
      { bought: 50n, expired: 50n },
      { bought: 0n, spent: -125_000n },
    ]);
  });

  it.each<[what: string, where: string, world: Partial<World>]>([
    [
      'a reading that is not the one in the file',
      'reading',
      { story: otherwise('metering.readingRecorded', { importWh: '501' }) },
    ],
    ['a reading that is missing', 'reading', { story: STORY.filter((event) => event['meter'] !== id('b')) }],
    [
      'an interval that was not settled',
      'interval',
      { sources: { 'intervals.json': JSON.stringify(['2026-06-15T03:00:00Z', '2026-06-15T03:15:00Z']) } },
    ],
    [
      'a notional that is off by one micro-WATT',
      'money of a trade',
      { story: otherwise('market.traded', { notional: '125001' }) },
    ],
    [
      'a fee that is off by one micro-WATT',
      'money of a trade',
      { story: otherwise('market.traded', { buyerFee: '1338' }) },
    ],
    [
      'a residue that went to the tax',
      'money of a trade',
      { story: otherwise('market.traded', { tax: '3833', toOperator: '54749' }) },
    ],
    ['wheeling that was not charged', 'money of a trade', { story: otherwise('market.traded', { wheeling: '0' }, 2) }],
    [
      'charges that went to another utility',
      'money of a trade',
      { story: otherwise('market.traded', { feePayee: here }, 2) },
    ],
    [
      'a price above the limit with the wheeling',
      'trade of its orders',
      { story: otherwise('market.orderPlaced', { priceTicks: 364 }) },
    ],
    [
      'a price below what was asked',
      'trade of its orders',
      { story: STORY.map((event) => (event['order'] === 'ask-2' ? { ...event, priceTicks: 251 } : event)) },
    ],
    [
      'a trade of somebody else’s order',
      'trade of its orders',
      { story: otherwise('market.traded', { buyer: farAway }) },
    ],
    [
      'an order that traded more than it asked for',
      'order',
      { story: otherwise('market.orderPlaced', { quantityWh: '49' }) },
    ],
    ['more sold than was metered', 'sold and not there', { story: otherwise('market.traded', { quantityWh: '101' }) }],
    [
      'a contract of which too little was delivered',
      'contract',
      { story: otherwise('settlement.contractSettled', { deliveredWh: '599', shortfallWh: '1' }) },
    ],
    [
      'a contract that was forgotten',
      'contract',
      { story: STORY.filter(({ type }) => type !== 'settlement.contractSettled') },
    ],
    [
      'a feed-in at another rate',
      'position',
      { story: otherwise('settlement.positionSettled', { account: seller, zone: 'Z-HERE' }) },
    ],
    [
      'energy that was bought and not used up',
      'position',
      { story: otherwise('settlement.positionSettled', { retiredWh: '299', surplusWh: '1' }) },
    ],
    [
      'a position that was not settled',
      'position',
      { story: STORY.filter((event) => event.type !== 'settlement.positionSettled' || event['account'] !== unmetered) },
    ],
    [
      'a correction that was not made',
      'correction',
      { story: STORY.filter(({ type }) => type !== 'settlement.corrected') },
    ],
    [
      'a correction that left a trade out',
      'correction of a trade',
      { story: STORY.filter((event) => event.type !== 'settlement.tradeCorrected' || event['trade'] !== 3) },
    ],
    [
      'a correction that gave a buyer too much',
      'correction of a trade',
      { story: otherwise('settlement.tradeCorrected', { buyerMore: '58583', sellerMore: '-298026' }) },
    ],
    [
      'a correction that took back too little energy',
      'correction of a position',
      { story: otherwise('settlement.positionCorrected', { expiredMoreWh: '-49' }) },
    ],
    [
      'a due that was paid to somebody else',
      'dues of a cycle',
      { story: otherwise('settlement.duePaid', { payee: farAway }) },
    ],
    [
      'a netting that moved more than it had to',
      'net of a cycle',
      { story: otherwise('settlement.netted', { net: '1619288' }) },
    ],
    [
      'a statement that is off by one micro-WATT',
      'statement',
      { statements: STATEMENTS.map((one) => ({ ...one, totals: { ...one.totals, amount: '1301601' } })) },
    ],
    [
      'a balance that nothing explains',
      'WATT posted',
      { balances: { ...BALANCES, [seller]: (BALANCES[seller] ?? 0) - 1 } },
    ],
    ['energy that is left over', 'energy left', { postings: [[seller, `KWH:Z-HERE:${INTERVAL}`, '1', '0']] }],
  ])('finds %s', async (_what, where, world) => {
    expect(await faultsOf(world)).toContain(where);
  });

  it('leaves alone what others did in an interval that was not replayed', async () => {
    const interval = '2026-06-15T03:15:00Z/PT15M';
    const story: Told[] = [
      ...STORY,
      { ...reading(id('d'), unmetered, 'Z-HERE', 10, 0), interval },
      { ...settled(unmetered, 'Z-HERE', [10, 0, 0, 0, 0, 0]), interval },
      { type: 'settlement.intervalSettled', interval },
    ];
    expect((await check({ story })).differences).toEqual([]);
  });

  it('finds an auction with two prices, and one with a single price it lets pass', async () => {
    const more = (ticks: number): Told[] => [
      ...STORY,
      ...agreed(4, {}, { buyer: atHome, toZone: 'Z-HERE', priceTicks: ticks, quantityWh: 1, mechanism: 'auction' }),
    ];
    expect(await faultsOf({ story: more(251) })).toContain('auction');
    expect(await faultsOf({ story: more(250) })).not.toContain('auction');
  });

  it('charges an order by its cumulative notional, however its trades split', async () => {
    // 33 + 17 Wh at 2.50: floor(1.07 % of the sum) less what was charged, not the sum of two floors.
    const traded = STORY.find((event) => event['trade'] === 3 && event.type === 'market.traded');
    const part = (trade: number, money: Readonly<Record<string, string>>, wh: number): Told =>
      ({ ...traded, trade, quantityWh: String(wh), ...money }) as Told;
    const at = STORY.indexOf(traded as Told);
    const parts = [
      part(3, { notional: '82500', buyerFee: '882', wheeling: '37781', toOperator: '36135', tax: '2528' }, 33),
      part(4, { notional: '42500', buyerFee: '455', wheeling: '19463', toOperator: '18616', tax: '1302' }, 17),
    ];
    const { differences } = await check({ story: STORY.toSpliced(at, 1, ...parts) });
    expect(differences.filter(({ what }) => what === 'money of a trade')).toEqual([]);
  });
});
