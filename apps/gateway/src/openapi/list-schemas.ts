import * as f from '@gridtokenx/protocol';
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from '@gridtokenx/runtime';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';

/** What goes in and out of lists of facts and of records. */

const whole = z.int().min(0);

export const minHeight = wholeNumber(0, Number.MAX_SAFE_INTEGER)
  .optional()
  .describe('Answer only from this block height on: waits up to 5 s, else 503 read.heightNotReached.');
export const limit = wholeNumber(1, PAGE_ITEMS_MAX)
  .optional()
  .describe(`Items of a page, ${PAGE_ITEMS_DEFAULT} by default.`);
export const cursor = z
  .string()
  .min(1)
  .max(512)
  .optional()
  .describe('`next` of the page before, with the same filter.');
export const order = z.enum(['newest', 'oldest']).optional().describe('Which come first.');
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
export const oneQuery = z.strictObject({ minHeight });
export const listQuery = z.strictObject({ minHeight, limit, cursor, order });

export const standing = { height: whole.describe('Block height that the answer stands at.'), time: f.time };
export const standsAt = z.strictObject(standing);
export const next = z.string().optional().describe('Give it back as `cursor`. Absent at the end.');
export const pageOf = (item: z.ZodType): z.ZodObject => z.strictObject({ ...standing, items: z.array(item), next });
export const answerOf = (fields: z.ZodObject): z.ZodObject => fields.extend(standing);

/** When and where something happened, and how it is proven. */
export const happened = {
  height: whole.describe('Of the block that holds it.'),
  index: whole.describe('Of the leaf in the results tree of the block.'),
  time: f.time,
  operationId: f.operationId.optional().describe('Absent when a hook did it.'),
  proof: z.string().optional(),
};
export const factOf = (...facts: readonly [z.ZodType, ...z.ZodType[]]): z.ZodObject =>
  z.strictObject({ ...happened, fact: facts.length === 1 ? facts[0] : z.union(facts) });

const began = {
  id: z.string().describe('What it is found by: an account, a number, a hash.'),
  beganHeight: whole,
  changedHeight: whole,
};
/** The fields of a fact, without its name and without what the record is found by. */
export const fieldsOf = (schema: { readonly shape: z.ZodRawShape }, ...without: readonly string[]): z.ZodRawShape =>
  Object.fromEntries(Object.entries(schema.shape).filter(([name]) => name !== 'type' && !without.includes(name)));
export const recordOf = (fields: z.ZodRawShape): z.ZodObject => z.strictObject({ ...began, ...fields });
