import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { ConsortiumQueries } from '../read/consortium-queries.js';
import { Heights } from '../read/heights.js';

@Controller('accounts')
export class AccountsController {
  constructor(
    @Inject(ConsortiumQueries) private readonly reads: ConsortiumQueries,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get(':id')
  async account(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.accountAnswer>> {
    const { id } = parsePath(schemas.accountPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const answer = await this.reads.account(id);
    return standsAt(reply, answer, answer);
  }

  @Get(':id/balances')
  async balances(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.balancesAnswer>> {
    const { id } = parsePath(schemas.accountPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const answer = await this.reads.balances(id);
    return standsAt(reply, answer, answer);
  }
}
