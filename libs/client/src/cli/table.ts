import type { Row } from '../views.js';

/** Titles, and the fields that stand under them. */
export type Columns = readonly (readonly [title: string, field: string])[];

const cell = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '-';

/** Columns as wide as what stands in them. */
export function tableOf(columns: Columns, rows: readonly Row[]): string {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, field]) => cell(row[field])))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
