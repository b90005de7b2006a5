import { VOTE_STEPS } from '@gridtokenx/chain';
import { signBytesOf, type ConsensusMessage, type SignerRecord } from '@gridtokenx/consensus';
import type { Execution, Ledger } from '@gridtokenx/domain';
import { equalBytes, toHex } from '@gridtokenx/kernel';
import { decodeOutcome } from '@gridtokenx/protocol';
import type { HostEnvelopes, HostKey } from './host-envelopes.js';
import type { Clock } from './ports.js';
import type { LoadedRecords } from './signer-records.js';
import type { Timers } from './timers.js';

const AGAIN_MS = 60_000;
const NONCE_BYTES = 32;

/** SPEC consensus "never sign twice": a record that is missing, or older than an own message on the bus, is lost. */
export function whyLost(
  ledgerId: string,
  validator: number,
  tipHeight: number,
  record: SignerRecord | undefined,
  state: LoadedRecords['state'],
  early: readonly ConsensusMessage[],
): string | undefined {
  if (state === 'lost') return 'neither slot of the signer record can be read';
  if (record === undefined && tipHeight > 0) return 'there is no signer record, and the chain has blocks';
  const above = early.find(
    (message) => message.validator === validator && message.height > tipHeight && isAbove(ledgerId, message, record),
  );
  return above === undefined ? undefined : `an own ${above.type} at height ${above.height} is above the signer record`;
}

/** Whether a message lies above what the record says was signed last: then the record is not the newest. */
export function isAbove(ledgerId: string, message: ConsensusMessage, record: SignerRecord | undefined): boolean {
  if (record === undefined) return true;
  const step = VOTE_STEPS[message.type];
  const order = [message.height - record.height, message.round - record.round, step - record.step].find(
    (difference) => difference !== 0,
  );
  if (order !== undefined) return order > 0;
  return !equalBytes(signBytesOf(message, ledgerId), record.signBytes);
}

export interface RejoinsOptions {
  readonly ledger: Pick<Ledger, 'state'>;
  readonly envelopes: HostEnvelopes;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Nobody can have guessed them: a nonce is new at each start. */
  readonly randomBytes: (length: number) => Uint8Array;
  readonly submit: (envelope: Uint8Array) => void;
  readonly onAsked: (kid: string, why: string) => void;
}

/** Asks to vote again, until a certified block holds the request with the nonce that was made at this start. */
export class Rejoins {
  /** Those whose key the ledger does not know yet: a block that held their request would refuse it. */
  private readonly unknown = new Map<string, { readonly by: HostKey; readonly why: string }>();
  /** By key id. */
  private readonly nonces = new Map<string, string>();

  constructor(private readonly options: RejoinsOptions) {}

  /** How many wait for their request to be granted. */
  get open(): number {
    return this.nonces.size;
  }

  isAsking(kid: string): boolean {
    return this.nonces.has(kid);
  }

  ask(by: HostKey, why: string): void {
    const { envelopes, clock, timers, randomBytes } = this.options;
    const nonce = this.nonces.get(by.kid) ?? toHex(randomBytes(NONCE_BYTES));
    this.nonces.set(by.kid, nonce);
    if (!this.isKnown(by)) return void this.unknown.set(by.kid, { by, why });
    this.options.onAsked(by.kid, why);
    this.options.submit(envelopes.sign(by, { type: 'validators.rejoin', validator: by.kid, nonce }));
    timers.set(`rejoin/${by.kid}`, clock.now() + AGAIN_MS, () => {
      if (this.nonces.has(by.kid)) this.ask(by, why);
    });
  }

  /** The state has moved: keys that it did not know may have become validators. */
  advanced(): void {
    for (const { by, why } of this.unknown.values())
      if (this.isKnown(by)) {
        this.unknown.delete(by.kid);
        this.ask(by, why);
      }
  }

  private isKnown({ kid }: HostKey): boolean {
    const { envelopes, ledger } = this.options;
    return envelopes.isRegistered(kid) && ledger.state.validators.validators.has(kid);
  }

  /** Which requests a final block grants; each is granted once. */
  takeGranted(results: Execution['results']): string[] {
    const granted: string[] = [];
    if (this.nonces.size === 0) return granted;
    for (const { outcome } of results) {
      const decoded = decodeOutcome(outcome);
      for (const event of decoded.status === 'executed' ? decoded.events : [])
        for (const [kid, nonce] of this.nonces)
          if (event.type === 'validators.rejoined' && event.nonce === nonce) {
            this.nonces.delete(kid);
            granted.push(kid);
          }
    }
    return granted;
  }
}
