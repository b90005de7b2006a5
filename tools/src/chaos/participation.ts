import { createHash, randomBytes } from 'node:crypto';
import { Keypair, Signer } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import type { Operation } from '@gridtokenx/protocol';
import { PEOPLE, type DevelopmentPublicLedger, type Person } from '../system/development-public.js';
import { Load, OPERATIONS_PER_ENVELOPE, TRADERS, type LoadOptions, type Work } from './load.js';

const GRID = 1_000_000n;
const PAID_IN = 10_000n * GRID;
const TRANSFER = [10_000, 1_000_000] as const;
const BOND = [20_000_000, 50_000_000] as const;
const UNBOND = [1, 1_000_000] as const;
const NOMINATIONS_MAX = 16;
/** Of what a voter has, in hundredths: enough of all GRID that most is enacted while the run goes on. */
const VOTED = [20, 60] as const;
const SPENT = [1_000_000, 100_000_000] as const;
const PROPOSE_MS = 20_000;
const VOTE_MS = 1_500;
const CONVICTIONS = [0, 1, 2, 3] as const;
const PROPOSER: Person = 'foundation';
const VOTERS = Object.keys(PEOPLE) as Person[];

/**
 * The public ledger: payments, also to new accounts and of more than there is, bonds and nominations, and referenda that
 * spend from the treasury when they are enacted.
 */
export class ParticipationLoad extends Load {
  private readonly traders: readonly Signer[];
  /** Accounts of the validators of the genesis. */
  private readonly candidates: readonly string[];
  private proposals = 0;

  constructor(ledger: DevelopmentPublicLedger, options: LoadOptions) {
    super(ledger, options);
    const { genesis, ledgerId } = ledger.identity;
    this.traders = Array.from(
      { length: TRADERS },
      () => new Signer(Keypair.fromSeed(randomBytes(32), native), ledgerId, { crypto: native }),
    );
    this.candidates = genesis.validators.map(({ account }) => account);
  }

  /** Their accounts are opened by the first payment. */
  async prepare(): Promise<void> {
    await this.members.carryOut(
      PROPOSER,
      this.traders.map(({ keypair }): Operation => ({
        type: 'grid.transfer',
        to: keypair.kid,
        amount: PAID_IN.toString(),
      })),
    );
  }

  protected works(): Work[] {
    return [
      ...this.traders.map((signer) => this.trader(() => this.trade(signer))),
      { pauseMs: PROPOSE_MS, run: () => this.propose() },
      { pauseMs: VOTE_MS, run: () => this.vote() },
    ];
  }

  private async trade(signer: Signer): Promise<void> {
    await this.send(
      signer,
      Array.from({ length: OPERATIONS_PER_ENVELOPE }, () => this.operation(signer)),
    );
  }

  private operation({ keypair: { kid } }: Signer): Operation {
    const { prng } = this;
    if (prng.chance(0.1)) return this.stake();
    const others = this.traders.flatMap(({ keypair }) => (keypair.kid === kid ? [] : [keypair.kid]));
    const to = prng.chance(0.01) ? Keypair.fromSeed(randomBytes(32), native).kid : prng.pick(others);
    const amount = prng.chance(0.02) ? 1_000n * PAID_IN : prng.between(...TRANSFER);
    return { type: 'grid.transfer', to, amount: amount.toString() };
  }

  /** Some of it is refused by the ledger, such as to nominate without a bond: that is an outcome as well. */
  private stake(): Operation {
    const { prng, candidates } = this;
    const kind = prng.below(10);
    if (kind < 4) return { type: 'staking.bond', amount: String(prng.between(...BOND)) };
    if (kind < 6) return { type: 'staking.unbond', amount: String(prng.between(...UNBOND)) };
    if (kind < 7) return { type: 'staking.rebond', amount: String(prng.between(...UNBOND)) };
    const targets = Array.from({ length: prng.between(1, NOMINATIONS_MAX) }, () => prng.pick(candidates));
    return { type: 'staking.nominate', targets: [...new Set(targets)] };
  }

  /** A referendum of a spend from the treasury, with all that it needs before votes count. */
  private async propose(): Promise<void> {
    const call = JSON.stringify({
      type: 'treasury.spend',
      beneficiary: this.prng.pick(this.traders).keypair.kid,
      amount: String(this.prng.between(...SPENT)),
    } satisfies Operation);
    const callHash = createHash('sha256').update(call).digest('hex');
    const referendum = this.proposals + 1;
    await this.members.send(PROPOSER, [
      { type: 'governance.notePreimage', callHash, call },
      { type: 'governance.propose', track: 'treasury', callHash },
      { type: 'governance.placeDeposit', referendum },
    ]);
    this.proposals = referendum;
  }

  private async vote(): Promise<void> {
    const { prng, proposals: referendum } = this;
    if (referendum === 0) return;
    const voter = prng.pick(VOTERS);
    const vote = {
      kind: 'standard',
      aye: prng.chance(0.8),
      conviction: prng.pick(CONVICTIONS),
      capital: ((BigInt(PEOPLE[voter].has * prng.between(...VOTED)) * GRID) / 100n).toString(),
    } as const;
    await this.members.send(voter, [{ type: 'governance.vote', referendum, vote }]);
  }
}
