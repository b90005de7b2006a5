import { noble, type Crypto } from '@gridtokenx/crypto';
import { formatTime, fromUtf8, millis, toHex } from '@gridtokenx/kernel';
import { compactJws, decodeEnvelope, signingInputOf, VALID_FOR_MAX_MS, type Operation } from '@gridtokenx/protocol';
import type { Keypair } from './keypair.js';
import { platform, type Platform } from './platform.js';

export const VALID_FOR_DEFAULT_MS = 10 * 60_000;

/** An envelope ready to send: its ids are known before anyone else has seen it. */
export interface SignedEnvelope {
  readonly ledgerId: string;
  readonly kid: string;
  readonly sequence: number;
  readonly validUntil: string;
  readonly operationCount: number;
  /** Compact JWS; sending the same text again is the same envelope. */
  readonly jws: string;
  /** In hex, in the order of the operations. */
  readonly operationIds: readonly string[];
}

export interface EnvelopeTerms {
  readonly ledgerId: string;
  readonly sequence: number;
  /** RFC 3339 in UTC. */
  readonly validUntil: string;
  readonly atomic?: boolean;
}

/**
 * Signs operations and checks the result as the gateway will: throws EnvelopeError with code and pointer, so that a
 * mistake is found before a sequence is used up.
 */
export function signOperations(
  keypair: Keypair,
  operations: readonly Operation[],
  { ledgerId, sequence, validUntil, atomic = false }: EnvelopeTerms,
  crypto: Crypto = noble,
): SignedEnvelope {
  const input = signingInputOf(keypair.kid, ledgerId, { sequence, validUntil, atomic, operations });
  const bytes = compactJws(input, keypair.sign(input));
  const envelope = decodeEnvelope(crypto, ledgerId, bytes, { signatureKnown: true });
  return {
    ledgerId,
    kid: keypair.kid,
    sequence,
    validUntil,
    operationCount: operations.length,
    jws: fromUtf8(bytes) ?? '',
    operationIds: envelope.operationIds.map(toHex),
  };
}

export interface SignerOptions {
  readonly crypto?: Crypto;
  readonly platform?: Pick<Platform, 'now'>;
  /** The first sequence that {@link Signer.sign} takes; 1 for a key that has never signed. */
  readonly nextSequence?: number;
}

export interface SignOptions {
  /** Chosen by the caller; the signer goes on above the highest it has seen. */
  readonly sequence?: number;
  readonly validForMs?: number;
  /** Instead of `validForMs`. */
  readonly validUntil?: string;
  readonly atomic?: boolean;
}

/**
 * One key on one ledger and the next sequence it will use. A key belongs to one process: two signers that count on
 * their own would use the same sequences, and of two envelopes with one sequence only the first counts.
 */
export class Signer {
  #next: number;
  readonly #crypto: Crypto;
  readonly #now: () => number;

  constructor(
    readonly keypair: Keypair,
    readonly ledgerId: string,
    { crypto = noble, platform: { now } = platform, nextSequence = 1 }: SignerOptions = {},
  ) {
    this.#next = nextSequence;
    this.#crypto = crypto;
    this.#now = now;
  }

  get nextSequence(): number {
    return this.#next;
  }

  /** Never goes back: sequences already handed out stay handed out. */
  skipTo(sequence: number): void {
    this.#next = Math.max(this.#next, sequence);
  }

  sign(operations: readonly Operation[], options: SignOptions = {}): SignedEnvelope {
    const { sequence = this.#next, validForMs = VALID_FOR_DEFAULT_MS, atomic = false } = options;
    // A little less than the ledger's hour, because block time may stand a moment behind our clock.
    const validFor = Math.min(validForMs, VALID_FOR_MAX_MS - 60_000);
    const validUntil = options.validUntil ?? formatTime(millis(Math.floor((this.#now() + validFor) / 1000) * 1000));
    const terms = { ledgerId: this.ledgerId, sequence, validUntil, atomic };
    const envelope = signOperations(this.keypair, operations, terms, this.#crypto);
    this.skipTo(sequence + 1);
    return envelope;
  }
}
