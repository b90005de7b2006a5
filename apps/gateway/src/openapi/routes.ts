import { LEDGER_PATHS, type LedgerKind } from '@gridtokenx/protocol';
import type { z } from 'zod';
import { consortiumListRoutes } from './consortium-list-routes.js';
import type { ListRoute } from './list-routes.js';
import { publicRoutes } from './public-routes.js';
import { proofsQuery } from './public-schemas.js';
import * as s from './schemas.js';

export interface Content {
  readonly type: string;
  /** Absent for bytes. */
  readonly schema?: z.ZodType;
  readonly description?: string;
}

/** One route as it is documented, its path under that of the ledger. A test holds the list against the router's own. */
export interface RouteDoc {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodType;
  readonly request?: readonly Content[];
  readonly status: 200 | 202;
  readonly answer: Content;
  /** Statuses of the problems it may answer, beyond 400, 500 and 503. */
  readonly problems?: readonly number[];
}

const json = (schema: z.ZodType): Content => ({ type: 'application/json', schema });

/** Of every ledger, under its path. */
const sharedRoutes: readonly RouteDoc[] = [
  {
    method: 'POST',
    path: '/operations',
    id: 'submitOperations',
    summary: 'Submit one signed envelope',
    description:
      '202 means durable on the bus, not ordered. The same bytes sent again are the same operations. Codes `envelope.*` and `operation.*` tell why not; the advice about keys and sequences stands on the read models, the check of the ledger is law.',
    query: s.emptyQuery,
    request: [
      { type: 'application/jose', schema: s.envelopeText },
      { type: 'text/plain', schema: s.envelopeText },
      { type: 'application/json', schema: s.envelopeBody },
    ],
    status: 202,
    answer: json(s.acceptedAnswer),
    problems: [403, 409, 413, 415, 422, 429],
  },
  {
    method: 'POST',
    path: '/batches',
    id: 'submitBatch',
    summary: 'Submit many signed envelopes, one a line',
    description:
      'At most 10,000 operations and 32 MiB. A line is a JWS, bare or as a JSON string or as {"envelope": "<jws>"}. Results come in line order; a batch of which nothing is taken in is 422 with errors by line.',
    query: s.batchQuery,
    request: [{ type: 'application/x-ndjson', schema: s.envelopeText }],
    status: 202,
    answer: json(s.batchAnswer),
    problems: [413, 415, 422, 429],
  },
  {
    method: 'POST',
    path: '/operations/status',
    id: 'operationStatuses',
    summary: 'Where up to 1,000 operations stand',
    query: s.readQuery,
    request: [json(s.statusBody)],
    status: 200,
    answer: json(s.statusAnswer),
    problems: [413, 415],
  },
  {
    method: 'GET',
    path: '/operations/{id}',
    id: 'operation',
    summary: 'What became of an operation',
    description:
      'pending, executed or rejected (in a block, with a proof), or derived: expired (block time has passed validUntil) and refused (another envelope has used the sequence, or the key was removed). Unknown once five minutes have passed after validUntil.',
    params: s.operationPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.operationAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/blocks',
    id: 'blocks',
    summary: 'Blocks, newest first',
    query: s.blocksQuery,
    status: 200,
    answer: json(s.blocksAnswer),
  },
  {
    method: 'GET',
    path: '/blocks/{height}',
    id: 'block',
    summary: 'A block',
    params: s.blockPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.blockAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/blocks/{height}/record',
    id: 'blockRecord',
    summary: 'The bytes of a block: all that is needed to verify it, given the genesis file',
    params: s.blockPath,
    query: s.readQuery,
    status: 200,
    answer: { type: 'application/octet-stream', description: 'encodeBlock bytes; docs/spec/wire.md' },
    problems: [404],
  },
  {
    method: 'GET',
    path: '/blocks/{height}/proof/{operationId}',
    id: 'proof',
    summary: 'That an operation had its outcome: header, certificate and Merkle path',
    params: s.proofPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.proofAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/light-blocks/{height}',
    id: 'lightBlock',
    summary: 'A block without its content, and the keys of its validators and of the next',
    description:
      'For light clients (docs/spec/light-client.md): the keys count only because the header names them by hash, and the header because enough of validators trusted before have signed it.',
    params: s.blockPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.lightBlockAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/validators',
    id: 'validators',
    summary: 'Who decides, and who is silent',
    description:
      'In the order of their keys. What comes from blocks is the same at every gateway; `height`, `round`, `lastVote`, `heardAt`, `observedBlocks` and `missedVotes` are what this gateway heard on the consensus topic since it started, signatures verified (docs/spec/participation.md).',
    query: s.validatorsQuery,
    status: 200,
    answer: json(s.validatorsAnswer),
  },
  {
    method: 'GET',
    path: '/keys/{kid}',
    id: 'key',
    summary: 'A key and its replay window',
    params: s.keyPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.keyAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/genesis',
    id: 'genesis',
    summary: 'The genesis file: a convenience, never a trust anchor',
    description: 'Whoever verifies brings the file, or its hash, from somewhere else.',
    query: s.emptyQuery,
    status: 200,
    answer: { type: 'application/json', description: 'The exact bytes that the ledger id is the hash of.' },
  },
  {
    method: 'GET',
    path: '/health',
    id: 'health',
    summary: 'Whether bus and read models answer, and where the ledger stands',
    description: '503 with the same body when something fails.',
    query: s.emptyQuery,
    status: 200,
    answer: json(s.healthAnswer),
  },
];

