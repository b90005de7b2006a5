import { possessionSignBytes, voteSignBytes, type Vote } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { Prng, toBase64Url, toHex, ScratchWriter } from '@gridtokenx/kernel';
import type { LedgerEvent, Operation } from '@gridtokenx/protocol';
import { gridAmount } from '@gridtokenx/testkit';
import { decodeRow, type LedgerBlock, type PublicLedger } from '../index.js';
import type { PublicState } from '../ledgers/public.js';
import type { DefinedLedger } from '../ledger/engine.js';
import { emptyLedger } from '../ledgers/index.js';
import { bondTotal } from '../staking/bond.js';
import type { Exposure } from '../staking/exposure.js';
import { keyOf, PublicWorld, secretOf, type PublicRun, type PublicWorldTerms } from './public-world.spec.js';

type EventOf<T extends LedgerEvent['type']> = Extract<LedgerEvent, { type: T }>;

/** The events of one type among all. */
export const ofType = <T extends LedgerEvent['type']>(events: readonly LedgerEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => event.type === type);

/** Two PREPAREs for two blocks of a height, signed by this key. */
export function equivocation(ledgerId: string, epochBlocks: number, signer: string, height: number): Operation {
  const epoch = Math.floor((height - 1) / epochBlocks);
  const signed = (fill: number): { vote: string; signature: string } => {
    const vote = { type: 'prepare', blockHash: new Uint8Array(32).fill(fill) } as Vote;
    const bytes = voteSignBytes({ ledgerId, epoch, height, round: 0 }, vote);
    return { vote: toHex(bytes), signature: toBase64Url(noble.sign(bytes, secretOf(signer))) };
  };
  return { type: 'validators.reportEquivocation', validator: keyOf(signer), first: signed(1), second: signed(2) };
}

/** A public ledger whose eras are short. Remembers what it has told, and the blocks that it ran. */
export class StakingWorld extends PublicWorld {
  readonly told: LedgerEvent[] = [];
  readonly ran: LedgerBlock[] = [];
  readonly era: number;

  constructor({ era = 6, consensus, ...terms }: PublicWorldTerms & { readonly era?: number } = {}) {
    super({ ...terms, consensus: { epochBlocks: era, ...consensus } });
    this.era = era;
    const { ledger } = this;
    const execute = ledger.execute.bind(ledger);
    ledger.execute = (block) => {
      this.ran.push(block);
      return execute(block);
    };
  }

  get staking(): PublicState['staking'] {
    return this.ledger.state.staking;
  }

  get eraNow(): number {
    return Math.floor((this.ledger.height - 1) / this.era);
  }

  override block(...given: Parameters<PublicWorld['block']>): PublicRun {
    const [envelopes = [], terms = {}] = given;
    // Whose turn it is proposes, unless a test says otherwise.
    const members = this.staking.eraKnown(Math.floor(this.ledger.height / this.era)).members.length;
    const run = super.block(envelopes, { proposer: (this.ledger.height + 1) % members, ...terms });
    this.told.push(...run.events);
    return run;
  }

  /** Up to the first block of the next era; its facts. */
  nextEra(): LedgerEvent[] {
    const from = this.told.length;
    do this.block();
    while (this.ledger.height % this.era !== 1 || this.ledger.height === 1);
    return this.told.slice(from);
  }

  /** Up to this block of an era, from 1. */
  toPlace(place: number): LedgerEvent[] {
    const from = this.told.length;
    while (this.ledger.height === 0 || this.ledger.height % this.era !== place % this.era) this.block();
    return this.told.slice(from);
  }

  bonded(name: string): bigint {
    return bondTotal(this.staking.bond(keyOf(name)));
  }

  active(name: string): bigint {
    return this.staking.bond(keyOf(name)).active;
  }

  /** Names of those who validate in an era. */
  members(era: number, names: readonly string[]): string[] {
    const accounts = new Map(names.map((name) => [keyOf(name), name]));
    return this.staking
      .eraKnown(era)
      .members.map(({ account }) => accounts.get(account) ?? account)
      .sort();
  }

  exposure(era: number, name: string): Exposure {
    const exposure = this.staking.exposure(era, keyOf(name));
    if (exposure === undefined) throw new Error(`${name} does not validate in era ${era}`);
    return exposure;
  }

  validate(name: string, signer = `${name}/signs`, commission = 0, account = name): Operation {
    const key = noble.publicKeyOf(secretOf(signer));
    const bytes = possessionSignBytes(this.identity.ledgerId, keyOf(account), key);
    const proof = toBase64Url(noble.sign(bytes, secretOf(signer)));
    return { type: 'staking.validate', commission, key: toBase64Url(key), proof };
  }

  bond(name: string, whole: number): void {
    this.must(name, { type: 'staking.bond', amount: gridAmount(whole) });
  }

  nominate(name: string, ...targets: string[]): Operation {
    return { type: 'staking.nominate', targets: targets.map(keyOf) };
  }

  equivocation(signer: string, height = this.ledger.height): Operation {
    return equivocation(this.identity.ledgerId, this.era, signer, height);
  }

  /** A ledger of nothing but the rows of this one, which come in an order of their own. */
  restored(seed = 1): PublicLedger {
    const { ledger } = this;
    const other = emptyLedger(noble, this.identity) as DefinedLedger<PublicState>;
    const tables = new Map(other.state.store.tables.map((table) => [table.name, table]));
    const scratch = new ScratchWriter();
    const prng = new Prng(seed);
    const rows = ledger.state.store.tables.flatMap((table) =>
      [...table.cells()].flatMap(({ key, value }) => {
        if (value === undefined) return [];
        table.options.encode(scratch.reset(), value);
        return [{ table: table.name, key, bytes: scratch.bytes().slice(), at: prng.below(1_000_000) }];
      }),
    );
    for (const { table, key, bytes } of rows.sort((a, b) => a.at - b.at)) {
      const to = tables.get(table);
      if (to === undefined) throw new Error(`there is no table ${table}`);
      other.state.store.restore(to.cell(key), decodeRow(to, bytes));
    }
    other.resume(ledger.height, ledger.stateDigest);
    return other;
  }
}
