import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { linesOf, type Line } from './lines.js';

const LIMIT = 16;

async function linesIn(chunks: readonly Uint8Array[]): Promise<Line[]> {
  const source = (async function* () {
    yield* chunks;
  })();
  const found: Line[] = [];
  for await (const line of linesOf(source, LIMIT, () => {
    throw new Error('too many');
  }))
    found.push(line);
  return found;
}

/** The whole text cut at its line ends: what the stream must give however it is cut into chunks. */
const plainly = (bytes: Buffer): [number, string | undefined][] =>
  bytes
    .toString('latin1')
    .split('\n')
    .map((line, i): [number, string | undefined] => [
      i + 1,
      line.length > LIMIT ? undefined : line.replaceAll(/^[ \t\r]+|[ \t\r]+$/g, ''),
    ])
    .filter(([, line]) => line !== '');

describe('lines of a stream', () => {
  it('are the same however it is cut into chunks', async () => {
    const byte = fc.constantFrom(0x0a, 0x0a, 0x0d, 0x20, 0x41, 0x42, 0x43);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(byte, { maxLength: 24 }), { maxLength: 12 }), async (parts) => {
        const chunks = parts.map((part) => Buffer.from(part));
        const found = (await linesIn(chunks)).map(({ line, bytes }) => [
          line,
          bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'),
        ]);
        expect(found).toEqual(plainly(Buffer.concat(chunks)));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('end when there are too many, blank or not', async () => {
    await expect(linesIn([Buffer.alloc(100_001, 0x0a)])).rejects.toThrow('too many');
    await expect(linesIn([Buffer.from('x\n'.repeat(100_001))])).rejects.toThrow('too many');
  });
});
