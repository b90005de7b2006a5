import { formatDecimal } from '@gridtokenx/kernel';
import type { GridClient } from '../client.js';
import { isRecord } from '../problem.js';
import type { Row } from '../views.js';
import { usage, type Command, type Context, type Option } from './command.js';
import { urlOption } from './shared.js';
import { tableOf } from './table.js';

/** Commands that show what a gateway lists: a table of its rows, or one answer as it is. */

const url = { ...urlOption, required: true };
const ITEMS = 100;
type ClientFor = (context: Context) => GridClient;

/** `--from-zone` asks for `fromZone`. */
const parameterOf = (option: string): string => option.replace(/-[a-z]/g, (word) => word.slice(1).toUpperCase());

export type Cells = Readonly<Record<string, (row: Row) => unknown>>;

/** A field of a row, or one within another: `fact.stake`. */
export const at =
  (...path: readonly string[]) =>
  (row: Row): unknown =>
    path.reduce<unknown>((here, name) => (isRecord(here) ? here[name] : undefined), row);
/** A number of minor units, for people. */
export const decimalAt =
  (decimals: number, ...path: readonly string[]) =>
  (row: Row): unknown => {
    const amount = at(...path)(row);
    return typeof amount === 'string' || typeof amount === 'number'
      ? formatDecimal(BigInt(amount), decimals)
      : undefined;
  };
/** An amount of micro-GRID. */
export const gridAt = (...path: readonly string[]): ((row: Row) => unknown) => decimalAt(6, ...path);

export interface ListTerms {
  readonly name: string;
  readonly about: string;
  readonly options?: Readonly<Record<string, Option>>;
  readonly example?: string;
  readonly path: (context: Context) => string;
  /** Options that are query parameters. */
  readonly where?: readonly string[];
  readonly cells: Cells;
}

export const listCommand = (
  group: string,
  clientFor: ClientFor,
  { name, about, options = {}, example = '', path, where = [], cells }: ListTerms,
): Command => ({
  name: `${group} ${name}`,
  about,
  options: { url, ...options, limit: { value: 'N', about: `how many: ${ITEMS} by default` } },
  examples: [`${group} ${name} --url http://127.0.0.1:8080 ${example}`.trim()],
  run: async (context) => {
    const limit = context.get('limit') ?? String(ITEMS);
    if (!/^[1-9]\d{0,5}$/.test(limit)) throw usage(`--limit ${limit} is not a number of rows`);
    const asked = Object.fromEntries(
      where.flatMap((option) => {
        const value = context.get(option);
        return value === undefined ? [] : [[parameterOf(option), value]];
      }),
    );
    const items: Row[] = [];
    for await (const row of clientFor(context).list(path(context), { where: asked })) {
      items.push(row);
      if (items.length === Number(limit)) break;
    }
    const rows = items.map((row) => Object.fromEntries(Object.entries(cells).map(([title, of]) => [title, of(row)])));
    context.say(
      tableOf(
        Object.keys(cells).map((title) => [title, title]),
        rows,
      ),
      { items },
    );
  },
});

export interface OneTerms {
  readonly name: string;
  readonly about: string;
  readonly options?: Readonly<Record<string, Option>>;
  readonly example?: string;
  readonly path: (context: Context) => string;
}

export const readCommand = (
  group: string,
  clientFor: ClientFor,
  { name, about, options = {}, example = '', path }: OneTerms,
): Command => ({
  name: `${group} ${name}`,
  about,
  options: { url, ...options },
  examples: [`${group} ${name} --url http://127.0.0.1:8080 ${example}`.trim()],
  run: async (context) => {
    const answer = await clientFor(context).read(path(context));
    context.say(JSON.stringify(answer, undefined, 2), answer);
  },
});
