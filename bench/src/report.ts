import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { figuresOf, withFigures } from './report/figures.js';
import { reportOf } from './report/markdown.js';
import { commandOf, planOf, type Planned } from './report/plan.js';
import { readResults, writeResult, type Stored } from './report/stored.js';

export interface ReportOptions {
  readonly quick: boolean;
  /** Names of the plan to run; none: all, and what an earlier report left goes first. */
  readonly only: readonly string[];
  /** Nothing is run: the Markdown is written anew from the JSON that is there. */
  readonly writeOnly: boolean;
  readonly say: (line: string) => void;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const RESULTS = here('../results/');
export const REPORT_FILE = here('../REPORT.md');
export const README_FILE = here('../../README.md');
const RUN_MS_MAX = 10 * 60_000;
const FAILURE_LINES = 3;

/** Runs the plan, keeps the JSON of each run, and writes the report and the figures of the README from it alone. */
export async function runReport({ quick, only, writeOnly, say }: ReportOptions): Promise<{ failed: string[] }> {
  const plan = planOf(quick);
  const unknown = only.filter((name) => !plan.some((planned) => planned.name === name));
  if (unknown.length > 0)
    throw new Error(`the report has no ${unknown.join(', ')}, only ${plan.map(({ name }) => name).join(', ')}`);
  if (!writeOnly && only.length === 0) await rm(RESULTS, { recursive: true, force: true });
  const runs = writeOnly ? [] : plan.filter(({ name }) => only.length === 0 || only.includes(name));
  for (const [i, planned] of runs.entries()) {
    const from = Date.now();
    say(`[${i + 1}/${runs.length}] ${planned.name}: ${commandOf(planned)}`);
    const stored = await run(planned);
    await writeResult(RESULTS, planned.name, stored);
    say(
      `  ${stored.failure === undefined ? 'done' : `FAILED: ${stored.failure}`} after ${Math.round((Date.now() - from) / 1000)} s`,
    );
  }
  const results = await readResults(RESULTS);
  await writeFile(REPORT_FILE, reportOf(results));
  const readme = await readFile(README_FILE, 'utf8');
  await writeFile(README_FILE, withFigures(readme, figuresOf(results)));
  return { failed: [...results].flatMap(([name, { failure }]) => (failure === undefined ? [] : [name])) };
}

/** A process of its own, so that one run leaves nothing behind for the next. */
function run(planned: Planned): Promise<Stored> {
  const command = commandOf(planned);
  const script = planned.kind === 'bench' ? here('main.js') : here('../peers/cometbft.mjs');
  const child = spawn(process.execPath, [script, ...planned.args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const orphan = (): void => void child.kill('SIGTERM');
  process.once('exit', orphan);
  const timer = setTimeout(() => child.kill('SIGTERM'), RUN_MS_MAX);
  let said = '';
  let complained = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    complained += chunk.toString();
    process.stderr.write(chunk);
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      process.removeListener('exit', orphan);
      const last = said.trimEnd().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{')) return resolve({ command, result: JSON.parse(last) as unknown });
      // What stands in the report must not tell where it was made, nor how the stack stood.
      const lines = complained.replaceAll(ROOT, '').trimEnd().split('\n');
      const failure = lines
        .filter((line) => !/^\s+at /.test(line))
        .slice(-FAILURE_LINES)
        .join('\n');
      resolve({ command, failure: failure === '' ? `exit code ${code}` : failure });
    });
  });
}
