import { LEDGER_KINDS, rejections, type LedgerKind } from '@gridtokenx/protocol';
import { PROBLEM_MEDIA_TYPE } from '@gridtokenx/nest';
import { z } from 'zod';
import { gatewayProblems } from '../problems.js';
import { routesOf, type Content, type RouteDoc } from './routes.js';
import * as schemas from './schemas.js';

/** Schemas with a name of their own in the document. */
const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  EnvelopePayload: schemas.envelopePayload,
  Operation: schemas.operationUnion,
  Event: schemas.eventUnion,
  Outcome: schemas.outcomeDocument,
  Problem: schemas.problemDocument,
  Trade: schemas.trade,
  Order: schemas.order,
  Block: schemas.block,
  Book: schemas.book,
  Market: schemas.market,
  OperationAnswer: schemas.operationAnswer,
  BatchAnswer: schemas.batchAnswer,
  Proof: schemas.proofAnswer,
  LightBlock: schemas.lightBlockAnswer,
  Validator: schemas.validator,
  ValidatorChange: schemas.validatorChange,
};

type JsonObject = Record<string, unknown>;

const documents = new Map<string, JsonObject>();

/** OpenAPI 3.1 of the routes of these ledgers, made of the same schemas that parse the requests. Built once. */
export function openApiDocument(kinds: readonly LedgerKind[] = LEDGER_KINDS): JsonObject {
  const name = kinds.join();
  const document = documents.get(name) ?? build(kinds);
  documents.set(name, document);
  return document;
}

function build(kinds: readonly LedgerKind[]): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const convert = schemaConverter();
  const paths: Record<string, JsonObject> = {};
  for (const route of kinds.flatMap(routesOf)) {
    const at = (paths[route.path] ??= {});
    at[route.method.toLowerCase()] = operationOf(route, convert);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'GridTokenX Ledger gateway',
      version: '1.0.0',
      description:
        'Writes are authenticated by their signatures. Every read says at which block height it stands (`X-Ledger-Height`). Amounts are decimal strings of minor units; fields ending in Thb or Kwh are for display.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: componentSchemas(registry),
      responses: {
        Problem: {
          description: 'RFC 9457. `code` is one of `x-problem-codes`.',
          content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
    'x-problem-codes': {
      ...Object.fromEntries(
        Object.entries(gatewayProblems).map(([code, { status, title }]) => [code, { status, title }]),
      ),
      ...Object.fromEntries(
        Object.entries(rejections).map(([code, { retry, text }]) => [code, { retry, title: text }]),
      ),
    },
  };
}

type Convert = (schema: z.ZodType, io: 'input' | 'output') => JsonObject;

const uri = (id: string): string => `#/components/schemas/${id}`;
const OPTIONS = {
  target: 'draft-2020-12',
  /** What a refinement says cannot be expressed; it is checked all the same. */
  unrepresentable: 'any',
  override: ({ jsonSchema }: { jsonSchema: JsonObject }) => {
    if (jsonSchema['privacy'] === undefined) return;
    jsonSchema['x-privacy'] = jsonSchema['privacy'];
    delete jsonSchema['privacy'];
  },
} as const;

/** Requests are described as they come in, answers as they go out. */
function schemaConverter(): Convert {
  const named = new Map(Object.entries(COMPONENTS).map(([id, schema]) => [schema, id]));
  return (schema, io) => {
    const id = named.get(schema);
    if (id !== undefined) return { $ref: uri(id) };
    const converted: JsonObject = z.toJSONSchema(schema, { ...OPTIONS, io });
    return withoutDialect(converted);
  };
}

function componentSchemas(registry: z.core.$ZodRegistry<{ id: string }>): JsonObject {
  const { schemas: made } = z.toJSONSchema(registry, { ...OPTIONS, uri });
  return Object.fromEntries(Object.entries(made).map(([id, schema]) => [id, withoutDialect(schema as JsonObject)]));
}

const withoutDialect = ({ $schema: _dialect, $id: _id, id: __id, ...schema }: JsonObject): JsonObject => schema;

function operationOf(route: RouteDoc, convert: Convert): JsonObject {
  const statuses = [...new Set([400, ...(route.problems ?? []), 500, 503])].sort((a, b) => a - b);
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    parameters: [...parameters(route.params, 'path', convert), ...parameters(route.query, 'query', convert)],
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: contentsOf(route.request, 'input', convert) } }),
    responses: {
      [route.status]: {
        description: route.answer.description ?? (route.status === 202 ? 'Durable on the bus' : 'OK'),
        headers: headersOf(route),
        content: contentsOf([route.answer], 'output', convert),
      },
      ...Object.fromEntries(statuses.map((status) => [status, { $ref: '#/components/responses/Problem' }])),
    },
  };
}

function headersOf({ status, answer, path }: RouteDoc): JsonObject {
  if (status === 202) return { Location: { description: 'Of the first operation.', schema: { type: 'string' } } };
  if (answer.schema === undefined && !path.includes('/blocks')) return {};
  return { 'X-Ledger-Height': { description: 'Block height that the answer stands at.', schema: { type: 'integer' } } };
}

const contentsOf = (contents: readonly Content[], io: 'input' | 'output', convert: Convert): JsonObject =>
  Object.fromEntries(
    contents.map(({ type, schema }) => [type, schema === undefined ? {} : { schema: convert(schema, io) }]),
  );

function parameters(schema: z.ZodType | undefined, place: 'path' | 'query', convert: Convert): JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = convert(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}
