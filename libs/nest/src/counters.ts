import { integerBetween } from './config.js';

/** For whoever measures the process from outside. */
export const COUNTERS = {
  env: 'COUNTERS_MS',
  flag: 'counters-ms',
  help: 'prints what was counted as a line of JSON on standard output this often; 0: never',
  parse: integerBetween(0, 3_600_000),
  fallback: 0,
};

/** Prints the counters at each interval. Never keeps a process alive. */
export function tellCounters(everyMs: number, counters: () => Readonly<Record<string, number>>): void {
  if (everyMs === 0) return;
  setInterval(() => {
    process.stdout.write(`${JSON.stringify({ event: 'counters', ...counters() })}\n`);
  }, everyMs).unref();
}
