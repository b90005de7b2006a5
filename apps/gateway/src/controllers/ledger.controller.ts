import { Controller, Get, Header, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { GENESIS_FILE } from '../parts.js';
import { Health } from '../read/health.js';
import { Heights } from '../read/heights.js';
import { Reads } from '../read/reads.js';

/** The ledger as a whole: its keys, its genesis, and how it is. */
@Controller()
export class LedgerController {
  constructor(
    @Inject(GENESIS_FILE) private readonly genesisFile: Uint8Array,
    @Inject(Reads) private readonly reads: Reads,
    @Inject(Heights) private readonly heights: Heights,
    @Inject(Health) private readonly health: Health,
  ) {}

  @Get('keys/:kid')
  async key(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.keyAnswer>> {
    const { kid } = parsePath(schemas.keyPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const answer = await this.reads.key(kid);
    return standsAt(reply, answer, answer);
  }

  /** The exact bytes that the ledger id is the hash of. A convenience: who verifies brings the file themselves. */
  @Get('genesis')
  @Header('content-type', 'application/json')
  @Header('x-trust', 'convenience, never a trust anchor')
  genesis(@Query() query: unknown): Uint8Array {
    parseQuery(schemas.emptyQuery, query);
    return this.genesisFile;
  }

  @Get('health')
  @Header('cache-control', 'no-store')
  async healthy(
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.healthAnswer>> {
    parseQuery(schemas.emptyQuery, query);
    const answer = await this.health.report();
    if (answer.status === 'failing') void reply.code(503).header('retry-after', '2');
    return answer.height === undefined ? answer : standsAt(reply, { height: answer.height }, answer);
  }
}
