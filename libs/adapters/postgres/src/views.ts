import { fromBase64Url, fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';
import { accountBytes, accountText } from '@gridtokenx/protocol';
import { ReadModelError } from '@gridtokenx/runtime';
import type { BookKey } from '@gridtokenx/projections';
import type {
  AccountView,
  BalanceView,
  BlockSummary,
  BlockView,
  BookSummary,
  OperationView,
  OrderView,
  OrganisationView,
  MeterView,
  ReadingView,
  RestingOrder,
  TradeView,
  ValidatorChangeView,
} from '@gridtokenx/runtime';
import type * as Generated from './generated/client.js';

/** Rows as the port gives them. What the columns may hold is what `libs/projections` wrote into them. */
export type OperationRecord = Generated.Operation;
export type OrderRecord = Generated.Order;
export type TradeRecord = Generated.Trade;

export const hexOf = toHex;

/** An id of so many bytes from its hex; `readModels.badId` otherwise. */
export function idOf(text: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = fromHex(text);
  if (bytes?.length !== size)
    throw new ReadModelError('readModels.badId', `not an id of ${size} bytes in lower-case hex`);
  return new Uint8Array(bytes);
}

/** An account of any ledger; `readModels.badId` when it is not one. */
export function accountIdOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = accountBytes(text);
  if (bytes === undefined)
    throw new ReadModelError('readModels.badId', 'not an account: 16 bytes in lower-case hex, or a key id');
  return new Uint8Array(bytes);
}

export function kidBytes(kid: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64Url(kid);
  if (bytes?.length !== 32) throw new ReadModelError('readModels.badId', 'not a key id: 32 bytes in base64url');
  return new Uint8Array(bytes);
}

export const optional = <T, V>(value: T | null | undefined, view: (value: T) => V): V | undefined =>
  value === null || value === undefined ? undefined : view(value);

export const operationView = (row: OperationRecord): OperationView => ({
  operationId: hexOf(row.operationId),
  height: Number(row.height),
  index: row.leafIndex,
  kid: toBase64Url(row.kid),
  type: row.type,
  status: row.status as OperationView['status'],
  code: row.code ?? undefined,
});

export const organisationView = (row: Generated.Organisation): OrganisationView => ({
  organisation: hexOf(row.organisation),
  sector: row.sector as OrganisationView['sector'],
  roles: row.roles as OrganisationView['roles'][number][],
});

export const accountView = (row: Generated.Account): AccountView => ({
  account: accountText(row.account),
  organisation: hexOf(row.organisation),
  kycStatus: row.kycStatus as AccountView['kycStatus'],
  kycUntilMs: optional(row.kycUntilMs, Number),
  openedHeight: Number(row.openedHeight),
});

export const balanceView = ({ asset, available, held }: Generated.Balance): BalanceView => ({
  asset,
  available: available.toFixed(),
  held: held.toFixed(),
});

type BookColumns = Pick<Generated.Book, 'mechanism' | 'phase' | 'fromZone' | 'toZone' | 'intervalStartMs'>;

const bookOf = (row: BookColumns): BookKey => ({
  mechanism: row.mechanism as BookKey['mechanism'],
  phase: row.phase as BookKey['phase'],
  fromZone: row.fromZone,
  toZone: row.toZone,
  intervalStartMs: Number(row.intervalStartMs),
});

export const bookSummary = (row: Generated.Book): BookSummary => ({
  ...bookOf(row),
  openedHeight: Number(row.openedHeight),
  openedPlace: row.openedPlace,
  closesAtMs: Number(row.closesAtMs),
  closedHeight: optional(row.closedHeight, Number),
  tariffVersion: Number(row.tariffVersion),
  tariffHash: hexOf(row.tariffHash),
  wheeling: Number(row.wheeling),
  operatorFrom: accountText(row.operatorFrom),
  operatorTo: accountText(row.operatorTo),
  platform: accountText(row.platform),
  tax: accountText(row.tax),
});

