import { readdirSync, readFileSync } from 'node:fs';

/** What a process and the children it has waited for have used, in clock ticks; and its share of memory. */
interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

const TICKS_PER_SECOND = 100;

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function processes(): Entry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const stat = textOf(`/proc/${name}/stat`);
    // pid (command) state ppid ... utime stime cutime cstime: the command may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields.length < 15) return [];
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return [{ pid: Number(name), parent: Number(fields[1]), ticks }];
  });
}

/** CPU seconds that the machine's host gave to somebody else while something here wanted to run, since it started. */
export function stolenSeconds(): number {
  const [total = ''] = textOf('/proc/stat').split('\n');
  return Number(total.trim().split(/\s+/)[8] ?? 0) / TICKS_PER_SECOND;
}

/** Each process belongs to the nearest of the named ones above it. */
export class ProcessTree {
  constructor(private readonly names: ReadonlyMap<number, string>) {}

  private members(): { name: string; entry: Entry }[] {
    const all = new Map(processes().map((entry) => [entry.pid, entry]));
    return [...all.values()].flatMap((entry) => {
      for (let at: Entry | undefined = entry; at !== undefined; at = all.get(at.parent)) {
        const name = this.names.get(at.pid);
        if (name !== undefined) return [{ name, entry }];
      }
      return [];
    });
  }

  /** CPU seconds so far, by name. */
  cpu(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { name, entry } of this.members()) sums[name] = (sums[name] ?? 0) + entry.ticks / TICKS_PER_SECOND;
    return sums;
  }

  /** Proportional set size in MiB, by name: pages that Postgres processes share count once. */
  memoryMb(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { name, entry } of this.members()) {
      const pss = /^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${entry.pid}/smaps_rollup`));
      const rss = /^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${entry.pid}/status`));
      sums[name] = (sums[name] ?? 0) + Number(pss?.[1] ?? rss?.[1] ?? 0) / 1024;
    }
    return sums;
  }
}
