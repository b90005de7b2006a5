/** An envelope between its append and its block. */
export interface PendingEnvelope {
  /** Hex of the SHA-256 of its bytes: what makes two submissions the same. */
  readonly hash: string;
  readonly kid: string;
  readonly sequence: number;
  readonly validUntil: number;
  /** Hex. */
  readonly operationIds: readonly string[];
  /** Own clock. */
  readonly sinceMs: number;
  /** False while the append is under way: nobody may be told of it yet. */
  durable: boolean;
}

/** How long after `validUntil` a client may still ask what became of an operation that never got into a block. */
export const KEPT_AFTER_EXPIRY_MS = 5 * 60_000;

/** What was appended and is not known to be decided. Bounded: the oldest leave first, and were decided long ago. */
export class Pending {
  private readonly envelopes = new Map<string, PendingEnvelope>();
  private readonly byOperation = new Map<string, PendingEnvelope>();

  constructor(private readonly operationsMax: number) {}

  get operationCount(): number {
    return this.byOperation.size;
  }

  add(added: PendingEnvelope): PendingEnvelope {
    const known = this.envelopes.get(added.hash);
    if (known !== undefined) return known;
    this.envelopes.set(added.hash, added);
    for (const id of added.operationIds) this.byOperation.set(id, added);
    for (const oldest of this.envelopes.values()) {
      if (this.byOperation.size <= this.operationsMax) break;
      if (oldest !== added) this.drop(oldest);
    }
    return added;
  }

  envelope(hash: string): PendingEnvelope | undefined {
    return this.envelopes.get(hash);
  }

  /** Only what is durable: an id of an append that failed was never promised to anybody. */
  operation(id: string): PendingEnvelope | undefined {
    const envelope = this.byOperation.get(id);
    return envelope?.durable === true ? envelope : undefined;
  }

  drop(envelope: PendingEnvelope): void {
    this.envelopes.delete(envelope.hash);
    for (const id of envelope.operationIds) if (this.byOperation.get(id) === envelope) this.byOperation.delete(id);
  }

  /** The highest sequence of a key that is waiting. Walks over all: for the rare case that it decides something. */
  highestSequence(kid: string): number {
    let highest = 0;
    for (const envelope of this.envelopes.values())
      if (envelope.kid === kid && envelope.sequence > highest) highest = envelope.sequence;
    return highest;
  }

  /** Up to `count` of those that were there before `beforeMs`; they go to the end of the queue. */
  takeTurns(beforeMs: number, count: number): PendingEnvelope[] {
    const taken: PendingEnvelope[] = [];
    for (const envelope of this.envelopes.values()) {
      if (taken.length >= count) break;
      if (envelope.durable && envelope.sinceMs < beforeMs) taken.push(envelope);
    }
    for (const envelope of taken) {
      this.envelopes.delete(envelope.hash);
      this.envelopes.set(envelope.hash, envelope);
    }
    return taken;
  }
}
