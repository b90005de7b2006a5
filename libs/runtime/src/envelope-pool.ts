import { toHex } from '@gridtokenx/kernel';
import type { Envelope } from '@gridtokenx/protocol';

interface Waiting {
  readonly envelope: Envelope;
  /** On the operations topic. */
  readonly offset: number;
}

/** Verified envelopes that no block holds yet, in arrival order, by their hash. */
export class EnvelopePool {
  private readonly waiting = new Map<string, Waiting>();
  operations = 0;
  bytes = 0;

  /** False when it was there already. */
  add(envelope: Envelope, offset: number): boolean {
    const key = toHex(envelope.hash);
    if (this.waiting.has(key)) return false;
    this.waiting.set(key, { envelope, offset });
    this.operations += envelope.operationIds.length;
    this.bytes += envelope.bytes.length;
    return true;
  }

  get(hash: Uint8Array): Envelope | undefined {
    return this.waiting.get(toHex(hash))?.envelope;
  }

  /** The place of the first hash of a list that is not here, from a place on; the length of the list when all are. */
  heldFrom(hashes: readonly Uint8Array[], from: number): number {
    let at = from;
    for (let hash = hashes[at]; hash !== undefined && this.waiting.has(toHex(hash)); hash = hashes[at]) at++;
    return at;
  }

  /** The envelopes of a list, in its order; `undefined` when one is missing. */
  all(hashes: readonly Uint8Array[]): Envelope[] | undefined {
    const envelopes: Envelope[] = [];
    for (const hash of hashes) {
      const envelope = this.get(hash);
      if (envelope === undefined) return undefined;
      envelopes.push(envelope);
    }
    return envelopes;
  }

  remove(hash: Uint8Array): void {
    const key = toHex(hash);
    const found = this.waiting.get(key);
    if (found === undefined) return;
    this.waiting.delete(key);
    this.operations -= found.envelope.operationIds.length;
    this.bytes -= found.envelope.bytes.length;
  }

  /** In arrival order. Removing the current one while iterating is fine. */
  *[Symbol.iterator](): IterableIterator<Envelope> {
    for (const { envelope } of this.waiting.values()) yield envelope;
  }

  /** The offset of the first envelope that still waits: a restart reads again from here. */
  oldestOffset(next: number): number {
    for (const { offset } of this.waiting.values()) return offset;
    return next;
  }
}
