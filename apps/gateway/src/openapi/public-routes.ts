import { anchorId, type RecordKind, type SumKind, type Topic } from '@gridtokenx/projections';
import * as f from '@gridtokenx/protocol';
import type { AsOf, ListFilter, PublicReadModels } from '@gridtokenx/runtime';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';
import { problem } from '../problems.js';
import type { AnchorProofs } from '../read/anchor-proofs.js';
import {
  factBody,
  gridAccountBody,
  pageBody,
  recordBody,
  supplyBody,
  transferBody,
  treasuryBody,
} from '../read/public-views.js';
import { asOf, type Hrefs } from '../read/views.js';
import * as s from './public-schemas.js';

/** What a route was asked, as its schemas have read it. */
export interface Asked {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
}

export interface PublicAnswer {
  readonly at: AsOf;
  readonly body: Readonly<Record<string, unknown>> & { readonly next?: string };
}

/** A route that only the public ledger has: how it is documented, and what answers it. */
export interface PublicRoute {
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query: z.ZodObject;
  readonly answer: z.ZodObject;
  /** Whether what is asked for may not be there: 404. */
  readonly mayLack: boolean;
  readonly read: (
    reads: PublicReadModels,
    asked: Asked,
    hrefs: Hrefs,
    anchorProofs: AnchorProofs,
  ) => Promise<PublicAnswer>;
}

type Words = Pick<PublicRoute, 'path' | 'id' | 'summary' | 'description'>;
/** The only parameter in the path of a route, where it has one: its name and schema. */
type OfPath = readonly [name: string, schema: z.ZodType];

const paramsOf = (of: OfPath | undefined): Pick<PublicRoute, 'params'> =>
  of === undefined ? {} : { params: z.strictObject({ [of[0]]: of[1] }) };
const subjectOf = (of: OfPath | undefined, { params }: Asked): string =>
  of === undefined ? '' : String(params[of[0]]);
const listing = ({ query: { limit, cursor, order } }: Asked, usually: 'newest' | 'oldest'): ListFilter => ({
  limit: limit as number | undefined,
  after: cursor as string | undefined,
  oldestFirst: (order ?? usually) === 'oldest',
});

/** A list of what happened. */
function feed(
  words: Words,
  topic: Topic,
  { of, order = 'newest' }: { readonly of?: OfPath; readonly order?: 'newest' | 'oldest' } = {},
): PublicRoute {
  const schema = s.factSchemas[topic];
  return {
    ...words,
    ...paramsOf(of),
    query: s.listQuery,
    answer: s.pageOf(schema),
    mayLack: false,
    read: async (reads, asked, hrefs) => {
      const { items, next, ...at } = await reads.facts(topic, subjectOf(of, asked), listing(asked, order));
      return { at, body: pageBody(at, items, (view) => factBody(view, hrefs), next) };
    },
  };
}

interface ListTerms {
  readonly of?: OfPath;
  /** Fields of the records that the query may ask for. */
  readonly having?: z.ZodRawShape;
  readonly sums?: readonly SumKind[];
  readonly order?: 'newest' | 'oldest';
}

/** A list of what stands. */
function list(
  words: Words,
  kind: RecordKind,
  { of, having = {}, sums = [], order = 'newest' }: ListTerms = {},
): PublicRoute {
  return {
    ...words,
    ...paramsOf(of),
    query: s.listQuery.extend(having),
    answer: s.pageOf(s.recordSchemas[kind]),
    mayLack: false,
    read: async (reads, asked) => {
      const wanted = Object.keys(having).flatMap((name) =>
        asked.query[name] === undefined ? [] : [[name, asked.query[name] as string | boolean] as const],
      );
      const filter = {
        ...listing(asked, order),
        sums,
        having: wanted.length === 0 ? undefined : Object.fromEntries(wanted),
      };
      const { items, next, ...at } = await reads.records(kind, subjectOf(of, asked), filter);
      return { at, body: pageBody(at, items, recordBody, next) };
    },
  };
}

