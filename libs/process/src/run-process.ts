import type { StderrLogger } from '@gridtokenx/nest';

/** Runs a process to its end: 0 when `main` resolves; else the error is told, and `exitOf` says what the process ends with. */
export function runProcess(
  logger: Pick<StderrLogger, 'fatal'>,
  main: () => Promise<void>,
  exitOf = (_error: unknown): number => 1,
): void {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      logger.fatal(error instanceof Error ? error : new Error(String(error)));
      process.exit(exitOf(error));
    },
  );
}
