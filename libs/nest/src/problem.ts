import { LogError } from '@gridtokenx/runtime';
import { HttpException } from '@nestjs/common';

/** One fault of many: where it stands in the message (RFC 6901) and, in a batch, in which line (from 1). */
export interface ProblemItem {
  readonly code: string;
  readonly pointer?: string;
  readonly line?: number;
  readonly detail?: string;
}

/** An RFC 9457 problem as it travels. `code` is stable and repeats the last part of `type`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly ProblemItem[];
}

export interface ProblemFields {
  readonly code: string;
  readonly status: number;
  /** The same for every occurrence of the code. */
  readonly title: string;
  /** What is particular to this occurrence. */
  readonly detail?: string | undefined;
  readonly errors?: readonly ProblemItem[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** Thrown by whoever knows what is wrong with a request; answered by {@link ProblemFilter}. */
export class ProblemError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(
    readonly fields: ProblemFields,
    options?: ErrorOptions,
  ) {
    super(`${fields.code}: ${fields.detail ?? fields.title}`, options);
    this.name = 'ProblemError';
    this.code = fields.code;
    this.status = fields.status;
  }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export const problemTypeOf = (code: string): string => `urn:gridtokenx:problem:${code}`;

export function problemOf({ code, status, title, detail, errors }: ProblemFields, instance?: string): Problem {
  return {
    type: problemTypeOf(code),
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(instance === undefined ? {} : { instance }),
    ...(errors === undefined ? {} : { errors }),
  };
}

/** What the HTTP layer itself refuses, before any controller sees it. */
const BY_STATUS: Readonly<Record<number, { readonly code: string; readonly title: string }>> = {
  400: {
    code: 'request.malformed',
    title: 'The request is not well-formed HTTP, or its body is not what its headers say.',
  },
  404: { code: 'route.unknown', title: 'There is nothing at this path.' },
  405: { code: 'route.methodNotAllowed', title: 'The path does not know this method.' },
  408: { code: 'request.timeout', title: 'The request did not arrive in time.' },
  413: { code: 'request.tooLarge', title: 'The body is larger than this path takes.' },
  414: { code: 'request.uriTooLong', title: 'A part of the path is too long.' },
  415: { code: 'request.mediaType', title: 'This path does not take a body of this media type.' },
  431: { code: 'request.headersTooLarge', title: 'The header fields are too large.' },
  503: { code: 'server.closing', title: 'The server is stopping.' },
};

export const httpProblem = (status: number, detail?: string): ProblemFields => {
  const known = BY_STATUS[status] ?? BY_STATUS[400];
  return { status, code: known?.code ?? 'request.malformed', title: known?.title ?? '', detail };
};

const serverError: ProblemFields = {
  code: 'server.error',
  status: 500,
  title: 'A fault of the server; it was logged.',
};

const busUnavailable: ProblemFields = {
  code: 'bus.unavailable',
  status: 503,
  title: 'The bus does not answer. Sending the same bytes again is safe.',
  retryAfterSeconds: 2,
};

/** The problem behind whatever was thrown. Nothing of an unexpected error leaves the process: it may hold secrets. */
export function problemFieldsOf(error: unknown): ProblemFields {
  if (error instanceof ProblemError) return error.fields;
  if (error instanceof LogError && (error.code === 'log.unavailable' || error.code === 'log.closed'))
    return busUnavailable;
  const status = statusOf(error);
  if (status === undefined || status >= 500) return serverError;
  return httpProblem(status, error instanceof Error ? error.message : undefined);
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return undefined;
}
