import { connect } from 'node:net';
import { BlockFollower, genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { batchAnswer, problemDocument } from './openapi/schemas.js';
import { newWorld, tick, type World } from './fixture.spec.js';

/** What only shows over a real connection. */
let world: World;
let url: string;
let port: number;
beforeEach(async () => {
  world = newWorld();
  const { app } = await world.gateway();
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = await app.getUrl();
  port = Number(new URL(url).port);
});
afterEach(() => world.close());

const ndjson = { 'content-type': 'application/x-ndjson' };

/** Sends bytes as they are and gives all that comes back. */
const raw = (...parts: readonly string[]): Promise<string> =>
  new Promise((done, fail) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => parts.forEach((part) => socket.write(part)));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => done(answer));
    socket.on('error', fail);
  });

describe('a gateway that listens', () => {
  it('answers a batch that is too large while it is still being sent', async () => {
    const answer = await fetch(`${url}/v1/batches`, {
      method: 'POST',
      headers: ndjson,
      body: Buffer.alloc(40 * 1024 * 1024, 'x'),
    });
    expect(answer.status).toBe(413);
    expect(problemDocument.parse(await answer.json()).code).toBe('batch.tooLarge');
  });

  it('answers a batch of too many operations before its end, and the connection goes on', async () => {
    const body = Buffer.from('x\n'.repeat(1_000_000));
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/v1/batches`, { method: 'POST', headers: ndjson, body });
      expect(answer.status).toBe(413);
      expect(problemDocument.parse(await answer.json()).code).toBe('batch.tooManyOperations');
    }
  });

  it('reads a batch in chunks, as they come', async () => {
    const bytes = Buffer.from(world.envelope(5));
    const body = new ReadableStream({
      async start(controller) {
        for (let at = 0; at < bytes.length; at += 100) {
          controller.enqueue(bytes.subarray(at, at + 100));
          await tick();
        }
        controller.close();
      },
    });
    const init = { method: 'POST', headers: ndjson, body, duplex: 'half' } as RequestInit;
    const answer = await fetch(`${url}/v1/batches`, init);
    expect(batchAnswer.parse(await answer.json())).toMatchObject({ accepted: 1, operations: 5 });
  });

  it('gives back the room of a client that goes away in the middle', async () => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        'POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 33000000\r\n\r\nabc',
      );
      setTimeout(() => socket.destroy(), 20);
    });
    await new Promise((done) => socket.on('close', done));
    for (let i = 0; i < 5; i++) {
      const answer = await fetch(`${url}/v1/batches`, {
        method: 'POST',
        headers: ndjson,
        body: Buffer.from(world.envelope()),
      });
      expect(answer.status).toBe(202);
    }
  });

  it('answers what is no HTTP with a problem too', async () => {
    const answer = await raw('GET /v1/health HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n');
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('request.malformed');
  });

  it('is understood by the SDK', async () => {
    const client = new GridClient({ url, identity: world.identity, crypto: native });
    const envelopes = [1, 2, 3].map((count) => world.envelope(count));
    const [first = '', ...rest] = envelopes.map((bytes) => Buffer.from(bytes).toString());
    const { operations } = await client.submit(first);
    const lines = await client.submitBatch([...rest, 'rubbish'], 'partial');
    expect(lines.map(({ status, problem }) => [status, problem?.code])).toEqual([
      ['accepted', undefined],
      ['accepted', undefined],
      ['refused', 'envelope.malformed'],
    ]);
    const ids = [operations, ...lines.map((line) => line.operations)].flat().map(({ id }) => id);
    expect((await client.statuses(ids)).map(({ status }) => status)).toEqual(ids.map(() => 'pending'));
    world.decide(envelopes);
    for (let i = 0; i < 4; i++) world.decide([]);
    for (const id of ids) {
      const { status, height, outcome } = await client.follow(id);
      expect([status, height, outcome?.status]).toEqual(['executed', 1, 'executed']);
      expect((await client.proof(1, id)).size).toBe(7);
    }
    const heights: unknown[] = [];
    for await (const { height } of client.blocks({ pageSize: 2 })) heights.push(height);
    expect(heights).toEqual([5, 4, 3, 2, 1]);
    expect(await client.nextSequence(world.kid)).toBe(4);
    expect(await client.key('A'.repeat(43))).toBeUndefined();
    expect(await client.genesis()).toEqual(world.file);

    const follower = new BlockFollower(genesisAnchor(world.file, native), { crypto: native });
    const proven: number[] = [];
    for await (const { height } of follower.blocks((height) => client.blockRecord(height))) proven.push(height);
    expect(proven).toEqual([1, 2, 3, 4, 5]);
  });
});
