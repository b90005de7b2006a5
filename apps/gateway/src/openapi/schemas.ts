import * as f from '@gridtokenx/protocol';
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from '@gridtokenx/runtime';
import { QUALITIES, TIME_ZONES, type TimeZone } from '@gridtokenx/client';
import { parseInterval, parseTime, INTERVAL_MS, type Millis } from '@gridtokenx/kernel';
import { ORDER_STATUSES, VALIDATOR_CHANGE_STATUSES } from '@gridtokenx/projections';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';

/**
 * Everything that goes in and out, once: requests are parsed by these, answers are typed by these (and held against
 * them in tests), and the OpenAPI document is made of these.
 */

const STATUS_IDS_MAX = 1_000;
const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;

const text = (description: string): z.ZodString => z.string().describe(description);
const whole = z.int().min(0);
const display = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .describe('for display');

// Requests

const minHeight = wholeNumber(0, HEIGHT_MAX)
  .optional()
  .describe('Answer only from this block height on: waits up to 5 s, else 503 read.heightNotReached.');
const limit = wholeNumber(1, PAGE_ITEMS_MAX).optional().describe(`Items of a page, ${PAGE_ITEMS_DEFAULT} by default.`);
const cursor = z.string().min(1).max(512).optional().describe('`next` of the page before, with the same filter.');

const startOf = (value: string): Millis | undefined => {
  const start = parseInterval(value) ?? parseTime(value);
  return start !== undefined && start % INTERVAL_MS === 0 ? start : undefined;
};
/** A delivery interval, or its start alone, which needs no escaping in a path. */
export const intervalStart = z
  .string()
  .refine((value) => startOf(value) !== undefined, 'an interval such as 2026-06-15T03:00:00Z/PT15M, or its start')
  .transform((value) => startOf(value) ?? 0)
  .describe('A delivery interval such as 2026-06-15T03:00:00Z/PT15M (escape the slash in a path), or its start alone.');

export const readQuery = z.strictObject({ minHeight });
export const emptyQuery = z.strictObject({});
export const batchQuery = z.strictObject({
  mode: z
    .enum(['partial', 'all-or-nothing'])
    .default('partial')
    .describe('partial: what is good goes through. all-or-nothing: nothing is appended unless every line passes.'),
});
/** Books, as far as they are named. */
const ofBook = {
  mechanism: f.mechanism.optional(),
  phase: f.phase.optional(),
  fromZone: f.zoneId.optional(),
  toZone: f.zoneId.optional(),
  interval: intervalStart.optional(),
};
export const marketsQuery = z.strictObject({
  minHeight,
  limit,
  cursor,
  ...ofBook,
  open: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .describe('Only those that are not closed, or only those that are.'),
});
export const bookQuery = z.strictObject({
  minHeight,
  mechanism: f.mechanism.optional(),
  phase: f.phase.optional(),
});
export const tradesQuery = z.strictObject({
  minHeight,
  limit,
  cursor,
  ...ofBook,
  account: f.accountId.optional(),
  order: z.enum(['newest', 'oldest']).default('newest').describe('Which come first.'),
});
export const statementQuery = z
  .strictObject({
    minHeight,
    from: intervalStart.describe('Intervals that start then or later.'),
    to: intervalStart.describe('Intervals that start before.'),
    format: z.enum(['json', 'csv']).default('json').describe('csv: the rows alone.'),
    basis: z
      .enum(['true', 'false'])
      .default('true')
      .transform((value) => value === 'true')
      .describe('Whether rows name the events that they stand on, as height:outcome:event.'),
  })
  .refine(({ from, to }) => from < to, { error: 'after `from`', path: ['to'] });
export const readingsQuery = z.strictObject({
  operator: f.organisationId.optional().describe('Lines of meters of other operators are refused.'),
  timeZone: z
    .enum(Object.keys(TIME_ZONES) as [TimeZone, ...TimeZone[]])
    .optional()
    .describe('Of stamps without an offset.'),
  registerDigits: wholeNumber(1, f.REGISTER_DIGITS_MAX)
    .optional()
    .describe('Digits of Wh after which registers begin again, where the ledger does not know.'),
});
const orderStatus = z.enum(ORDER_STATUSES);
export const ordersQuery = z.strictObject({
  minHeight,
  limit,
  cursor,
  ...ofBook,
  account: f.accountId.optional(),
  status: orderStatus.optional(),
});
const height = wholeNumber(0, HEIGHT_MAX);
export const blocksQuery = z
  .strictObject({
    minHeight,
    limit,
    cursor: z
      .string()
      .regex(/^(above|below):(0|[1-9]\d{0,15})$/, '`next` of the page before')
      .optional(),
    before: height.optional().describe('Blocks below this height.'),
    after: height.optional().describe('Blocks above this height: those nearest to it.'),
  })
  .refine(({ cursor: c, before, after }) => [c, before, after].filter((one) => one !== undefined).length <= 1, {
    error: 'one of cursor, before and after',
    path: ['cursor'],
  });

