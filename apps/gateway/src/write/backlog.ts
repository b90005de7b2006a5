/** An operation that has waited for so long is in a block by now, or no block will ever hold it. */
const FORGOTTEN_AFTER_MS = 60_000;
/** Over which the pace of the ledger is measured: this long, or since it began to decide, but not over one block alone. */
const PACE_MS = 10_000;
const PACE_LEAST_MS = 2_000;
/** As much may wait as the ledger decides in this time. */
const WAIT_MS_MAX = 4_000;

interface Amount {
  readonly atMs: number;
  operations: number;
}

/**
 * How many operations stand on the bus and in no block that the read models hold, and whether that is more than the
 * ledger gets through in a few seconds: then to take in still more would only make everyone wait longer. It counts and
 * does not look: what the ledger refuses for good is forgotten after a minute.
 */
export class Backlog {
  /** Oldest first. Blocks take operations in the order of their arrival, or nearly. */
  private readonly arrivals: Amount[] = [];
  private readonly decisions: Amount[] = [];
  private count = 0;
  /** Decided before their arrival was read here. */
  private early: Amount = { atMs: 0, operations: 0 };

  /** `least`: so many may wait at any pace. */
  constructor(private readonly least: number) {}

  arrived(operations: number, atMs: number, nowMs: number): void {
    this.forget(nowMs);
    if (atMs < nowMs - FORGOTTEN_AFTER_MS) return;
    const known = Math.min(operations, this.early.operations);
    this.early.operations -= known;
    const rest = operations - known;
    if (rest === 0) return;
    this.count += rest;
    const last = this.arrivals.at(-1);
    if (last !== undefined && last.atMs === atMs) last.operations += rest;
    else this.arrivals.push({ atMs, operations: rest });
  }

  decided(operations: number, atMs: number, nowMs: number): void {
    if (operations === 0 || atMs < nowMs - FORGOTTEN_AFTER_MS) return;
    this.decisions.push({ atMs: nowMs, operations });
    let left = operations;
    for (let first = this.arrivals[0]; first !== undefined && left > 0; first = this.arrivals[0]) {
      const taken = Math.min(left, first.operations);
      first.operations -= taken;
      this.count -= taken;
      left -= taken;
      if (first.operations === 0) this.arrivals.shift();
    }
    if (left > 0) this.early = { atMs: nowMs, operations: this.early.operations + left };
  }

  waiting(nowMs: number): number {
    this.forget(nowMs);
    return this.count;
  }

  isFull(nowMs: number): boolean {
    const { decisions } = this;
    while (decisions[0] !== undefined && decisions[0].atMs < nowMs - PACE_MS) decisions.shift();
    const sinceMs = Math.max(PACE_LEAST_MS, nowMs - (decisions[0]?.atMs ?? nowMs));
    const perMs = decisions.reduce((sum, { operations }) => sum + operations, 0) / sinceMs;
    return this.waiting(nowMs) > Math.max(this.least, perMs * WAIT_MS_MAX);
  }

  private forget(nowMs: number): void {
    const { arrivals } = this;
    while (arrivals[0] !== undefined && arrivals[0].atMs < nowMs - FORGOTTEN_AFTER_MS)
      this.count -= arrivals.shift()?.operations ?? 0;
    if (this.early.atMs < nowMs - FORGOTTEN_AFTER_MS) this.early.operations = 0;
  }
}
