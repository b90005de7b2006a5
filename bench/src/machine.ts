import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { rounded } from './statistics.js';

export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** Before anything was started: tells whether the machine was ours. */
  readonly loadAverage: number;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cores: all.length,
    model: all[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadAverage: rounded(loadavg()[0] ?? 0),
  };
}

export function commit(): string {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  // What the report itself writes is no change of what is measured.
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', ':!bench/results', ':!bench/REPORT.md');
  return `${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : ' with changes'}`;
}
