import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { native } from '@gridtokenx/crypto-native';
import { toHex } from '@gridtokenx/kernel';
import * as protocol from '@gridtokenx/protocol';
import {
  encodeBlock,
  encodeCertificate,
  encodeHeader,
  HEADER_BYTES,
  headerHash,
  operationLeaf,
  operationsRootOf,
  resultLeaf,
  resultsRootOf,
  voteSignBytes,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { blockAfter, genesisTip, hashOf, LEDGER, validatorsOf } from './sample.spec.js';

const root = new URL('../../../', import.meta.url);
const page = new URL('docs/spec/wire.md', root);
const isUpdate = process.env['UPDATE_SPEC'] !== undefined;

const validators = validatorsOf(4);
const { block, envelopes, results } = blockAfter(genesisTip, validators);
const [first] = envelopes;
const [, firstResult] = results;
if (first === undefined || firstResult === undefined) throw new Error('the sample block has envelopes and results');
const { header, certificate } = block;
const { blockHash, resultsRoot, stateDigest } = certificate;
const context = { ledgerId: LEDGER, epoch: 0, height: 1, round: 0 };
const next = { ...context, round: 1 };

const examples: Record<string, Uint8Array> = {
  'operation-ids': Buffer.concat(first.operationIds),
  'header-example': encodeHeader(header),
  'header-hash': headerHash(native, header),
  'validators-hash': validators.set.hash,
  'vote-commit': voteSignBytes(context, { type: 'commit', blockHash, resultsRoot, stateDigest }),
  'vote-round-change-none': voteSignBytes(next, { type: 'roundChange', prepared: undefined }),
  'vote-round-change-prepared': voteSignBytes(next, { type: 'roundChange', prepared: { round: 0, blockHash } }),
  'certificate-example': encodeCertificate(certificate, 4),
  'operation-leaf': operationLeaf(native, first.operationIds[0] ?? hashOf(''), first.hash),
  'operations-root': operationsRootOf(native, envelopes),
  'result-leaf': resultLeaf(native, firstResult.operationId, 1, firstResult.outcome),
  'results-root': resultsRootOf(native, results),
  'block-example': encodeBlock(block, 4),
};
const envelopeExample = Buffer.from(first.bytes).toString();

type Row = readonly string[];
type Schema = z.core.$ZodType;

const fields = Object.entries(protocol).flatMap(([name, value]): [string, Schema][] => {
  const schema: unknown = value;
  return schema instanceof z.ZodType && z.globalRegistry.get(schema)?.['privacy'] !== undefined ? [[name, schema]] : [];
});
const nameOf = new Map(fields.map(([name, schema]) => [schema, name]));

/** A schema as the tables show it: by the name of its field where it has one, else by its parts. */
const shown = (schema: Schema): string => nameOf.get(schema) ?? partsOf(schema);

function partsOf(schema: Schema): string {
  const definition = schema._zod.def as unknown as {
    type: string;
    innerType: Schema;
    element: Schema;
    options: Schema[];
    shape: Record<string, Schema>;
    values: unknown[];
    entries: Record<string, string>;
  };
  switch (definition.type) {
    case 'optional':
      return `${shown(definition.innerType)}?`;
    case 'array':
      return `list of ${shown(definition.element)}`;
    case 'union':
      return definition.options.map(shown).join(' or ');
    case 'object':
      return `{${Object.entries(definition.shape)
        .map(([key, field]) => `${key}: ${shown(field)}`)
        .join(', ')}}`;
    case 'literal':
      return definition.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'enum':
      return Object.values(definition.entries).join(' or ');
    default:
      return definition.type;
  }
}

const messageRows = (schemas: Readonly<Record<string, z.ZodObject>>): Row[] =>
  Object.entries(schemas).map(([type, { shape }]) => [
    `\`${type}\``,
    Object.entries(shape as Record<string, Schema>)
      .filter(([name]) => name !== 'type')
      .map(([name, field]) => (shown(field) === name ? `\`${name}\`` : `\`${name}\` ${shown(field)}`))
      .join(', '),
  ]);

/** What a value of the field looks like, as far as JSON Schema can say it. */
function formOf(schema: Schema): string {
  const { type } = schema._zod.def;
  if (type === 'object') return `{${Object.keys((schema as z.ZodObject).shape).join(', ')}}`;
  if (type === 'array') return partsOf(schema);
  if (type === 'union') return (schema as z.ZodUnion).options.map((one) => formOf(one as Schema)).join(' or ');
  const json = z.toJSONSchema(schema) as { pattern?: string; enum?: string[]; minimum?: number; maximum?: number };
  if (json.pattern !== undefined) return `\`${json.pattern.replaceAll('|', '\\|')}\``;
  if (json.enum !== undefined) return json.enum.map((value) => `\`${value}\``).join(', ');
  return json.maximum === undefined ? 'rules 1.4 and 1.5' : `${json.minimum ?? ''} to ${json.maximum}`;
}

const DAY_MS = 86_400_000;
const topics: readonly protocol.Topic[] = Object.values(protocol.ledgerTopics).flatMap((topics) =>
  Object.values(topics),
);
const tables: Record<string, readonly Row[]> = {
  limits: [
    ['limit', 'value'],
    ...Object.entries(protocol).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'number' && /^[A-Z_]+$/.test(name) ? [[`\`${name}\``, value.toString()]] : [],
    ),
  ],
  operations: [['operation', 'fields'], ...messageRows(protocol.operationSchemas)],
  events: [['event', 'fields'], ...messageRows(protocol.eventSchemas)],
  rejections: [
    ['code', 'retry', 'text'],
    ...Object.entries(protocol.rejections).map(([code, { retry, text }]) => [`\`${code}\``, retry, text]),
  ],
  fields: [
    ['field', 'may reveal', 'form'],
    ...fields.map(([name, schema]) => [name, String(z.globalRegistry.get(schema)?.['privacy']), formOf(schema)]),
  ],
  topics: [
    ['topic', 'partitions', 'kept', 'written by', 'holds'],
    ...topics.map(({ name, partitions, retentionMs, writers, purpose }) => [
      `\`${name}\``,
      partitions.toString(),
      retentionMs === undefined ? 'for ever' : `${retentionMs / DAY_MS} d`,
      writers.join(', '),
      purpose,
    ]),
  ],
};

