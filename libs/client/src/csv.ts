/** One record of a CSV file, with the line on which it begins (a quoted cell may hold line breaks). */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvFault {
  readonly line: number;
  readonly code: 'csv.quote';
  readonly reason: string;
}

/**
 * RFC 4180: cells in quotes may hold commas, line breaks and doubled quotes; lines end in CRLF or LF. Empty lines are
 * passed over. A record with stray quotes is a fault, and reading goes on with the next line.
 */
export function readCsv(text: string): {
  readonly records: readonly CsvRecord[];
  readonly faults: readonly CsvFault[];
} {
  const records: CsvRecord[] = [];
  const faults: CsvFault[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const record = readRecord(text, at);
    if (record.fault !== undefined) faults.push({ line, code: 'csv.quote', reason: record.fault });
    else if (record.cells.length > 1 || record.cells[0] !== '') records.push({ line, cells: record.cells });
    for (let i = at; i < record.end; i++) if (text.charCodeAt(i) === 10) line++;
    at = record.end;
  }
  return { records, faults };
}

interface Read {
  readonly cells: readonly string[];
  readonly end: number;
  readonly fault?: string;
}

const PLAIN_CELL = /[^,"\r\n]*/y;
const LINE_END = /\r?\n|$/y;

function readRecord(text: string, start: number): Read {
  const cells: string[] = [];
  let at = start;
  const failed = (fault: string): Read => {
    const newline = text.indexOf('\n', start);
    return { cells: [], end: newline < 0 ? text.length : newline + 1, fault };
  };
  for (;;) {
    if (text.charCodeAt(at) === 34) {
      const cell = readQuoted(text, at);
      if (cell === undefined) return failed('a quoted cell is never closed');
      cells.push(cell.text);
      at = cell.end;
    } else {
      PLAIN_CELL.lastIndex = at;
      const cell = PLAIN_CELL.exec(text)?.[0] ?? '';
      cells.push(cell);
      at += cell.length;
    }
    if (text.charCodeAt(at) === 44) {
      at++;
      continue;
    }
    LINE_END.lastIndex = at;
    const end = LINE_END.exec(text);
    if (end === null) return failed('quotes stand around whole cells only, and are doubled inside them');
    return { cells, end: at + end[0].length };
  }
}

function readQuoted(text: string, start: number): { readonly text: string; readonly end: number } | undefined {
  let out = '';
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return undefined;
    out += text.slice(at, quote);
    if (text.charCodeAt(quote + 1) !== 34) return { text: out, end: quote + 1 };
    out += '"';
    at = quote + 2;
  }
}
