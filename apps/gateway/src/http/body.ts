import { Readable } from 'node:stream';
import { JsonError, parseStrictJson, fromUtf8, type Json } from '@gridtokenx/kernel';
import { httpProblem, ProblemError } from '@gridtokenx/nest';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { problem } from '../problems.js';
import { itemsOf } from './query.js';

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaTypeOf = (contentType: string | undefined): string =>
  (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

export function refuseMediaType(contentType: string | undefined, accepted: readonly string[]): never {
  const got = contentType === undefined ? 'no content-type' : mediaTypeOf(contentType);
  throw new ProblemError(httpProblem(415, `${got} is none of ${accepted.join(', ')}`));
}

/** Strict JSON of a body that was read whole. */
export function strictJsonBody(body: Uint8Array): Json {
  const text = fromUtf8(body);
  if (text === undefined) throw problem('body.json', 'not UTF-8');
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const detail = `${error.code} at character ${error.at}`;
    throw problem('body.json', detail, [{ code: error.code, pointer: error.pointer, detail }]);
  }
}

export function parseBody<T extends z.ZodType>(schema: T, value: Json): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw problem('body.schema', undefined, itemsOf('body.schema', parsed.error));
}

/** A body that was read whole, and its media type. Throws 415 for another media type. */
export function bytesBody(
  request: FastifyRequest,
  accepted: readonly string[],
): { readonly body: Uint8Array; readonly type: string } {
  const contentType = request.headers['content-type'];
  const type = mediaTypeOf(contentType);
  const { body } = request;
  if (!accepted.includes(type)) refuseMediaType(contentType, accepted);
  // A request without a body never reaches a parser.
  return { type, body: body instanceof Uint8Array ? body : new Uint8Array(0) };
}

/** A body that is read as it comes. */
export function streamBody(request: FastifyRequest, accepted: readonly string[]): AsyncIterable<Uint8Array> {
  const contentType = request.headers['content-type'];
  if (!accepted.includes(mediaTypeOf(contentType))) refuseMediaType(contentType, accepted);
  const { body } = request;
  if (!(body instanceof Readable)) return Readable.from([]);
  return untilLeft(body);
}

/** Leaving a body early must not end the connection: the client reads the answer only once it has sent everything. */
async function* untilLeft(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } finally {
    body.resume();
  }
}

/** `undefined` for a body sent in chunks. */
export function declaredLength(request: FastifyRequest): number | undefined {
  const value = request.headers['content-length'];
  return value === undefined ? undefined : Number(value);
}
