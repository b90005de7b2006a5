import { formatDecimal, formatInterval, formatTime, millis } from '@gridtokenx/kernel';
import type { BookKey } from '@gridtokenx/projections';
import { SEQUENCE_WINDOW } from '@gridtokenx/protocol';
import type {
  AccountView,
  AsOf,
  BalanceView,
  BlockSummary,
  BookSide,
  BookSummary,
  BookView,
  ContractView,
  KeyView,
  OrderView,
  ReadingView,
  TradeView,
  ValidatorChangeView,
} from '@gridtokenx/runtime';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';

/**
 * Rows as they travel. Amounts are decimal strings of minor units; a field ending in `Thb` or `Kwh` is the same number
 * for people, and nothing computes with it.
 */

const time = (ms: number): string => formatTime(millis(ms));
const interval = (startMs: number): string => formatInterval(millis(startMs));
const thb = (microWatt: bigint | string): string => formatDecimal(BigInt(microWatt), 6);
const kwh = (wh: number | string): string => formatDecimal(BigInt(wh), 3);
const thbPerKwh = (ticks: number): string => formatDecimal(BigInt(ticks), 2, 2);

/** Where things of a ledger are, under the path at which it is served. */
export interface Hrefs {
  readonly operation: (id: string) => string;
  readonly block: (height: number) => string;
  readonly record: (height: number) => string;
  readonly proof: (height: number, id: string) => string;
}

export const hrefsUnder = (base: string): Hrefs => ({
  operation: (id) => `${base}/operations/${id}`,
  block: (height) => `${base}/blocks/${height}`,
  record: (height) => `${base}/blocks/${height}/record`,
  proof: (height, id) => `${base}/blocks/${height}/proof/${id}`,
});

export const asOf = ({ height, timeMs }: AsOf): { height: number; time: string } => ({ height, time: time(timeMs) });

export const accountBody = (view: AccountView): z.input<typeof schemas.account> => ({
  account: view.account,
  organisation: view.organisation,
  kycStatus: view.kycStatus,
  ...(view.kycUntilMs === undefined ? {} : { kycUntil: time(view.kycUntilMs) }),
  openedHeight: view.openedHeight,
});

export const balanceBody = ({ asset, available, held }: BalanceView): z.input<typeof schemas.balance> =>
  asset === 'WATT'
    ? { asset, available, held, availableThb: thb(available), heldThb: thb(held) }
    : { asset, available, held, availableKwh: kwh(available), heldKwh: kwh(held) };

const bookKeyBody = ({ mechanism, phase, fromZone, toZone, intervalStartMs }: BookKey) => ({
  mechanism,
  phase,
  fromZone,
  toZone,
  interval: interval(intervalStartMs),
});

export const orderBody = (view: OrderView): z.input<typeof schemas.order> => ({
  order: view.order,
  account: view.account,
  side: view.side,
  ...bookKeyBody(view),
  priceTicks: view.priceTicks,
  quantityWh: String(view.quantityWh),
  remainingWh: String(view.remainingWh),
  timeInForce: view.timeInForce,
  expiresAt: time(view.expiresAtMs),
  status: view.status,
  ...(view.validFromMs === undefined ? {} : { validFrom: time(view.validFromMs) }),
  placedHeight: view.placedHeight,
  placedIndex: view.placedIndex,
  tariffVersion: view.tariffVersion,
  quantityKwh: kwh(view.quantityWh),
  remainingKwh: kwh(view.remainingWh),
  priceThbPerKwh: thbPerKwh(view.priceTicks),
});

/** What the ledger told of a trade, but for what it left of the two orders. */
export const tradeTerms = (view: TradeView) => ({
  trade: view.trade,
  bid: view.bid,
  ask: view.ask,
  buyer: view.buyer,
  seller: view.seller,
  ...bookKeyBody(view),
  priceTicks: view.priceTicks,
  quantityWh: String(view.quantityWh),
  notional: view.notional,
  buyerFee: view.buyerFee,
  sellerFee: view.sellerFee,
  wheeling: view.wheeling,
  feePayee: view.feePayee,
  toOperator: view.toOperator,
  fromOperator: view.fromOperator,
  platform: view.platform,
  tax: view.tax,
  tariffVersion: view.tariffVersion,
  tariffHash: view.tariffHash,
});

