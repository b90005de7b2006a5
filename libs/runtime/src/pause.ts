const FIRST_MS = 20;
const MOST_MS = 1_000;

/** Resolves after `ms`, or at once when the signal says stop. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((done) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      done();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

/** Doubles with each attempt up to a second, less up to half of it by chance so that many do not come back as one. */
export async function pause(attempt: number, signal?: AbortSignal): Promise<void> {
  await sleep(Math.min(MOST_MS, FIRST_MS * 2 ** attempt) * (0.5 + Math.random() / 2), signal);
}
