interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Virtual time: what is due runs in the order of its time, then in the order in which it was asked for. */
export class Timeline {
  private readonly heap: Due[] = [];
  private order = 0;

  constructor(private nowMs: number) {}

  get now(): number {
    return this.nowMs;
  }

  at(atMs: number, run: () => void): void {
    const due = { at: Math.max(atMs, this.nowMs), order: this.order++, run };
    const { heap } = this;
    let place = heap.push(due) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, due)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = due;
  }

  after(ms: number, run: () => void): void {
    this.at(this.nowMs + ms, run);
  }

  /** Resolves after so much virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs what is due next; false when that lies beyond `untilMs`. */
  step(untilMs: number): boolean {
    const { heap } = this;
    const [next] = heap;
    if (next === undefined || next.at > untilMs) return false;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.sink(last);
    this.nowMs = next.at;
    next.run();
    return true;
  }

  private sink(due: Due): void {
    const { heap } = this;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, due)) break;
      heap[place] = child;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = due;
  }
}