export const validatorStatus = z.enum(['active', 'suspended', 'former']);
export const validatorsQuery = z.strictObject({
  minHeight,
  limit,
  cursor: f.keyId.optional().describe('`next` of the page before, with the same filter.'),
  status: validatorStatus.optional(),
});
const changeStatus = z.enum(VALIDATOR_CHANGE_STATUSES);
export const validatorChangesQuery = z.strictObject({ minHeight, limit, cursor, status: changeStatus.optional() });

export const operationPath = z.strictObject({ id: f.operationId });
export const accountPath = z.strictObject({ id: f.accountId });
export const orderPath = z.strictObject({ id: f.operationId });
export const bookPath = z.strictObject({ from: f.zoneId, to: f.zoneId, interval: intervalStart });
export const blockPath = z.strictObject({ height: wholeNumber(1, HEIGHT_MAX) });
export const keyPath = z.strictObject({ kid: f.keyId });
export const proofPath = z.strictObject({ height: wholeNumber(1, HEIGHT_MAX), operationId: f.operationId });

export const envelopeText = text(
  'A JWS in compact serialisation: header {alg, kid, typ, ledger}, payload EnvelopePayload, Ed25519. At most 512 KiB.',
);
export const envelopeBody = z.strictObject({ envelope: envelopeText });
export const statusBody = z.strictObject({ ids: z.array(f.operationId).min(1).max(STATUS_IDS_MAX) });

export const operationUnion = z.union(Object.values(f.operationSchemas));
export const eventUnion = z.union(Object.values(f.eventSchemas));

/** Documented, not used for parsing: `decodeEnvelope` of the protocol does that. */
export const envelopePayload = z.strictObject({
  sequence: z.int().min(1).describe('Used once per key, inside a window of 1,024 or above it.'),
  validUntil: f.time.describe('At most an hour after the time of the block.'),
  atomic: z.boolean().describe('true: one refusal undoes the whole envelope.'),
  operations: z.array(operationUnion).min(1).max(f.OPERATIONS_PER_ENVELOPE_MAX),
});

// Answers

const standing = { height: whole.describe('Block height that the answer stands at.'), time: f.time };
const next = z.string().optional().describe('Give it back as `cursor`. Absent at the end.');

export const problemItem = z.strictObject({
  code: z.string(),
  pointer: z.string().optional().describe('RFC 6901, into the payload, the query or the body.'),
  line: z.int().min(1).optional().describe('Of a batch, from 1.'),
  detail: z.string().optional(),
});
export const problemDocument = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  errors: z.array(problemItem).optional(),
});

export const operationLink = z.strictObject({ id: f.operationId, href: z.string() });
export const acceptedAnswer = z.strictObject({ status: z.literal('accepted'), operations: z.array(operationLink) });
export const batchLine = z.discriminatedUnion('status', [
  z.strictObject({ line: z.int(), status: z.literal('accepted'), operations: z.array(operationLink) }),
  z.strictObject({ line: z.int(), status: z.literal('refused'), problem: problemItem }),
]);
export const batchAnswer = z.strictObject({
  accepted: whole.describe('Envelopes.'),
  refused: whole.describe('Envelopes.'),
  operations: whole.describe('Operations in the accepted envelopes.'),
  results: z.array(batchLine).describe('In line order; blank lines have none.'),
});

