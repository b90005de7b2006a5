import type { Crypto } from '@gridtokenx/crypto';
import { decodeEnvelope, EnvelopeError, type Finding } from '@gridtokenx/protocol';

/**
 * Where the envelopes of the operations topic are checked: one rule, `decodeEnvelope`, on this thread or on others.
 * What is known at once is given at once, so that who asks need not wait where nobody else works.
 */
export interface EnvelopeChecker {
  /** One finding for each value, in their order. The values must not change afterwards. */
  check(values: readonly Uint8Array[]): readonly Finding[] | Promise<readonly Finding[]>;
  close(): Promise<void>;
}

/** On the thread that asks. */
export const checkerInThread = (crypto: Crypto, ledgerId: string): EnvelopeChecker => ({
  check: (values) => values.map((bytes) => findingOf(crypto, ledgerId, bytes)),
  close: async () => {},
});

/** What {@link decodeEnvelope} finds, with a refusal as a value. */
export function findingOf(crypto: Crypto, ledgerId: string, bytes: Uint8Array): Finding {
  try {
    return decodeEnvelope(crypto, ledgerId, bytes);
  } catch (error) {
    if (error instanceof EnvelopeError) return error;
    throw error;
  }
}
