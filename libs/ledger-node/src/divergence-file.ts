import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DivergenceReport } from '@gridtokenx/runtime';

/** Writes what differs into the state folder, for whoever has to find out why; gives the path. */
export async function writeDivergence(folder: string, report: DivergenceReport): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `divergence-${report.height}.json`);
  await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
  return file;
}
