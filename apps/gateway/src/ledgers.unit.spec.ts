import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, utf8 } from '@gridtokenx/kernel';
import { ledgerTopics, readGenesis, signEnvelope, type Operation } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InjectOptions } from 'light-my-request';
import type { Gateway } from './create-gateway.js';
import { genesisFile, kidOf, newWorld, seedOf, type World } from './fixture.spec.js';
import { openApiDocument } from './openapi/document.js';
import { FakePublicReads } from './public-fixture.spec.js';

const owner = seedOf(7);
const file = utf8(
  JSON.stringify(
    testPublicGenesis({
      timeMs: Date.UTC(2026, 5, 14),
      accounts: [0, 1].map((n) => ({ id: kidOf(seedOf(10 + n)), amount: gridAmount(20_000) })),
      validators: [0, 1].map((n) => ({
        key: kidOf(seedOf(n)),
        account: kidOf(seedOf(10 + n)),
        bond: gridAmount(10_000),
        commission: 0,
      })),
    }),
  ),
);
const identity = readGenesis(native, file);

let world: World;
let gateway: Gateway;
beforeEach(async () => {
  world = newWorld();
  const readModels = new FakePublicReads(identity);
  readModels.register(kidOf(owner));
  await world.log.ensureTopics([ledgerTopics.public.operations, ledgerTopics.public.consensus]);
  const consortium = { identity: world.identity, genesisFile: genesisFile(4), readModels: world.readModels };
  gateway = await world.gateway({ ledgers: { consortium, public: { identity, genesisFile: file, readModels } } });
});
afterEach(() => world.close());

const ask = async (request: InjectOptions): Promise<{ status: number; body: string; location: unknown }> => {
  const { statusCode, body, headers } = await gateway.app.inject(request);
  return { status: statusCode, body, location: headers['location'] };
};
const submit = (url: string, envelope: Uint8Array): ReturnType<typeof ask> =>
  ask({ method: 'POST', url, headers: { 'content-type': 'application/jose' }, payload: Buffer.from(envelope) });

const transfer: Operation = { type: 'grid.transfer', to: kidOf(seedOf(8)), amount: '1000000' };
const envelope = (): Uint8Array => {
  const validUntil = formatTime(millis(world.clock.now() + 60_000));
  return signEnvelope(native, owner, identity.ledgerId, {
    sequence: 1,
    validUntil,
    atomic: false,
    operations: [transfer],
  });
};

describe('a gateway of two ledgers', () => {
  it('takes operations of each under its path and to its topic, and no other', async () => {
    const { status, location } = await submit('/v1/public/operations', envelope());
    expect(status).toBe(202);
    expect(location).toMatch(/^\/v1\/public\/operations\/[0-9a-f]{64}$/);
    expect(await world.log.end(ledgerTopics.public.operations.name)).toBe(1);
    expect(await world.log.end(ledgerTopics.consortium.operations.name)).toBe(0);
    const known = await ask({ method: 'GET', url: String(location) });
    expect(JSON.parse(known.body)).toMatchObject({ status: 'pending', kid: kidOf(owner) });
    expect((await ask({ method: 'GET', url: String(location).replace('/public', '') })).status).toBe(404);

    expect((await submit('/v1/operations', envelope())).status).toBeGreaterThanOrEqual(400);
    expect((await submit('/v1/public/operations', world.envelope())).status).toBeGreaterThanOrEqual(400);
    expect((await submit('/v1/operations', world.envelope())).location).toMatch(/^\/v1\/operations\//);
    expect(await world.log.end(ledgerTopics.public.operations.name)).toBe(1);
  });

  it('takes envelopes and batches as large on the one as on the other', async () => {
    const payload = Buffer.alloc(1024 * 1024, 'x\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    for (const url of ['/v1/batches', '/v1/public/batches']) {
      const { body } = await ask({ method: 'POST', url, headers, payload });
      expect(JSON.parse(body)).not.toMatchObject({ code: 'request.tooLarge' });
    }
  });

  it('answers for each what is its own', async () => {
    expect((await ask({ method: 'GET', url: '/v1/public/genesis' })).body).toBe(Buffer.from(file).toString());
    const health = async (url: string): Promise<unknown> => JSON.parse((await ask({ method: 'GET', url })).body);
    expect(await health('/v1/public/health')).toMatchObject({ status: 'ok', ledgerId: identity.ledgerId });
    expect(await health('/v1/health')).toMatchObject({ status: 'ok', ledgerId: world.identity.ledgerId });
    const key = await ask({ method: 'GET', url: `/v1/public/keys/${kidOf(owner)}` });
    expect(key.status).toBe(200);
    expect((await ask({ method: 'GET', url: '/v1/public/trades' })).status).toBe(404);
    expect((await ask({ method: 'GET', url: '/v1/trades' })).status).toBe(200);
  });

  it('describes all of it', async () => {
    const served = gateway.routes
      .all()
      .filter(({ method }) => method !== 'HEAD')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const { body } = await ask({ method: 'GET', url: '/v1/openapi.json' });
    const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, { operationId: string }>> };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual([...new Set(served)].sort());
    expect(documented).toContain('POST /v1/public/batches');
    const names = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(JSON.parse(body)).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });
});
