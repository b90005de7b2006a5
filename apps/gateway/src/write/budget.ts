import { problem } from '../problems.js';

/** What one request holds of the gateway's room; given back exactly once. */
export interface Share {
  /** Takes more. Throws the problem `gateway.busy` when there is no room. */
  grow(bytes: number): void;
  release(): void;
}

/** Bounds what is being received, decoded and appended, so that a burst is answered `429` instead of eating the memory. */
export class Budget {
  private bytes = 0;
  private requests = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly requestsMax: number,
  ) {}

  /** Throws the problem `gateway.busy` when there is no room. */
  open(bytes: number): Share {
    if (this.requests >= this.requestsMax) throw problem('gateway.busy');
    let held = 0;
    const grow = (more: number): void => {
      if (this.bytes + more > this.bytesMax) throw problem('gateway.busy');
      this.bytes += more;
      held += more;
    };
    grow(bytes);
    this.requests++;
    let open = true;
    return {
      grow,
      release: () => {
        if (!open) return;
        open = false;
        this.bytes -= held;
        this.requests--;
      },
    };
  }
}
