import { readdirSync, readFileSync } from 'node:fs';
import { isOperationType, marketRulesFault, operationSchemas, type OperationOf } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';

const folder = new URL('../../../docs/operations/', import.meta.url);

/** Operations in the JSON of a page for operators: what stands in a list, with a type. */
const examplesIn = (page: string): { type: string }[] =>
  [...readFileSync(new URL(page, folder), 'utf8').matchAll(/```json\n(.*?)```/gs)].flatMap(([, text = '']) => {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as { type: string }[]).filter(({ type }) => typeof type === 'string') : [];
  });

const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .flatMap((page) => examplesIn(page).map((operation, n) => [`${page} ${n + 1}`, operation] as const));

describe('an operation that a page shows', () => {
  it.each(examples)('is one: %s', (_where, { type, ...fields }) => {
    const schema = isOperationType(type) ? operationSchemas[type] : undefined;
    expect(schema?.safeParse({ type, ...fields }).error).toBeUndefined();
    expect(schema).toBeDefined();
  });

  it('sets rules without a fault', () => {
    const rules = examples.flatMap(([, one]) =>
      one.type === 'market.setRules' ? [(one as OperationOf<'market.setRules'>).rules] : [],
    );
    expect(rules).not.toEqual([]);
    expect(rules.map(marketRulesFault)).toEqual(rules.map(() => undefined));
  });
});
