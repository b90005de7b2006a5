import { Get, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { page, standsAt } from '../http/answers.js';
import { parsePath, parseQuery } from '../http/query.js';
import type { ListRoute } from '../openapi/list-routes.js';
import type { Heights } from '../read/heights.js';
import type { Hrefs } from '../read/views.js';

/** Answers the routes of a table, once they are given to its class by {@link serve}. */
export abstract class ListController<Reads, More> {
  protected constructor(
    private readonly reads: Reads,
    private readonly given: { readonly hrefs: Hrefs; readonly more: More },
    private readonly heights: Heights,
  ) {}

  async answer(
    route: ListRoute<Reads, More>,
    asked: { readonly params: unknown; readonly query: unknown },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<object> {
    const params = (route.params === undefined ? {} : parsePath(route.params, asked.params)) as Record<string, unknown>;
    const { minHeight, ...query } = parseQuery(route.query, asked.query) as { minHeight?: number };
    await this.heights.atLeast(minHeight);
    const { at, body } = await route.read(this.reads, { params, query }, this.given);
    return body.next === undefined
      ? standsAt(reply, at, body)
      : page(reply, request.url, { ...body, height: at.height });
  }
}

/** One handler for each route. */
export function serve<Reads, More>(
  { prototype }: { readonly prototype: ListController<Reads, More> },
  routes: readonly ListRoute<Reads, More>[],
): void {
  for (const route of routes) {
    const handler = {
      async value(
        this: ListController<Reads, More>,
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
    Object.defineProperty(prototype, route.id, handler);
    Param()(prototype, route.id, 0);
    Query()(prototype, route.id, 1);
    Req()(prototype, route.id, 2);
    Res({ passthrough: true })(prototype, route.id, 3);
    Get(route.path.replaceAll(/\{(\w+)\}/g, ':$1'))(prototype, route.id, handler);
  }
}
