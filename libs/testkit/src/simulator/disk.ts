import type { Prng } from '@gridtokenx/kernel';
import type { SignerSlots } from '@gridtokenx/runtime';
import type { Timeline } from './timeline.js';

/** What a crash leaves of the write that was under way. */
export type TornWrite = 'old' | 'torn' | 'new';

const HISTORY_MAX = 200;

/** The two slots of one validator's signer record: they outlive its processes, and not always undamaged. */
export class SignerDisk {
  private readonly slots: (Uint8Array | undefined)[] = [undefined, undefined];
  private readonly history: (readonly (Uint8Array | undefined)[])[] = [];
  private underWay: { readonly slot: 0 | 1; readonly bytes: Uint8Array } | undefined;
  /** Asked when a write is durable, before its promise resolves: the moment between record and message. */
  onDurable: () => void = () => {};
  /** Told while a write is under way. */
  onWriting: () => void = () => {};
  latencyMs = 2;

  constructor(
    private readonly timeline: Timeline,
    private readonly prng: Prng,
  ) {}

  /** The port for one process; it goes dead with it. */
  port(isAlive: () => boolean): SignerSlots {
    return {
      read: async (slot) => this.slots[slot]?.slice(),
      write: async (slot, bytes) => {
        if (!isAlive()) return never();
        this.underWay = { slot, bytes: bytes.slice() };
        await this.timeline.sleep(this.prng.below(this.latencyMs + 1));
        if (isAlive()) this.onWriting();
        await this.timeline.sleep(1);
        if (!isAlive()) return never();
        this.settle('new');
        this.onDurable();
        return isAlive() ? undefined : never();
      },
    };
  }

  /** The process died: what was being written is there, is not, or is torn. */
  settle(outcome: TornWrite): void {
    const write = this.underWay;
    this.underWay = undefined;
    if (write === undefined || outcome === 'old') return;
    // Of a second write at least the first is left; the first itself is never torn.
    if (outcome === 'torn' && this.slots[1 - write.slot] === undefined) return;
    this.history.push([...this.slots]);
    if (this.history.length > HISTORY_MAX) this.history.shift();
    this.slots[write.slot] =
      outcome === 'new' ? write.bytes : write.bytes.slice(0, this.prng.below(write.bytes.length));
  }

  /** Whether anything was ever written. */
  get hasRecord(): boolean {
    return this.slots.some((slot) => slot !== undefined);
  }

  /** Both slots are gone. */
  wipe(): void {
    this.slots.fill(undefined);
  }

  /** Both slots are unreadable. */
  corrupt(): void {
    for (const slot of [0, 1] as const) this.slots[slot] = this.prng.bytes(this.prng.between(1, 200));
  }

  /** Both slots are as they were some writes ago, as after a restored backup. False when there is nothing to restore. */
  restore(): boolean {
    if (this.history.length < 2) return false;
    const old = this.history[this.prng.below(this.history.length - 1)];
    if (old === undefined) return false;
    [this.slots[0], this.slots[1]] = old;
    return true;
  }
}

/** What a dead process waits for. */
export const never = (): Promise<never> => new Promise(() => {});
