import type { Ledger } from '@gridtokenx/domain';
import { toBase64Url } from '@gridtokenx/kernel';
import type { Crypto } from '@gridtokenx/crypto';
import type { ValidatorNode } from './nodes.js';

/** Those who decide who validates, and go on doing so while everything breaks. */
export interface Electorate {
  /** They look at what stands on the ledger, and go on from there. */
  meet(): void;
  /** Whether a key may come into the set, or leave it, without a lie that was proven. */
  mayCome(kid: string): boolean;
  mayGo(kid: string): boolean;
  /** Whether this machine was to be suspended though it does not lie. */
  isVotedOut(machine: number): boolean;
  /** Whether a machine could say that its record is lost, and be heard. */
  canRejoin(node: ValidatorNode): boolean;
}

export interface ElectorateOptions {
  readonly crypto: Crypto;
  /** Of a clean run. */
  readonly ledger: () => Ledger;
}

/** Of a ledger on which validators only go, and only who was proven to lie. */
export class NoElectorate implements Electorate {
  constructor(private readonly options: ElectorateOptions) {}

  meet(): void {}

  mayCome(): boolean {
    return false;
  }

  mayGo(): boolean {
    return false;
  }

  isVotedOut(): boolean {
    return false;
  }

  canRejoin({ members }: ValidatorNode): boolean {
    const { crypto, ledger } = this.options;
    const { validators } = ledger().state.validators;
    return members.every(({ seeds }) =>
      seeds.some((seed) => validators.get(toBase64Url(crypto.publicKeyOf(seed)))?.removed === false),
    );
  }
}
