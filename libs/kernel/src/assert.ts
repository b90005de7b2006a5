/** A broken promise of our own code, never of the input: whoever catches this has found a bug. */
export class BugError extends Error {
  constructor(message: string) {
    super(`bug: ${message}`);
    this.name = 'BugError';
  }
}

/** On in production too: wrong money is worse than no service. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** Ends each switch over a union: a new member breaks the build, not the ledger. */
export function unreachable(value: never): never {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
  throw new BugError(`unreachable: ${text}`);
}

/**
 * The `code` of an error, if it has one. Not by `instanceof`: errors of the platform come from another realm where code
 * runs in a context of its own, as tests do.
 */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
