import { compareText } from '@gridtokenx/kernel';

/** What one owes another, in micro-WATT: positive, and never to itself. */
export interface Due {
  readonly payer: string;
  readonly payee: string;
  readonly amount: bigint;
}

export interface NettedCycle {
  /** The dues that are settled, and those that wait: together all that there were, in their order. */
  readonly settled: readonly Due[];
  readonly waiting: readonly Due[];
  /** By account, in account order: what it gets (positive) or pays (negative), of those for whom it is not zero. Sums to zero. */
  readonly net: readonly { readonly account: string; readonly amount: bigint }[];
  /** What the settled dues sum to, and how much of it changes hands once they are netted. */
  readonly grossTotal: bigint;
  readonly netTotal: bigint;
  /** Who could not pay what was left to pay, in the order in which they were set aside. */
  readonly unable: readonly string[];
}

/** A heap of accounts by their place in account order, the first on top. */
class Queue {
  private readonly heap: number[] = [];

  push(place: number): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(place);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((heap[above] as number) <= place) break;
      heap[at] = heap[above] as number;
      at = above;
    }
    heap[at] = place;
  }

  pop(): number | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && (heap[below + 1] as number) < (heap[below] as number)) below++;
      if ((heap[below] as number) >= last) break;
      heap[at] = heap[below] as number;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

/**
 * SPEC settlement 6: everybody pays or gets the balance of all dues at once. Again and again the first, in account order, who
 * cannot pay its balance out of `available` is set aside with all dues that it owes or is owed. O(d log a) for d dues among a
 * accounts.
 */
export function netCycle(dues: readonly Due[], available: (account: string) => bigint): NettedCycle {
  const names = [...new Set(dues.flatMap(({ payer, payee }) => [payer, payee]))].sort(compareText);
  const placeOf = new Map(names.map((name, place) => [name, place]));
  const place = (name: string): number => placeOf.get(name) as number;
  const balances = names.map(() => 0n);
  const own: number[][] = names.map(() => []);
  const change = (at: number, by: bigint): bigint => (balances[at] = (balances[at] as bigint) + by);
  dues.forEach(({ payer, payee, amount }, i) => {
    for (const [name, by] of [
      [payer, -amount],
      [payee, amount],
    ] as const) {
      change(place(name), by);
      own[place(name)]?.push(i);
    }
  });
  const means = names.map((name) => available(name));
  const isUnable = (at: number): boolean => (means[at] as bigint) + (balances[at] as bigint) < 0n;
  const queue = new Queue();
  names.forEach((_, at) => {
    if (isUnable(at)) queue.push(at);
  });

  const waits = dues.map(() => false);
  const unable: string[] = [];
  const isAside = names.map(() => false);
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    // Who was unable when it was queued may have been spared a due since.
    if (isAside[at] === true || !isUnable(at)) continue;
    isAside[at] = true;
    unable.push(names[at] as string);
    for (const i of own[at] ?? []) {
      if (waits[i] === true) continue;
      waits[i] = true;
      const { payer, payee, amount } = dues[i] as Due;
      change(place(payer), amount);
      change(place(payee), -amount);
      if (isUnable(place(payee))) queue.push(place(payee));
    }
  }
  const settled = dues.filter((_, i) => waits[i] !== true);
  const net = names
    .map((account, at) => ({ account, amount: balances[at] as bigint }))
    .filter((it) => it.amount !== 0n);
  return {
    settled,
    waiting: dues.filter((_, i) => waits[i] === true),
    net,
    grossTotal: settled.reduce((sum, { amount }) => sum + amount, 0n),
    netTotal: net.reduce((sum, { amount }) => (amount > 0n ? sum + amount : sum), 0n),
    unable,
  };
}
