/** One refusal among several, as RFC 9457 problems of the gateway list them. */
export interface ProblemEntry {
  readonly code: string;
  readonly detail?: string;
  /** RFC 6901 pointer into the payload. */
  readonly pointer?: string;
  /** Of a batch, from 1. */
  readonly line?: number;
}

export interface ProblemFields extends ProblemEntry {
  /** Of HTTP; 0 when there was no answer. */
  readonly status: number;
  readonly errors?: readonly ProblemEntry[];
  readonly retryAfterMs?: number;
}

/**
 * Why the gateway did not do it. Besides the gateway's codes: `client.unreachable` (no answer), `client.badAnswer`
 * (an answer that is not what the interface promises), `client.timeout` (not decided in the time given).
 */
export class GridProblem extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly pointer: string | undefined;
  readonly line: number | undefined;
  readonly errors: readonly ProblemEntry[];
  readonly retryAfterMs: number | undefined;

  constructor({ code, status, detail = '', pointer, line, errors = [], retryAfterMs }: ProblemFields) {
    super(
      `${code}${pointer === undefined || pointer === '' ? '' : ` at ${pointer}`}${detail === '' ? '' : `: ${detail}`}`,
    );
    this.name = 'GridProblem';
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.pointer = pointer;
    this.line = line;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function problemEntry(value: unknown): ProblemEntry | undefined {
  if (!isRecord(value)) return undefined;
  const code = textOf(value['code']);
  if (code === undefined) return undefined;
  const detail = textOf(value['detail']) ?? textOf(value['title']);
  const pointer = textOf(value['pointer']);
  const line = numberOf(value['line']);
  return {
    code,
    ...(detail !== undefined && { detail }),
    ...(pointer !== undefined && { pointer }),
    ...(line !== undefined && { line }),
  };
}

/** The problem behind an answer that is not 2xx; a body that is no problem document still gives one. */
export function problemFrom(status: number, body: unknown, retryAfterMs?: number): GridProblem {
  const entry = problemEntry(body) ?? { code: `http.${status}` };
  const listed: unknown = isRecord(body) ? body['errors'] : undefined;
  const errors = Array.isArray(listed) ? listed.flatMap((one: unknown) => problemEntry(one) ?? []) : [];
  const first = errors[0];
  const pointer = entry.pointer ?? first?.pointer;
  const line = entry.line ?? first?.line;
  return new GridProblem({
    ...entry,
    status,
    errors,
    ...(pointer !== undefined && { pointer }),
    ...(line !== undefined && { line }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The gateway says what no gateway should. */
export const badAnswer = (detail: string, status = 200): GridProblem =>
  new GridProblem({ code: 'client.badAnswer', status, detail });