const readingsFault = z.strictObject({
  code: z.string(),
  column: z.string().optional().describe('Of a CSV file.'),
  pointer: z.string().optional().describe('RFC 6901, into a line of NDJSON.'),
  reason: z.string(),
  hint: z.string().optional(),
});
const readingsLine = z.strictObject({
  line: z.int().min(1),
  status: z.enum(['reading', 'register', 'missing', 'duplicate', 'superseded', 'refused']),
  meter: f.meterId.optional(),
  interval: f.interval.optional(),
  of: z.int().min(1).optional().describe('The line that says the same, or has a higher version.'),
  outOfOrder: z.literal(true).optional(),
  faults: z.array(readingsFault).readonly().optional(),
});
const checkedReading = z.strictObject({
  line: z.int().min(1),
  meter: f.meterId,
  interval: f.interval,
  quality: z.enum(QUALITIES),
  version: z.int().min(1),
  consumedWh: f.energyWh,
  producedWh: f.energyWh,
});
export const readingsAnswer = z.strictObject({
  ...standing,
  marketTime: f.time.describe('Later readings are of the future.'),
  file: z
    .array(readingsFault.extend({ line: z.int().min(1) }))
    .readonly()
    .describe('Not empty when the file as a whole is refused.'),
  refused: whole.describe('Lines.'),
  lines: z.array(readingsLine).readonly().describe('In file order; blank lines have none.'),
  readings: z.array(checkedReading),
  gaps: z.array(
    z.strictObject({
      meter: f.meterId,
      from: f.time,
      to: f.time,
      sum: z.strictObject({ consumedWh: f.energyWh, producedWh: f.energyWh }).optional(),
    }),
  ),
});

export const statement = z.strictObject({
  kind: z.enum(['participant', 'utility']),
  account: f.accountId,
  period: z.strictObject({ from: f.time, until: f.time }),
  version: z.int().min(1).describe('1, and 1 more for each correction that touches it.'),
  totals: z.record(z.string(), z.string()),
  rows: z
    .array(z.record(z.string(), z.union([z.string(), z.int()])))
    .describe('Cells that apply, by column: see docs/spec/settlement.md 8.'),
});

const fourTexts = z.tuple([z.string(), z.string(), z.string(), z.string()]).readonly();
export const outcomeDocument = z.discriminatedUnion('status', [
  z.strictObject({
    v: z.literal(1),
    status: z.literal('executed'),
    events: z.array(eventUnion).readonly(),
    postings: z.array(fourTexts).readonly().describe('[account, asset, change of available, change of held]'),
    holds: z.array(fourTexts).readonly().describe('[order, account, asset, amount that now stands in escrow]'),
  }),
  z.strictObject({
    v: z.literal(1),
    status: z.literal('rejected'),
    code: z.string(),
    detail: z.record(z.string(), z.string()).optional(),
  }),
]);
const outcome = outcomeDocument as z.ZodType<f.Outcome, f.Outcome>;

export const operationStatus = z.strictObject({
  id: f.operationId,
  status: z
    .enum(['pending', 'executed', 'rejected', 'expired', 'refused'])
    .describe('expired and refused: in no block, and no block can take it any more.'),
  kid: f.keyId,
  type: z.string().optional(),
  code: z.string().optional().describe('Why not.'),
  height: whole.optional().describe('Of the block that holds it.'),
  index: whole.optional().describe('Of its leaf in the results tree of the block.'),
  block: z.string().optional(),
  proof: z.string().optional(),
});
export const operationAnswer = operationStatus.extend({
  asOf: z.strictObject(standing),
  outcome: outcome.optional(),
});
export const statusAnswer = z.strictObject({
  ...standing,
  operations: z.array(operationStatus),
  unknown: z.array(f.operationId),
});

export const account = z.strictObject({
  account: f.accountId,
  organisation: f.organisationId,
  kycStatus: f.kycStatus,
  kycUntil: f.time.optional(),
  openedHeight: whole,
});
export const accountAnswer = account.extend(standing);

export const balance = z.strictObject({
  asset: f.asset,
  available: f.amount,
  held: f.amount,
  availableThb: display.optional(),
  heldThb: display.optional(),
  availableKwh: display.optional(),
  heldKwh: display.optional(),
});
export const balancesAnswer = z.strictObject({ ...standing, account: f.accountId, items: z.array(balance) });

const bookKey = {
  mechanism: f.mechanism,
  phase: f.phase,
  fromZone: f.zoneId,
  toZone: f.zoneId,
  interval: f.interval,
};

export const order = z.strictObject({
  order: f.operationId,
  account: f.accountId,
  side: f.side,
  ...bookKey,
  priceTicks: f.priceTicks,
  quantityWh: f.energyWh,
  remainingWh: f.energyWh,
  timeInForce: f.timeInForce,
  expiresAt: f.time,
  status: orderStatus,
  validFrom: f.time.optional().describe('Of an order that waited, or waits: from when it stands.'),
  placedHeight: whole,
  placedIndex: whole,
  tariffVersion: whole,
  quantityKwh: display,
  remainingKwh: display,
  priceThbPerKwh: display,
});
export const orderAnswer = order.extend(standing);
export const ordersAnswer = z.strictObject({ ...standing, items: z.array(order), next });

