import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { page } from '../http/answers.js';
import { parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { ConsortiumQueries } from '../read/consortium-queries.js';
import { Heights } from '../read/heights.js';

/** What a consortium is asked to change of its validators. */
@Controller()
export class ValidatorChangesController {
  constructor(
    @Inject(ConsortiumQueries) private readonly reads: ConsortiumQueries,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get('validator-changes')
  async changes(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.validatorChangesAnswer>> {
    const { minHeight, cursor, ...filter } = parseQuery(schemas.validatorChangesQuery, query);
    await this.heights.atLeast(minHeight);
    return page(reply, request.url, await this.reads.validatorChanges({ ...filter, after: cursor }));
  }
}
