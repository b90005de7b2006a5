import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, ScratchWriter, toBase64Url, utf8 } from '@gridtokenx/kernel';
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
import { bucketOf, BucketRows } from '@gridtokenx/chain';
import { auditState, GRID, LedgerRestore, rowKey, type PublicLedger, type PublicState } from '../index.js';
import { defineLedger } from '../ledger/engine.js';
import type { LedgerModule } from '../ledger/module.js';
import { publicLedger } from '../ledgers/public.js';

/** The secrets of these tests are hashes of names. */
export const secretOf = (name: string): Uint8Array => native.sha256(utf8(name));
export const keyOf = (name: string): string => toBase64Url(native.publicKeyOf(secretOf(name)));

export interface PublicWorldTerms extends Partial<Omit<PublicTerms, 'accounts' | 'validators' | 'nominators'>> {
  /** Names of those who have GRID, and how much, in whole GRID. */
  readonly accounts?: Readonly<Record<string, number>>;
  /** Names of accounts that validate, with their bonds in whole GRID: `<name>/signs` is the key that signs blocks. */
  readonly validators?: Readonly<Record<string, number>>;
  /** Names of accounts that nominate: bond in whole GRID, names of validators. */
  readonly nominators?: Readonly<Record<string, readonly [bond: number, ...targets: string[]]>>;
  /** What runs before the modules of the ledger. */
  readonly before?: (state: PublicState) => LedgerModule;
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
  ledger: PublicLedger;
  private readonly sequences = new Map<string, number>();

  constructor({
    accounts = {},
    validators = { val: 10_000 },
    nominators = {},
    before,
    ...terms
  }: PublicWorldTerms = {}) {
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
    this.identity = identityOfKind(readGenesis(native, utf8(JSON.stringify(genesis))), 'public');
    const ledger = defineLedger(
      {
        ...publicLedger,
        modules: (state, surroundings) => [
          ...(before === undefined ? [] : [before(state)]),
          ...publicLedger.modules(state, surroundings),
        ],
      },
      native,
      this.identity,
    );
    ledger.begin();
    this.ledger = ledger;
  }

  /** What an account has that is not on hold, in micro-GRID. */
  available(name: string): bigint {
    return this.ledger.state.accounts.available(keyOf(name), GRID);
  }

  envelope(by: string, operations: readonly Operation[], atomic = false): Uint8Array {
    const sequence = (this.sequences.get(by) ?? 0) + 1;
    this.sequences.set(by, sequence);
    const validUntil = formatTime(millis(this.ledger.time + 1_800_000));
    return signEnvelope(native, secretOf(by), this.identity.ledgerId, { sequence, validUntil, atomic, operations });
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
      decodeEnvelope(native, this.identity.ledgerId, bytes, { signatureKnown: true }),
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

  /** Goes on with a ledger that was restored from the rows of this one, of its own modules only. */
  restart(): void {
    const { height, stateDigest, state } = this.ledger;
    const scratch = new ScratchWriter();
    const rows = state.store.tables.flatMap((table) =>
      [...table.cells()].flatMap((cell) => {
        if (cell.value === undefined) return [];
        table.options.encode(scratch.reset(), cell.value);
        return [{ key: utf8(rowKey(cell)), row: scratch.bytes().slice() }];
      }),
    );
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    const restore = new LedgerRestore(native, this.identity);
    // In the order of buckets, as they come in a snapshot: no table waits for another by luck.
    const buckets = [...Map.groupBy(rows, ({ key }) => bucketOf(native, key))].sort(([a], [b]) => a - b);
    for (const [bucket, all] of buckets) {
      const hashed = new BucketRows();
      for (const { key, row } of all) hashed.append(key, native.sha256(row));
      const [keys, values] = [all.map(({ key }) => key), all.map(({ row }) => row)];
      restore.add({ bucket, keys, rows: values, hashed, leaf: hashed.leaf(native) });
    }
    this.ledger = restore.finish(height, stateDigest) as PublicLedger;
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
