import type { Fact, FactRow, RecordKind, RecordRow, Records, SumKind, SumRow, Topic } from './rows.js';

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

/** Gathers facts, records and sums of one block: of each record and sum one row, whatever happens to it. */
export class Changes {
  readonly facts: FactRow[] = [];
  private readonly changed = new Map<string, Omit<RecordRow, 'place'>>();
  private readonly summed = new Map<string, SumRow>();

  fact<T extends Topic>(
    topic: T,
    subject: string | number,
    { index, operationId }: Pick<FactRow, 'index' | 'operationId'>,
    body: Fact<T>,
  ): void {
    this.facts.push({ topic, subject: String(subject), place: this.facts.length, index, operationId, body });
  }

  /** In place of what stands. */
  put<K extends RecordKind>(kind: K, id: string | readonly [parent: string, id: string], body: Records[K]): void {
    this.record(kind, id, 'put', body);
  }

  /** Beside what stands, if anything does. */
  patch<K extends RecordKind>(kind: K, id: string, body: Partial<Records[K]>): void {
    this.record(kind, id, 'patch', body);
  }

  /** Beside what stands; nothing where nothing does. */
  amend<K extends RecordKind>(
    kind: K,
    id: string | readonly [parent: string, id: string],
    body: Partial<Records[K]>,
  ): void {
    this.record(kind, id, 'amend', body);
  }

  remove(kind: RecordKind, id: string | readonly [parent: string, id: string]): void {
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

  private record(
    kind: RecordKind,
    name: string | readonly [parent: string, id: string],
    change: Change,
    body: object | undefined,
  ): void {
    const [parent, id] = typeof name === 'string' ? ['', name] : name;
    const key = `${kind}/${parent}/${id}`;
    this.changed.set(key, { kind, parent, id, ...followed(this.changed.get(key) ?? UNCHANGED, change, body) });
  }
}
