import { operationsRootOf } from '@gridtokenx/chain';
import type { Candidate } from '@gridtokenx/consensus';
import type { Crypto, Hash } from '@gridtokenx/crypto';
import { concatBytes, equalBytes, toHex } from '@gridtokenx/kernel';
import type { Envelope } from '@gridtokenx/protocol';

/** Lists that strangers may pair with one header before the right one is known. */
const OFFERED_MAX = 8;

/**
 * The candidates of the open height. A header's hash covers the operations root, not the list of envelopes that a
 * candidate names: anyone can pair a true header with another list, and only the envelopes themselves show which list
 * is the right one. So lists are kept apart until one has proved itself.
 */
export class CandidateLists {
  private readonly right = new Map<string, Candidate>();
  private readonly offered = new Map<string, Map<string, Candidate>>();

  /** Each of the hosted validators asks for the key of the same candidate, and the list may be long. */
  private readonly keys = new WeakMap<Candidate, string>();

  constructor(private readonly crypto: Crypto) {}

  /** Names the header and the list. */
  keyOf(candidate: Candidate): string {
    let key = this.keys.get(candidate);
    if (key === undefined) {
      const list = this.crypto.sha256(concatBytes(...candidate.envelopeHashes));
      key = `${toHex(candidate.hash)}/${toHex(list)}`;
      this.keys.set(candidate, key);
    }
    return key;
  }

  /** The candidate was made here: its operations root is of these very envelopes. */
  trust(candidate: Candidate): void {
    this.right.set(toHex(candidate.hash), candidate);
  }

  offer(candidate: Candidate): void {
    const hash = toHex(candidate.hash);
    const lists = this.offered.get(hash) ?? new Map<string, Candidate>();
    this.offered.set(hash, lists.set(this.keyOf(candidate), candidate));
    // The newest stay: an honest one that comes after a flood is looked at as soon as it is here.
    if (lists.size > OFFERED_MAX) for (const oldest of lists.keys()) return void lists.delete(oldest);
  }

  /** Whether these envelopes are what the header's operations root says; if so, the list is the right one. */
  proves(candidate: Candidate, envelopes: readonly Envelope[]): boolean {
    if (this.right.get(toHex(candidate.hash)) === candidate) return true;
    if (!equalBytes(candidate.header.operationsRoot, operationsRootOf(this.crypto, envelopes))) return false;
    this.right.set(toHex(candidate.hash), candidate);
    return true;
  }

  /** The candidate whose list is known to be right. */
  proven(hash: Hash): Candidate | undefined {
    return this.right.get(toHex(hash));
  }

  offeredFor(hash: Hash): readonly Candidate[] {
    return [...(this.offered.get(toHex(hash))?.values() ?? [])];
  }

  clear(): void {
    this.right.clear();
    this.offered.clear();
  }
}
