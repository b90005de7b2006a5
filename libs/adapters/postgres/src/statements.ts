import type { CommonRows } from '@gridtokenx/projections';
import { arrayOf, copyData, int8, type Column } from './columns.js';

/** One command for all rows of one kind; the server plans each statement once per connection, by its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** How many rows it has to touch; `undefined` when any number is right. */
  readonly rows: number | undefined;
}

export interface Copy {
  readonly name: string;
  readonly text: string;
  readonly data: Buffer;
  readonly rows: number;
}

/** `Block` is what it reads of a block's rows. */
export type Build<Block> = (block: Block) => Statement | Copy | undefined;
type Rows<Block, Row> = (block: Block) => readonly Row[];
/** What the block itself tells of each of its rows. */
type Told = Pick<CommonRows, 'height' | 'timeMs'>;

/** New rows of a table. Those that the block itself tells (its height, its time) come last, as `own`. */
function copy<Block extends Told, Row>(
  table: string,
  rowsOf: Rows<Block, Row>,
  columns: readonly Column<Row>[],
  own: Own = {},
): Build<Block> {
  const ownColumns = Object.keys(own);
  const names = [...columns.map(({ name }) => name), ...ownColumns].join(', ');
  const text = `copy ${table} (${names}) from stdin (format binary)`;
  return (block) => {
    const rows = rowsOf(block);
    if (rows.length === 0) return undefined;
    const told = Object.entries(own).map(([name, of]) => int8<Row>(name, () => of(block)));
    return { name: `copy ${table}`, text, data: copyData([...columns, ...told], rows), rows: rows.length };
  };
}

type Own = Readonly<Record<string, (block: Told) => number>>;
export const HEIGHT = ({ height }: Told): number => height;
export const TIME = ({ timeMs }: Told): number => timeMs;

interface Shape<Block, Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** `source` is a FROM item named `d` that holds the rows; `height` is the block's. */
  readonly sql: (source: string, height: string) => string;
  /** Whether each row has to meet exactly one row of the table. */
  readonly exact: boolean;
  readonly rowsOf: Rows<Block, Row>;
}

/** Changes of rows that stand already. */
function statement<Block extends Told, Row>({ name, columns, sql, exact, rowsOf }: Shape<Block, Row>): Build<Block> {
  const parameters = columns.map(({ type }, n) => `$${n + 1}::${type}[]`).join(', ');
  const names = columns.map((column) => column.name).join(', ');
  const height = `$${columns.length + 1}::int8`;
  const text = sql(`unnest(${parameters}) as d (${names})`, height);
  const ofHeight = text.includes(height);
  return (block) => {
    const rows = rowsOf(block);
    if (rows.length === 0) return undefined;
    const arrays = columns.map((column) => arrayOf(column, rows));
    const values = ofHeight ? [...arrays, block.height] : arrays;
    return { name, text, values, rows: exact ? rows.length : undefined };
  };
}

/** The two kinds of command, for what they read of the rows of a block. */
export const commands = <Block extends Told>(): {
  copy: <Row>(table: string, rowsOf: Rows<Block, Row>, columns: readonly Column<Row>[], own?: Own) => Build<Block>;
  statement: <Row>(shape: Shape<Block, Row>) => Build<Block>;
} => ({ copy, statement });