/** One of what stands, by the parameter in the path. */
function one(words: Words, kind: RecordKind, of: OfPath, sums: readonly SumKind[] = []): PublicRoute {
  return {
    ...words,
    ...paramsOf(of),
    query: s.oneQuery,
    answer: s.answerOf(s.recordSchemas[kind]),
    mayLack: true,
    read: async (reads, asked) => {
      const { value, ...at } = await reads.record(kind, '', subjectOf(of, asked), sums);
      if (value === undefined) throw problem('public.unknown');
      return { at, body: { ...asOf(at), ...recordBody(value) } };
    },
  };
}

const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
const account: OfPath = ['id', s.account];
const era: OfPath = ['era', s.wholeId];
const referendum: OfPath = ['id', s.wholeId];
const BOND: readonly SumKind[] = ['bonded', 'active'];

export const publicRoutes: readonly PublicRoute[] = [
  {
    path: '/accounts',
    id: 'accounts',
    summary: 'Accounts that have something, in the order of their ids',
    query: s.accountsQuery,
    answer: s.pageOf(s.gridBalance),
    mayLack: false,
    read: async (reads, asked) => {
      const { items, next, ...at } = await reads.gridAccounts(listing(asked, 'oldest'));
      return { at, body: pageBody(at, items, (view) => ({ ...view }), next) };
    },
  },
  {
    path: '/accounts/{id}',
    id: 'account',
    summary: 'What an account has, what of it is locked and why, and what may be spent',
    ...paramsOf(account),
    query: s.oneQuery,
    answer: s.answerOf(s.gridAccount),
    mayLack: false,
    read: async (reads, asked) => {
      const { value, ...at } = await reads.gridAccount(subjectOf(account, asked));
      return { at, body: { ...asOf(at), ...gridAccountBody(value) } };
    },
  },
  {
    path: '/transfers',
    id: 'transfers',
    summary: 'Transfers, of everybody or of one account',
    query: s.listQuery.extend({ account: s.account.optional() }),
    answer: s.pageOf(s.transfer),
    mayLack: false,
    read: async (reads, asked, hrefs) => {
      const filter = { ...listing(asked, 'newest'), account: asked.query['account'] as string | undefined };
      const { items, next, ...at } = await reads.transfers(filter);
      return { at, body: pageBody(at, items, (view) => transferBody(view, hrefs), next) };
    },
  },
  {
    path: '/supply',
    id: 'supply',
    summary: 'All GRID, explained: the genesis, and what was issued and destroyed since, by reason',
    query: s.oneQuery,
    answer: s.answerOf(s.supply),
    mayLack: false,
    read: async (reads) => {
      const { value, ...at } = await reads.sums(['issued', 'destroyed']);
      return { at, body: { ...asOf(at), ...supplyBody(value) } };
    },
  },
  feed({ path: '/fees', id: 'fees', summary: 'What envelopes paid and what accounts left, to the treasury' }, 'fees'),
  list({ path: '/parameters', id: 'parameters', summary: 'What the ledger runs by' }, 'parameter', { order: 'oldest' }),
  feed(
    { path: '/parameters/{name}/history', id: 'parameterHistory', summary: 'How a parameter was changed' },
    'parameter',
    { of: ['name', f.parameterName] },
  ),

  list(
    {
      path: '/candidates',
      id: 'candidates',
      summary: 'Who stands, or stood, for election as a validator, with the bond and the last set',
    },
    'candidate',
    { having: { stands: flag }, sums: BOND },
  ),
  one({ path: '/candidates/{id}', id: 'candidate', summary: 'A candidate' }, 'candidate', account, BOND),
  list({ path: '/nominators', id: 'nominators', summary: 'Who nominates whom' }, 'nominator', { sums: BOND }),
  one({ path: '/nominators/{id}', id: 'nominator', summary: 'Whom an account nominates' }, 'nominator', account, BOND),
  one({ path: '/accounts/{id}/bond', id: 'bond', summary: 'What an account has bonded' }, 'bond', account, BOND),
  feed(
    {
      path: '/accounts/{id}/bond/history',
      id: 'bondHistory',
      summary: 'What an account did with its bond, and from which era on what it unbonded may be withdrawn',
    },
    'bond',
    { of: account },
  ),
  feed(
    {
      path: '/accounts/{id}/supports',
      id: 'supports',
      summary: 'Whom the stake of an account backs, election by election',
    },
    'supports',
    { of: account },
  ),
  feed(
    {
      path: '/accounts/{id}/rewards',
      id: 'rewards',
      summary: 'What an account earned, and why: the era, the validator, and its stake behind it',
      description: 'The sums that each was divided by stand in `/eras/{era}/payouts`.',
    },
    'rewards',
    { of: account },
  ),
  feed({ path: '/accounts/{id}/slashes', id: 'charges', summary: 'What slashes took from an account' }, 'charges', {
    of: account,
  }),
  list({ path: '/eras', id: 'eras', summary: 'Eras: their elections, and what they brought' }, 'era'),
  one({ path: '/eras/{era}', id: 'era', summary: 'An era' }, 'era', era),
  one(
    {
      path: '/eras/{era}/set',
      id: 'eraSet',
      summary: 'Who validates in an era, with what stands behind each; where it has a set of its own',
    },
    'set',
    era,
  ),
  feed(
    {
      path: '/eras/{era}/election',
      id: 'election',
      summary: 'The election of an era as the ledger tells it: what it was held on, and who won with what behind each',
      description:
        'In the order of the blocks: all that it takes to check it again, as `gridtokenx verify election` does.',
    },
    'election',
    { of: era, order: 'oldest' },
  ),
  feed(
    {
      path: '/eras/{era}/payouts',
      id: 'payouts',
      summary: 'What the part of each validator of an era was made of',
    },
    'payouts',
    { of: era, order: 'oldest' },
  ),
  list({ path: '/slashes', id: 'slashes', summary: 'Slashes: deferred, cancelled or taken' }, 'slash', {
    having: { status: s.slashStatus.optional() },
  }),
  one({ path: '/slashes/{id}', id: 'slash', summary: 'A slash' }, 'slash', ['id', s.wholeId]),
  feed({ path: '/offences', id: 'offences', summary: 'Who offended, and what shows it' }, 'offences'),

  list({ path: '/proposals', id: 'proposals', summary: 'Referenda' }, 'referendum', {
    having: { status: s.referendumStatus.optional(), track: f.track.optional() },
  }),
  one({ path: '/proposals/{id}', id: 'proposal', summary: 'A referendum' }, 'referendum', referendum),
  feed(
    { path: '/proposals/{id}/history', id: 'proposalHistory', summary: 'What became of a referendum, step by step' },
    'proposal',
    { of: referendum, order: 'oldest' },
  ),
  feed(
    { path: '/proposals/{id}/tallies', id: 'tallies', summary: 'The tally of a referendum, as it changed' },
    'tallies',
    { of: referendum, order: 'oldest' },
  ),
  list(
    { path: '/proposals/{id}/votes', id: 'votes', summary: 'The votes that stand in a referendum, by account' },
    'vote',
    { of: referendum },
  ),
  one(
    {
      path: '/preimages/{hash}',
      id: 'preimage',
      summary: 'The text of what a referendum decides about, while it is noted',
    },
    'preimage',
    ['hash', f.hashHex],
  ),
  list(
    { path: '/accounts/{id}/votes', id: 'accountVotes', summary: 'The votes of an account that stand, by referendum' },
    'voteOf',
    { of: account },
  ),
  feed(
    {
      path: '/accounts/{id}/votes/history',
      id: 'voteHistory',
      summary: 'How an account voted and delegated, and what that has locked',
    },
    'votes',
    { of: account },
  ),
  list(
    { path: '/accounts/{id}/delegations', id: 'delegations', summary: 'To whom an account delegates, by track' },
    'delegation',
    { of: account },
  ),
  list({ path: '/accounts/{id}/delegators', id: 'delegators', summary: 'Who delegates to an account' }, 'delegator', {
    of: account,
  }),

  {
    path: '/treasury',
    id: 'treasury',
    summary: 'What the treasury has, got and burned',
    query: s.oneQuery,
    answer: s.answerOf(s.treasury),
    mayLack: false,
    read: async (reads) => {
      const [{ value, ...at }, { value: sums }] = await Promise.all([
        reads.gridAccount(f.TREASURY_ACCOUNT),
        reads.sums(['collected', 'destroyed']),
      ]);
      return { at, body: { ...asOf(at), ...treasuryBody(value, sums) } };
    },
  },
  list({ path: '/treasury/spends', id: 'spends', summary: 'What the treasury pays, by number' }, 'spend', {
    having: { status: s.spendStatus.optional() },
  }),
  feed({ path: '/treasury/history', id: 'treasuryHistory', summary: 'Spends and burns as they came' }, 'treasury'),

  list({ path: '/anchors', id: 'anchors', summary: 'Blocks of the consortium that are anchored here' }, 'anchor'),
  {
    path: '/anchors/{height}',
    id: 'anchor',
    summary: 'The anchor under which a block of the consortium stands: the first at its height or above',
    params: z.strictObject({ height: wholeNumber(1, Number.MAX_SAFE_INTEGER) }),
    query: s.oneQuery,
    answer: s.recordSchemas.anchor.extend({ asOf: s.standsAt }),
    mayLack: true,
    read: async (reads, { params }) => {
      const { value, ...at } = await reads.recordFrom('anchor', '', anchorId(Number(params['height'])));
      if (value === undefined) throw problem('public.unknown');
      return { at, body: { ...recordBody(value), asOf: asOf(at) } };
    },
  },
  {
    path: '/anchors/{height}/proof',
    id: 'anchorProof',
    summary: 'Shows a block of the consortium to be under an anchor: the headers from it up to the anchored one',
    description:
      'With the genesis file of the public ledger it is all that a stranger needs (`gridtokenx verify anchor`, docs/spec/transparency.md 4). 404 `anchor.notYet` while no anchor is at this height or above.',
    params: z.strictObject({ height: wholeNumber(1, Number.MAX_SAFE_INTEGER) }),
    query: s.oneQuery,
    answer: s.anchorProof,
    mayLack: true,
    read: (_reads, { params }, _hrefs, anchorProofs) => anchorProofs.proof(Number(params['height'])),
  },
  feed(
    {
      path: '/anchoring',
      id: 'anchoring',
      summary: 'Sets of the consortium that were learned, and when anchoring was frozen and recovered',
    },
    'anchoring',
  ),
  list({ path: '/aggregates', id: 'aggregates', summary: 'Published aggregates of the market' }, 'publication', {
    having: { status: s.publicationStatus.optional() },
  }),
  one({ path: '/aggregates/{id}', id: 'aggregate', summary: 'A publication' }, 'publication', ['id', f.operationId]),
  list({ path: '/reports', id: 'reports', summary: 'Registered hashes of reports' }, 'report', {
    having: { kind: f.reportKind.optional() },
  }),
  one({ path: '/reports/{id}', id: 'report', summary: 'A registered report' }, 'report', ['id', f.operationId]),

  {
    path: '/multisigs',
    id: 'multisigs',
    summary: 'Accounts of several signers, of everybody or those that a key signs for',
    query: s.listQuery.extend({ signer: f.keyId.optional() }),
    answer: s.pageOf(s.recordSchemas.multisig),
    mayLack: false,
    read: async (reads, asked) => {
      const signer = asked.query['signer'] as string | undefined;
      const filter = listing(asked, 'newest');
      const { items, next, ...at } = await (signer === undefined
        ? reads.records('multisig', '', filter)
        : reads.multisigsOf(signer, filter));
      return { at, body: pageBody(at, items, recordBody, next) };
    },
  },
  one({ path: '/multisigs/{id}', id: 'multisig', summary: 'Who signs for an account of several signers' }, 'multisig', [
    'id',
    f.accountId,
  ]),
  list(
    {
      path: '/multisigs/{id}/proposals',
      id: 'multisigProposals',
      summary: 'What was proposed to the signers of an account',
    },
    'proposal',
    { of: ['id', f.accountId], having: { status: s.multisigStatus.optional() } },
  ),
  feed(
    { path: '/multisigs/{id}/history', id: 'multisigHistory', summary: 'What the signers of an account did' },
    'multisig',
    { of: ['id', f.accountId] },
  ),
];