const consortiumRoutes: readonly RouteDoc[] = [
  {
    method: 'POST',
    path: '/readings/check',
    id: 'checkReadings',
    summary: 'Check a file of meter readings, without sending anything',
    description:
      'The rules are docs/spec/metering.md section 4, the formats docs/operations/readings.md. 200 whether the file is good or not: each line has its result. At most 1 MiB. Meters are known by the read models; what was recorded before is not checked.',
    query: s.readingsQuery,
    request: [
      { type: 'text/csv', description: 'RFC 4180, UTF-8, with a header' },
      { type: 'application/x-ndjson', description: 'one reading a line' },
    ],
    status: 200,
    answer: json(s.readingsAnswer),
    problems: [413, 415, 429],
  },
  {
    method: 'GET',
    path: '/accounts/{id}',
    id: 'account',
    summary: 'An account',
    params: s.accountPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.accountAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/accounts/{id}/balances',
    id: 'balances',
    summary: 'The balances of an account',
    params: s.accountPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.balancesAnswer),
    problems: [404],
  },
  ...(['accounts', 'operators'] as const).map((whose): RouteDoc => ({
    method: 'GET',
    path: `/${whose}/{id}/statement`,
    id: whose === 'accounts' ? 'accountStatement' : 'operatorStatement',
    summary:
      whose === 'accounts'
        ? 'What an account measured, traded, used and was paid in a period'
        : 'What a utility was paid for its wires and paid for surplus in a period, and where its energy went',
    description:
      'Of settled intervals alone (docs/spec/settlement.md 8). The same events give the same bytes; a correction gives another version. As CSV with `format=csv`. 422 `statement.tooLarge`: ask for a shorter period.',
    params: s.accountPath,
    query: s.statementQuery,
    status: 200,
    answer: json(s.statement),
    problems: [404, 422],
  })),
  {
    method: 'GET',
    path: '/markets',
    id: 'markets',
    summary: 'Books with the terms that they trade under, those that opened last first',
    query: s.marketsQuery,
    status: 200,
    answer: json(s.marketsAnswer),
  },
  {
    method: 'GET',
    path: '/markets/{from}/{to}/{interval}/book',
    id: 'book',
    summary: 'The order book of a zone pair and delivery interval',
    description: 'Where there are several, and mechanism or phase is not said, the one that opened last.',
    params: s.bookPath,
    query: s.bookQuery,
    status: 200,
    answer: json(s.bookAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/trades',
    id: 'trades',
    summary: 'Trades',
    query: s.tradesQuery,
    status: 200,
    answer: json(s.tradesAnswer),
  },
  {
    method: 'GET',
    path: '/orders',
    id: 'orders',
    summary: 'Orders, newest first',
    query: s.ordersQuery,
    status: 200,
    answer: json(s.ordersAnswer),
  },
  {
    method: 'GET',
    path: '/orders/{id}',
    id: 'order',
    summary: 'An order',
    params: s.orderPath,
    query: s.readQuery,
    status: 200,
    answer: json(s.orderAnswer),
    problems: [404],
  },
  {
    method: 'GET',
    path: '/validator-changes',
    id: 'validatorChanges',
    summary: 'What the consortium is asked to change of its validators, newest first',
    description: 'An open one is approved by `validators.approveChange` with its id (docs/spec/validators.md).',
    query: s.validatorChangesQuery,
    status: 200,
    answer: json(s.validatorChangesAnswer),
  },
  {
    method: 'GET',
    path: '/openapi.json',
    id: 'openApi',
    summary: 'This document',
    query: s.emptyQuery,
    status: 200,
    answer: { type: 'application/json' },
  },
];

const proofsPage: RouteDoc = {
  method: 'GET',
  path: '/proofs',
  id: 'proofs',
  summary: 'A page for people: what is anchored and published, and a block of the consortium shown under its anchor',
  query: proofsQuery,
  status: 200,
  answer: { type: 'text/html' },
};

const documented = (routes: readonly ListRoute<never, never>[]): RouteDoc[] =>
  routes.map(({ path, id, summary, description, params, query, answer, mayLack }): RouteDoc => ({
    method: 'GET',
    path,
    id,
    summary,
    ...(description !== undefined && { description }),
    ...(params !== undefined && { params }),
    query,
    status: 200,
    answer: json(answer),
    ...(mayLack && { problems: [404] }),
  }));

const OWN: Readonly<Record<LedgerKind, readonly RouteDoc[]>> = {
  consortium: [...consortiumRoutes, ...documented(consortiumListRoutes)],
  public: [...documented(publicRoutes), proofsPage],
};

/** All routes of a ledger, with their full paths, and names that no other ledger's have. */
export const routesOf = (kind: LedgerKind): RouteDoc[] =>
  [...sharedRoutes, ...OWN[kind]].map((route) => ({
    ...route,
    path: `${LEDGER_PATHS[kind]}${route.path}`,
    id: kind === 'consortium' ? route.id : `${kind}${route.id.charAt(0).toUpperCase()}${route.id.slice(1)}`,
  }));
