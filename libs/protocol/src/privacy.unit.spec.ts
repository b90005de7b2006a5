import { eventSchemas, operationSchemas, publicField, pseudonym } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly items?: readonly z.core.$ZodType[];
  readonly rest?: z.core.$ZodType | null;
}

const TAGS = ['public', 'pseudonym'];
const LEAVES = new Set(['string', 'number', 'boolean', 'literal', 'enum', 'null']);
const WRAPPERS = new Set(['optional', 'nullable', 'readonly']);

/**
 * What a schema could carry that nobody has judged: each leaf must have a tag, none may be forbidden, no object may be
 * open, and a kind of schema that this walk does not know is a fault, not a pass.
 */
function privacyFaults(schema: z.core.$ZodType, at: string): string[] {
  const definition = schema._zod.def as unknown as Definition;
  const { type } = definition;
  const tag: unknown = z.globalRegistry.get(schema)?.['privacy'];
  if (tag === 'forbidden') return [`${at} is forbidden`];
  if (tag !== undefined && !TAGS.includes(tag as string)) return [`${at} has an unknown tag`];
  if (LEAVES.has(type)) return tag === undefined ? [`${at} is untagged`] : [];
  if (WRAPPERS.has(type) && definition.innerType !== undefined) return privacyFaults(definition.innerType, at);
  if (type === 'array' && definition.element !== undefined) return privacyFaults(definition.element, `${at}[]`);
  if (type === 'union' && definition.options !== undefined)
    return definition.options.flatMap((option, i) => privacyFaults(option, `${at}|${i}`));
  if (type === 'tuple' && definition.items !== undefined)
    return [...definition.items, ...(definition.rest ? [definition.rest] : [])].flatMap((item, i) =>
      privacyFaults(item, `${at}[${i}]`),
    );
  if (type === 'object' && definition.shape !== undefined) {
    const open = definition.catchall?._zod.def.type === 'never' ? [] : [`${at} takes unknown fields`];
    return [
      ...open,
      ...Object.entries(definition.shape).flatMap(([name, field]) => privacyFaults(field, `${at}.${name}`)),
    ];
  }
  return [`${at} is a ${type}, which nobody has judged`];
}

const all = { ...operationSchemas, ...eventSchemas };

describe('nothing personal is on the ledger', () => {
  it.each(Object.entries(all))('through %s: each field is tagged public or pseudonym', (type, schema) => {
    expect(privacyFaults(schema, type)).toEqual([]);
    expect(schema.shape.type._zod.def.type).toBe('literal');
  });

  it('in that ids of people, organisations, meters and keys are pseudonyms', () => {
    const wrong = Object.entries(all).flatMap(([type, schema]) =>
      Object.entries(schema.shape).flatMap(([name, field]) => {
        const isId = /^(account|organisation|meter|key|validator|from|to|buyer|seller|feePayee|order|bid|ask)$/.test(
          name,
        );
        const inner = (field as z.core.$ZodType)._zod.def as unknown as Definition;
        const tag: unknown = z.globalRegistry.get(inner.innerType ?? (field as z.core.$ZodType))?.['privacy'];
        return isId && tag !== 'pseudonym' ? [`${type}.${name} is ${String(tag)}`] : [];
      }),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the walk over the schemas sees', () => {
  const ok = publicField(z.string());
  const bad = z.string();

  it.each<[what: string, schema: z.core.$ZodType, faults: string[]]>([
    ['a tagged tree', z.strictObject({ a: ok, b: pseudonym(z.int()), c: ok.optional(), d: z.array(ok) }), []],
    ['an untagged field', z.strictObject({ a: bad }), ['x.a is untagged']],
    ['a forbidden field', z.strictObject({ a: z.string().meta({ privacy: 'forbidden' }) }), ['x.a is forbidden']],
    [
      'a field of a tag that there is not',
      z.strictObject({ a: z.string().meta({ privacy: 'pubic' }) }),
      ['x.a has an unknown tag'],
    ],
    ['a tag on the list but not on its items', z.strictObject({ a: publicField(z.array(bad)) }), ['x.a[] is untagged']],
    ['an untagged optional', z.strictObject({ a: bad.optional() }), ['x.a is untagged']],
    ['a tag on the optional but not in it', z.strictObject({ a: publicField(bad.optional()) }), ['x.a is untagged']],
    [
      'a forbidden field in an optional list',
      z.strictObject({ a: z.array(z.string().meta({ privacy: 'forbidden' })).optional() }),
      ['x.a[] is forbidden'],
    ],
    ['an untagged member of a union', z.strictObject({ a: z.union([ok, bad]) }), ['x.a|1 is untagged']],
    [
      'an untagged field in a member of a discriminated union',
      z.discriminatedUnion('k', [z.strictObject({ k: publicField(z.literal('a')), name: bad })]),
      ['x|0.name is untagged'],
    ],
    ['an untagged nullable', z.strictObject({ a: z.nullable(bad) }), ['x.a is untagged']],
    ['an untagged item of a tuple', z.tuple([ok, bad]), ['x[1] is untagged']],
    ['an untagged enum', z.strictObject({ a: z.enum(['a']) }), ['x.a is untagged']],
    ['an open object', z.object({ a: ok }), ['x takes unknown fields']],
    ['a loose object', z.looseObject({ a: ok }), ['x takes unknown fields']],
    ['anything', publicField(z.unknown()), ['x is a unknown, which nobody has judged']],
    ['a record', publicField(z.record(z.string(), ok)), ['x is a record, which nobody has judged']],
  ])('%s', (_what, schema, faults) => {
    expect(privacyFaults(schema, 'x')).toEqual(faults);
  });
});