export const orderView = (row: OrderRecord): OrderView => ({
  order: hexOf(row.orderId),
  account: accountText(row.account),
  side: row.side as OrderView['side'],
  ...bookOf(row),
  priceTicks: row.priceTicks,
  quantityWh: Number(row.quantityWh),
  remainingWh: Number(row.remainingWh),
  timeInForce: row.timeInForce as OrderView['timeInForce'],
  expiresAtMs: Number(row.expiresAtMs),
  status: row.status as OrderView['status'],
  validFromMs: optional(row.validFromMs, Number),
  placedHeight: Number(row.placedHeight),
  placedIndex: row.placedIndex,
  tariffVersion: Number(row.tariffVersion),
});

export const restingOrder = (row: OrderRecord): RestingOrder => ({
  order: hexOf(row.orderId),
  account: accountText(row.account),
  priceTicks: row.priceTicks,
  remainingWh: Number(row.remainingWh),
  placedHeight: Number(row.placedHeight),
  placedIndex: row.placedIndex,
});

export const tradeView = (row: TradeRecord): TradeView => ({
  trade: Number(row.trade),
  bid: hexOf(row.bid),
  ask: hexOf(row.ask),
  buyer: accountText(row.buyer),
  seller: accountText(row.seller),
  ...bookOf(row),
  priceTicks: row.priceTicks,
  quantityWh: Number(row.quantityWh),
  notional: row.notional.toFixed(),
  buyerFee: row.buyerFee.toFixed(),
  sellerFee: row.sellerFee.toFixed(),
  wheeling: row.wheeling.toFixed(),
  feePayee: accountText(row.feePayee),
  toOperator: row.toOperator.toFixed(),
  fromOperator: row.fromOperator.toFixed(),
  platform: row.platform.toFixed(),
  tax: row.tax.toFixed(),
  tariffVersion: Number(row.tariffVersion),
  tariffHash: hexOf(row.tariffHash),
  height: Number(row.height),
  index: row.leafIndex,
  event: row.eventIndex,
  timeMs: Number(row.timeMs),
  operationId: optional(row.operationId, hexOf),
});

export const meterView = (row: Generated.Meter): MeterView => ({
  meter: hexOf(row.meter),
  account: accountText(row.account),
  zone: row.zone,
  limitWh: Number(row.limitWh),
  registerDigits: row.registerDigits,
});

export const readingView = (row: Generated.Reading): ReadingView => ({
  meter: hexOf(row.meter),
  intervalStartMs: Number(row.intervalStartMs),
  version: row.version,
  quality: row.quality as ReadingView['quality'],
  account: accountText(row.account),
  zone: row.zone,
  consumedWh: Number(row.consumedWh),
  producedWh: Number(row.producedWh),
  mintedWh: Number(row.mintedWh),
  importWh: Number(row.importWh),
  height: Number(row.height),
  index: row.leafIndex,
  event: row.eventIndex,
});

export const validatorChangeView = (row: Generated.ValidatorChange): ValidatorChangeView => ({
  change: hexOf(row.change),
  kind: row.kind as ValidatorChangeView['kind'],
  validator: toBase64Url(row.validator),
  key: optional(row.key, toBase64Url),
  organisation: optional(row.organisation, hexOf),
  untilMs: optional(row.untilMs, Number),
  votes: Number(row.votes),
  needed: optional(row.needed, Number),
  status: row.status as ValidatorChangeView['status'],
  proposedHeight: Number(row.proposedHeight),
  decidedHeight: optional(row.decidedHeight, Number),
  endedHeight: optional(row.endedHeight, Number),
});

export const blockSummary = (row: Omit<Generated.Block, 'header' | 'certificate'>): BlockSummary => ({
  height: Number(row.height),
  hash: hexOf(row.hash),
  parentHash: hexOf(row.parentHash),
  timeMs: Number(row.timeMs),
  marketTimeMs: Number(row.marketTimeMs),
  epoch: Number(row.epoch),
  proposer: row.proposer,
  round: row.round,
  signerCount: row.signerCount,
  envelopeCount: row.envelopeCount,
  operationCount: row.operationCount,
  rejectedCount: row.rejectedCount,
  hookCount: row.hookCount,
  tradeCount: row.tradeCount,
  bodyBytes: row.bodyBytes,
});

export const blockView = (row: Generated.Block): BlockView => ({
  ...blockSummary(row),
  header: row.header,
  certificate: row.certificate,
});
