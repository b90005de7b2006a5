import type { ProblemItem } from '@gridtokenx/nest';
import { z } from 'zod';
import { problem } from '../problems.js';

const ITEMS_MAX = 20;

export const pointerTo = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The faults of a message, each with its place; not more than a reader can use. */
export function itemsOf(code: string, error: z.ZodError): ProblemItem[] {
  return error.issues.slice(0, ITEMS_MAX).flatMap((issue) => {
    const extras = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [key]) : [[]];
    return extras.map((extra) => ({ code, pointer: pointerTo([...issue.path, ...extra]), detail: issue.message }));
  });
}

/** Strict: an unknown or repeated parameter is refused, not ignored; the pointer names the parameter. */
export function parseQuery<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw problem('query.invalid', undefined, itemsOf('query.invalid', parsed.error));
}

export function parsePath<T extends z.ZodType>(schema: T, params: unknown): z.output<T> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  throw problem('path.invalid', undefined, itemsOf('path.invalid', parsed.error));
}

/** A whole number in a path or query. */
export const wholeNumber = (least: number, most: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,15})$/, 'a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `from ${least} to ${most}`);
