import { eventSchemas, operationSchemas } from '@gridtokenx/protocol';
import { afterEach, describe, expect, it } from '@jest/globals';
import { newWorld, type World } from '../fixture.spec.js';
import { openApiDocument } from './document.js';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce((here, step) => (isObject(here) ? here[step] : undefined), value);

const document = openApiDocument(['consortium']);
const operations = Object.entries(document['paths'] as Json).flatMap(([path, methods]) =>
  Object.entries(methods as Json).map(([method, operation]) => ({ path, method, operation: operation as Json })),
);

/** What a query has to say: no statement is without a period. */
const NEEDED = new Set(['from', 'to']);

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

describe('the OpenAPI document', () => {
  it('has every route of the gateway, and no other', async () => {
    const world = newWorld();
    worlds.push(world);
    const { routes } = await world.gateway();
    // Fastify answers HEAD where it answers GET.
    const served = routes
      .all()
      .filter(({ method }) => method !== 'HEAD')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const documented = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(documented.sort()).toEqual([...new Set(served)].sort());
  });

  it('is served as it is', async () => {
    const world = newWorld();
    worlds.push(world);
    const { app } = await world.gateway();
    const { body } = await app.inject({ method: 'GET', url: '/v1/openapi.json' });
    expect(JSON.parse(body)).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('is OpenAPI 3.1 in structure', () => {
    expect(document['openapi']).toBe('3.1.0');
    expect(at(document, 'info')).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    const ids = operations.map(({ operation }) => operation['operationId']);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = operation['parameters'] as Json[];
      expect(parameters.filter((one) => one['in'] === 'path').map((one) => one['name'])).toEqual(names);
      for (const parameter of parameters) {
        expect(['path', 'query']).toContain(parameter['in']);
        expect(parameter['required']).toBe(parameter['in'] === 'path' || NEEDED.has(String(parameter['name'])));
        expect(isObject(parameter['schema'])).toBe(true);
      }
      for (const [status, response] of Object.entries(operation['responses'] as Json)) {
        expect(status).toMatch(/^[245]\d\d$/);
        expect(isObject(response) && ('description' in response || '$ref' in response)).toBe(true);
      }
    }
  });

  it('refers only to what it holds, and every schema is tied to no other document', () => {
    const refs: string[] = [];
    const walk = (value: unknown): void => {
      if (!isObject(value)) return;
      if (typeof value['$ref'] === 'string') refs.push(value['$ref']);
      expect(value['$schema']).toBeUndefined();
      for (const child of Object.values(value)) walk(child);
    };
    walk(document);
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of new Set(refs)) {
      expect(ref).toMatch(/^#\//);
      expect([ref, at(document, ...ref.slice(2).split('/'))]).toEqual([ref, expect.anything()]);
    }
  });

  it('describes every operation and every event of the ledger', () => {
    const typesOf = (name: string): unknown[] =>
      (at(document, 'components', 'schemas', name, 'anyOf') as unknown[]).map((one) =>
        at(one, 'properties', 'type', 'const'),
      );
    expect(typesOf('Operation')).toEqual(Object.keys(operationSchemas));
    expect(typesOf('Event')).toEqual(Object.keys(eventSchemas));
    expect(at(document, 'x-problem-codes', 'batch.empty')).toMatchObject({ status: 422 });
  });

  it('says of pseudonyms that they are', () => {
    expect(JSON.stringify(document)).toContain('"x-privacy":"pseudonym"');
    expect(JSON.stringify(document)).not.toContain('"privacy"');
  });
});
