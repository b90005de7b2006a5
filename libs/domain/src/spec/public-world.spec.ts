import { noble } from '@gridtokenx/crypto';
import { formatTime, millis, toBase64Url, utf8 } from '@gridtokenx/kernel';
import {
  decodeEnvelope,
  decodeOutcome,
  identityOfKind,
  readGenesis,
  signEnvelope,
  type LedgerEvent,
  type LedgerIdentity,
  type Operation,
  type Outcome,
  type PublicGenesis,
} from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis, type PublicTerms } from '@gridtokenx/testkit';
import { auditState, createPublicLedger, GRID, type PublicLedger } from '../index.js';

/** The secrets of these tests are hashes of names. */
export const secretOf = (name: string): Uint8Array => noble.sha256(utf8(name));
export const keyOf = (name: string): string => toBase64Url(noble.publicKeyOf(secretOf(name)));

export interface PublicWorldTerms extends Partial<Omit<PublicTerms, 'accounts' | 'validators' | 'nominators'>> {
  /** Names of those who have GRID, and how much, in whole GRID. */
  readonly accounts?: Readonly<Record<string, number>>;
  /** Names of accounts that validate, with their bonds in whole GRID: `<name>/signs` is the key that signs blocks. */
  readonly validators?: Readonly<Record<string, number>>;
  /** Names of accounts that nominate: bond in whole GRID, names of validators. */
  readonly nominators?: Readonly<Record<string, readonly [bond: number, ...targets: string[]]>>;
}

const START = 1_780_000_200_000;

export interface PublicRun {
  readonly outcomes: readonly Outcome[];
  readonly events: readonly LedgerEvent[];
  readonly quarantined: readonly string[];
}

/** A public ledger with named accounts: blocks are run, committed and audited one after another. */
export class PublicWorld {
  readonly identity: LedgerIdentity<PublicGenesis>;
  readonly ledger: PublicLedger;
  private readonly sequences = new Map<string, number>();

  constructor({ accounts = {}, validators = { val: 10_000 }, nominators = {}, ...terms }: PublicWorldTerms = {}) {
    const amounts = new Map<string, number>(Object.entries(accounts));
    for (const [name, bond] of Object.entries(validators)) amounts.set(name, amounts.get(name) ?? bond + 1);
    for (const [name, [bond]] of Object.entries(nominators)) amounts.set(name, amounts.get(name) ?? bond + 1);
    const genesis = testPublicGenesis({
      timeMs: START,
      ...terms,
      accounts: [...amounts].map(([name, whole]) => ({ id: keyOf(name), amount: gridAmount(whole) })),
      validators: Object.entries(validators).map(([name, bond]) => ({
        key: keyOf(`${name}/signs`),
        account: keyOf(name),
        bond: gridAmount(bond),
        commission: 0,
      })),
      nominators: Object.entries(nominators).map(([name, [bond, ...targets]]) => ({
        account: keyOf(name),
        bond: gridAmount(bond),
        targets: targets.map(keyOf),
      })),
    });
    this.identity = identityOfKind(readGenesis(noble, utf8(JSON.stringify(genesis))), 'public');
    this.ledger = createPublicLedger(noble, this.identity);
  }

  /** What an account has that is not on hold, in micro-GRID. */
  available(name: string): bigint {
    return this.ledger.state.accounts.available(keyOf(name), GRID);
  }

  envelope(by: string, operations: readonly Operation[], atomic = false): Uint8Array {
    const sequence = (this.sequences.get(by) ?? 0) + 1;
    this.sequences.set(by, sequence);
    const validUntil = formatTime(millis(this.ledger.time + 1_800_000));
    return signEnvelope(noble, secretOf(by), this.identity.ledgerId, { sequence, validUntil, atomic, operations });
  }

  /** A block with these envelopes, all of them admissible; by default one interval after its parent, signed by everybody. */
  block(
    envelopes: readonly Uint8Array[] = [],
    {
      afterMs = 6_000,
      proposer = 0,
      parentSigners,
    }: { afterMs?: number; proposer?: number; parentSigners?: number[] } = {},
  ): PublicRun {
    const { ledger } = this;
    const time = millis(ledger.time + afterMs);
    const decoded = envelopes.map((bytes) =>
      decodeEnvelope(noble, this.identity.ledgerId, bytes, { signatureKnown: true }),
    );
    const admission = ledger.admission(time);
    for (const envelope of decoded) {
      const refusal = admission.refusal(envelope);
      if (refusal !== undefined) throw new Error(`an envelope is not admissible: ${refusal}`);
    }
    const signers = parentSigners ?? ledger.state.validators.members().map((_, place) => place);
    const execution = ledger.execute({
      height: ledger.height + 1,
      time,
      proposer,
      parentSigners: ledger.height === 0 ? [] : signers,
      envelopes: decoded,
    });
    ledger.commit();
    const faults = auditState(ledger);
    if (faults.length > 0) throw new Error(faults.join('; '));
    const all = execution.outcomes.map(({ hook, bytes }) => ({ hook, outcome: decodeOutcome(bytes) }));
    return {
      outcomes: all.filter(({ hook }) => !hook).map(({ outcome }) => outcome),
      events: all.flatMap(({ outcome }) => (outcome.status === 'executed' ? outcome.events : [])),
      quarantined: execution.quarantined.map(({ reason }) => reason),
    };
  }

  /** One operation in a block of its own: its outcome. */
  ask(by: string, operation: Operation): Outcome {
    const [outcome] = this.block([this.envelope(by, [operation])]).outcomes;
    if (outcome === undefined) throw new Error('an operation has an outcome');
    return outcome;
  }

  /** The same, which must be done: its facts. */
  must(by: string, operation: Operation): readonly LedgerEvent[] {
    const outcome = this.ask(by, operation);
    if (outcome.status !== 'executed') throw new Error(`${operation.type} was refused: ${JSON.stringify(outcome)}`);
    return outcome.events;
  }

  /** The same, which must be refused: its code. */
  refusal(by: string, operation: Operation): string {
    const outcome = this.ask(by, operation);
    if (outcome.status !== 'rejected') throw new Error(`${operation.type} was not refused`);
    return outcome.code;
  }
}
