import { INTERVAL_MS } from '@gridtokenx/kernel';
import * as f from '@gridtokenx/protocol';
import type { ReadModels } from '@gridtokenx/runtime';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';
import { flowBody, flowsOf } from '../read/flows.js';
import { pageBody, factBody } from '../read/list-views.js';
import type { Tariffs } from '../read/tariffs.js';
import { asOf, contractBody, readingBody } from '../read/views.js';
import * as s from './consortium-list-schemas.js';
import { listing, listRoutes, paramsOf, subjectOf, type ListRoute, type OfPath } from './list-routes.js';
import { answerOf, factOf, flag, listQuery, oneQuery, pageOf } from './list-schemas.js';
import { contract, intervalStart } from './schemas.js';

/** A day. */
const FLOW_INTERVALS_MAX = 96;

export type ConsortiumRoute = ListRoute<ReadModels, Tariffs>;

const { feed, list, one } = listRoutes<ReadModels, Tariffs>({
  facts: s.factSchemas,
  records: s.recordSchemas,
  unknown: 'read.unknown',
});

const account: OfPath = ['id', f.accountId];
const meter: OfPath = ['id', f.meterId];
const zone: OfPath = ['zone', f.zoneId];
const interval: OfPath = ['interval', s.intervalText];
const version: OfPath = ['version', s.version];

