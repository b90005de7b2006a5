import { resultsRootOf, type BlockOutcome, type Result } from '@gridtokenx/chain';
import { ZERO_HASH, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import {
  assert,
  BugError,
  ByteWriter,
  formatTime,
  fromHex,
  millis,
  parseTime,
  toBase64Url,
  toHex,
  type Millis,
} from '@gridtokenx/kernel';
import {
  HOOK_ENTRIES_PER_BLOCK_MAX,
  rejected,
  type Envelope,
  type Genesis,
  type LedgerEvent,
  type LedgerIdentity,
  type Operation,
  type OperationType,
  type Outcome,
  type RejectedOutcome,
  type RejectionCode,
} from '@gridtokenx/protocol';
import { Checkpoints } from './checkpoint.js';
import { changesOf, digestOf, undoHashes, type HashUndo, type RowChange } from './digest.js';
import type { LedgerDefinition, LedgerState } from './definition.js';
import { effectsSince } from './effects.js';
import type { KeyRow, Speaker } from './keys.js';
import type { Actor, BlockContext, HookContext, LedgerModule, OperationContext } from './module.js';
import { admissionOn, useSequence, type Admission } from './replay.js';
import { OutcomeBytes } from './bytes.js';
import { plainTable, Store, type Cell, type Table } from './store.js';

/** Facts of hooks are told in outcomes of at most this many entries, so that no outcome grows without bound. */
const HOOK_ENTRIES_PER_OUTCOME = 500;

export interface Execution {
  /** Of hooks at the start, operations, hooks at the end: as they stand in the block. */
  readonly outcomes: readonly BlockOutcome[];
  /** What the bytes of the outcomes say, for a reader in the same process: it need not parse them. */
  readonly told: readonly Outcome[];
  readonly results: readonly Result[];
  readonly resultsRoot: Hash;
  readonly stateDigest: Hash;
  readonly rejected: number;
  /** Envelopes that would have broken an invariant: someone must be called. */
  readonly quarantined: readonly { readonly envelope: Envelope; readonly reason: string }[];
}

export interface LedgerBlock {
  readonly height: number;
  readonly time: Millis;
  /** Who first proposed it: its place in the set of validators. */
  readonly proposer: number;
  /** Places in the parent's set of those that the certificate in this block shows to have committed the parent. */
  readonly parentSigners: readonly number[];
  readonly envelopes: readonly Envelope[];
}

export interface Ledger<S extends LedgerState = LedgerState> {
  readonly height: number;
  /** Of the tip. */
  readonly time: Millis;
  readonly marketTime: Millis;
  readonly stateDigest: Hash;
  /** The keys of the next epoch's validators, as far as the state says; final from two blocks before an epoch ends. */
  readonly nextValidators: readonly PublicKey[];
  /** Whether the proposals of a validator are refused. */
  isSuspended(validator: PublicKey): boolean;
  /** What the state is made of, for audits and tests: read only. */
  readonly state: S;
  readonly modules: readonly LedgerModule[];
  /** SPEC ledger 6: the tree over the rows of the last checkpoint. */
  readonly checkpoints: Checkpoints;
  /** What the executed, undecided block has changed, in key order. */
  changes(): readonly RowChange[];
  /** Admissibility of envelopes for one block with this time, on the state after its parent. */
  admission(blockTime: Millis): Admission;
  /** Runs a block on the tip. It can be taken back until `commit` or `undo`. */
  execute(block: LedgerBlock): Execution;
  /** The executed block is final: forgets how to take it back. */
  commit(): void;
  /** Takes the executed, undecided block back: state, digest, height and times are as before. */
  undo(): void;
}

interface Clock {
  readonly height: number;
  readonly time: number;
  readonly marketTime: number;
}

/** How to take the executed block back. */
interface Undo {
  readonly digest: Hash;
  readonly hashes: HashUndo;
}

type Handler = (context: OperationContext, operation: Operation) => RejectedOutcome | undefined;

/** A ledger whose rows are still to come. */
export interface DefinedLedger<S extends LedgerState = LedgerState> extends Ledger<S> {
  /** SPEC ledger 1.3: the state of height 0. */
  begin(): void;
  /** The rows are there: goes on after the block of this height. */
  resume(height: number, stateDigest: Hash): void;
}

/** A ledger of a kind without a row: `begin` puts it in the state of its genesis, or rows are restored into it. */
export function defineLedger<G extends Genesis, S extends LedgerState>(
  definition: LedgerDefinition<G, S>,
  crypto: Crypto,
  identity: LedgerIdentity<G>,
): DefinedLedger<S> {
  const { genesis, ledgerId } = identity;
  const surroundings = { crypto, ledgerId };
  const state = definition.state(new Store(), genesis, surroundings);
  const modules = definition.modules(state, surroundings);
  return new LedgerEngine(crypto, identity, state, modules, definition.pace(genesis));
}

/** Running out of stack or memory says nothing about the envelope: another machine might have managed. */
const isExhaustion = (error: unknown): boolean =>
  error instanceof RangeError && /call stack|allocation|memory/i.test(error.message);

class LedgerEngine<S extends LedgerState> implements DefinedLedger<S> {
  private readonly clock: Cell<Clock>;
  private readonly handlers: ReadonlyMap<OperationType, Handler>;
  private digest: Hash = ZERO_HASH;
  private executed: Undo | undefined;
  readonly checkpoints: Checkpoints;

  constructor(
    private readonly crypto: Crypto,
    private readonly identity: LedgerIdentity,
    readonly state: S,
    readonly modules: readonly LedgerModule[],
    private readonly pace: ReturnType<LedgerDefinition<Genesis, S>['pace']>,
  ) {
    const { store } = state;
    const clocks = plainTable<Clock>(store, 'ledger.clock', {
      encode: (writer, { height, time, marketTime }) => void writer.u64(height).u64(time).u64(marketTime),
      decode: (reader) => ({ height: reader.u64(), time: reader.u64(), marketTime: reader.u64() }),
    });
    this.clock = clocks.cell('clock');
    this.checkpoints = new Checkpoints(crypto, store);
    const handlers = new Map<OperationType, Handler>();
    for (const module of modules)
      for (const type of module.operations) {
        assert(!handlers.has(type), `one module handles ${type}`);
        handlers.set(type, (context, operation) => module.execute(context, operation));
      }
    this.handlers = handlers;
  }

  begin(): void {
    const { genesis, genesisHash } = this.identity;
    const { store } = this.state;
    const time = parseTime(genesis.time);
    assert(time !== undefined, 'a genesis that was read has a time');
    store.change(this.clock, { height: 0, time, marketTime: this.pace.start });
    for (const module of this.modules) module.genesis?.(genesis);
    this.digest = digestOf(this.crypto, store, genesisHash, this.knownHash).digest;
    this.follow();
    store.endBlock();
  }

  resume(height: number, stateDigest: Hash): void {
    this.state.store.endBlock();
    assert(this.height === height, 'the rows are of the height that they are said to be of');
    this.digest = stateDigest;
    this.checkpoints.loaded(height);
    this.follow();
  }

  private follow(): void {
    const { checkpoints } = this;
    this.state.store.onChanged = (cell, before) => checkpoints.note(cell, before);
  }

  private readonly knownHash = (cell: Cell<unknown>): Hash | undefined => this.checkpoints.hashOf(cell);

  private get now(): Clock {
    const { value } = this.clock;
    assert(value !== undefined, 'a ledger has a clock');
    return value;
  }

  get height(): number {
    return this.now.height;
  }

  get time(): Millis {
    return millis(this.now.time);
  }

  get marketTime(): Millis {
    return millis(this.now.marketTime);
  }

  get stateDigest(): Hash {
    return this.digest;
  }

  get nextValidators(): readonly PublicKey[] {
    return this.state.validators.next;
  }

  isSuspended(validator: PublicKey): boolean {
    return this.state.validators.validators.get(toBase64Url(validator))?.suspended === true;
  }

  admission(blockTime: Millis): Admission {
    assert(this.executed === undefined, 'admissibility is judged on a decided state');
    return admissionOn(this.state, blockTime);
  }

  execute(block: LedgerBlock): Execution {
    assert(this.executed === undefined, 'a block is run when the one before is decided');
    assert(block.height === this.height + 1 && block.time > this.time, 'a block is run on its parent');
    try {
      return this.run(block);
    } catch (error) {
      // Without an offender the ledger must not go on; but it stands where it stood.
      this.state.store.undoTo(0);
      this.state.store.endBlock();
      throw error;
    }
  }

  private run({ height, time, proposer, parentSigners, envelopes }: LedgerBlock): Execution {
    const { crypto, state, pace } = this;
    const { store } = state;
    const elapsed = Math.min(time - this.time, pace.capMs ?? Number.MAX_SAFE_INTEGER);
    // SPEC ledger 5.1
    const marketTime = millis(this.marketTime + pace.rate * elapsed);
    assert(Number.isSafeInteger(marketTime), 'market time is a safe integer');
    store.change(this.clock, { height, time, marketTime });

    const outcomes: BlockOutcome[] = [];
    const told: Outcome[] = [];
    const results: Result[] = [];
    const quarantined: { envelope: Envelope; reason: string }[] = [];
    let refused = 0;
    const written = new OutcomeBytes();
    const add = (operationId: Hash, hook: boolean, outcome: Outcome): void => {
      const bytes = written.of(outcome);
      outcomes.push({ hook, bytes });
      told.push(outcome);
      results.push({ operationId, outcome: bytes });
      if (outcome.status === 'rejected') refused++;
    };

    // SPEC ledger 5.1: readers learn market time from the block, and need no rate and no cap.
    const advanced: LedgerEvent = { type: 'ledger.clockAdvanced', marketTime: formatTime(marketTime) };
    add(ZERO_HASH, true, { v: 1, status: 'executed', events: [advanced], postings: [], holds: [] });

    const block: BlockContext = { height, time, marketTime, proposer, parentSigners, events: [] };
    const hooks = new Hooks(this, block, (outcome) => add(ZERO_HASH, true, outcome));
    for (const module of this.modules) if (module.atStart !== undefined) hooks.run(module.atStart);
    // SPEC grid 4.3: before the first of them runs, so that none spends what another owes.
    const unpaid =
      state.fees && envelopes.map((envelope) => state.fees?.charge(this.signerOf(envelope), envelope, time));
    for (const [place, envelope] of envelopes.entries()) {
      const { outcomes: own, reason } = this.runEnvelope(block, envelope, unpaid?.[place]);
      if (reason !== undefined) quarantined.push({ envelope, reason });
      own.forEach((outcome, i) => add(envelope.operationIds[i] ?? ZERO_HASH, false, outcome));
    }
    for (const module of this.modules) if (module.atEnd !== undefined) hooks.run(module.atEnd);

    const { digest, undo } = digestOf(crypto, store, this.digest, this.knownHash);
    this.executed = { digest: this.digest, hashes: undo };
    this.digest = digest;
    const resultsRoot = resultsRootOf(crypto, results);
    return { outcomes, told, results, resultsRoot, stateDigest: digest, rejected: refused, quarantined };
  }

  private signerOf({ kid }: Envelope): KeyRow {
    const row = this.state.keys.get(kid);
    assert(row !== undefined, 'an envelope in a block was admissible');
    return row;
  }

  /** SPEC ledger 4.4: whatever happens, the sequence is used; a bug undoes the envelope and is told, the block goes on. */
  private runEnvelope(
    block: BlockContext,
    envelope: Envelope,
    unpaid: RejectionCode | undefined,
  ): { outcomes: Outcome[]; reason?: string } {
    const { keys, store } = this.state;
    const { kid, sequence, operations } = envelope;
    const row = this.signerOf(envelope);
    keys.set(kid, { ...row, window: useSequence(row.window, sequence) });
    if (unpaid !== undefined) return { outcomes: operations.map(() => rejected(unpaid)) };
    const mark = store.mark();
    try {
      const result = this.runOperations(block, envelope, mark);
      if (typeof result !== 'string') return { outcomes: result };
      store.undoTo(mark);
      return { outcomes: operations.map(() => rejected('operation.quarantined')), reason: result };
    } catch (error) {
      if (isExhaustion(error)) throw error;
      store.undoTo(mark);
      const reason =
        error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no error was thrown';
      return { outcomes: operations.map(() => rejected('operation.quarantined')), reason };
    }
  }

  /** The outcomes, or the fault that was found. SPEC ledger 4.1: each operation alone, or with `atomic` all or none. */
  private runOperations(block: BlockContext, envelope: Envelope, envelopeMark: number): Outcome[] | string {
    const { keys, store, accounts } = this.state;
    const { operations, operationIds, kid, atomic } = envelope;
    const context = new Context(this, block, { kid, keys });
    const outcomes: Outcome[] = [];
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      const id = operationIds[i];
      assert(operation !== undefined && id !== undefined, 'an envelope names each of its operations');
      const mark = store.mark();
      context.begin(id);
      const refusal = this.handle(context, operation);
      if (refusal === undefined) {
        const { postings, holds, fault } = effectsSince(store, accounts, mark);
        if (fault !== undefined) return fault;
        outcomes.push({ v: 1, status: 'executed', events: context.events, postings, holds });
        continue;
      }
      store.undoTo(mark);
      if (atomic) {
        store.undoTo(envelopeMark);
        return operations.map((_, other) => (other === i ? refusal : rejected('envelope.aborted')));
      }
      outcomes.push(refusal);
    }
    return outcomes;
  }

  private handle(context: OperationContext, operation: Operation): RejectedOutcome | undefined {
    const handler = this.handlers.get(operation.type);
    assert(handler !== undefined, `some module handles ${operation.type}`);
    return handler(context, operation);
  }

  /** SPEC ledger 4.6: the facts go where those of the asking operation or hook go. */
  dispatch(block: BlockContext, actor: Actor, operation: Operation, id: Hash): RejectedOutcome | undefined {
    const { store } = this.state;
    const { events } = block;
    const [mark, told] = [store.mark(), events.length];
    const context = new Context(this, block, actor);
    context.begin(id);
    const refusal = this.handle(context, operation);
    if (refusal === undefined) {
      events.push(...context.events);
      return undefined;
    }
    store.undoTo(mark);
    events.length = told;
    return refusal;
  }

  /** The same for a hook, where no envelope answers for what goes wrong. */
  dispatchInHook(block: BlockContext, actor: Actor, operation: Operation, id: Hash): RejectedOutcome | undefined {
    const { store, accounts } = this.state;
    const [mark, told] = [store.mark(), block.events.length];
    let broken: boolean;
    try {
      const refusal = this.dispatch(block, actor, operation, id);
      if (refusal !== undefined) return refusal;
      broken = effectsSince(store, accounts, mark).fault !== undefined;
    } catch (error) {
      if (isExhaustion(error)) throw error;
      broken = true;
    }
    if (!broken) return undefined;
    store.undoTo(mark);
    block.events.length = told;
    return rejected('operation.quarantined');
  }

  /** SPEC ledger 4.6: of the n-th operation that the one with this id asks for. */
  idWithin(id: Uint8Array, n: number): Hash {
    return this.crypto.sha256(new ByteWriter(id.length + 4).fixed(id).u32(n).done());
  }

  changes(): readonly RowChange[] {
    assert(this.executed !== undefined, 'what has changed is asked of an executed block');
    return changesOf(this.crypto, this.state.store);
  }

  commit(): void {
    assert(this.executed !== undefined, 'what is committed was executed');
    this.executed = undefined;
    this.state.store.endBlock();
    this.checkpoints.ended(this.height);
  }

  undo(): void {
    const { executed } = this;
    assert(executed !== undefined, 'what is undone was executed');
    this.state.store.undoTo(0);
    undoHashes(executed.hashes);
    this.state.store.endBlock();
    this.digest = executed.digest;
    this.executed = undefined;
  }
}

