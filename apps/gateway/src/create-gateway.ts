import 'reflect-metadata';
import {
  pathOf,
  ProblemFilter,
  problemFieldsOf,
  problemOf,
  httpProblem,
  RouteTable,
  sendProblem,
  StderrLogger,
  PROBLEM_MEDIA_TYPE,
} from '@gridtokenx/nest';
import { BATCH_BYTES_MAX, ENVELOPE_BYTES_MAX, LEDGER_PATHS } from '@gridtokenx/protocol';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayModule } from './gateway.module.js';
import type { GatewayParts } from './parts.js';
import { refineProblem } from './problems.js';
import { READINGS_CHECK_BYTES_MAX } from './read/readings-check.js';

/** Twice an envelope: one that is too large is read and told so, with its code. */
const OPERATION_BODY_MAX = 2 * ENVELOPE_BYTES_MAX;
const SMALL_BODY_MAX = 128 * 1024;
const BODY_LIMITS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.values(LEDGER_PATHS).flatMap((path) => [
    [`${path}/operations`, OPERATION_BODY_MAX],
    [`${path}/batches`, BATCH_BYTES_MAX + 1024 * 1024],
    [`${path}/readings/check`, 2 * READINGS_CHECK_BYTES_MAX],
  ]),
);
/** A request that takes longer to arrive than this is given up, with the room it holds. */
const REQUEST_TIMEOUT_MS = 60_000;

/** How long requests under way may take once the gateway stops. */
const CLOSE_WAIT_MS = 5_000;
const CLOSE_STEP_MS = 50;

export interface Gateway {
  readonly app: NestFastifyApplication;
  readonly routes: RouteTable;
}

/** The gateway around any ports. It does not listen yet: `listen` or, in tests, `inject`. */
export async function createGateway(
  parts: GatewayParts,
  logger: LoggerService | false = new StderrLogger('gateway'),
): Promise<Gateway> {
  const adapter = new FastifyAdapter({
    bodyLimit: SMALL_BODY_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Faults before any route: a malformed URL, or bytes that are no HTTP.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, problemFieldsOf(error), pathOf(request.url)),
    clientErrorHandler: (error, socket) => {
      if (!socket.writable || (error as NodeJS.ErrnoException).code === 'ECONNRESET') return void socket.destroy();
      const body = JSON.stringify(problemOf(httpProblem(400, error.message)));
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  const routes = new RouteTable().follow(fastify);
  fastify.addHook('onRoute', (route) => {
    const limit = BODY_LIMITS[route.url];
    if (limit !== undefined) route.bodyLimit = limit;
  });
  readBodies(fastify);
  closeConnections(fastify);
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.of(parts), adapter, {
    bodyParser: false,
    logger,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(routes, refineProblem));
  return { app, routes };
}

/** Bodies stay bytes: what is signed is never re-encoded. Batches and files stay streams. Each route says what it takes. */
function readBodies(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    ['application/jose', 'text/plain', 'application/json'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  fastify.addContentTypeParser(['application/x-ndjson', 'text/csv'], (_request, payload, done) => done(null, payload));
}

/** Node closes the connections that are idle when a server stops, and waits for those that become so a moment later. */
function closeConnections(fastify: FastifyInstance): void {
  fastify.addHook('preClose', (done) => {
    let left = CLOSE_WAIT_MS / CLOSE_STEP_MS;
    const timer = setInterval(() => {
      if (--left > 0) fastify.server.closeIdleConnections();
      else fastify.server.closeAllConnections();
      if (left <= 0) clearInterval(timer);
    }, CLOSE_STEP_MS);
    fastify.server.once('close', () => clearInterval(timer));
    timer.unref();
    done();
  });
}
