import { billOf, shareOf, type TradeEntry } from '@gridtokenx/chain';
import { assert } from '@gridtokenx/kernel';
import type { LedgerEvent, NetworkCause } from '@gridtokenx/protocol';
import { legsOfText } from '../network/capacity.js';
import { buyerCost, type ContractCell } from './contracts.js';
import type { MarketState } from './state.js';

/** SPEC network 6.4: what is left of a trade: its charges shrink as those of one that is delivered in part. */
export function cutTrade(trade: TradeEntry, cutWh: number): TradeEntry {
  const { buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax, deliveredWh } = billOf(
    trade,
    trade.quantityWh - cutWh,
    0,
  );
  return { ...trade, quantityWh: deliveredWh, buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax };
}

/** SPEC network 6.4: so much of a forward trade is no more: escrow, margin and the use of links go back, and both histories tell it. */
export function cutContract(
  market: MarketState,
  events: LedgerEvent[],
  cell: ContractCell,
  cutWh: number,
  cause: NetworkCause,
): void {
  const { accounts, contracts, network, positions, store } = market;
  const contract = cell.value;
  assert(contract !== undefined && cutWh > 0, 'what is cut is there');
  const { trade, interval, margin, route } = contract;
  const left = cutTrade(trade, cutWh);
  const { buyer, seller, fromZone, toZone, quantityWh } = left;
  const freed = buyerCost(trade) - buyerCost(left);
  const marginFreed = shareOf(margin, cutWh, trade.quantityWh);
  accounts.move(accounts.cell(buyer, 'WATT'), freed, -freed);
  if (marginFreed !== 0) accounts.move(accounts.cell(seller, 'WATT'), marginFreed, -marginFreed);
  const sold = positions.cell(seller, fromZone, interval);
  if (marginFreed !== 0) contracts.changeMargin(seller, sold.second, -marginFreed);
  store.change(cell, quantityWh === 0 ? undefined : { trade: left, interval, margin: margin - marginFreed, route });
  const soldForwardWh = positions.of(sold).soldForwardWh - cutWh;
  const bought = positions.cell(buyer, toZone, interval);
  const boughtForwardWh = positions.of(bought).boughtForwardWh - cutWh;
  positions.noteTrade(sold, { soldForwardWh }, bought, { boughtForwardWh }, left);
  network.release(legsOfText(route), interval, cutWh);
  events.push({
    type: 'market.contractCut',
    trade: left.trade,
    buyer,
    seller,
    fromZone,
    toZone,
    interval,
    cutWh: cutWh.toString(),
    quantityWh: quantityWh.toString(),
    buyerFee: left.buyerFee.toString(),
    sellerFee: left.sellerFee.toString(),
    wheeling: left.wheeling.toString(),
    toOperator: left.toOperator.toString(),
    fromOperator: left.fromOperator.toString(),
    platform: left.platform.toString(),
    tax: left.tax.toString(),
    cause,
  });
}
