import type { BlockRange } from '@gridtokenx/runtime';
import { Controller, Get, Header, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { IMMUTABLE, page, standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { Heights } from '../read/heights.js';
import { Outcomes } from '../read/outcomes.js';
import { Reads } from '../read/reads.js';

@Controller('blocks')
export class BlocksController {
  constructor(
    @Inject(Reads) private readonly reads: Reads,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
    @Inject(Heights) private readonly heights: Heights,
  ) {}

  @Get()
  async blocks(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.blocksAnswer>> {
    const { minHeight, cursor, ...range } = parseQuery(schemas.blocksQuery, query);
    await this.heights.atLeast(minHeight);
    return page(reply, request.url, await this.reads.blocks({ ...range, ...rangeOf(cursor) }));
  }

  @Get(':height')
  async block(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.blockAnswer>> {
    const { height } = parsePath(schemas.blockPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const answer = await this.reads.block(height);
    return standsAt(reply, answer, answer);
  }

  /** The bytes that a stranger verifies from the genesis file on, and that a replay runs. */
  @Get(':height/record')
  @Header('content-type', 'application/octet-stream')
  @Header('cache-control', IMMUTABLE)
  async record(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Uint8Array> {
    const { height } = parsePath(schemas.blockPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const { at, record } = await this.reads.record(height);
    return standsAt(reply, at, record);
  }

  @Get(':height/proof/:operationId')
  @Header('cache-control', IMMUTABLE)
  async proof(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.proofAnswer>> {
    const { height, operationId } = parsePath(schemas.proofPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const { at, body } = await this.outcomes.proof(height, operationId);
    return standsAt(reply, at, body);
  }
}

function rangeOf(cursor: string | undefined): BlockRange {
  const [direction, height = ''] = cursor?.split(':') ?? [];
  if (direction === undefined) return {};
  return direction === 'above' ? { after: Number(height) } : { before: Number(height) };
}
