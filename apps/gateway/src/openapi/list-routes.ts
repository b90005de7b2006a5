import type { AsOf, FactFilter, FactView, ListFilter, Page, RecordFilter, RecordView } from '@gridtokenx/runtime';
import { z } from 'zod';
import { problem, type GatewayCode } from '../problems.js';
import { factBody, pageBody, recordBody } from '../read/list-views.js';
import { asOf, type Hrefs } from '../read/views.js';
import * as s from './list-schemas.js';

/** What a route was asked, as its schemas have read it. */
export interface Asked {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
}

export interface ListAnswer {
  readonly at: AsOf;
  readonly body: Readonly<Record<string, unknown>> & { readonly next?: string };
}

/** A route of a table: how it is documented, and what answers it. `More` is what its ledger has beside the read models. */
export interface ListRoute<Reads, More> {
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query: z.ZodObject;
  readonly answer: z.ZodObject;
  /** Whether what is asked for may not be there: 404. */
  readonly mayLack: boolean;
  readonly read: (
    reads: Reads,
    asked: Asked,
    given: { readonly hrefs: Hrefs; readonly more: More },
  ) => Promise<ListAnswer>;
}

type Words = Pick<ListRoute<never, never>, 'path' | 'id' | 'summary' | 'description'>;
/** A parameter in the path of a route: its name and schema. */
export type OfPath = readonly [name: string, schema: z.ZodType];

/** None, one, or several in the order of the path. */
export type OfPaths = undefined | OfPath | readonly OfPath[];

const isOne = (of: OfPath | readonly OfPath[]): of is OfPath => typeof of[0] === 'string';
const each = (of: OfPaths): readonly OfPath[] => (of === undefined ? [] : isOne(of) ? [of] : of);
export const paramsOf = (of: OfPaths): { readonly params?: z.ZodObject } =>
  of === undefined ? {} : { params: z.strictObject(Object.fromEntries(each(of))) };
/** Several parameters make one subject. */
export const subjectOf = (of: OfPaths, { params }: Asked): string =>
  each(of)
    .map(([name]) => String(params[name]))
    .join(' ');
export const listing = ({ query: { limit, cursor, order } }: Asked, usually: 'newest' | 'oldest'): ListFilter => ({
  limit: limit as number | undefined,
  after: cursor as string | undefined,
  oldestFirst: (order ?? usually) === 'oldest',
});

interface ListTerms<Sums> {
  /** What the path names. */
  readonly of?: OfPaths;
  /** Fields that the query may ask for. */
  readonly having?: z.ZodRawShape;
  readonly sums?: readonly Sums[];
  readonly order?: 'newest' | 'oldest';
}

/** Whatever its facts and records are: what stands in them is said by the schemas. */
interface AnyReads<Sums extends string> {
  facts(topic: string, subject: string, filter: FactFilter): Promise<Page<FactView<unknown>>>;
  records(kind: string, parent: string, filter: RecordFilter<Sums>): Promise<Page<RecordView<unknown>>>;
  record(
    kind: string,
    parent: string,
    id: string,
    sums?: readonly Sums[],
  ): Promise<AsOf & { readonly value: RecordView<unknown> | undefined }>;
}

type Schemas = Readonly<Record<string, z.ZodObject>>;

/** Makes the routes of one ledger's facts and records. */
export function listRoutes<Reads, More, Sums extends string = never>({
  facts,
  records,
  unknown,
}: {
  readonly facts: Schemas;
  readonly records: Schemas;
  readonly unknown: GatewayCode;
}): {
  feed: (words: Words, topic: string, terms?: Omit<ListTerms<Sums>, 'sums'>) => ListRoute<Reads, More>;
  list: (words: Words, kind: string, terms?: ListTerms<Sums>) => ListRoute<Reads, More>;
  one: (words: Words, kind: string, of: OfPath | readonly OfPath[], terms?: ListTerms<Sums>) => ListRoute<Reads, More>;
} {
  const schemaOf = (schemas: Schemas, name: string): z.ZodObject => {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`${name} has no schema`);
    return schema;
  };
  const readsOf = (reads: Reads): AnyReads<Sums> => reads as unknown as AnyReads<Sums>;

  return {
    /** A list of what happened. */
    feed: (words, topic, { of, having = {}, order = 'newest' } = {}) => ({
      ...words,
      ...paramsOf(of),
      query: s.listQuery.extend(having),
      answer: s.pageOf(schemaOf(facts, topic)),
      mayLack: false,
      read: async (reads, asked, { hrefs }) => {
        const filter = { ...listing(asked, order), having: wanted(having, asked) };
        const { items, next, ...at } = await readsOf(reads).facts(topic, subjectOf(of, asked), filter);
        return { at, body: pageBody(at, items, (view) => factBody(view, hrefs), next) };
      },
    }),
    /** A list of what stands. */
    list: (words, kind, { of, having = {}, sums = [], order = 'newest' } = {}) => ({
      ...words,
      ...paramsOf(of),
      query: s.listQuery.extend(having),
      answer: s.pageOf(schemaOf(records, kind)),
      mayLack: false,
      read: async (reads, asked) => {
        const filter = { ...listing(asked, order), sums, having: wanted(having, asked) };
        const { items, next, ...at } = await readsOf(reads).records(kind, subjectOf(of, asked), filter);
        return { at, body: pageBody(at, items, recordBody, next) };
      },
    }),
    /** One of what stands: `of` names it, `terms.of` the list that it is in. */
    one: (words, kind, of, { of: parent, sums = [] } = {}) => ({
      ...words,
      ...paramsOf([...each(parent), ...each(of)]),
      query: s.oneQuery,
      answer: s.answerOf(schemaOf(records, kind)),
      mayLack: true,
      read: async (reads, asked) => {
        const { value, ...at } = await readsOf(reads).record(
          kind,
          subjectOf(parent, asked),
          subjectOf(of, asked),
          sums,
        );
        if (value === undefined) throw problem(unknown);
        return { at, body: { ...asOf(at), ...recordBody(value) } };
      },
    }),
  };
}

function wanted(having: z.ZodRawShape, { query }: Asked): Record<string, string | number | boolean> | undefined {
  const asked = Object.keys(having).flatMap((name) =>
    query[name] === undefined ? [] : [[name, query[name] as string | number | boolean] as const],
  );
  return asked.length === 0 ? undefined : Object.fromEntries(asked);
}
