import { utf8 } from '@gridtokenx/kernel';
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { standsAt } from '../http/answers.js';
import { parseBody, bytesBody, strictJsonBody } from '../http/body.js';
import { parsePath, parseQuery } from '../http/query.js';
import * as schemas from '../openapi/schemas.js';
import { Heights } from '../read/heights.js';
import { Outcomes } from '../read/outcomes.js';
import { HREFS } from '../parts.js';
import type { Hrefs } from '../read/views.js';
import { Intake } from '../write/intake.js';

@Controller('operations')
export class OperationsController {
  constructor(
    @Inject(Intake) private readonly intake: Intake,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
    @Inject(Heights) private readonly heights: Heights,
    @Inject(HREFS) private readonly hrefs: Hrefs,
  ) {}

  /** Accepted is durable on the bus, not decided: what became of it is at `href`. */
  @Post()
  @HttpCode(202)
  async submit(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.acceptedAnswer>> {
    parseQuery(schemas.emptyQuery, query);
    const { body, type } = bytesBody(request, ['application/jose', 'text/plain', 'application/json']);
    const jws = type === 'application/json' ? envelopeOf(body) : trimmed(body);
    const operations = (await this.intake.submit(jws)).map((id) => ({ id, href: this.hrefs.operation(id) }));
    void reply.header('location', operations[0]?.href ?? '');
    return { status: 'accepted', operations };
  }

  @Post('status')
  @HttpCode(200)
  async status(
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.statusAnswer>> {
    const { minHeight } = parseQuery(schemas.readQuery, query);
    const { body } = bytesBody(request, ['application/json']);
    const { ids } = parseBody(schemas.statusBody, strictJsonBody(body));
    await this.heights.atLeast(minHeight);
    const answer = await this.outcomes.operations(ids);
    return standsAt(reply, answer, answer);
  }

  @Get(':id')
  async operation(
    @Param() params: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof schemas.operationAnswer>> {
    const { id } = parsePath(schemas.operationPath, params);
    await this.heights.atLeast(parseQuery(schemas.readQuery, query).minHeight);
    const { at, body } = await this.outcomes.operation(id);
    return standsAt(reply, at, body);
  }
}

const envelopeOf = (body: Uint8Array): Uint8Array =>
  utf8(parseBody(schemas.envelopeBody, strictJsonBody(body)).envelope);

/** Editors and `curl --data-binary @file` end a file with a line end. */
function trimmed(body: Uint8Array): Uint8Array {
  let end = body.length;
  while (end > 0 && (body[end - 1] === 0x0a || body[end - 1] === 0x0d)) end--;
  return body.subarray(0, end);
}
