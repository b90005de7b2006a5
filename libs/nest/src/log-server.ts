import type { Log, LogRecord, Subscription } from '@gridtokenx/runtime';
import { Catch } from '@nestjs/common';
import type { RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomStrategy, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';
import type { HealthProbe } from './health.js';

/** What a handler gets: records of the topic in offset order, none left out. */
export interface LogBatch {
  readonly topic: string;
  readonly records: readonly LogRecord[];
}

export interface LogServerOptions {
  readonly log: Log;
  /**
   * What this process reads: by the pattern of its handler the topic, since the same handlers serve the topics of any ledger.
   * Each needs a handler `@EventPattern(pattern)`, and each handler its topic: a typing error must not be silent.
   */
  readonly topics: Readonly<Record<string, string>>;
  /** Where to go on, asked once for each topic before the first batch: the reader's own cursor, never the bus's. */
  readonly startOffset: (topic: string) => number | Promise<number>;
  /** Told once when a subscription ends by an error. The process should then stop and be started again. */
  readonly onFailure?: (topic: string, error: unknown) => void;
}

export class LogServerError extends Error {
  constructor(
    readonly code: 'logServer.noHandler' | 'logServer.unknownTopic' | 'logServer.failed' | 'logServer.notListening',
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'LogServerError';
  }
}

type LogServerStatus = 'listening' | 'failed' | 'closed';

/**
 * Nest's transport over the Log port. One batch at a time for each topic; the next one comes when the handler's promise
 * resolves. A handler that throws ends its subscription and makes the health probe fail: a record is never skipped.
 */
export class LogServer extends Server<Record<string, never>, LogServerStatus> implements CustomTransportStrategy {
  override readonly transportId = Symbol('gridtokenx.log');
  /** Errors are not for Nest to log and forget: `handleBatch` awaits them. */
  override readonly propagatesEventHandlerErrors = true;

  private readonly subscriptions = new Map<string, Subscription>();
  private readonly failures = new Map<string, unknown>();
  private listening = false;

  constructor(private readonly options: LogServerOptions) {
    super();
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.checkHandlers();
      for (const [pattern, topic] of Object.entries(this.options.topics)) await this.read(pattern, topic);
    } catch (error) {
      await this.close();
      callback(error);
      return;
    }
    this.listening = true;
    this._status$.next('listening');
    callback();
  }

  async close(): Promise<void> {
    this.listening = false;
    const open = [...this.subscriptions.values()];
    this.subscriptions.clear();
    await Promise.all(open.map((subscription) => subscription.close()));
    this._status$.next('closed');
  }

  /** Healthy while every topic is being read. */
  readonly probe: HealthProbe = {
    name: 'bus.readers',
    check: async () => {
      for (const [topic, cause] of this.failures)
        throw new LogServerError('logServer.failed', `the handler of ${topic} failed`, { cause });
      if (!this.listening) throw new LogServerError('logServer.notListening', 'no topic is being read');
      return { topics: Object.values(this.options.topics) };
    },
  };

  on(): never {
    throw new TypeError('the log server has no events; see status');
  }

  unwrap<T>(): T {
    return this.options.log as T;
  }

  private checkHandlers(): void {
    const { topics } = this.options;
    for (const [pattern, topic] of Object.entries(topics))
      if (!this.messageHandlers.has(pattern))
        throw new LogServerError('logServer.noHandler', `no @EventPattern('${pattern}') handles ${topic}`);
    for (const [pattern, handler] of this.messageHandlers)
      if (!Object.hasOwn(topics, pattern) || handler.isEventHandler !== true)
        throw new LogServerError(
          'logServer.unknownTopic',
          `'${pattern}' has a handler but is not among the topics read`,
        );
  }

  private async read(pattern: string, topic: string): Promise<void> {
    const from = await this.options.startOffset(topic);
    const subscription = this.options.log.subscribe(topic, from, (records) =>
      this.handleBatch(pattern, { topic, records }),
    );
    this.subscriptions.set(topic, subscription);
    subscription.failed.catch((error: unknown) => {
      this.failures.set(topic, error);
      this._status$.next('failed');
      this.logger.error({
        message: `reading ${topic} ended`,
        error: error instanceof Error ? error.stack : String(error),
      });
      this.options.onFailure?.(topic, error);
    });
  }

  /** Several handlers of one pattern are chained by Nest: calling the first calls them all. */
  private async handleBatch(pattern: string, batch: LogBatch): Promise<void> {
    const handler = this.messageHandlers.get(pattern);
    if (handler === undefined) throw new LogServerError('logServer.noHandler', batch.topic);
    const result: unknown = await handler(batch, new BaseRpcContext([batch.topic]));
    // Nest turns what a handler throws into an Observable that errors; waiting for it throws here.
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}

/**
 * Nest's own filter replaces what a handler threw by 'Internal server error'. Set this one with `useGlobalFilters`,
 * so that health and the log tell the cause.
 */
@Catch()
export class LogExceptionFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** For `NestFactory.createMicroservice` and `app.connectMicroservice`. */
export function createTransportOptions(options: LogServerOptions): CustomStrategy & { readonly strategy: LogServer } {
  return { strategy: new LogServer(options) };
}
