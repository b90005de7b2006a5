import { anchorId, type SumKind } from '@gridtokenx/projections';
import * as f from '@gridtokenx/protocol';
import type { PublicReadModels } from '@gridtokenx/runtime';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';
import { problem } from '../problems.js';
import type { AnchorProofs } from '../read/anchor-proofs.js';
import { pageBody, recordBody } from '../read/list-views.js';
import { gridAccountBody, supplyBody, transferBody, treasuryBody } from '../read/public-views.js';
import { asOf } from '../read/views.js';
import { flag as wholeFlag } from './list-schemas.js';
import { listing, listRoutes, paramsOf, subjectOf, type ListRoute, type OfPath } from './list-routes.js';
import * as s from './public-schemas.js';

export type PublicRoute = ListRoute<PublicReadModels, AnchorProofs>;

const { feed, list, one } = listRoutes<PublicReadModels, AnchorProofs, SumKind>({
  facts: s.factSchemas,
  records: s.recordSchemas,
  unknown: 'public.unknown',
});

const flag = wholeFlag.optional();
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
    read: async (reads, asked, { hrefs }) => {
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
  one({ path: '/candidates/{id}', id: 'candidate', summary: 'A candidate' }, 'candidate', account, { sums: BOND }),
  list({ path: '/nominators', id: 'nominators', summary: 'Who nominates whom' }, 'nominator', { sums: BOND }),
  one({ path: '/nominators/{id}', id: 'nominator', summary: 'Whom an account nominates' }, 'nominator', account, {
    sums: BOND,
  }),
  one({ path: '/accounts/{id}/bond', id: 'bond', summary: 'What an account has bonded' }, 'bond', account, {
    sums: BOND,
  }),
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
    read: (_reads, { params }, { more }) => more.proof(Number(params['height'])),
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
