import type { Crypto } from '@gridtokenx/crypto';
import { toBase64Url, type Prng } from '@gridtokenx/kernel';
import { TREASURY_ACCOUNT, type Operation } from '@gridtokenx/protocol';
import { ONE_GRID } from '../public-genesis.js';
import type { TestPublicLedger } from '../public-ledger.js';
import { Clients, USUAL_KINDS, type Spoilt } from './clients.js';

/** Clients of the public ledger: each account is the key that owns it. */
export class GridClients extends Clients {
  /** Keys of accounts that may come to be. */
  private readonly newcomers: Uint8Array[] = [];

  constructor(
    crypto: Crypto,
    private readonly ledger: TestPublicLedger,
    prng: Prng,
    now: () => number,
  ) {
    super(crypto, ledger.identity.ledgerId, prng, now);
  }

  /** What they have stands in the genesis. */
  override opening(): Uint8Array[] {
    return [];
  }

  override next(): Uint8Array {
    const { prng, newcomers } = this;
    if (newcomers.length === 0 || !prng.chance(0.1)) return super.next();
    // Mostly one that was paid, and now and then one of which the ledger knows nothing.
    const secret = prng.pick(newcomers);
    return this.sign(secret, [this.transfer(secret)]);
  }

  override usual(kind = this.prng.below(USUAL_KINDS)): Uint8Array {
    const { prng } = this;
    // Whose bond is locked sends now and then as well.
    const secret = prng.pick(kind < 60 ? this.ledger.accountSeeds : this.ledger.stakerSeeds);
    return this.sign(
      secret,
      this.some(1, 3, () => (prng.chance(0.25) ? this.stake() : this.transfer(secret))),
      prng.chance(0.4),
    );
  }

  /** Behind validators, honest or not; much of it comes too early or is too much, and is refused. */
  private stake(): Operation {
    const { prng } = this;
    const amount = (BigInt(prng.between(1, 2_000)) * ONE_GRID).toString();
    switch (prng.below(6)) {
      case 0:
      case 1:
        return { type: 'staking.bond', amount };
      case 2:
        return { type: 'staking.unbond', amount };
      case 3:
        return { type: 'staking.rebond', amount };
      case 4:
        return { type: 'staking.withdraw' };
      default: {
        const targets = prng.shuffle([...this.ledger.stakerSeeds]).slice(0, prng.between(1, 17));
        return { type: 'staking.nominate', targets: targets.map((one) => this.accountOf(one)) };
      }
    }
  }

  private transfer(from: Uint8Array): Operation {
    const { prng } = this;
    const { accountSeeds, stakerSeeds } = this.ledger;
    const one = prng.below(20);
    // More than anyone has, too little for an account, to nobody in particular, to oneself, and mostly what goes through.
    if (one === 0) return this.pays(prng.pick(accountSeeds), 1_000_000_000n * ONE_GRID);
    if (one === 1) return this.pays(this.newcomer(), BigInt(prng.between(1, 99_999)));
    if (one === 2) return { type: 'grid.transfer', to: TREASURY_ACCOUNT, amount: String(prng.between(1, 1_000_000)) };
    if (one === 3) return { ...this.pays(from, 1n), close: true };
    if (one < 8) return this.pays(this.newcomer(), BigInt(prng.between(100_000, 3_000_000)));
    return this.pays(prng.pick(prng.chance(0.8) ? accountSeeds : stakerSeeds), BigInt(prng.between(1, 500_000_000)));
  }

  private pays(to: Uint8Array, amount: bigint): Operation & { type: 'grid.transfer' } {
    return { type: 'grid.transfer', to: this.accountOf(to), amount: amount.toString() };
  }

  /** A key that nobody has heard of; whoever is paid on it may spend it. */
  private newcomer(): Uint8Array {
    const seed = this.prng.bytes(32);
    this.newcomers.push(seed);
    return seed;
  }

  private accountOf(seed: Uint8Array): string {
    return toBase64Url(this.crypto.publicKeyOf(seed));
  }

  protected override get spoilt(): Spoilt {
    const [secret = new Uint8Array(32)] = this.ledger.accountSeeds;
    return { secret, operations: [this.pays(this.prng.pick(this.ledger.stakerSeeds), 1n)] };
  }

  /** A parameter, by one who only has GRID. */
  protected override forbidden(): Uint8Array {
    return this.sign(this.prng.pick(this.ledger.accountSeeds), [
      { type: 'parameters.set', name: 'grid.feeBase', value: '"1"' },
    ]);
  }
}
