import type { Crypto } from '@gridtokenx/crypto';
import type { Finding } from '@gridtokenx/protocol';
import { checkerInThread, type EnvelopeChecker } from '@gridtokenx/runtime';

/**
 * What is wrong with an envelope depends on its bytes alone: of the same record on its way to all machines it is found once, by
 * the rule that each of them would apply.
 */
export function checkerForAll(crypto: Crypto, ledgerId: string): EnvelopeChecker {
  const checker = checkerInThread(crypto, ledgerId);
  const findings = new WeakMap<Uint8Array, Finding>();
  const check = (value: Uint8Array): Finding => {
    let finding = findings.get(value);
    if (finding === undefined) {
      [finding] = checker.check([value]) as readonly [Finding];
      findings.set(value, finding);
    }
    return finding;
  };
  return { check: (values) => values.map(check), close: async () => {} };
}
