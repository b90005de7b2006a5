/** Of the work of a host: agreeing on blocks, and the ledger that they are of; all else is not counted. */
export type WorkPart = 'consensus' | 'ledger';

/** Adds up the processor time of the thread by what it was spent for: each moment counts for the innermost part. */
export class WorkMeter {
  private part: WorkPart | undefined;
  private since = 0;
  private readonly spent: Record<WorkPart, number> = { consensus: 0, ledger: 0 };

  /** `cpuUs`: processor time of the thread, in microseconds. */
  constructor(private readonly cpuUs: () => number) {}

  within<T>(part: WorkPart, work: () => T): T {
    const outer = this.part;
    this.goOnWith(part);
    try {
      return work();
    } finally {
      this.goOnWith(outer);
    }
  }

  /** So far, in microseconds. */
  get spentUs(): Readonly<Record<WorkPart, number>> {
    return this.spent;
  }

  private goOnWith(part: WorkPart | undefined): void {
    if (part === this.part) return;
    const now = this.cpuUs();
    if (this.part !== undefined) this.spent[this.part] += now - this.since;
    this.part = part;
    this.since = now;
  }
}
