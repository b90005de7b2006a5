import type { Clock } from './ports.js';

/** Timers by name: a new one replaces the old one of its name. `afterEach` is called whenever one has run. */
export class Timers {
  private readonly cancels = new Map<string, () => void>();
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly afterEach: () => void,
  ) {}

  set(name: string, atMs: number, run: () => void): void {
    this.cancels.get(name)?.();
    if (this.closed) return;
    this.cancels.set(
      name,
      this.clock.at(atMs, () => {
        this.cancels.delete(name);
        if (this.closed) return;
        run();
        this.afterEach();
      }),
    );
  }

  has(name: string): boolean {
    return this.cancels.has(name);
  }

  cancel(name: string): void {
    this.cancels.get(name)?.();
    this.cancels.delete(name);
  }

  /** Cancels all of them, and sets none any more. */
  close(): void {
    this.closed = true;
    for (const cancel of this.cancels.values()) cancel();
  }
}
