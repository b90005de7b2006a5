import type { FactRow, RecordRow, SumRow } from './lists.js';

type Change = 'put' | 'patch' | 'amend' | 'remove';
type Outcome = Pick<RecordRow, 'replaces' | 'body' | 'fresh'>;

const UNCHANGED: Outcome = { replaces: false, body: {}, fresh: undefined };

/** What becomes of a record by one change after another, whether it stands or not. */
function followed({ replaces, body, fresh }: Outcome, change: Change, own: object | undefined): Outcome {
  if (change === 'put' || change === 'remove') return { replaces: true, body: own, fresh: own };
  const onlyBeside = change === 'amend';
  return {
    // What was taken away before stands again by a patch.
    replaces,
    body: body === undefined ? (onlyBeside ? undefined : own) : { ...body, ...own },
    fresh: fresh === undefined ? (onlyBeside ? undefined : own) : { ...fresh, ...own },
  };
}

type Name = string | readonly [parent: string, id: string];

/**
 * Gathers facts, records and sums of one block: of each record and sum one row, whatever happens to it. `Facts` and `Records` say what may
 * stand under each topic and kind.
 */
export class Changes<Facts, Records, SumKind extends string = never> {
  readonly facts: FactRow[] = [];
  private readonly changed = new Map<string, Omit<RecordRow, 'place'>>();
  private readonly summed = new Map<string, SumRow>();

  fact<T extends keyof Facts & string>(
    topic: T,
    subject: string | number,
    { index, operationId }: Pick<FactRow, 'index' | 'operationId'>,
    body: Facts[T] & object,
  ): void {
    this.facts.push({ topic, subject: String(subject), place: this.facts.length, index, operationId, body });
  }

  /** In place of what stands. */
  put<K extends keyof Records & string>(kind: K, id: Name, body: Records[K] & object): void {
    this.record(kind, id, 'put', body);
  }

  /** Beside what stands, if anything does. */
  patch<K extends keyof Records & string>(kind: K, id: Name, body: Partial<Records[K]>): void {
    this.record(kind, id, 'patch', body);
  }

  /** Beside what stands; nothing where nothing does. */
  amend<K extends keyof Records & string>(kind: K, id: Name, body: Partial<Records[K]>): void {
    this.record(kind, id, 'amend', body);
  }

  remove(kind: keyof Records & string, id: Name): void {
    this.record(kind, id, 'remove', undefined);
  }

  /** No sum goes below nothing: a slash takes what is active first, and what is not active for the rest. */
  add(kind: SumKind, id: string, change: bigint): void {
    const before = this.summed.get(`${kind}/${id}`) ?? { value: undefined, change: 0n, least: 0n };
    const least = before.least + change;
    const sum = { kind, id, value: before.value, change: before.change + change, least: least > 0n ? least : 0n };
    this.summed.set(`${kind}/${id}`, sum);
  }

  set(kind: SumKind, id: string, value: bigint): void {
    this.summed.set(`${kind}/${id}`, { kind, id, value, change: 0n, least: 0n });
  }

  get records(): RecordRow[] {
    return [...this.changed.values()].map((change, place) => ({ ...change, place }));
  }

  get sums(): SumRow[] {
    return [...this.summed.values()].filter(
      ({ value, change, least }) => value !== undefined || change !== 0n || least !== 0n,
    );
  }

  private record(kind: string, name: Name, change: Change, body: object | undefined): void {
    const [parent, id] = typeof name === 'string' ? ['', name] : name;
    const key = `${kind}/${parent}/${id}`;
    this.changed.set(key, { kind, parent, id, ...followed(this.changed.get(key) ?? UNCHANGED, change, body) });
  }
}

/** The event without its name, and without what a record is found by. */
export function told<E extends { readonly type: string }, K extends keyof E = never>(
  event: E,
  ...without: readonly K[]
): Omit<E, 'type' | K> {
  const left: readonly (string | number | symbol)[] = ['type', ...without];
  return Object.fromEntries(Object.entries(event).filter(([name]) => !left.includes(name))) as Omit<E, 'type' | K>;
}
