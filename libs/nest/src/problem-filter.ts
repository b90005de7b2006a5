import { Catch, Logger, NotFoundException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { httpProblem, PROBLEM_MEDIA_TYPE, problemFieldsOf, problemOf, type ProblemFields } from './problem.js';
import type { RouteTable } from './route-table.js';

/** Sends a problem as `application/problem+json`; also used where no filter runs (faults of the HTTP layer). */
export function sendProblem(reply: FastifyReply, fields: ProblemFields, instance: string): void {
  if (fields.retryAfterSeconds !== undefined) void reply.header('retry-after', String(fields.retryAfterSeconds));
  void reply
    .code(fields.status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    // As bytes: Fastify would add a charset to text, which this media type does not have.
    .send(Buffer.from(JSON.stringify(problemOf(fields, instance))));
}

export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** Every error of every route becomes an RFC 9457 problem; the unexpected ones are logged and say nothing else. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(
    private readonly routes: RouteTable,
    /** Gives errors the names that this process has for them. */
    private readonly refine: (error: unknown, fields: ProblemFields, path: string) => ProblemFields = (_, fields) =>
      fields,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const path = pathOf(request.url);
    const fields = this.refine(error, this.fieldsOf(error, request, reply, path), path);
    if (fields.status >= 500 && fields.code === 'server.error')
      this.logger.error({ path, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    // A body sent in part cannot be taken back; the connection ends, so that nobody takes it for the whole.
    if (reply.raw.headersSent) reply.raw.destroy();
    else sendProblem(reply, fields, path);
  }

  private fieldsOf(error: unknown, request: FastifyRequest, reply: FastifyReply, path: string): ProblemFields {
    if (!(error instanceof NotFoundException)) return problemFieldsOf(error);
    const allowed = this.routes.methodsAt(path);
    if (allowed.length === 0) return httpProblem(404);
    void reply.header('allow', allowed.join(', '));
    return httpProblem(405, `${request.method} is not among ${allowed.join(', ')}`);
  }
}
