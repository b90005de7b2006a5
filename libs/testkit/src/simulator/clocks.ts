import type { Clock } from '@gridtokenx/runtime';
import type { Timeline } from './timeline.js';

const RECENT_MS = 2_000;

/** The clock of one machine: off by `skewMs`, and late with its timers when the machine is slow. */
export class MachineClock {
  slowMs = 0;
  private skewMs = 0;
  private before = { skewMs: 0, until: 0 };

  constructor(private readonly timeline: Timeline) {}

  get now(): number {
    return this.timeline.now + this.skewMs;
  }

  get skew(): number {
    return this.skewMs;
  }

  /** Somebody sets it. */
  set(skewMs: number): void {
    this.before = { skewMs: this.skewMs, until: this.timeline.now + RECENT_MS };
    this.skewMs = skewMs;
  }

  /** What it has said in the last moments: a vote may be signed some time after the clock was asked. */
  get recent(): { readonly least: number; readonly most: number } {
    const { now } = this.timeline;
    const skews = [this.skewMs, ...(now < this.before.until ? [this.before.skewMs] : [])];
    return { least: now - RECENT_MS + Math.min(...skews), most: now + Math.max(...skews) };
  }

  /** The port for one process; it goes dead with it. */
  port(isAlive: () => boolean): Clock {
    return {
      now: () => this.now,
      at: (atMs, callback) => {
        let isOn = true;
        this.timeline.after(Math.max(0, atMs - this.now) + this.slowMs, () => {
          if (isOn && isAlive()) callback();
        });
        return () => {
          isOn = false;
        };
      },
    };
  }
}
