import { Controller, Get, Header, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { IMMUTABLE, page, standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { Heights } from '../read/heights.js';
import { Reads } from '../read/reads.js';
import { ValidatorTable } from '../read/validator-table.js';

/** Who decides: for those who operate validators, and for light clients that believe neither them nor this gateway. */
@Controller()
export class ValidatorsController {
  constructor(
    @Inject(Reads) private readonly reads: Reads,
    @Inject(ValidatorTable) private readonly table: ValidatorTable,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get('validators')
  @Header('cache-control', 'no-store')
  async validators(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.validatorsAnswer>> {
    const { minHeight, cursor, ...filter } = parseQuery(schemas.validatorsQuery, query);
    await this.heights.atLeast(minHeight);
    return page(reply, request.url, await this.table.page({ ...filter, after: cursor }));
  }

  @Get('light-blocks/:height')
  @Header('cache-control', IMMUTABLE)
  async lightBlock(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.lightBlockAnswer>> {
    const { height } = parsePath(schemas.blockPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const { at, body } = await this.reads.lightBlock(height);
    return standsAt(reply, at, body);
  }
}
