import { LogError } from '@gridtokenx/runtime';
import { HttpException, PayloadTooLargeException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { checkHealth } from './health.js';
import { ProblemError, problemFieldsOf, problemOf } from './problem.js';
import { RouteTable } from './route-table.js';
import { StderrLogger } from './stderr-logger.js';

describe('a problem', () => {
  it('has the members of RFC 9457 and a stable code', () => {
    const fields = { code: 'batch.empty', status: 422, title: 'Empty.', errors: [{ code: 'x', line: 3 }] };
    expect(problemOf(fields, '/v1/batches')).toEqual({
      type: 'urn:gridtokenx:problem:batch.empty',
      title: 'Empty.',
      status: 422,
      code: 'batch.empty',
      instance: '/v1/batches',
      errors: [{ code: 'x', line: 3 }],
    });
  });

  it.each([
    [new ProblemError({ code: 'a.b', status: 418, title: 'Tea.' }), 418, 'a.b'],
    [new LogError('log.unavailable', 'gone'), 503, 'bus.unavailable'],
    [new LogError('log.closed', 'gone'), 503, 'bus.unavailable'],
    [new LogError('log.recordTooLarge', 'big'), 500, 'server.error'],
    [new PayloadTooLargeException(), 413, 'request.tooLarge'],
    [new HttpException('x', 402), 402, 'request.malformed'],
    [Object.assign(new Error('x'), { statusCode: 415 }), 415, 'request.mediaType'],
    [Object.assign(new Error('x'), { statusCode: 500 }), 500, 'server.error'],
    ['a string', 500, 'server.error'],
  ])('is made of %s', (error, status, code) => {
    expect(problemFieldsOf(error)).toMatchObject({ status, code });
  });

  it('tells nothing of an unexpected error', () => {
    expect(JSON.stringify(problemFieldsOf(new Error('password=x')))).not.toContain('password');
  });
});

describe('a route table', () => {
  it('knows the methods of a path', () => {
    const table = new RouteTable();
    const hooks: ((route: { method: string | string[]; url: string }) => void)[] = [];
    table.follow({ addHook: (_name: string, hook: never) => hooks.push(hook) } as never);
    for (const hook of hooks) {
      hook({ method: ['POST', 'GET'], url: '/v1/a' });
      hook({ method: 'GET', url: '/v1/a/:id' });
    }
    expect(table.methodsAt('/v1/a')).toEqual(['GET', 'POST']);
    expect(table.methodsAt('/v1/a/7')).toEqual(['GET']);
    expect(table.methodsAt('/v1/a/')).toEqual([]);
    expect(table.methodsAt('/v1/b')).toEqual([]);
  });
});

describe('health', () => {
  const ok = { name: 'ok', check: () => Promise.resolve({ height: 7 }) };

  it('is ok when all probes are', async () => {
    expect(await checkHealth([ok])).toEqual({ status: 'ok', checks: { ok: { status: 'ok', height: 7 } } });
  });

  it('fails with one that throws or hangs, and names only its code', async () => {
    const bad = { name: 'bad', check: () => Promise.reject(new LogError('log.unavailable', 'host db-1')) };
    const mute = { name: 'mute', check: () => new Promise<never>(() => undefined) };
    expect(await checkHealth([ok, bad, mute], 5)).toEqual({
      status: 'failing',
      checks: {
        ok: { status: 'ok', height: 7 },
        bad: { status: 'failing', reason: 'log.unavailable' },
        mute: { status: 'failing', reason: 'no answer within 5 ms' },
      },
    });
  });
});

describe('the stderr logger', () => {
  it('writes one JSON object a line, and leaves out what only Nest wants to tell', () => {
    const lines: string[] = [];
    const logger = new StderrLogger(
      'gateway',
      undefined,
      (line) => lines.push(line),
      () => 0,
    );
    logger.log('Mapped {/v1/x}', 'RouterExplorer');
    logger.error({ path: '/v1', error: 'why' }, 'ProblemFilter');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'error',
        service: 'gateway',
        context: 'ProblemFilter',
        path: '/v1',
        error: 'why',
      },
    ]);
  });
});