/** What the contexts below ask of the engine. */
type Dispatcher = Pick<LedgerEngine<LedgerState>, 'state' | 'dispatch' | 'dispatchInHook' | 'idWithin'>;

/** Whoever signed, as the ledger knows the key while the envelope runs. */
interface Signer {
  readonly kid: string;
  readonly keys: Table<KeyRow>;
}

/** The context of one envelope's operations, one after another, or of one that a module asks for. */
class Context implements OperationContext {
  readonly height: number;
  readonly time: Millis;
  readonly marketTime: Millis;
  readonly proposer: number;
  readonly parentSigners: readonly number[];
  readonly kid: string;
  readonly track?: string;
  events: LedgerEvent[] = [];
  private id: Uint8Array = ZERO_HASH;
  private hex: string | undefined = undefined;
  private dispatched = 0;

  constructor(
    private readonly engine: Dispatcher,
    private readonly block: BlockContext,
    private readonly by: Signer | Actor,
  ) {
    this.height = block.height;
    this.time = block.time;
    this.marketTime = block.marketTime;
    this.proposer = block.proposer;
    this.parentSigners = block.parentSigners;
    this.kid = by.kid;
    if ('key' in by && by.track !== undefined) this.track = by.track;
  }

  begin(id: Uint8Array): void {
    this.id = id;
    this.hex = undefined;
    this.dispatched = 0;
    this.events = [];
  }

