import type { LoggerService } from '@nestjs/common';

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** One JSON object a line on stderr: stdout belongs to what a process says to whoever started it. */
export class StderrLogger implements LoggerService {
  constructor(
    private readonly service: string,
    private readonly levels: ReadonlySet<Level> = new Set(['info', 'warn', 'error', 'fatal']),
    private readonly write: (line: string) => void = (line) => void process.stderr.write(line),
    private readonly now: () => number = Date.now,
  ) {}

  log(message: unknown, ...rest: unknown[]): void {
    // Nest tells of every module and route it loads; that is for debugging.
    this.line(FRAMEWORK.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.line('warn', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.line('error', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.line('fatal', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.line('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.line('debug', message, rest);
  }

  private line(level: Level, message: unknown, rest: readonly unknown[]): void {
    if (!this.levels.has(level)) return;
    const fields = message instanceof Error ? { message: message.stack } : isFields(message) ? message : { message };
    const context = rest.at(-1);
    const time = new Date(this.now()).toISOString();
    this.write(`${JSON.stringify({ time, level, service: this.service, context, ...fields })}\n`);
  }
}

const FRAMEWORK: ReadonlySet<string> = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
]);

const isFields = (message: unknown): message is Record<string, unknown> =>
  typeof message === 'object' && message !== null;
