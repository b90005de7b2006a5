import { allocate, amountOf, billOf, type TariffEntry } from '@gridtokenx/chain';
import { assert, compareText, toHex, utf8 } from '@gridtokenx/kernel';
import type { HookContext } from '../ledger/module.js';
import { buyerCost, type ContractCell } from '../market/contracts.js';
import type { MarketState } from '../market/state.js';
import type { BookTerms } from '../market/terms.js';
import { missingReadings } from '../metering/missing.js';
import type { MeteringState } from '../metering/state.js';
import { legsOfText } from '../network/capacity.js';
import { owe, payDues } from './dues.js';
import { NO_LEAVES, rootOf, withLeaf } from './frontier.js';
import type { Place, PositionCell } from './positions.js';
import type { SettlementState } from './state.js';

export interface SettlementParts {
  readonly settlement: SettlementState;
  readonly market: MarketState;
  readonly metering: MeteringState;
}

/** At the start of a block, the intervals whose time has come, as far as its entries go. */
export function settleWhatIsDue(parts: SettlementParts, context: HookContext): void {
  parts.market.positions.freeSettled();
  settleIntervals(parts, context);
  payDues(parts, context);
}

function settleIntervals(parts: SettlementParts, context: HookContext): void {
  const { market } = parts;
  const { intervals } = market;
  for (let due = intervals.standing.first; due !== undefined; due = intervals.standing.first) {
    if (due.closesAt > context.marketTime) return;
    // Its books end first.
    const book = market.standing.first;
    if (book !== undefined && book.closesAt <= context.marketTime) return;
    if (!settleInterval(parts, context, due.interval)) return;
    intervals.settled(due.interval);
    market.network.forget(due.interval);
    context.events.push({ type: 'settlement.intervalSettled', interval: due.interval });
    context.flush();
  }
}

/** False when the entries of this block did not suffice. */
function settleInterval(parts: SettlementParts, context: HookContext, interval: string): boolean {
  const { market, metering } = parts;
  const { contracts, registry } = market;
  const zones = [...registry.zones.rows.keys()].sort(compareText);
  if (market.intervals.begin(interval))
    for (const zone of zones) {
      const told = missingReadings(metering, registry, market.positions.placeOf(zone, interval));
      if (told !== undefined) context.events.push(told);
    }
  for (let group = contracts.nextSeller(interval); group.length > 0; group = contracts.nextSeller(interval)) {
    if (context.entriesLeft <= 0) return false;
    deliver(parts, context, interval, group);
  }
  contracts.forget(interval);
  return zones.every((zone) => settleZone(parts, context, market.positions.placeOf(zone, interval)));
}

const least = (a: number, b: number): number => (a < b ? a : b);

/** What a seller's meters gave for what it sold before delivery. */
function deliver(parts: SettlementParts, context: HookContext, interval: string, group: readonly ContractCell[]): void {
  const { market } = parts;
  const [first] = group;
  assert(first?.value !== undefined, 'a group has a first contract');
  const { seller, fromZone } = first.value.trade;
  const { positions } = market;
  const position = positions.cell(seller, fromZone, interval);
  const quantities = group.map(({ value }) => value?.trade.quantityWh ?? 0);
  const delivered = allocate(positions.of(position).reservedWh, quantities, market.allocation(interval));
  group.forEach((cell, i) => {
    settleContract(parts, context, interval, position, cell, delivered[i] ?? 0);
    context.worked();
  });
}

function settleContract(
  parts: SettlementParts,
  context: HookContext,
  interval: string,
  position: PositionCell,
  cell: ContractCell,
  deliveredWh: number,
): void {
  const { market } = parts;
  const { accounts, positions, contracts, store } = market;
  const contract = cell.value;
  assert(contract !== undefined, 'a contract is settled once');
  const { trade, margin } = contract;
  const { buyer, seller, fromZone, toZone } = trade;
  // What it costs is agreed, and so is who is paid; what a shortfall costs is the tariff in force now.
  const payees = market.termsAt(fromZone, toZone, interval, trade.tariffVersion);
  const { topUpRate } = market.termsAt(fromZone, toZone, interval);
  const bill = billOf(trade, deliveredWh, topUpRate);
  const [topUpBuyer, topUpSeller] = [Number(bill.buyerTopUp), bill.sellerTopUp];
  // What the margin does not cover is owed.
  const fromMargin = topUpSeller < BigInt(margin) ? Number(topUpSeller) : margin;
  const buyerPays = bill.energy + bill.buyerFee + bill.wheeling + topUpBuyer;
  const sellerGets = bill.energy - bill.sellerFee;
  const cost = buyerCost(trade);

  const buyerPosition = positions.cell(buyer, toZone, interval);
  const delivery = { kind: 'delivery', trade: trade.trade, deliveredWh, topUpRate } as const;
  positions.note(position, delivery, { reservedWh: positions.of(position).reservedWh - deliveredWh });
  positions.note(buyerPosition, delivery, { boughtWh: positions.of(buyerPosition).boughtWh + deliveredWh });
  const sold = positions.placeOf(fromZone, interval).asset;
  const bought = positions.placeOf(toZone, interval).asset;
  accounts.move(accounts.cell(seller, sold), 0, -deliveredWh);
  accounts.move(accounts.cell(buyer, bought), 0, deliveredWh);
  if (sold !== bought && deliveredWh > 0) {
    accounts.count(sold, 'movedOut', BigInt(deliveredWh));
    accounts.count(bought, 'movedIn', BigInt(deliveredWh));
  }
  const watt = (account: string, available: number, held = 0): void => {
    if (available !== 0 || held !== 0) accounts.move(accounts.cell(account, 'WATT'), available, held);
  };
  watt(buyer, cost - buyerPays, -cost);
  watt(seller, sellerGets + margin - fromMargin, -margin);
  watt(payees.operatorTo, bill.toOperator + topUpBuyer + fromMargin);
  watt(payees.operatorFrom, bill.fromOperator);
  watt(payees.platform, bill.platform);
  watt(payees.tax, bill.tax);
  owe(parts, context, seller, payees.operatorTo, topUpSeller - BigInt(fromMargin));
  contracts.changeMargin(seller, position.second, -margin);
  market.network.release(legsOfText(contract.route), interval, trade.quantityWh);
  store.change(cell, undefined);
  context.events.push({
    type: 'settlement.contractSettled',
    trade: trade.trade,
    buyer,
    seller,
    fromZone,
    toZone,
    interval,
    deliveredWh: String(deliveredWh),
    shortfallWh: String(bill.shortfallWh),
    buyerPays: String(buyerPays),
    sellerGets: String(sellerGets),
    toOperator: String(bill.toOperator),
    fromOperator: String(bill.fromOperator),
    platform: String(bill.platform),
    tax: String(bill.tax),
    topUpBuyer: String(topUpBuyer),
    topUpSeller: topUpSeller.toString(),
    topUpRate,
  });
}