  get operationId(): string {
    return (this.hex ??= toHex(this.id));
  }

  get key(): Speaker {
    const { by } = this;
    if ('key' in by) return by.key;
    const row = by.keys.get(by.kid);
    assert(row !== undefined, 'a registered key keeps its row');
    return row;
  }

  dispatch(actor: Actor, operation: Operation): RejectedOutcome | undefined {
    const id = this.engine.idWithin(this.id, this.dispatched++);
    return this.engine.dispatch(this, actor, operation, id);
  }
}

/** SPEC ledger 5.2-5.4: the hooks of one block share its entries, and tell their facts in pieces. */
class Hooks implements HookContext {
  readonly height: number;
  readonly time: Millis;
  readonly marketTime: Millis;
  readonly proposer: number;
  readonly parentSigners: readonly number[];
  entriesLeft = HOOK_ENTRIES_PER_BLOCK_MAX;
  events: LedgerEvent[] = [];
  private entriesTold = 0;
  private mark: number;

  constructor(
    private readonly engine: Dispatcher,
    block: BlockContext,
    private readonly tell: (outcome: Outcome) => void,
  ) {
    this.height = block.height;
    this.time = block.time;
    this.marketTime = block.marketTime;
    this.proposer = block.proposer;
    this.parentSigners = block.parentSigners;
    this.mark = engine.state.store.mark();
  }

  run(hook: (context: HookContext) => void): void {
    this.mark = this.engine.state.store.mark();
    hook(this);
    this.flush();
  }

  worked(): void {
    this.entriesLeft--;
    this.entriesTold++;
    if (this.entriesTold >= HOOK_ENTRIES_PER_OUTCOME) this.flush();
  }

  dispatch(actor: Actor, operation: Operation, id: string): RejectedOutcome | undefined {
    const bytes = fromHex(id);
    assert(bytes?.length === ZERO_HASH.length, 'an operation has an id of 32 bytes');
    return this.engine.dispatchInHook(this, actor, operation, bytes as Hash);
  }

  flush(): void {
    const { store, accounts } = this.engine.state;
    const { postings, holds, fault } = effectsSince(store, accounts, this.mark);
    // Nobody asked for this: there is no envelope to set aside, and going on would book wrong money.
    if (fault !== undefined) throw new BugError(`a hook broke an invariant: ${fault}`);
    const { events } = this;
    this.mark = store.mark();
    this.events = [];
    this.entriesTold = 0;
    if (events.length > 0) this.tell({ v: 1, status: 'executed', events, postings, holds });
    else assert(postings.length === 0 && holds.length === 0, 'what changes a balance is told');
  }
}
