import { statementCsv, statementJson } from '@gridtokenx/chain';
import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { Heights } from '../read/heights.js';
import { Statements, type StatementAsked } from '../read/statements.js';

/** The same events give the same bytes: what a statement stands on is said by a header. */
@Controller()
export class StatementsController {
  constructor(
    @Inject(Statements) private readonly statements: Statements,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get('accounts/:id/statement')
  participant(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return this.answer('participant', params, query, reply);
  }

  @Get('operators/:id/statement')
  utility(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return this.answer('utility', params, query, reply);
  }

  private async answer(
    kind: StatementAsked['kind'],
    params: unknown,
    query: unknown,
    reply: FastifyReply,
  ): Promise<string> {
    const { id: account } = parsePath(schemas.accountPath, params);
    const { minHeight, from: fromMs, to: untilMs, format, basis } = parseQuery(schemas.statementQuery, query);
    await this.heights.atLeast(minHeight);
    const { at, statement } = await this.statements.statement({ kind, account, fromMs, untilMs, withBasis: basis });
    const isCsv = format === 'csv';
    void reply.type(isCsv ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8');
    return standsAt(reply, at, isCsv ? statementCsv(statement) : statementJson(statement));
  }
}
