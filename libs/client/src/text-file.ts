import { fromUtf8 } from '@gridtokenx/kernel';

/** Why the bytes of a file are no text, and where. */
export interface NoText {
  readonly line: number;
  readonly code: 'file.notUtf8';
  readonly reason: string;
  readonly hint: string;
}

/** The text of a file that people or spreadsheets made. */
export function textOfFile(bytes: Uint8Array): string | NoText {
  const text = fromUtf8(bytes);
  if (text === undefined)
    return {
      line: lineOfBadUtf8(bytes),
      code: 'file.notUtf8',
      reason: 'the file is not UTF-8',
      hint: "save it as UTF-8, in a spreadsheet as 'CSV UTF-8'",
    };
  // Spreadsheets put a byte order mark before UTF-8.
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function lineOfBadUtf8(bytes: Uint8Array): number {
  let line = 1;
  let start = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 10) continue;
    if (fromUtf8(bytes.subarray(start, i)) === undefined) return line;
    line++;
    start = i + 1;
  }
  return line;
}
