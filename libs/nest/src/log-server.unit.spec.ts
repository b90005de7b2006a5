import 'reflect-metadata';
import { MemoryLog } from '@gridtokenx/testkit';
import { Controller, Module } from '@nestjs/common';
import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkHealth } from './health.js';
import { createTransportOptions, LogExceptionFilter, type LogBatch, type LogServer } from './log-server.js';

const apps: INestMicroservice[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function newLog(...topics: string[]): Promise<MemoryLog> {
  const log = new MemoryLog(() => 1_000);
  await log.ensureTopics(topics.map((name) => ({ name })));
  return log;
}

async function start(
  log: MemoryLog,
  controller: Type,
  topics: string[],
  offsets: Record<string, number> = {},
  onFailure?: (topic: string, error: unknown) => void,
): Promise<LogServer> {
  @Module({ controllers: [controller] })
  class Reader {}
  const options = createTransportOptions({
    log,
    topics: Object.fromEntries(topics.map((topic) => [topic.split('.').at(-1), topic])),
    startOffset: (topic) => offsets[topic] ?? 0,
    ...(onFailure === undefined ? {} : { onFailure }),
  });
  const app = await NestFactory.createMicroservice(Reader, { ...options, logger: false });
  app.useGlobalFilters(new LogExceptionFilter());
  apps.push(app);
  await app.listen();
  return options.strategy;
}

const texts = (batch: LogBatch): string[] => batch.records.map(({ value }) => Buffer.from(value).toString());
const bytes = (text: string): Uint8Array => Buffer.from(text);
const tick = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('the log server', () => {
  it('hands batches of each topic to the handler of its pattern, from the offset that the reader names', async () => {
    const seen: string[] = [];
    @Controller()
    class Handlers {
      @EventPattern('a')
      async onA(batch: LogBatch): Promise<void> {
        await tick();
        seen.push(`${batch.topic}:${batch.records[0]?.offset}:${texts(batch).join()}`);
      }
      @EventPattern('b')
      onB(batch: LogBatch): void {
        seen.push(`${batch.topic}:${texts(batch).join()}`);
      }
    }
    const log = await newLog('a', 'other.b');
    await log.append('a', ['0', '1', '2'].map(bytes));
    const server = await start(log, Handlers, ['a', 'other.b'], { a: 1 });
    await log.append('other.b', [bytes('x')]);
    while (seen.length < 2) await tick();
    expect(seen.sort()).toEqual(['a:1:1,2', 'other.b:x']);
    expect(server.unwrap()).toBe(log);
    expect((await checkHealth([server.probe])).status).toBe('ok');
  });

  it('does not start when a topic has no handler, or a handler no topic', async () => {
    @Controller()
    class Handlers {
      @EventPattern('a')
      onA(_batch: LogBatch): void {}
    }
    @Controller()
    class Asks {
      @MessagePattern('a')
      onA(): void {}
    }
    const log = await newLog('a', 'b');
    await expect(start(log, Handlers, ['a', 'b'])).rejects.toMatchObject({ code: 'logServer.noHandler' });
    await expect(start(log, Handlers, [])).rejects.toMatchObject({ code: 'logServer.unknownTopic' });
    await expect(start(log, Asks, ['a'])).rejects.toMatchObject({ code: 'logServer.unknownTopic' });
  });

  it('does not start when the bus has no such topic', async () => {
    @Controller()
    class Handlers {
      @EventPattern('nowhere')
      onNowhere(_batch: LogBatch): void {}
    }
    await expect(start(await newLog(), Handlers, ['nowhere'])).rejects.toMatchObject({ code: 'log.unknownTopic' });
  });

  it.each(['throws', 'rejects'])(
    'stops reading and fails its probe when a handler %s, and skips nothing',
    async (how) => {
      const bug = new Error('a bug in the handler');
      const seen: string[] = [];
      @Controller()
      class Handlers {
        @EventPattern('a')
        onA(batch: LogBatch): Promise<void> | undefined {
          seen.push(...texts(batch));
          if (!texts(batch).includes('bad')) return undefined;
          if (how === 'throws') throw bug;
          return Promise.reject(bug);
        }
      }
      const failures: unknown[] = [];
      const log = await newLog('a');
      const server = await start(log, Handlers, ['a'], {}, (topic, error) => failures.push([topic, error]));
      await log.append('a', [bytes('good')]);
      while (seen.length < 1) await tick();
      await log.append('a', [bytes('bad')]);
      while (failures.length < 1) await tick();
      await log.append('a', [bytes('later')]);
      for (let i = 0; i < 5; i++) await tick();
      expect(seen).toEqual(['good', 'bad']);
      expect(failures).toEqual([['a', bug]]);
      expect(await checkHealth([server.probe])).toMatchObject({
        status: 'failing',
        checks: { 'bus.readers': { reason: 'logServer.failed' } },
      });
    },
  );

  it('finishes the batch in hand on close, and calls nobody after it', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((done) => (release = done));
    let calls = 0;
    let finished = 0;
    @Controller()
    class Handlers {
      @EventPattern('a')
      async onA(_batch: LogBatch): Promise<void> {
        calls++;
        await held;
        finished++;
      }
    }
    const log = await newLog('a');
    const server = await start(log, Handlers, ['a']);
    await log.append('a', [bytes('x')]);
    while (calls === 0) await tick();
    const closing = server.close();
    release();
    await closing;
    expect(finished).toBe(1);
    await log.append('a', [bytes('y')]);
    await tick();
    expect(calls).toBe(1);
    expect((await checkHealth([server.probe])).status).toBe('failing');
  });
});
