/** Words and tables of the report. */

export const plain = (value: number | undefined, digits = 0): string => {
  if (value === undefined) return '';
  if (!Number.isFinite(value)) return 'never';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

export const percent = (share: number): string => `${plain(share * 100)} %`;

/** As prettier sets it, so that the file stands as it is written. The first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '_No run._';
  const cells = [head, ...rows].map((row) => head.map((_, i) => (row[i] ?? '').replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.max(3, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [first = [], ...others] = cells;
  return [line(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...others.map(line)].join('\n');
}
