import { assert } from '@gridtokenx/kernel';
import { PRICE_TICKS_MAX } from '@gridtokenx/protocol';
import type { OrderNode } from './state.js';

/** The orders of one price, in the order of their entry. */
export class Level {
  head: OrderNode | undefined = undefined;
  tail: OrderNode | undefined = undefined;

  constructor(readonly rank: number) {}
}

const PAGE_BITS = 10;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGES = Math.ceil((PRICE_TICKS_MAX + 1) / PAGE_SIZE);

/** 1,024 neighbouring prices: a bit for each that has orders, and a bit for each word of those. */
class Page {
  summary = 0;
  readonly words = new Int32Array(PAGE_SIZE / 32);
  readonly levels: (Level | undefined)[] = Array.from({ length: PAGE_SIZE }, () => undefined);
}

/** The place of the lowest bit that is set. */
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
/** All bits from `bit` upwards; `bit` may be 32. */
const bitsFrom = (bit: number): number => (bit > 31 ? 0 : -1 << bit);

/**
 * One side of a book. Rank 0 is the best price there can be, so that both sides read upwards: an ask's rank is its price,
 * a bid's the highest price less its own. Finding the next price, and adding or taking out an order, costs the same
 * however many orders rest.
 */
export class Side {
  count = 0;
  private readonly pages: (Page | undefined)[] = Array.from({ length: PAGES }, () => undefined);
  private readonly occupied = new Int32Array(Math.ceil(PAGES / 32));

  constructor(private readonly isBid: boolean) {}

  /** Of a price; also of a limit price of the other side: what it crosses has a rank at or below it. */
  rankOf(priceTicks: number): number {
    return this.isBid ? PRICE_TICKS_MAX - priceTicks : priceTicks;
  }

  /** The best level at or after a rank. */
  levelFrom(rank: number): Level | undefined {
    if (rank > PRICE_TICKS_MAX) return undefined;
    const pageIndex = rank >> PAGE_BITS;
    const page = this.pages[pageIndex];
    if (page !== undefined && page.summary !== 0) {
      const found = this.levelIn(page, rank & (PAGE_SIZE - 1));
      if (found !== undefined) return found;
    }
    let at = (pageIndex + 1) >> 5;
    let word = (this.occupied[at] ?? 0) & bitsFrom((pageIndex + 1) & 31);
    while (word === 0) {
      at++;
      if (at >= this.occupied.length) return undefined;
      word = this.occupied[at] ?? 0;
    }
    const next = this.pages[at * 32 + lowestBit(word)];
    assert(next !== undefined, 'an occupied page is there');
    return this.levelIn(next, 0);
  }

  private levelIn(page: Page, from: number): Level | undefined {
    let at = from >> 5;
    let word = (page.words[at] ?? 0) & bitsFrom(from & 31);
    if (word === 0) {
      const words = page.summary & bitsFrom(at + 1);
      if (words === 0) return undefined;
      at = lowestBit(words);
      word = page.words[at] ?? 0;
    }
    return page.levels[at * 32 + lowestBit(word)];
  }

  get best(): Level | undefined {
    return this.count === 0 ? undefined : this.levelFrom(0);
  }

  add(node: OrderNode, priceTicks: number): void {
    const rank = this.rankOf(priceTicks);
    const pageIndex = rank >> PAGE_BITS;
    const page = (this.pages[pageIndex] ??= new Page());
    const offset = rank & (PAGE_SIZE - 1);
    const level = (page.levels[offset] ??= new Level(rank));
    if (level.head === undefined) {
      const at = offset >> 5;
      page.words[at] = (page.words[at] ?? 0) | (1 << (offset & 31));
      page.summary |= 1 << at;
      this.occupied[pageIndex >> 5] = (this.occupied[pageIndex >> 5] ?? 0) | (1 << (pageIndex & 31));
    }
    this.link(level, node);
    node.level = level;
    this.count++;
  }

  /** New orders go to the end. An order that comes back when its removal is undone finds its old neighbour, or is near one end. */
  private link(level: Level, node: OrderNode): void {
    let before = level.tail;
    const hint = node.previous;
    if (before !== undefined && before.entry > node.entry) {
      if (hint !== undefined && hint.level === level && hint.entry < node.entry) before = hint;
      else if (level.head !== undefined && level.head.entry > node.entry) before = undefined;
      while (before !== undefined && before.entry > node.entry) before = before.previous;
      while (before?.next !== undefined && before.next.entry < node.entry) before = before.next;
    }
    const after = before === undefined ? level.head : before.next;
    node.previous = before;
    node.next = after;
    if (before === undefined) level.head = node;
    else before.next = node;
    if (after === undefined) level.tail = node;
    else after.previous = node;
  }

  remove(node: OrderNode): void {
    const { level, previous, next } = node;
    assert(level !== undefined, 'an order that leaves the book was in it');
    if (previous === undefined) level.head = next;
    else previous.next = next;
    if (next === undefined) level.tail = previous;
    else next.previous = previous;
    // `previous` stays, as a hint for an undo.
    node.next = undefined;
    node.level = undefined;
    this.count--;
    if (level.head !== undefined) return;
    const pageIndex = level.rank >> PAGE_BITS;
    const page = this.pages[pageIndex];
    assert(page !== undefined, 'the page of a level is there');
    const offset = level.rank & (PAGE_SIZE - 1);
    const at = offset >> 5;
    page.words[at] = (page.words[at] ?? 0) & ~(1 << (offset & 31));
    if (page.words[at] !== 0) return;
    page.summary &= ~(1 << at);
    if (page.summary === 0)
      this.occupied[pageIndex >> 5] = (this.occupied[pageIndex >> 5] ?? 0) & ~(1 << (pageIndex & 31));
  }
}
