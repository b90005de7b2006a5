import type { TradeEntry } from '@gridtokenx/chain';
import { assert, unreachable } from '@gridtokenx/kernel';
import type { NetworkCause } from '@gridtokenx/protocol';
import type { HookContext } from '../ledger/module.js';
import type { Book } from '../market/book.js';
import { closeOrder, type CloseReason } from '../market/close-order.js';
import type { ContractCell } from '../market/contracts.js';
import { cutContract } from '../market/cut.js';
import type { MarketState, OrderCell } from '../market/state.js';
import type { Side } from '../market/side.js';
import { cutsTo, legKeyOf, legsOfText } from './capacity.js';
import { causeOfKey, endOf, startOf, type NetworkState, type RestrictionRow, type TaskRow } from './state.js';

export interface EnforcementParts {
  readonly network: NetworkState;
  readonly market: MarketState;
}

/** Each looks through all books and forward trades once, whatever it finds. */
const TASKS_PER_BLOCK = 10;

/** What a cause concerns. */
interface Scope {
  readonly reason: CloseReason;
  /** Whether orders of the book are cancelled: all of a side, those of some accounts, or none. */
  orders(book: Book, isBid: boolean): 'all' | 'none' | ((account: string) => boolean);
  /** What forward trades of an interval may come to: of each of these sets, so much. */
  limits(interval: string): readonly Limit[];
}

interface Limit {
  readonly limitWh: number;
  concerns(trade: TradeEntry, route: string): boolean;
}

/** SPEC network 6.1: at the start of a block, as far as its entries go; goes on in the next. */
export function enforce(parts: EnforcementParts, context: HookContext): void {
  const { network } = parts;
  for (let n = 0; n < TASKS_PER_BLOCK && context.entriesLeft > 0; n++) {
    const key = network.nextTask;
    if (key === undefined) return;
    const cell = network.tasks.cell(key);
    assert(cell.value !== undefined, 'a task that waits is there');
    const cause = causeOfKey(key);
    const { done, isOver } = work(parts, context, cause, scopeOf(parts, cause), cell.value);
    if (!isOver) {
      network.store.change(cell, done);
      return;
    }
    network.store.change(cell, undefined);
    context.events.push({ type: 'network.enforced', cause, ...done, cutWh: done.cutWh.toString() });
    context.worked();
  }
}

function work(
  { market }: EnforcementParts,
  context: HookContext,
  cause: NetworkCause,
  scope: Scope,
  before: TaskRow,
): { done: TaskRow; isOver: boolean } {
  let { orders, contracts, cutWh } = before;
  const result = (isOver: boolean): { done: TaskRow; isOver: boolean } => ({
    done: { orders, contracts, cutWh },
    isOver,
  });
  for (const book of market.standing)
    for (const [side, isBid] of [
      [book.asks, false],
      [book.bids, true],
    ] as const)
      for (const cell of concerned(side, scope.orders(book, isBid))) {
        if (context.entriesLeft === 0) return result(false);
        closeOrder(market, context.events, cell, scope.reason);
        orders++;
        context.worked();
      }
  for (const { interval } of market.intervals.standing) {
    // What was delivered is not cut.
    if (endOf(interval) <= context.marketTime) continue;
    for (const { limitWh, concerns } of scope.limits(interval)) {
      const cells = new Map<number, ContractCell>();
      for (const { cell } of market.contracts.of(interval)) {
        const { value } = cell;
        if (value !== undefined && concerns(value.trade, value.route)) cells.set(value.trade.trade, cell);
      }
      const list = [...cells].map(([trade, { value }]) => ({ trade, quantityWh: value?.trade.quantityWh ?? 0 }));
      for (const cut of cutsTo(limitWh, list)) {
        if (context.entriesLeft === 0) return result(false);
        const cell = cells.get(cut.trade);
        assert(cell !== undefined, 'what is cut was listed');
        cutContract(market, context.events, cell, cut.cutWh, cause);
        contracts++;
        cutWh += cut.cutWh;
        context.worked();
      }
    }
  }
  return result(true);
}

/** The orders of a side, in price-time order. */
function concerned(side: Side, which: ReturnType<Scope['orders']>): OrderCell[] {
  const cells: OrderCell[] = [];
  if (which === 'none') return cells;
  for (let level = side.best; level !== undefined; level = side.levelFrom(level.rank + 1))
    for (let node = level.head; node !== undefined; node = node.next)
      if (which === 'all' || which(node.row.account)) cells.push(node.cell);
  return cells;
}

const NO_LIMITS: readonly Limit[] = [];

function scopeOf(parts: EnforcementParts, cause: NetworkCause): Scope {
  switch (cause.kind) {
    case 'pair': {
      const { fromZone, toZone } = cause;
      return {
        reason: 'pairClosed',
        orders: (book) => (book.fromZone === fromZone && book.toZone === toZone ? 'all' : 'none'),
        limits: () => NO_LIMITS,
      };
    }
    case 'link':
      return {
        reason: 'curtailed',
        orders: () => 'none',
        limits: (interval) =>
          [true, false].map((isForward) => overLink(parts.network, cause.link, isForward, interval)),
      };
    case 'restriction': {
      const row = parts.network.restrictions.get(cause.restriction);
      assert(row !== undefined, 'a restriction is there as long as it is enforced');
      return scopeOfRestriction(parts.network, row);
    }
    default:
      return unreachable(cause);
  }
}

/** SPEC network 6.2: all that is sold over a link, down to what it carries now. */
function overLink(network: NetworkState, link: string, isForward: boolean, interval: string): Limit {
  const key = legKeyOf({ link, isForward });
  const spotWh = network.uses.getPair(key, interval)?.spotWh ?? 0;
  const limitWh = Math.max(0, network.capacityOf({ link, isForward, key }, startOf(interval)) - spotWh);
  return { limitWh, concerns: (_trade, route) => legsOfText(route).some((leg) => leg.key === key) };
}

/** SPEC network 5.2, 6.2 */
function scopeOfRestriction(network: NetworkState, row: RestrictionRow): Scope {
  const { target, name, start, end } = row;
  const zone = target === 'feeder' ? network.feeders.get(name)?.zone : name;
  const isOn = (account: string): boolean => target === 'zone' || network.isOn(account, name);
  const isWithin = (interval: string): boolean => {
    const at = startOf(interval);
    return start <= at && at < end;
  };
  const directions = [
    { limitWh: row.outWh, isForward: true },
    { limitWh: row.inWh, isForward: false },
  ].flatMap(({ limitWh, isForward }) => (limitWh === undefined ? [] : [{ limitWh, isForward }]));
  return {
    reason: 'curtailed',
    orders: (book, isBid) => {
      if (book.isSpot || !isWithin(book.interval)) return 'none';
      const found = directions.some(({ isForward }) => {
        if (target === 'link') {
          const legs = network.routeOf(book.fromZone, book.toZone) ?? [];
          return legs.some((leg) => leg.link === name && leg.isForward === isForward);
        }
        if (target === 'feeder' && isForward === isBid) return false;
        return (isForward ? book.fromZone : book.toZone) === zone;
      });
      if (!found) return 'none';
      return target === 'feeder' ? isOn : 'all';
    },
    limits: (interval) => {
      if (!isWithin(interval)) return NO_LIMITS;
      if (target === 'link') return directions.map(({ isForward }) => overLink(network, name, isForward, interval));
      return directions.map(({ limitWh, isForward }) => ({
        limitWh,
        concerns: ({ fromZone, toZone, seller, buyer }) =>
          isForward ? fromZone === zone && isOn(seller) : toZone === zone && isOn(buyer),
      }));
    },
  };
}