const fence = (language: string, name: string): RegExp =>
  new RegExp(`(\`\`\`${language} ${name}\n)([^\`]*?)(\n\`\`\`)`);
const between = (name: string): RegExp => new RegExp(`(<!-- table: ${name} -->\n)([^]*?)(<!-- end -->)`);
const inLines = (text: string): string => (text.match(/.{1,120}/g) ?? []).join('\n');
const asTable = (rows: readonly Row[]): string => {
  const [head = [], ...rest] = rows;
  return [head, head.map(() => '---'), ...rest].map((row) => `| ${row.join(' | ')} |\n`).join('');
};

/** The cells of a Markdown table, whatever a formatter did to its spaces. */
const cellsOf = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

function update(): void {
  let text = readFileSync(page, 'utf8').replace(fence('text', 'envelope-example'), `$1${inLines(envelopeExample)}$3`);
  for (const [name, bytes] of Object.entries(examples))
    text = text.replace(fence('hex', name), `$1${inLines(toHex(bytes))}$3`);
  for (const [name, rows] of Object.entries(tables))
    text = text.replace(
      between(name),
      (_all, open: string, _old, close: string) => `${open}\n${asTable(rows)}\n${close}`,
    );
  writeFileSync(page, text);
}
if (isUpdate) update();
const text = readFileSync(page, 'utf8');

describe('docs/spec/wire.md', () => {
  it('has the examples that the code makes', () => {
    const written = [...text.matchAll(/^```hex ([a-z-]+)\n([^`]*)\n```/gm)].map(([, name = '', hex = '']) => [
      name,
      hex.replaceAll('\n', ''),
    ]);
    expect(Object.fromEntries(written)).toEqual(
      Object.fromEntries(Object.entries(examples).map(([name, bytes]) => [name, toHex(bytes)])),
    );
    expect(written).toHaveLength(Object.keys(examples).length);
    expect(fence('text', 'envelope-example').exec(text)?.[2]?.replaceAll('\n', '')).toBe(envelopeExample);
    expect(text).toContain(`A header is ${HEADER_BYTES} bytes`);
  });

  it.each(Object.keys(tables))('has the table of %s that the code has', (name) => {
    // After a wished-for change: UPDATE_SPEC=1, as the head of the page says.
    const rows = tables[name] ?? [];
    expect(rows.length).toBeGreaterThan(3);
    expect(cellsOf(between(name).exec(text)?.[2] ?? '')).toEqual(rows);
  });

  it('names only tests that there are', () => {
    const named = [...text.matchAll(/^Test: (\S+) "(.+)"$/gm)].map(([, file = '', name = '']) => ({ file, name }));
    const missing = named.filter(({ file, name }) => {
      const path = new URL(file, root);
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(`'${name}'`);
    });
    expect(missing).toEqual([]);
    expect(named.length).toBeGreaterThan(30);
  });
});