/** What only the consortium answers, beside its accounts, orders and trades: one row for each route. */
export const consortiumListRoutes: readonly ConsortiumRoute[] = [
  // Contracts and settlement
  {
    path: '/contracts',
    id: 'contracts',
    summary: 'Forward trades, what the network cut of them, and how they were settled; newest first',
    query: listQuery.extend({
      account: f.accountId.optional(),
      mechanism: f.mechanism.optional(),
      fromZone: f.zoneId.optional(),
      toZone: f.zoneId.optional(),
      interval: intervalStart.optional(),
      open: flag.optional().describe('Those alone that are not settled, or that are.'),
    }),
    answer: pageOf(contract),
    mayLack: false,
    read: async (reads, asked, { hrefs }) => {
      const { interval: intervalStartMs, cursor: _, order: __, ...filter } = asked.query;
      const { items, next, ...at } = await reads.contracts({
        ...filter,
        ...listing(asked, 'newest'),
        intervalStartMs,
      } as Parameters<ReadModels['contracts']>[0]);
      return { at, body: pageBody(at, items, (view) => contractBody(view, hrefs), next) };
    },
  },
  {
    path: '/accounts/{id}/positions',
    id: 'positions',
    summary:
      'What the settled positions of an account came to, by zone and delivery interval, and what corrections made of it',
    ...paramsOf(account),
    query: listQuery,
    answer: pageOf(
      factOf(f.eventSchemas['settlement.positionSettled'], f.eventSchemas['settlement.positionCorrected']),
    ),
    mayLack: false,
    read: async (reads, asked, { hrefs }) => {
      const { items, next, ...at } = await reads.positions(subjectOf(account, asked), listing(asked, 'newest'));
      return { at, body: pageBody(at, items, (view) => factBody(view, hrefs), next) };
    },
  },
  feed(
    { path: '/netting', id: 'netting', summary: 'Dues that were netted together: what they came to, and who waits' },
    'netting',
  ),
  feed(
    {
      path: '/corrections',
      id: 'corrections',
      summary: 'Settled positions that were corrected, with the readings and the tariff that did it',
    },
    'corrections',
    { having: { account: f.accountId.optional(), zone: f.zoneId.optional() } },
  ),
  feed(
    {
      path: '/trades/{trade}/corrections',
      id: 'tradeCorrections',
      summary: 'What was delivered for a trade after all, and what each party got more or less by that',
    },
    'tradeCorrections',
    { of: ['trade', s.version] },
  ),
  feed({ path: '/accounts/{id}/dues', id: 'dues', summary: 'Dues that an account paid or was paid' }, 'dues', {
    of: account,
  }),
  list(
    {
      path: '/zones/{zone}/settlements',
      id: 'settlements',
      summary: 'The settled intervals of a zone: how many positions, and the root of their tree',
    },
    'settledZone',
    { of: zone },
  ),
  one(
    { path: '/zones/{zone}/settlements/{interval}', id: 'settlement', summary: 'A settled interval of a zone' },
    'settledZone',
    interval,
    { of: zone },
  ),

  // Auctions
  feed(
    {
      path: '/intervals/{interval}/clearings',
      id: 'clearings',
      summary: 'Auctions of a delivery interval: price, volume, curves, and what shows that they are right',
    },
    'clearings',
    { of: interval, having: { phase: f.phase.optional(), fromZone: f.zoneId.optional(), toZone: f.zoneId.optional() } },
  ),

  // Rules
  list({ path: '/rules', id: 'marketRules', summary: 'Versions of the rules of the market' }, 'rules'),
  one({ path: '/rules/{version}', id: 'marketRulesVersion', summary: 'A version of the rules' }, 'rules', version),
  list({ path: '/limits', id: 'marketLimits', summary: 'Limits of single accounts, by account' }, 'limits'),
  list({ path: '/halts', id: 'halts', summary: 'Pairs of zones that are halted' }, 'halt'),
  list({ path: '/pauses', id: 'pauses', summary: 'Books that a price move halted, until they reopen' }, 'pause'),
  list({ path: '/bars', id: 'bars', summary: 'Accounts that are barred from trading' }, 'bar'),
  feed(
    {
      path: '/supervision',
      id: 'supervision',
      summary: 'What the regulator decided, and where trading stopped and reopened by itself',
    },
    'supervision',
  ),

  // Tariffs
  {
    path: '/tariffs',
    id: 'tariffs',
    summary: 'Versions of the tariff book, oldest first',
    query: oneQuery,
    answer: answerOf(z.strictObject({ items: z.array(s.tariffVersion) })),
    mayLack: false,
    read: async (reads, _, { more }) => {
      const { books, ...at } = await more.versions(reads);
      const items = books.map(({ book, ...version }) => ({
        ...version,
        entries: book.entries.length,
        decisions: book.calendar.decisions.length,
      }));
      return { at, body: { ...asOf(at), items } };
    },
  },
  {
    path: '/tariffs/{version}',
    id: 'tariff',
    summary: 'A version of the tariff book, whole',
    ...paramsOf(version),
    query: oneQuery,
    answer: answerOf(s.tariffBookAnswer),
    mayLack: true,
    read: async (reads, { params }, { more }) => {
      const { version: found, ...at } = await more.version(reads, Number(params['version']));
      return { at, body: { ...asOf(at), version: found.version, hash: found.hash, book: found.book } };
    },
  },
  {
    path: '/tariff-terms/{from}/{to}/{interval}',
    id: 'tariffTerms',
    summary: 'What trading between two zones for a delivery interval costs, by the newest tariff book or a former one',
    params: z.strictObject({ from: f.zoneId, to: f.zoneId, interval: intervalStart }),
    query: oneQuery.extend({ version: s.version.optional() }),
    answer: answerOf(s.tariffTerms),
    mayLack: true,
    read: async (reads, { params, query }, { more }) => {
      const { from, to, interval: start } = params as { from: string; to: string; interval: number };
      const wanted = query['version'] === undefined ? undefined : Number(query['version']);
      const { terms, ...at } = await more.termsAt(reads, { from, to, start, version: wanted });
      return { at, body: { ...asOf(at), ...terms } };
    },
  },

  // The network
  {
    path: '/zones',
    id: 'zones',
    summary: 'The zones, with who operates their wires',
    query: oneQuery,
    answer: answerOf(z.strictObject({ items: z.array(s.zone) })),
    mayLack: false,
    read: async (reads, _, { more }) => {
      const at = await reads.cursor();
      return { at, body: { ...asOf(at), items: more.zones } };
    },
  },
  list({ path: '/network/links', id: 'links', summary: 'Links, and what each carries per interval' }, 'link', {
    order: 'oldest',
  }),
  list({ path: '/network/pairs', id: 'pairs', summary: 'Pairs of zones, and whether they trade' }, 'pair', {
    order: 'oldest',
    having: { isOpen: flag.optional(), fromZone: f.zoneId.optional(), toZone: f.zoneId.optional() },
  }),
  list({ path: '/network/feeders', id: 'feeders', summary: 'Feeders, and what each carries per interval' }, 'feeder', {
    order: 'oldest',
    having: { zone: f.zoneId.optional() },
  }),
  {
    path: '/network/flows/{from}',
    id: 'flows',
    summary: 'What to expect over links and on feeders, by delivery interval, from forward trades and open orders',
    description:
      'Of up to 96 intervals from `from` on. Over a link `out` is from its first zone to its second, on a feeder out of it. What ' +
      'meters without a feeder, and accounts without a meter, have in a zone is `unassigned`.',
    params: z.strictObject({ from: intervalStart }),
    query: oneQuery.extend({
      intervals: wholeNumber(1, FLOW_INTERVALS_MAX).optional().describe('How many; 96, a day, by default.'),
      name: z.string().min(1).max(32).optional().describe('Of one link or feeder, or of a zone, alone.'),
    }),
    answer: answerOf(z.strictObject({ items: z.array(s.flow) })),
    mayLack: false,
    read: async (reads, { params, query }) => {
      const from = Number(params['from']);
      const { intervals = FLOW_INTERVALS_MAX, name } = query as { intervals?: number; name?: string };
      const { value, ...at } = await reads.networkSources(from, from + intervals * INTERVAL_MS);
      const flows = flowsOf(value).filter((flow) => name === undefined || flow.name === name);
      return { at, body: { ...asOf(at), items: flows.map(flowBody) } };
    },
  },
  list({ path: '/network/alerts', id: 'alerts', summary: 'Alerts of operators' }, 'alert', {
    having: { zone: f.zoneId.optional(), status: s.alertStatus.optional() },
  }),
  list(
    {
      path: '/network/restrictions',
      id: 'restrictions',
      summary: 'Curtailment and maintenance, and what they meant for trade',
    },
    'restriction',
    { having: { status: s.restrictionStatus.optional(), kind: s.restrictionKind.optional() } },
  ),
  one({ path: '/network/restrictions/{id}', id: 'restriction', summary: 'A restriction' }, 'restriction', [
    'id',
    f.operationId,
  ]),
  feed(
    { path: '/network/history', id: 'networkHistory', summary: 'What operators declared and ordered, as it came' },
    'network',
  ),
  list({ path: '/zones/{zone}/status', id: 'status', summary: 'The last report of a zone, by source' }, 'status', {
    of: zone,
  }),
  feed(
    { path: '/zones/{zone}/status/history', id: 'statusHistory', summary: 'Load, frequency and reserve as reported' },
    'status',
    { of: zone },
  ),
  list({ path: '/zones/{zone}/meters', id: 'meterPlaces', summary: 'Meters on the feeders of a zone' }, 'place', {
    of: zone,
    having: { feeder: f.feederId.optional() },
  }),

  // Readings
  {
    path: '/meters/{id}/readings',
    id: 'readings',
    summary: 'The readings of a meter with all their versions, newest interval first',
    ...paramsOf(meter),
    query: oneQuery.extend({ limit: listQuery.shape.limit, cursor: listQuery.shape.cursor }),
    answer: pageOf(s.reading),
    mayLack: false,
    read: async (reads, asked) => {
      const { items, next, ...at } = await reads.readings(subjectOf(meter, asked), listing(asked, 'newest'));
      return { at, body: pageBody(at, items, readingBody, next) };
    },
  },
  feed(
    { path: '/meters/{id}/history', id: 'meterHistory', summary: 'Where a meter hangs, and which devices it had' },
    'meter',
    { of: meter },
  ),
  feed(
    { path: '/meters/{id}/refused-readings', id: 'refusedReadings', summary: 'Readings that were not recorded' },
    'refused',
    { of: meter },
  ),
  feed(
    {
      path: '/zones/{zone}/missing-readings',
      id: 'missingReadings',
      summary: 'At each settlement, how many meters of a zone had no reading',
    },
    'missing',
    { of: zone },
  ),
];
