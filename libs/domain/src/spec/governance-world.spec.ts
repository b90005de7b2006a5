import { native } from '@gridtokenx/crypto-native';
import { assert, toHex, utf8 } from '@gridtokenx/kernel';
import type { EventOf, EventType, LedgerEvent, Operation, OperationOf, Track } from '@gridtokenx/protocol';
import { gridAmount } from '@gridtokenx/testkit';
import type { PublicState, ReferendumRow } from '../index.js';
import type { HookContext, LedgerModule } from '../ledger/module.js';
import { keyOf, PublicWorld, type PublicRun, type PublicWorldTerms } from './public-world.spec.js';

export const MINUTE = 60_000;

export const hashOfCall = (call: string): string => toHex(native.sha256(utf8(call)));

export const told = <T extends EventType>(events: readonly LedgerEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is LedgerEvent & EventOf<T> => event.type === type);

export const voteOf = (
  referendum: number,
  aye: boolean,
  conviction: 0 | 1 | 2 | 3 | 4 | 5 | 6,
  capital: bigint | string,
): OperationOf<'governance.vote'> => ({
  type: 'governance.vote',
  referendum,
  vote: { kind: 'standard', aye, conviction, capital: capital.toString() },
});

export const delegationOf = (
  track: Track,
  to: string,
  conviction: 0 | 1 | 2 | 3 | 4 | 5 | 6,
  amount: bigint | string,
): OperationOf<'governance.delegate'> => ({
  type: 'governance.delegate',
  track,
  to: keyOf(to),
  conviction,
  amount: amount.toString(),
});

/** A public ledger with what governance is asked for, and a hook that asks in the name of a track. */
export class GovernanceWorld extends PublicWorld {
  private static readonly asked = new WeakMap<PublicState, ((context: HookContext, state: PublicState) => void)[]>();
  private asking = 0;

  constructor(terms: PublicWorldTerms = {}) {
    super({ ...terms, before: terms.before ?? GovernanceWorld.asks });
  }

  private static readonly asks = (state: PublicState): LedgerModule => {
    const asked: ((context: HookContext, state: PublicState) => void)[] = [];
    GovernanceWorld.asked.set(state, asked);
    return {
      name: 'asks',
      operations: [],
      execute: () => assert(false, 'nothing is asked of it') as never,
      atStart: (context) => {
        for (const act of asked.splice(0)) act(context, state);
      },
    };
  };

  /** What is done by a hook before anything else of the next block. */
  next(act: (context: HookContext, state: PublicState) => void): void {
    const asked = GovernanceWorld.asked.get(this.ledger.state);
    assert(asked !== undefined, 'a ledger that was restored has its own modules only');
    asked.push(act);
  }

  /** An operation in the name of a track, at once: its code, or nothing. */
  asTrack(track: Track, operation: Operation): { code: string | undefined; events: readonly LedgerEvent[] } {
    let code: string | undefined;
    const id = hashOfCall(`asked ${this.asking++}`);
    this.next((context) => {
      const nobody = { organisation: '', account: '', removed: false };
      code = context.dispatch({ kid: '', key: nobody, track }, operation, id)?.code;
    });
    const { events } = this.block();
    return { code, events };
  }

  /** Notes what would be done and proposes it; the number of the referendum. */
  propose(
    by: string,
    track: Track,
    operation: Operation,
    more: Partial<OperationOf<'governance.propose'>> = {},
  ): number {
    const call = JSON.stringify(operation);
    const callHash = hashOfCall(call);
    if (!this.ledger.state.governance.preimages.has(callHash))
      this.must(by, { type: 'governance.notePreimage', callHash, call });
    const events = this.must(by, { type: 'governance.propose', track, callHash, ...more });
    const [proposed] = told(events, 'governance.proposed');
    assert(proposed !== undefined, 'a proposal is told of');
    return proposed.referendum;
  }

  /** The same, with its decision deposit by the same account. */
  proposePlaced(by: string, track: Track, operation: Operation): number {
    const referendum = this.propose(by, track, operation);
    this.must(by, { type: 'governance.placeDeposit', referendum });
    return referendum;
  }

  row(referendum: number): ReferendumRow {
    const row = this.ledger.state.governance.referendum(referendum);
    assert(row !== undefined, 'the referendum is there');
    return row;
  }

  /** One block, so long after the last; all that it tells. */
  after(ms: number): readonly LedgerEvent[] {
    return this.block([], { afterMs: ms }).events;
  }

  /** A block each half minute for so long; all that they tell. */
  during(ms: number): readonly LedgerEvent[] {
    const end = this.ledger.time + ms;
    const events: LedgerEvent[] = [];
    while (this.ledger.time < end) events.push(...this.after(Math.min(MINUTE / 2, end - this.ledger.time)));
    return events;
  }

  locked(name: string): bigint {
    const locks = this.ledger.state.grid.locks.get(keyOf(name));
    return locks?.standing.find(({ reason }) => reason === 'governance')?.amount ?? 0n;
  }

  spendable(name: string): bigint {
    return this.ledger.state.grid.spendable(keyOf(name), this.ledger.time);
  }

  /** A block of operations, each in an envelope of its own. */
  together(...asked: readonly (readonly [by: string, operation: Operation])[]): PublicRun {
    return this.block(asked.map(([by, operation]) => this.envelope(by, [operation])));
  }
}

export const whole = (grid: number): bigint => BigInt(gridAmount(grid));
