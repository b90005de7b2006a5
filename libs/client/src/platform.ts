/** What the SDK needs of the machine, and all of it: browsers and Node both have it, tests inject their own. */
export interface Platform {
  readonly fetch: Fetch;
  /** Fills new bytes from the operating system's generator. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The part of the standard `fetch` that is used. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchAnswer>;

/** The globals that are used, typed here because this package compiles without the DOM's and without Node's types. */
interface Host {
  readonly fetch: (url: string, init: FetchInit & { signal?: unknown }) => Promise<FetchAnswer>;
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  readonly setTimeout: (call: () => void, ms: number) => unknown;
  readonly AbortSignal?: { timeout?(ms: number): unknown };
}

const REQUEST_TIMEOUT_MS = 60_000;
const host = globalThis as unknown as Host;

/** The browser's or Node's own. A request without an answer is given up after a minute. */
export const platform: Platform = {
  fetch: (url, init) => {
    const signal = host.AbortSignal?.timeout?.(REQUEST_TIMEOUT_MS);
    return host.fetch(url, signal === undefined ? init : { ...init, signal });
  },
  randomBytes: (length) => host.crypto.getRandomValues(new Uint8Array(length)),
  now: () => Date.now(),
  sleep: (ms) =>
    new Promise((resolve) => {
      host.setTimeout(resolve, ms);
    }),
};
