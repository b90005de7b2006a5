import { ByteWriter, fromHex, toHex } from '@gridtokenx/kernel';
import { rejected, type LedgerEvent, type Operation, type RejectedOutcome } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { auditState, consortiumLedger, type Actor, type HookContext, type OperationContext } from '../index.js';
import { crypto, id, kidOf, place, World } from '../spec/world.spec.js';
import { defineLedger } from './engine.js';

/** A world with one more module, which does what a test says: as an operation that no consortium has, or as a hook. */
class AskingWorld extends World {
  onOperation: (context: OperationContext) => RejectedOutcome | undefined;
  onHook: (context: HookContext) => void;

  constructor() {
    const asks: Pick<AskingWorld, 'onOperation' | 'onHook'> = { onOperation: () => undefined, onHook: () => undefined };
    super({}, (crypto, identity) => {
      const modules: typeof consortiumLedger.modules = (state, surroundings) => [
        ...consortiumLedger.modules(state, surroundings),
        {
          name: 'asking',
          operations: ['grid.transfer'],
          execute: (context) => asks.onOperation(context),
          atEnd: (context) => asks.onHook(context),
        },
      ];
      const ledger = defineLedger({ ...consortiumLedger, modules }, crypto, identity);
      ledger.begin();
      return ledger;
    });
    this.onOperation = () => undefined;
    this.onHook = () => undefined;
    asks.onOperation = (context) => this.onOperation(context);
    asks.onHook = (context) => this.onHook(context);
    this.fund('ann', 100);
    this.ownKey('ann');
  }

  /** Signed by the bank, who has no say over ann's account. */
  ask(onOperation: AskingWorld['onOperation']): ReturnType<World['run']> {
    this.onOperation = onOperation;
    return this.run('bank', ASKING);
  }
}

const ASKING: Operation = { type: 'grid.transfer', to: kidOf('anyone'), amount: '1' };
const actorOf = (name: string): Actor => ({
  kid: id(name),
  key: { organisation: id('trader'), account: id(name), removed: false },
});
const pay = (amount: string): Operation => ({
  type: 'accounts.transfer',
  from: id('ann'),
  to: id('bob'),
  asset: 'WATT',
  amount,
});
const FACT: LedgerEvent = { type: 'registry.keyRemoved', key: kidOf('nobody') };
const MILLION = 1_000_000n;

describe('an operation that another one asks for', () => {
  it('runs in the name of who is named, and its facts stand where it was asked for', () => {
    const world = new AskingWorld();
    expect(world.run('bank', pay('1')).outcomes).toMatchObject([{ code: 'key.notAuthorised' }]);
    const { outcomes } = world.ask((context) => {
      context.events.push(FACT);
      expect(context.dispatch(actorOf('ann'), pay('5'))).toBeUndefined();
      expect(context.dispatch(actorOf('cat'), pay('5'))).toMatchObject({ code: 'key.notAuthorised' });
      context.events.push(FACT);
      return undefined;
    });
    expect(outcomes).toMatchObject([
      {
        status: 'executed',
        events: [FACT, { type: 'accounts.transferred', amount: '5' }, FACT],
        postings: [
          [id('ann'), 'WATT', '-5', '0'],
          [id('bob'), 'WATT', '5', '0'],
        ],
      },
    ]);
    expect(world.available('bob')).toBe(5n);
  });

  it('has an id of its own within that of the operation that asks', () => {
    const world = new AskingWorld();
    world.measure('ann', { consumedWh: 1_000 });
    const { outcomes, ids } = world.ask((context) => {
      for (let i = 0; i < 2; i++)
        expect(context.dispatch(actorOf('ann'), place('ann', 'bid', 400, 1_000))).toBeUndefined();
      return undefined;
    });
    const within = (n: number): string => {
      const asking = fromHex(ids[0] ?? '') ?? new Uint8Array(0);
      return toHex(crypto.sha256(new ByteWriter(36).fixed(asking).u32(n).done()));
    };
    expect(outcomes).toMatchObject([
      {
        events: [
          { type: 'market.bookOpened' },
          { type: 'market.orderPlaced', order: within(0) },
          { type: 'market.orderPlaced', order: within(1) },
        ],
      },
    ]);
  });

  it('that is refused leaves nothing behind, and who asked goes on', () => {
    const world = new AskingWorld();
    const { outcomes } = world.ask((context) => {
      expect(context.dispatch(actorOf('ann'), pay((1_000n * MILLION).toString()))).toMatchObject({
        code: 'accounts.insufficientBalance',
      });
      context.events.push(FACT);
      return undefined;
    });
    expect(outcomes).toMatchObject([{ status: 'executed', events: [FACT], postings: [], holds: [] }]);
    const refused = world.ask((context) => {
      expect(context.dispatch(actorOf('ann'), pay('5'))).toBeUndefined();
      return rejected('key.notAuthorised');
    });
    expect(refused.outcomes).toMatchObject([{ code: 'key.notAuthorised' }]);
    expect(world.available('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that breaks an invariant sets the envelope aside that asked for it', () => {
    const world = new AskingWorld();
    const { accounts } = world.ledger.state;
    const { transfer } = accounts;
    accounts.transfer = function (from, to, asset, amount): void {
      transfer.call(accounts, from, to, asset, amount + 1n);
      this.add(this.cell(to, asset), 1n);
    };
    const { outcomes } = world.ask((context) => context.dispatch(actorOf('ann'), pay('5')));
    expect(outcomes).toMatchObject([{ code: 'operation.quarantined' }]);
    expect(world.available('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('an operation that a hook asks for', () => {
  const idOf = (n: number): string => n.toString(16).padStart(64, '0');

  it('stands under the id that the hook names, among its facts', () => {
    const world = new AskingWorld();
    world.measure('ann', { consumedWh: 1_000 });
    world.onHook = (context) => {
      expect(context.dispatch(actorOf('ann'), place('ann', 'bid', 400, 1_000), idOf(7))).toBeUndefined();
      expect(context.dispatch(actorOf('ann'), pay((1_000n * MILLION).toString()), idOf(8))).toMatchObject({
        code: 'accounts.insufficientBalance',
      });
    };
    const { hooks } = world.block([]);
    expect(hooks).toMatchObject([
      { events: [{ type: 'market.bookOpened' }, { type: 'market.orderPlaced', order: idOf(7) }] },
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that breaks an invariant or throws in a hook is undone and refused as quarantined', () => {
    const world = new AskingWorld();
    const { accounts } = world.ledger.state;
    const { transfer } = accounts;
    let fails: 'invariant' | 'throws' | undefined;
    accounts.transfer = function (from, to, asset, amount): void {
      transfer.call(accounts, from, to, asset, amount);
      if (fails === 'invariant') this.add(this.cell(to, asset), 1n);
      if (fails === 'throws') throw new TypeError('a bug');
    };
    world.onHook = (context) => {
      for (const way of ['invariant', 'throws'] as const) {
        fails = way;
        expect(context.dispatch(actorOf('ann'), pay('5'), idOf(1))).toEqual(rejected('operation.quarantined'));
      }
      fails = undefined;
      expect(context.dispatch(actorOf('ann'), pay('2'), idOf(2))).toBeUndefined();
    };
    const { hooks } = world.block([]);
    expect(hooks).toMatchObject([{ events: [{ type: 'accounts.transferred', amount: '2' }] }]);
    expect(world.available('bob')).toBe(2n);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
