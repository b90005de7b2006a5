/** One line of NDJSON, without its line end. `undefined` for a line longer than the limit, which is not kept. */
export interface Line {
  /** From 1, blank lines counted: what an editor shows. */
  readonly line: number;
  readonly bytes: Uint8Array | undefined;
}

const NEWLINE = 0x0a;
/** Blank lines cost time too: 32 MiB of nothing but line ends would hold a core for a minute. */
export const LINES_MAX = 100_000;

/**
 * Cuts a stream of chunks into lines (`\n` or `\r\n`; the last may lack it) and leaves out blank ones. Holds one line at
 * most, and of a line over `lineBytesMax` nothing. Calls `tooMany`, which throws, beyond {@link LINES_MAX}.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
  tooMany: () => never,
): AsyncGenerator<Line> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let tooLong = false;
  let number = 1;

  const keep = (part: Uint8Array): void => {
    heldBytes += part.length;
    if (heldBytes > lineBytesMax) {
      tooLong = true;
      held = [];
    } else if (part.length > 0) held.push(part);
  };
  const take = (): Line | undefined => {
    if (number > LINES_MAX) tooMany();
    if (heldBytes === 0) {
      number++;
      return undefined;
    }
    const bytes = tooLong
      ? undefined
      : trimmed(held[0] !== undefined && held.length === 1 ? held[0] : Buffer.concat(held));
    const line = bytes?.length === 0 ? undefined : { line: number, bytes };
    held = [];
    heldBytes = 0;
    tooLong = false;
    number++;
    return line;
  };

  for await (const chunk of chunks) {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from);
      if (at < 0) break;
      keep(chunk.subarray(from, at));
      const line = take();
      if (line !== undefined) yield line;
      from = at + 1;
    }
    keep(chunk.subarray(from));
  }
  const last = take();
  if (last !== undefined) yield last;
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d;

/** Without the white space that JSON allows around a value. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let from = 0;
  let to = bytes.length;
  while (from < to && isSpace(bytes[from])) from++;
  while (to > from && isSpace(bytes[to - 1])) to--;
  return bytes.subarray(from, to);
}
