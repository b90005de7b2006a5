import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { page, standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { ConsortiumQueries } from '../read/consortium-queries.js';
import { Heights } from '../read/heights.js';

/** What trades and what waits to. */
@Controller()
export class MarketsController {
  constructor(
    @Inject(ConsortiumQueries) private readonly reads: ConsortiumQueries,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get('markets')
  async markets(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.marketsAnswer>> {
    const { minHeight, cursor, interval, ...filter } = parseQuery(schemas.marketsQuery, query);
    await this.heights.atLeast(minHeight);
    return page(reply, request.url, await this.reads.markets({ ...filter, after: cursor, intervalStartMs: interval }));
  }

  @Get('markets/:from/:to/:interval/book')
  async book(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.bookAnswer>> {
    const { from, to, interval } = parsePath(schemas.bookPath, params);
    const { minHeight, ...which } = parseQuery(schemas.bookQuery, query);
    await this.heights.atLeast(minHeight);
    const answer = await this.reads.book({ ...which, fromZone: from, toZone: to, intervalStartMs: interval });
    return standsAt(reply, answer, answer);
  }

  @Get('trades')
  async trades(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.tradesAnswer>> {
    const { minHeight, cursor, interval, order, ...filter } = parseQuery(schemas.tradesQuery, query);
    await this.heights.atLeast(minHeight);
    const where = { ...filter, after: cursor, intervalStartMs: interval, oldestFirst: order === 'oldest' };
    return page(reply, request.url, await this.reads.trades(where));
  }

  @Get('orders')
  async orders(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.ordersAnswer>> {
    const { minHeight, cursor, interval, ...filter } = parseQuery(schemas.ordersQuery, query);
    await this.heights.atLeast(minHeight);
    return page(reply, request.url, await this.reads.orders({ ...filter, after: cursor, intervalStartMs: interval }));
  }

  @Get('orders/:id')
  async order(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.orderAnswer>> {
    const { id } = parsePath(schemas.orderPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const answer = await this.reads.order(id);
    return standsAt(reply, answer, answer);
  }
}
