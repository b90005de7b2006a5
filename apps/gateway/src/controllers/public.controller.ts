import type { PublicReadModels } from '@gridtokenx/runtime';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { page, standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import { publicRoutes, type PublicRoute } from '../openapi/public-routes.js';
import { HREFS, READ_MODELS } from '../parts.js';
import { AnchorProofs } from '../read/anchor-proofs.js';
import { Heights } from '../read/heights.js';
import type { Hrefs } from '../read/views.js';

/** What only the public ledger answers: one handler for each route of the table. */
@Controller()
export class PublicController {
  constructor(
    @Inject(READ_MODELS) private readonly readModels: PublicReadModels,
    @Inject(HREFS) private readonly hrefs: Hrefs,
    @Inject(Heights) private readonly heights: Heights,
    @Inject(AnchorProofs) private readonly anchorProofs: AnchorProofs,
  ) {}

  async answer(
    route: PublicRoute,
    given: { readonly params: unknown; readonly query: unknown },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<object> {
    const params = (route.params === undefined ? {} : parsePath(route.params, given.params)) as Record<string, string>;
    const { minHeight, ...query } = parseQuery(route.query, given.query) as { minHeight?: number };
    await this.heights.atLeast(minHeight);
    const { at, body } = await route.read(this.readModels, { params, query }, this.hrefs, this.anchorProofs);
    return body.next === undefined
      ? standsAt(reply, at, body)
      : page(reply, request.url, { ...body, height: at.height });
  }
}

for (const route of publicRoutes) {
  const handler = {
    async value(
      this: PublicController,
      params: unknown,
      query: unknown,
      request: FastifyRequest,
      reply: FastifyReply,
    ): Promise<object> {
      return this.answer(route, { params, query }, request, reply);
    },
    configurable: true,
    enumerable: false,
    writable: true,
  };
  const { prototype } = PublicController;
  Object.defineProperty(prototype, route.id, handler);
  Param()(prototype, route.id, 0);
  Query()(prototype, route.id, 1);
  Req()(prototype, route.id, 2);
  Res({ passthrough: true })(prototype, route.id, 3);
  Get(route.path.replaceAll(/\{(\w+)\}/g, ':$1'))(prototype, route.id, handler);
}