/** The positions of a zone, in the order of accounts; then its readings go and its root stays. */
function settleZone(parts: SettlementParts, context: HookContext, place: Place): boolean {
  const { settlement, market, metering } = parts;
  const { crypto, trees, roots, store } = settlement;
  for (let cell = place.open.first; cell !== undefined; cell = place.open.first) {
    if (context.entriesLeft === 0) return false;
    settlePosition(parts, context, place, cell);
    context.worked();
  }
  const readings = metering.readingsOf(place.key);
  for (let reading = readings.first; reading !== undefined; reading = readings.first) {
    if (context.entriesLeft === 0) return false;
    store.change(reading, undefined);
    context.worked();
  }
  metering.forget(place.key);
  market.positions.settled(place);
  const tree = trees.get(place.key);
  if (tree === undefined) return true;
  const root = rootOf((bytes) => crypto.sha256(bytes), tree);
  store.change(trees.cell(place.key), undefined);
  roots.set(place.key, { positions: tree.leaves, root });
  const { zone, interval } = place;
  context.events.push({ type: 'settlement.zoneSettled', zone, interval, positions: tree.leaves, root: toHex(root) });
  return true;
}

/** SPEC settlement 1.1: what the imbalance of a position is settled by. */
export const tariffEntry = (
  { version, hash, topUpRate, surplusRate }: BookTerms,
  allocation: TariffEntry['allocation'],
): TariffEntry => ({ kind: 'tariff', version, hash, topUpRate, surplusRate, allocation });

/** What was bought is used up against the import; the rest, and what was not sold, is imbalance. */
function settlePosition(
  parts: SettlementParts,
  context: HookContext,
  { zone, interval, asset }: Place,
  cell: PositionCell,
): void {
  const { settlement, market } = parts;
  const { accounts, positions, store } = market;
  const account = cell.first;
  const terms = market.termsAt(zone, zone, interval);
  const allocation = market.allocation(interval);
  positions.note(cell, tariffEntry(terms, allocation), {});
  const { importWh, exportWh, reservedWh, boughtWh, isMetered, history } = positions.of(cell);
  const balance = accounts.cell(account, asset);
  const available = Number(balance.value?.available ?? 0n);
  const retiredWh = least(importWh, boughtWh);
  const restWh = available + reservedWh + boughtWh - retiredWh;
  const [surplusWh, expiredWh] = isMetered ? [restWh, 0] : [0, restWh];
  accounts.move(balance, -available, -(reservedWh + boughtWh));
  if (retiredWh + surplusWh > 0) accounts.count(asset, 'retired', BigInt(retiredWh + surplusWh));
  if (expiredWh > 0) accounts.count(asset, 'expired', BigInt(expiredWh));
  store.change(cell, undefined);
  const amount = amountOf(terms.surplusRate, surplusWh);
  owe(parts, context, terms.operatorTo, account, amount);
  const { crypto, trees } = settlement;
  const tree = trees.cell(cell.second);
  store.change(
    tree,
    withLeaf((bytes) => crypto.sha256(bytes), tree.value ?? NO_LEAVES, utf8(account), history),
  );
  context.events.push({
    type: 'settlement.positionSettled',
    account,
    zone,
    interval,
    importWh: String(importWh),
    exportWh: String(exportWh),
    boughtWh: String(boughtWh),
    retiredWh: String(retiredWh),
    surplusWh: String(surplusWh),
    rate: terms.surplusRate,
    topUpRate: terms.topUpRate,
    allocation,
    amount: amount.toString(),
    operator: terms.operatorTo,
    expiredWh: String(expiredWh),
    tariffVersion: terms.version,
    tariffHash: terms.hash,
    history: toHex(history),
  });
}
