import type {
  ConsortiumReads,
  LedgerReads,
  MarketFilter,
  OrderFilter,
  TradeFilter,
  ValidatorChangeFilter,
} from '@gridtokenx/runtime';
import { formatInterval, millis } from '@gridtokenx/kernel';
import { haltId, pauseId } from '@gridtokenx/projections';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';
import { HREFS, READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import {
  accountBody,
  asOf,
  balanceBody,
  bookBody,
  marketBody,
  orderBody,
  tradeBody,
  validatorChangeBody,
  type Hrefs,
} from './views.js';

/** What only the read models of the consortium answer, in the words of the interface. */
@Injectable()
export class ConsortiumQueries {
  constructor(
    @Inject(READ_MODELS) private readonly readModels: LedgerReads & ConsortiumReads,
    @Inject(HREFS) private readonly hrefs: Hrefs,
  ) {}

  async account(id: string): Promise<z.input<typeof schemas.accountAnswer>> {
    const { value, ...at } = await this.readModels.account(id);
    if (value === undefined) throw problem('account.unknown');
    return { ...asOf(at), ...accountBody(value) };
  }

  /** An account without balances has none; one that does not exist is unknown. */
  async balances(id: string): Promise<z.input<typeof schemas.balancesAnswer>> {
    const { value, ...at } = await this.readModels.balances(id);
    if (value.length === 0) await this.account(id);
    return { ...asOf(at), account: id, items: value.map(balanceBody) };
  }

  async markets(filter: MarketFilter): Promise<z.input<typeof schemas.marketsAnswer>> {
    const { items, next, ...at } = await this.readModels.markets(filter);
    return { ...asOf(at), items: items.map(marketBody), ...(next === undefined ? {} : { next }) };
  }

  async book(named: Parameters<ConsortiumReads['book']>[0]): Promise<z.input<typeof schemas.bookAnswer>> {
    const { value, ...at } = await this.readModels.book(named);
    if (value === undefined) throw problem('book.unknown');
    const place = { ...value, interval: formatInterval(millis(value.intervalStartMs)) };
    const [halt, pause] = await Promise.all([
      this.readModels.record('halt', '', haltId(place)),
      this.readModels.record('pause', '', pauseId(place)),
    ]);
    return {
      ...asOf(at),
      ...bookBody(value),
      ...(halt.value !== undefined && { halt: halt.value.body }),
      ...(pause.value !== undefined && { pause: pause.value.body }),
    };
  }

  async trades(filter: TradeFilter): Promise<z.input<typeof schemas.tradesAnswer>> {
    const { items, next, ...at } = await this.readModels.trades(filter);
    return {
      ...asOf(at),
      items: items.map((view) => tradeBody(view, this.hrefs)),
      ...(next === undefined ? {} : { next }),
    };
  }

  async orders(filter: OrderFilter): Promise<z.input<typeof schemas.ordersAnswer>> {
    const { items, next, ...at } = await this.readModels.orders(filter);
    return { ...asOf(at), items: items.map(orderBody), ...(next === undefined ? {} : { next }) };
  }

  async order(id: string): Promise<z.input<typeof schemas.orderAnswer>> {
    const { value, ...at } = await this.readModels.order(id);
    if (value === undefined) throw problem('order.unknown');
    return { ...asOf(at), ...orderBody(value) };
  }

  async validatorChanges(filter: ValidatorChangeFilter): Promise<z.input<typeof schemas.validatorChangesAnswer>> {
    const { items, next, ...at } = await this.readModels.validatorChanges(filter);
    return { ...asOf(at), items: items.map(validatorChangeBody), ...(next === undefined ? {} : { next }) };
  }
}