export const tradeBody = (view: TradeView, hrefs: Hrefs): z.input<typeof schemas.trade> => ({
  ...tradeTerms(view),
  height: view.height,
  index: view.index,
  event: view.event,
  time: time(view.timeMs),
  ...(view.operationId === undefined
    ? {}
    : { operationId: view.operationId, proof: hrefs.proof(view.height, view.operationId) }),
  energyKwh: kwh(view.quantityWh),
  priceThbPerKwh: thbPerKwh(view.priceTicks),
  totalThb: thb(view.notional),
  gridFeeThb: thb(BigInt(view.buyerFee) + BigInt(view.sellerFee)),
  wheelingThb: thb(view.wheeling),
});

export const contractBody = (
  { cuts, settled, ...view }: ContractView,
  hrefs: Hrefs,
): z.input<typeof schemas.contract> => ({
  ...tradeBody(view, hrefs),
  status: settled === undefined ? 'open' : 'settled',
  cuts: [...cuts],
  ...(settled !== undefined && { settled }),
});

export const readingBody = ({ intervalStartMs, consumedWh, producedWh, mintedWh, importWh, ...view }: ReadingView) => ({
  ...view,
  interval: interval(intervalStartMs),
  consumedWh: String(consumedWh),
  producedWh: String(producedWh),
  mintedWh: String(mintedWh),
  importWh: String(importWh),
});

const sideBody = ({ levels, orders }: BookSide): z.input<typeof schemas.bookSide> => ({
  levels: levels.map(({ priceTicks, quantityWh, orders: count }) => ({
    priceTicks,
    quantityWh,
    orders: count,
    priceThbPerKwh: thbPerKwh(priceTicks),
    quantityKwh: kwh(quantityWh),
  })),
  orders: orders.map((order) => ({ ...order, remainingWh: String(order.remainingWh) })),
});

export const marketBody = (view: BookSummary): z.input<typeof schemas.market> => ({
  ...bookKeyBody(view),
  openedHeight: view.openedHeight,
  closesAt: time(view.closesAtMs),
  ...(view.closedHeight === undefined ? {} : { closedHeight: view.closedHeight }),
  tariffVersion: view.tariffVersion,
  tariffHash: view.tariffHash,
  wheeling: view.wheeling,
  operatorFrom: view.operatorFrom,
  operatorTo: view.operatorTo,
  platform: view.platform,
  tax: view.tax,
});

export const bookBody = (view: BookView): z.input<typeof schemas.book> => ({
  ...marketBody(view),
  bids: sideBody(view.bids),
  asks: sideBody(view.asks),
});

export const blockBody = (view: BlockSummary, hrefs: Hrefs): z.input<typeof schemas.block> => ({
  height: view.height,
  hash: view.hash,
  parentHash: view.parentHash,
  time: time(view.timeMs),
  marketTime: time(view.marketTimeMs),
  epoch: view.epoch,
  proposer: view.proposer,
  round: view.round,
  signers: view.signerCount,
  envelopes: view.envelopeCount,
  operations: view.operationCount,
  rejected: view.rejectedCount,
  hooks: view.hookCount,
  trades: view.tradeCount,
  bodyBytes: view.bodyBytes,
  record: hrefs.record(view.height),
});

export const validatorChangeBody = (view: ValidatorChangeView): z.input<typeof schemas.validatorChange> => ({
  change: view.change,
  kind: view.kind,
  validator: view.validator,
  ...(view.key === undefined ? {} : { key: view.key }),
  ...(view.organisation === undefined ? {} : { organisation: view.organisation }),
  ...(view.untilMs === undefined ? {} : { until: time(view.untilMs) }),
  votes: view.votes,
  ...(view.needed === undefined ? {} : { needed: view.needed }),
  status: view.status,
  proposedHeight: view.proposedHeight,
  ...(view.decidedHeight === undefined ? {} : { decidedHeight: view.decidedHeight }),
  ...(view.endedHeight === undefined ? {} : { endedHeight: view.endedHeight }),
});

export const keyBody = (view: KeyView): z.input<typeof schemas.key> => ({
  kid: view.kid,
  ...(view.organisation === undefined ? {} : { organisation: view.organisation }),
  ...(view.account === undefined ? {} : { account: view.account }),
  registeredHeight: view.registeredHeight,
  ...(view.removedHeight === undefined ? {} : { removedHeight: view.removedHeight }),
  highestSequence: view.highestSequence,
  window: {
    size: SEQUENCE_WINDOW,
    lowestAcceptable: Math.max(1, view.highestSequence - SEQUENCE_WINDOW + 1),
    used: [...view.usedSequences],
  },
});
