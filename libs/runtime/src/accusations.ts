import { signBytesOf, type ConsensusMessage } from '@gridtokenx/consensus';
import type { Ledger } from '@gridtokenx/domain';
import { toBase64Url, toHex } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import type { HostEnvelopes, HostKey } from './host-envelopes.js';
import type { Clock } from './ports.js';
import type { Timers } from './timers.js';

const AGAIN_MS = 60_000;
/** What was not taken by then is refused for good, or somebody else has brought it. */
const TRIES_MAX = 10;

export interface AccusationsOptions {
  readonly ledgerId: string;
  readonly ledger: Pick<Ledger, 'state'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly envelopes: HostEnvelopes;
  /** A validator of this host that may sign for it, if there is one. */
  readonly accuser: () => HostKey | undefined;
  readonly submit: (envelope: Uint8Array) => void;
}

/** SPEC validators 5.4: what the replicas of a host have seen of others goes to the ledger, once for all of them. */
export class Accusations {
  private readonly made = new Set<string>();

  constructor(private readonly options: AccusationsOptions) {}

  /** Says whether it is a new one. */
  report(validator: string, first: ConsensusMessage, second: ConsensusMessage): boolean {
    const name = `${validator}/${first.height}/${first.round}/${first.type}`;
    if (this.made.has(name)) return false;
    this.made.add(name);
    const { ledgerId } = this.options;
    const shown = (message: ConsensusMessage): { vote: string; signature: string } => ({
      vote: toHex(signBytesOf(message, ledgerId)),
      signature: toBase64Url(message.signature),
    });
    const operation = {
      type: 'validators.reportEquivocation',
      validator,
      first: shown(first),
      second: shown(second),
    } as const;
    this.submit(name, operation, first.height, 1);
    return true;
  }

  private submit(name: string, operation: Operation & { readonly validator: string }, height: number, n: number): void {
    const { ledger, clock, timers, envelopes, accuser, submit } = this.options;
    const row = ledger.state.validators.validators.get(operation.validator);
    if (row === undefined || row.settledTo >= height) return;
    const by = accuser();
    if (by !== undefined) submit(envelopes.sign(by, operation));
    if (n < TRIES_MAX)
      timers.set(`evidence/${name}`, clock.now() + AGAIN_MS, () => this.submit(name, operation, height, n + 1));
  }
}
