import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Prng } from '@gridtokenx/kernel';
import type { SignerSlots, SnapshotStore } from '@gridtokenx/runtime';
import { MemorySnapshots } from '../snapshot-memory.js';
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

  /** Before the first process: what its validator has noted. */
  note(slots: readonly (Uint8Array | undefined)[]): void {
    [this.slots[0], this.slots[1]] = slots;
  }

  /** The process died: what was being written is there, is not, or is torn. */
  settle(outcome: TornWrite): void {
    const write = this.underWay;
    this.underWay = undefined;
    if (write === undefined || outcome === 'old') return;
    // The first of all is never torn: whose it is would count as lost once the others have made blocks.
    if (outcome === 'torn' && !this.hasRecord) return;
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

/** The snapshots of one machine: they too outlive its processes, and not always undamaged. */
export class SnapshotDisk {
  private readonly kept = new MemorySnapshots();

  constructor(
    private readonly timeline: Timeline,
    private readonly prng: Prng,
  ) {}

  /** The port for one process; it goes dead with it, and what it had begun never counts. */
  port(isAlive: () => boolean): SnapshotStore {
    const { kept } = this;
    const after = async <T>(run: () => Promise<T>): Promise<T> => {
      if (!isAlive()) return never();
      await this.timeline.sleep(1 + this.prng.below(3));
      if (!isAlive()) return never();
      return run();
    };
    return {
      heights: () => after(() => kept.heights()),
      read: (height, piece) => after(() => kept.read(height, piece)),
      begin: (height) => after(() => kept.begin(height)),
      write: (height, piece, bytes) => after(() => kept.write(height, piece, bytes)),
      finish: (height) => after(() => kept.finish(height)),
      drop: (height) => after(() => kept.drop(height)),
    };
  }

  /** Whether there is one that counts. */
  get hasAny(): boolean {
    return this.kept.pieces.size > 0;
  }

  get newest(): number {
    return Math.max(0, ...this.kept.pieces.keys());
  }

  loseNewest(): void {
    this.kept.pieces.delete(this.newest);
  }

  wipe(): void {
    this.kept.pieces.clear();
  }

  /** One piece of the newest is torn, altered, or gone. Says which. */
  damage(): string {
    const pieces = this.kept.pieces.get(this.newest);
    if (pieces === undefined) return 'nothing';
    const name = this.prng.pick([...pieces.keys()]);
    const bytes = this.prng.chance(0.1) ? undefined : altered(this.prng, pieces.get(name) ?? new Uint8Array(0));
    if (bytes === undefined) pieces.delete(name);
    else pieces.set(name, bytes);
    return `${name} of ${this.newest}`;
  }
}

/** Torn, a bit changed, or packed again with a bit of a row changed: that unpacks well, and only its root gives it away. */
export function altered(prng: Prng, bytes: Uint8Array): Uint8Array {
  if (prng.chance(0.25)) return bytes.slice(0, prng.below(bytes.length));
  const isPacked = [0x28, 0xb5, 0x2f, 0xfd].every((byte, i) => bytes[i] === byte);
  if (!isPacked || prng.chance(0.2)) return withBitChanged(prng, bytes);
  return zstdCompressSync(withBitChanged(prng, zstdDecompressSync(bytes)));
}

/** Not of a byte that is zero: in a part of a small state nearly all are, for its buckets are empty. */
function withBitChanged(prng: Prng, bytes: Uint8Array): Uint8Array {
  const places = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  const changed = bytes.slice();
  const at = places.length === 0 ? 0 : prng.pick(places);
  changed[at] = (changed[at] ?? 0) ^ (1 << prng.below(4));
  return changed;
}

/** What a dead process waits for. */
export const never = (): Promise<never> => new Promise(() => {});
