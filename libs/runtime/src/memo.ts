const MEMO_MAX = 50_000;

/** A set that forgets its oldest members. */
export class Memo {
  private readonly seen = new Set<string>();

  constructor(private readonly most = MEMO_MAX) {}

  has(key: string): boolean {
    return this.seen.has(key);
  }

  add(key: string): void {
    this.seen.add(key);
    if (this.seen.size > this.most) for (const oldest of this.seen) return void this.seen.delete(oldest);
  }
}
