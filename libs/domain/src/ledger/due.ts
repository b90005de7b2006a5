import { assert, compareText } from '@gridtokenx/kernel';
import { SortedSet } from './sorted.js';

interface Due {
  readonly key: string;
  readonly at: number;
}

/** Rows that something becomes of at a time, the earliest first, those of one time by their keys: what they are decides the order. */
export class DueQueue {
  private readonly items = new Map<string, Due>();
  private readonly sorted = new SortedSet<Due>((a, b) => a.at - b.at || compareText(a.key, b.key));

  /** For `changed` of a table: `undefined` stands for a row that is absent, or waits for nothing. */
  follow(key: string, old: number | undefined, now: number | undefined): void {
    if (old === now) return;
    if (old !== undefined) {
      const item = this.items.get(key);
      assert(item !== undefined, 'what waited was in the queue');
      this.sorted.remove(item);
      this.items.delete(key);
    }
    if (now === undefined) return;
    const item = { key, at: now };
    this.items.set(key, item);
    this.sorted.add(item);
  }

  /** The first row whose time has come. */
  dueAt(time: number): string | undefined {
    const { first } = this.sorted;
    return first !== undefined && first.at <= time ? first.key : undefined;
  }
}
