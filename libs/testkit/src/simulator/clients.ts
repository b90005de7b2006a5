import type { Crypto } from '@gridtokenx/crypto';
import { formatTime, millis, toHex, utf8, type Prng } from '@gridtokenx/kernel';
import { operationIds, signEnvelope, type Operation } from '@gridtokenx/protocol';

const VALID_MS = 30 * 60_000;
const DOT = 46;

/** What kinds there are of what any block can hold: see {@link Clients.usual}. */
export const USUAL_KINDS = 70;

export interface SignedEnvelope {
  readonly bytes: Uint8Array;
  readonly ids: readonly string[];
}

/** What bad envelopes are made of: a key, and operations that it could ask for. */
export interface Spoilt {
  readonly secret: Uint8Array;
  readonly operations: readonly Operation[];
}

/** Seeded clients: what they ask is mostly right, sometimes refused by the ledger, sometimes no envelope at all. */
export abstract class Clients {
  /** Every envelope that a client signed well, by its digest. */
  readonly signed = new Set<string>();
  private readonly sequences = new Map<string, number>();
  private readonly past: Uint8Array[] = [];

  protected constructor(
    protected readonly crypto: Crypto,
    private readonly ledgerId: string,
    protected readonly prng: Prng,
    private readonly now: () => number,
  ) {}

  /** What has to be there before anything else is asked. */
  abstract opening(): Uint8Array[];

  /** What any block can hold; `kind` below {@link USUAL_KINDS} says what. */
  abstract usual(kind?: number): Uint8Array;

  protected abstract get spoilt(): Spoilt;

  /** Well signed, and refused by the ledger: it is of somebody who may not. */
  protected abstract forbidden(): Uint8Array;

  /** The next thing that somebody puts on the operations topic. */
  next(): Uint8Array {
    const { prng } = this;
    const one = prng.below(100);
    if (one < USUAL_KINDS) return this.usual(one);
    if (one < 80 && this.past.length > 0) return prng.pick(this.past);
    return this.badEnvelope();
  }

  protected some(least: number, most: number, make: () => Operation): Operation[] {
    return Array.from({ length: this.prng.between(least, most) }, make);
  }

  private badEnvelope(): Uint8Array {
    const { prng, crypto, ledgerId } = this;
    const { secret, operations } = this.spoilt;
    const payload = { sequence: 1, validUntil: this.validUntil(), atomic: false, operations };
    switch (prng.below(6)) {
      case 0:
        return prng.bytes(prng.between(0, 300));
      case 1:
        return signEnvelope(crypto, secret, ledgerId.replace(/[0-9a-f]{8}$/, '00000000'), payload);
      case 2: {
        // A key that nobody registered.
        return signEnvelope(crypto, prng.bytes(32), ledgerId, payload);
      }
      case 3: {
        // The content was changed after it was signed.
        const good = signEnvelope(crypto, secret, ledgerId, { ...payload, sequence: 500_000 });
        const other = signEnvelope(crypto, secret, ledgerId, { ...payload, sequence: 500_001 });
        const text = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString().split('.');
        const [head = '', body = ''] = text(good);
        return utf8(`${head}.${body}.${text(other)[2] ?? ''}`);
      }
      case 4:
        return signEnvelope(crypto, secret, ledgerId, {
          ...payload,
          validUntil: formatTime(millis(Math.floor(this.now() / 1000) * 1000 - 60_000)),
        });
      default:
        return this.forbidden();
    }
  }

  private validUntil(): string {
    return formatTime(millis(Math.floor(this.now() / 1000) * 1000 + VALID_MS));
  }

  protected sign(secret: Uint8Array, operations: readonly Operation[], atomic = false): Uint8Array {
    return this.ask(secret, operations, atomic).bytes;
  }

  /** An envelope of the holder of this key, and the ids of its operations. */
  ask(secret: Uint8Array, operations: readonly Operation[], atomic = false): SignedEnvelope {
    const { crypto, ledgerId } = this;
    const key = toHex(secret);
    const sequence = (this.sequences.get(key) ?? 0) + 1;
    this.sequences.set(key, sequence);
    const payload = { sequence, validUntil: this.validUntil(), atomic, operations };
    const bytes = signEnvelope(crypto, secret, ledgerId, payload);
    this.past.push(bytes);
    const input = bytes.subarray(0, bytes.lastIndexOf(DOT));
    const ids = operationIds(crypto, ledgerId, input, operations.length).map(toHex);
    this.signed.add(toHex(crypto.sha256(bytes)));
    return { bytes, ids };
  }
}
