import { Controller, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { declaredLength, streamBody } from '../http/body.js';
import { parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { HREFS } from '../parts.js';
import type { Hrefs } from '../read/views.js';
import { Intake, type LineAnswer } from '../write/intake.js';

@Controller('batches')
export class BatchesController {
  constructor(
    @Inject(Intake) private readonly intake: Intake,
    @Inject(HREFS) private readonly hrefs: Hrefs,
  ) {}

  /** One envelope a line; each line has its answer. `Location` leads to the first accepted operation. */
  @Post()
  @HttpCode(202)
  async submit(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.batchAnswer>> {
    const { mode } = parseQuery(schemas.batchQuery, query);
    const chunks = streamBody(request, ['application/x-ndjson']);
    const { lines, operationCount } = await this.intake.submitBatch(chunks, declaredLength(request), mode);
    const results = lines.map((line) => lineBody(line, this.hrefs));
    const accepted = results.filter(({ status }) => status === 'accepted').length;
    const first = lines.flatMap(({ verdict }) => (verdict.kind === 'candidate' ? verdict.operationIds : []))[0];
    void reply.header('location', this.hrefs.operation(first ?? ''));
    return { accepted, refused: results.length - accepted, operations: operationCount, results };
  }
}

function lineBody({ line, verdict }: LineAnswer, hrefs: Hrefs): z.input<typeof schemas.batchLine> {
  if (verdict.kind === 'refused') return { line, status: 'refused', problem: verdict.refusal };
  const operations = verdict.operationIds.map((id) => ({ id, href: hrefs.operation(id) }));
  return { line, status: 'accepted', operations };
}
