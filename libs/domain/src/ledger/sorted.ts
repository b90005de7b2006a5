import { assert } from '@gridtokenx/kernel';

const CHUNK_MAX = 512;

/**
 * A sorted set in chunks: a place is found by two binary searches, and an insertion moves at most one chunk. Its content
 * alone decides its order, never the history of what was added and taken back.
 */
export class SortedSet<T> {
  private readonly chunks: T[][] = [];
  private count = 0;

  constructor(private readonly compare: (a: T, b: T) => number) {}

  get size(): number {
    return this.count;
  }

  get first(): T | undefined {
    return this.chunks[0]?.[0];
  }

  private chunkOf(item: T): number {
    let low = 0;
    let high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.compare((this.chunks[middle] as T[])[0] as T, item) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private placeIn(chunk: readonly T[], item: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(chunk[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(item: T): void {
    this.count++;
    const at = this.chunkOf(item);
    const chunk = this.chunks[at];
    if (chunk === undefined) {
      this.chunks.push([item]);
      return;
    }
    chunk.splice(this.placeIn(chunk, item), 0, item);
    if (chunk.length > CHUNK_MAX) this.chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2));
  }

  remove(item: T): void {
    const at = this.chunkOf(item);
    const chunk = this.chunks[at];
    const place = chunk === undefined ? 0 : this.placeIn(chunk, item);
    assert(chunk !== undefined && chunk[place] === item, 'what is taken out of a sorted set is in it');
    this.count--;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.chunks.splice(at, 1);
  }

  /** The least item above `item`. */
  after(item: T): T | undefined {
    const at = this.chunkOf(item);
    const chunk = this.chunks[at];
    if (chunk === undefined) return undefined;
    let place = this.placeIn(chunk, item);
    while (place < chunk.length && this.compare(chunk[place] as T, item) <= 0) place++;
    return place < chunk.length ? chunk[place] : this.chunks[at + 1]?.[0];
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const chunk of this.chunks) yield* chunk;
  }
}
