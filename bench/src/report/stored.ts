import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planOf } from './plan.js';

/** What a command of the report printed, or why it printed nothing. */
export interface Stored {
  readonly command: string;
  readonly result?: unknown;
  readonly failure?: string;
}

export type Results = ReadonlyMap<string, Stored>;

const SUFFIX = '.json';

/** JSON knows no Infinity and writes null, which would compare as zero. */
export const parseStored = (text: string): Stored =>
  JSON.parse(text, (_, value: unknown) => (value === null ? Number.POSITIVE_INFINITY : value)) as Stored;

/** In the order of the plan. */
export async function readResults(folder: string): Promise<Results> {
  if (!existsSync(folder)) return new Map();
  const order = planOf(false).map(({ name }) => `${name}${SUFFIX}`);
  const files = (await readdir(folder))
    .filter((file) => file.endsWith(SUFFIX))
    .sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const entries = await Promise.all(
    files.map(async (file): Promise<[string, Stored]> => [
      file.slice(0, -SUFFIX.length),
      parseStored(await readFile(join(folder, file), 'utf8')),
    ]),
  );
  return new Map(entries);
}

export async function writeResult(folder: string, name: string, stored: Stored): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}${SUFFIX}`), `${JSON.stringify(stored, null, 1)}\n`);
}
