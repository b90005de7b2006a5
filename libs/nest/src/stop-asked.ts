/** Resolves when this process is asked to stop: by SIGINT, by SIGTERM, or by the end of whoever started it. */
export function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    // Whoever started us is gone when our standard input ends.
    if (process.env['STOP_WITH_STDIN'] === '1') process.stdin.once('end', () => resolve()).resume();
  });
}