export const trade = z.strictObject({
  trade: whole,
  bid: f.operationId,
  ask: f.operationId,
  buyer: f.accountId,
  seller: f.accountId,
  ...bookKey,
  priceTicks: f.priceTicks,
  quantityWh: f.energyWh,
  notional: f.amount,
  buyerFee: f.amount,
  sellerFee: f.amount,
  wheeling: f.amount.describe('What the buyer pays for the wires on top of its fee, with tax.'),
  feePayee: f.accountId.describe('The operator of the delivery zone.'),
  toOperator: f.amount.describe('What it gets: with the three below, both fees and the wheeling.'),
  fromOperator: f.amount.describe('What the operator of the other zone gets.'),
  platform: f.amount,
  tax: f.amount,
  tariffVersion: whole,
  tariffHash: f.hashHex.describe('Of the tariff book that priced it.'),
  height: whole.describe('Of the block that holds it.'),
  index: whole,
  event: whole.describe('Among the events of its outcome, from 0.'),
  time: f.time,
  operationId: f.operationId.optional().describe('The operation that made the match; absent when a hook did.'),
  proof: z.string().optional(),
  energyKwh: display,
  priceThbPerKwh: display,
  totalThb: display.describe('The energy alone.'),
  gridFeeThb: display.describe('Both fees.'),
  wheelingThb: display,
});
export const contract = trade.extend({
  status: z.enum(['open', 'settled']),
  cuts: z.array(f.eventSchemas['market.contractCut']).describe('By the network, in their order.'),
  settled: f.eventSchemas['settlement.contractSettled'].optional(),
});
export const tradesAnswer = z.strictObject({ ...standing, items: z.array(trade), next });

const priceLevel = z.strictObject({
  priceTicks: f.priceTicks,
  quantityWh: f.amount,
  orders: whole,
  priceThbPerKwh: display,
  quantityKwh: display,
});
const restingOrder = z.strictObject({
  order: f.operationId,
  account: f.accountId,
  priceTicks: f.priceTicks,
  remainingWh: f.energyWh,
  placedHeight: whole,
  placedIndex: whole,
});
export const bookSide = z.strictObject({
  levels: z.array(priceLevel).describe('Best price first.'),
  orders: z.array(restingOrder).describe('In price-time order.'),
});
export const market = z.strictObject({
  ...bookKey,
  openedHeight: whole,
  closesAt: f.time,
  closedHeight: whole.optional(),
  tariffVersion: whole.describe('By which it trades, with what follows from it.'),
  tariffHash: f.hashHex,
  wheeling: f.tariffRate.describe('0.0001 THB/kWh, with tax.'),
  operatorFrom: f.accountId,
  operatorTo: f.accountId,
  platform: f.accountId,
  tax: f.accountId,
});
export const marketsAnswer = z.strictObject({ ...standing, items: z.array(market), next });
export const book = market.extend({
  bids: bookSide,
  asks: bookSide,
});
const { type: _halted, ...halt } = f.eventSchemas['market.halted'].shape;
const { type: _tripped, ...pause } = f.eventSchemas['market.breakerTripped'].shape;
export const bookAnswer = book.extend({
  ...standing,
  halt: z.strictObject(halt).optional().describe('The regulator has halted the pair, as of now.'),
  pause: z.strictObject(pause).optional().describe('A price move has halted the book until it reopens, as of now.'),
});

export const block = z.strictObject({
  height: whole,
  hash: f.hashHex,
  parentHash: f.hashHex,
  time: f.time,
  marketTime: f.time.describe('By which books open and close; proven by the first outcome of the block.'),
  epoch: whole,
  proposer: whole,
  round: whole,
  signers: whole.describe('Validators in the certificate.'),
  envelopes: whole,
  operations: whole,
  rejected: whole,
  hooks: whole,
  trades: whole,
  bodyBytes: whole,
  record: z.string(),
});
const base64url = z.string().regex(/^[A-Za-z0-9_-]*$/);
export const blockAnswer = z.strictObject({
  ...standing,
  block,
  header: base64url.describe('Header bytes.'),
  certificate: base64url.describe('Certificate bytes.'),
});
export const blocksAnswer = z.strictObject({ ...standing, items: z.array(block), next });

