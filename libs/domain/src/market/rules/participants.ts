import { assert, compareText } from '@gridtokenx/kernel';
import { SortedSet } from '../../ledger/sorted.js';

/** An order that stands, as its participant knows it. */
export abstract class OwnedOrder<O extends OwnedOrder<O>> {
  owner: Participant<O> | undefined = undefined;
  newer: O | undefined = undefined;
  older: O | undefined = undefined;
  abstract readonly entry: number;
}

/** Wh that the open orders of one account ask for and offer in one zone and interval. */
interface Resting {
  bidWh: number;
  askWh: number;
}

/** An account with open orders: an index over their rows. */
export class Participant<O extends OwnedOrder<O>> {
  count = 0;
  /** Block time from which it may not trade: 0 for already, infinity for never. */
  endsAt = Number.POSITIVE_INFINITY;
  private newest: O | undefined = undefined;
  private readonly resting = new Map<string, Resting>();

  constructor(readonly account: string) {}

  /** In the order in which they came. */
  orders(): O[] {
    const orders: O[] = [];
    for (let order = this.newest; order !== undefined; order = order.older) orders.push(order);
    return orders.sort((a, b) => a.entry - b.entry);
  }

  restingWh(place: string, isBid: boolean): number {
    const resting = this.resting.get(place);
    return resting === undefined ? 0 : isBid ? resting.bidWh : resting.askWh;
  }

  /** Changes what rests in a zone and interval. */
  rests(place: string, isBid: boolean, wh: number): void {
    let resting = this.resting.get(place);
    if (resting === undefined) this.resting.set(place, (resting = { bidWh: 0, askWh: 0 }));
    if (isBid) resting.bidWh += wh;
    else resting.askWh += wh;
    if (resting.bidWh === 0 && resting.askWh === 0) this.resting.delete(place);
  }

  /** An order that comes back when its removal is undone may come anywhere: what is asked of the list sorts it. */
  add(order: O): void {
    const { newest } = this;
    order.owner = this;
    order.older = newest;
    order.newer = undefined;
    if (newest !== undefined) newest.newer = order;
    this.newest = order;
    this.count++;
  }

  remove(order: O): void {
    const { newer, older } = order;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    if (older !== undefined) older.newer = newer;
    order.newer = undefined;
    order.older = undefined;
    this.count--;
  }
}

const byEndThenAccount = (a: Participant<never>, b: Participant<never>): number =>
  a.endsAt - b.endsAt || compareText(a.account, b.account);

/** SPEC market-rules 7.3: who has open orders, and of whom they end when. */
export class Participants<O extends OwnedOrder<O>> {
  private readonly byAccount = new Map<string, Participant<O>>();
  /** Those that may not trade from some time on, the earliest first. */
  private readonly ending = new SortedSet<Participant<O>>(byEndThenAccount as (a: unknown, b: unknown) => number);

  /** `endOf` tells from which block time on an account may not trade. */
  constructor(private readonly endOf: (account: string) => number) {}

  get(account: string): Participant<O> | undefined {
    return this.byAccount.get(account);
  }

  enter(account: string, order: O, place: string, isBid: boolean, wh: number): void {
    let participant = this.byAccount.get(account);
    if (participant === undefined) {
      participant = new Participant<O>(account);
      this.byAccount.set(account, participant);
      participant.endsAt = this.endOf(account);
      if (participant.endsAt !== Number.POSITIVE_INFINITY) this.ending.add(participant);
    }
    participant.add(order);
    participant.rests(place, isBid, wh);
  }

  leave(order: O, place: string, isBid: boolean, wh: number): void {
    const participant = order.owner;
    assert(participant !== undefined, 'an order that stands is of somebody');
    participant.remove(order);
    participant.rests(place, isBid, -wh);
    if (participant.count > 0) return;
    this.byAccount.delete(participant.account);
    if (participant.endsAt !== Number.POSITIVE_INFINITY) this.ending.remove(participant);
  }

  /** What the account may do has changed. */
  changed(account: string): void {
    const participant = this.byAccount.get(account);
    if (participant === undefined) return;
    const endsAt = this.endOf(account);
    if (endsAt === participant.endsAt) return;
    if (participant.endsAt !== Number.POSITIVE_INFINITY) this.ending.remove(participant);
    participant.endsAt = endsAt;
    if (endsAt !== Number.POSITIVE_INFINITY) this.ending.add(participant);
  }

  /** The first that may not trade any more at a block time. */
  stopped(time: number): Participant<O> | undefined {
    const { first } = this.ending;
    return first !== undefined && first.endsAt <= time ? first : undefined;
  }
}
