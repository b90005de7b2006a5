import { Prng } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { ONE_GRID } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { auditState, GRID } from '../index.js';
import { keyOf } from '../spec/public-world.spec.js';
import { ofType, StakingWorld } from '../spec/staking-world.spec.js';

const VALIDATORS = Array.from({ length: 7 }, (_, i) => `val${i}`);
const PEOPLE = Array.from({ length: 9 }, (_, i) => `ann${i}`);
const ERA = 6;

/** People who bond, back, stand, rotate, leave, lie and are silent at random. */
class RandomStaking extends StakingWorld {
  private readonly prng: Prng;
  private keys = 0;
  refused = 0;
  done = new Set<string>();

  constructor(seed: number) {
    super({
      era: ERA,
      accounts: Object.fromEntries(PEOPLE.map((name, i) => [name, 15_000 + 1_000 * i])),
      validators: Object.fromEntries(VALIDATORS.map((name, i) => [name, 12_000 + i])),
      parameters: {
        'staking.evidenceEras': 1,
        'staking.slashDeferEras': 2,
        'staking.bondingEras': 3,
        'staking.minimumValidatorCount': 3,
        'staking.validatorCount': 6,
      },
    });
    this.prng = new Prng(seed);
  }

  private amount(whole: number): string {
    return (BigInt(1 + this.prng.below(whole)) * ONE_GRID + BigInt(this.prng.below(1_000_000))).toString();
  }

  private operation(name: string): Operation {
    const { prng } = this;
    const anyone = (): string => prng.pick([...VALIDATORS, ...PEOPLE]);
    switch (prng.below(14)) {
      case 0:
      case 1:
        return { type: 'staking.bond', amount: this.amount(12_000) };
      case 2:
        return { type: 'staking.unbond', amount: this.amount(6_000) };
      case 3:
        return { type: 'staking.rebond', amount: this.amount(3_000) };
      case 4:
      case 5:
        return { type: 'staking.withdraw' };
      case 6:
      case 7:
        return { type: 'staking.nominate', targets: Array.from({ length: 1 + prng.below(4) }, () => keyOf(anyone())) };
      case 8:
        return this.validate(
          name,
          prng.chance(0.5) ? `${name}/signs` : `${name}/${this.keys++}`,
          prng.below(80_000_000),
        );
      case 9:
        return prng.chance(0.4) ? { type: 'staking.chill' } : { type: 'staking.setCommission', commission: 1 };
      case 10: {
        const named = this.validate(name, `${name}/${this.keys++}`) as Extract<Operation, { type: 'staking.validate' }>;
        return { type: 'staking.rotateKey', key: named.key, proof: named.proof };
      }
      case 11:
        return prng.chance(0.5)
          ? { type: 'staking.setPayee', payee: { kind: 'stake' } }
          : { type: 'staking.setPayee', payee: { kind: 'account', account: keyOf(anyone()) } };
      case 12:
        return { type: 'staking.claim', era: prng.below(this.eraNow + 2), validator: keyOf(anyone()) };
      default:
        return { type: 'grid.transfer', to: keyOf(anyone()), amount: this.amount(4_000) };
    }
  }

  /** A validator of the era, by any of the keys that are known, signs two things. */
  private lie(): Operation | undefined {
    const members = this.staking.era(this.eraNow)?.members ?? [];
    const signers = [...VALIDATORS, ...PEOPLE].map((name) => `${name}/signs`);
    const liar = signers.find((signer) => members.some(({ key }) => key === keyOf(signer)));
    return liar === undefined || !this.prng.chance(0.1) ? undefined : this.equivocation(liar);
  }

  step(): void {
    const { prng } = this;
    const era = Math.floor(this.ledger.height / ERA);
    const { length } = this.staking.eraKnown(era).members;
    const parents = this.staking.era(Math.floor((this.ledger.height - 1) / ERA))?.members.length ?? 0;
    const envelopes = [];
    for (const name of prng.chance(0.9) ? [prng.pick(VALIDATORS), prng.pick(PEOPLE)] : []) {
      const operation = this.lie() ?? this.operation(name);
      envelopes.push(this.envelope(name, [operation]));
    }
    const { outcomes, quarantined } = this.block(envelopes, {
      afterMs: 1 + prng.below(12_000),
      proposer: prng.below(length),
      parentSigners: Array.from({ length: parents }, (_, place) => place).filter(() => prng.chance(0.7)),
    });
    if (quarantined.length > 0) throw new Error(quarantined.join('; '));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') this.refused++;
      else for (const { type } of outcome.events) this.done.add(type);
  }
}

describe('stakes', () => {
  it.each([1, 2, 3])(
    'keep what is bonded, locked and issued in order, and can be restored at any time: seed %i',
    (seed) => {
      const world = new RandomStaking(seed);
      const { accounts } = world.ledger.state;
      // Each block audits the whole state: bonds under their locks, escrow, supply, the sets of eras.
      for (let block = 0; block < 30; block++) world.step();
      const other = world.restored(seed);
      expect(auditState(other)).toEqual([]);
      const from = world.ran.length;
      for (let block = 0; block < 80; block++) world.step();
      for (const ran of world.ran.slice(from)) {
        other.execute(ran);
        other.commit();
      }
      expect(other.stateDigest).toEqual(world.ledger.stateDigest);
      expect(auditState(world.restored(seed + 1))).toEqual([]);

      // What was issued is what eras that are paid whole say, and parts of those that are not.
      const { minted, burned } = accounts.supply(GRID);
      expect(burned).toBe(0n);
      const ended = ofType(world.told, 'staking.eraEnded');
      const remainders = ended.reduce((sum, { remainder }) => sum + BigInt(remainder), 0n);
      const shares = ofType(world.told, 'staking.validatorPaid').reduce((sum, { share }) => sum + BigInt(share), 0n);
      expect(minted).toBe(remainders + shares);
      // Nobody was paid twice.
      const paid = ofType(world.told, 'staking.validatorPaid').map(({ era, validator }) => `${era}/${validator}`);
      expect(new Set(paid).size).toBe(paid.length);
      // What slashes take is all somewhere.
      for (const settled of ofType(world.told, 'staking.slashSettled')) {
        const taken = ofType(world.told, 'staking.slashed')
          .filter(({ id }) => id === settled.id)
          .flatMap(({ charges }) => charges)
          .reduce((sum, charge) => sum + BigInt(charge.taken), 0n);
        expect(taken).toBe(BigInt(settled.taken));
        expect(BigInt(settled.reward) + BigInt(settled.treasury)).toBe(taken);
      }
      expect(world.refused).toBeGreaterThan(20);
      expect(world.done.size).toBeGreaterThan(8);
      const types = new Set(world.told.map(({ type }) => type));
      for (const type of ['offended', 'slashSettled', 'setElected', 'keyRetired', 'withdrawn'] as const)
        expect(types).toContain(`staking.${type}`);
    },
  );
});