export const proofAnswer = z.strictObject({
  ledgerId: z.string(),
  height: whole.describe('Of the block.'),
  header: base64url,
  certificate: base64url,
  operationId: f.operationId,
  index: whole,
  size: whole,
  outcome: base64url.describe('The bytes in the results tree.'),
  path: z.array(f.hashHex),
  decoded: outcome.describe('`outcome` for people; no part of the proof.'),
  signers: whole,
});

export const lightBlockAnswer = z.strictObject({
  ledgerId: z.string(),
  height: whole.describe('Of the block.'),
  header: base64url,
  certificate: base64url,
  validators: z.array(f.keyId).describe('Of the set that decided the block, in set order.'),
  nextValidators: z.array(f.keyId).describe('Of the set that decides the next height.'),
});

const ofWindow = 'Of the last `window` blocks: ';
export const validator = z.strictObject({
  kid: f.keyId,
  organisation: f.organisationId.optional(),
  status: validatorStatus.describe(
    'active: in the set that decides the next block. suspended: its proposals are refused; it may be in the set until an epoch ends, and then has an index.',
  ),
  index: whole.optional().describe('In that set.'),
  firstHeight: whole.describe('The first height that it had a part in deciding.'),
  height: whole.optional().describe('Of the last message that this gateway heard from it.'),
  round: whole.optional().describe('Of that message.'),
  lastVote: z.enum(['proposal', 'prepare', 'commit', 'roundChange']).optional().describe('The type of that message.'),
  heardAt: f.time.optional().describe('When it was heard, by the clock of this gateway.'),
  lastSignedHeight: whole.optional().describe(`${ofWindow}the last whose certificate it signed.`),
  memberBlocks: whole.describe(`${ofWindow}those that it had a part in deciding.`),
  signedBlocks: whole.describe(`${ofWindow}those whose certificate it signed.`),
  signedShare: f.ratio.describe(
    'signedBlocks of memberBlocks, in 0.0001. A certificate stops at a quorum: of 21 who are all well, 14 sign each, so a low share alone is no fault.',
  ),
  missedProposals: whole.describe(
    `${ofWindow}its turns to propose that passed: rounds before the one that decided, but for who first proposed what was decided.`,
  ),
  missedProposalsEver: whole,
  observedBlocks: whole.describe(`${ofWindow}those of which this gateway heard everything, and the next is final.`),
  missedVotes: whole.describe(
    'Of the observed blocks: those for which neither a PREPARE nor a COMMIT of it was heard before the next block was final, and whose certificate it did not sign. A COMMIT that comes late, or is left out of a certificate that was full, is no miss.',
  ),
});
export const validatorChange = z.strictObject({
  change: f.operationId.describe('The operation that proposed it, or the evidence that calls for it.'),
  kind: f.validatorChangeKind,
  validator: f.keyId,
  key: f.keyId.optional().describe('Of rotateKey: the key that comes after.'),
  organisation: f.organisationId.optional().describe('Who proposed it; absent when evidence calls for it.'),
  until: f.time.optional().describe('Until when it may be decided.'),
  votes: whole.describe('Validators whose organisations approved it, when it was last approved.'),
  needed: whole.optional().describe('How many decide.'),
  status: changeStatus.describe('decided: waiting for its turn, at most f changes an epoch.'),
  proposedHeight: whole,
  decidedHeight: whole.optional(),
  endedHeight: whole.optional(),
});
export const validatorChangesAnswer = z.strictObject({ ...standing, items: z.array(validatorChange), next });
export const validatorsAnswer = z.strictObject({
  ...standing,
  epoch: whole.describe('Of the next block.'),
  window: whole.describe('How many of the last blocks are counted.'),
  items: z.array(validator),
  next,
});

export const key = z.strictObject({
  kid: f.keyId,
  organisation: f.organisationId.optional().describe('Absent on a ledger without organisations.'),
  account: f.accountId.optional(),
  registeredHeight: whole,
  removedHeight: whole.optional(),
  highestSequence: whole.describe('0 when it has signed nothing yet. Envelopes under way are not in it.'),
  window: z.strictObject({
    size: whole,
    lowestAcceptable: whole,
    used: z.array(whole).describe('Those within the window, ascending.'),
  }),
});
export const keyAnswer = key.extend(standing);

const check = z.looseObject({ status: z.enum(['ok', 'failing']) });
export const healthAnswer = z.strictObject({
  status: z.enum(['ok', 'failing']),
  ledgerId: z.string(),
  height: whole.optional(),
  time: f.time.optional(),
  lagMs: z.int().optional().describe('Own clock less block time. An idle ledger beats every few seconds.'),
  pendingOperations: whole,
  checks: z.record(z.string(), check),
});
