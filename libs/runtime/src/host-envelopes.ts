import type { Crypto } from '@gridtokenx/crypto';
import type { Ledger } from '@gridtokenx/domain';
import { formatTime, millis } from '@gridtokenx/kernel';
import { signEnvelope, type Operation } from '@gridtokenx/protocol';
import type { Clock } from './ports.js';

const VALID_MS = 30 * 60_000;

/** A key that lives on this host. */
export interface HostKey {
  readonly kid: string;
  readonly seed: Uint8Array;
}

export interface HostEnvelopesOptions {
  readonly crypto: Crypto;
  readonly ledgerId: string;
  readonly ledger: Pick<Ledger, 'state'>;
  readonly clock: Clock;
}

/** What the validators of a host ask of the ledger themselves, each envelope with a sequence of its own. */
export class HostEnvelopes {
  private readonly used = new Map<string, number>();

  constructor(private readonly options: HostEnvelopesOptions) {}

  /** Whether the ledger would take an envelope of this key. */
  isRegistered(kid: string): boolean {
    const key = this.options.ledger.state.keys.get(kid);
    return key !== undefined && !key.removed;
  }

  sign({ kid, seed }: HostKey, operation: Operation): Uint8Array {
    const { crypto, ledgerId, ledger, clock } = this.options;
    const highest = ledger.state.keys.get(kid)?.window.highest ?? 0;
    const sequence = Math.max(highest, this.used.get(kid) ?? 0) + 1;
    this.used.set(kid, sequence);
    const validUntil = formatTime(millis(Math.floor(clock.now() / 1000) * 1000 + VALID_MS));
    return signEnvelope(crypto, seed, ledgerId, { sequence, validUntil, atomic: false, operations: [operation] });
  }
}
