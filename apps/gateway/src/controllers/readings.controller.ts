import { Controller, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { standsAt } from '../http/answers.js';
import { declaredLength, mediaTypeOf, streamBody } from '../http/body.js';
import { parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { problem } from '../problems.js';
import { ReadingsCheck, READINGS_CHECK_BYTES_MAX } from '../read/readings-check.js';
import { Budget } from '../write/budget.js';

/** Files of meter readings, before anybody signs them. */
@Controller('readings')
export class ReadingsController {
  constructor(
    @Inject(ReadingsCheck) private readonly readings: ReadingsCheck,
    @Inject(Budget) private readonly budget: Budget,
  ) {}

  @Post('check')
  @HttpCode(200)
  async check(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.readingsAnswer>> {
    const terms = parseQuery(schemas.readingsQuery, query);
    const chunks = streamBody(request, ['text/csv', 'application/x-ndjson']);
    const format = mediaTypeOf(request.headers['content-type']) === 'text/csv' ? 'csv' : 'ndjson';
    if ((declaredLength(request) ?? 0) > READINGS_CHECK_BYTES_MAX) throw problem('readings.tooLarge');
    const share = this.budget.open(READINGS_CHECK_BYTES_MAX);
    try {
      const answer = await this.readings.check(await whole(chunks), format, terms);
      return standsAt(reply, answer, answer);
    } finally {
      share.release();
    }
  }
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > READINGS_CHECK_BYTES_MAX) throw problem('readings.tooLarge');
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
