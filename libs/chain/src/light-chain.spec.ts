import { native } from '@gridtokenx/crypto-native';
import { ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { height as asHeight, millis, toHex, type Prng } from '@gridtokenx/kernel';
import { certificateHashOf, epochOf, headerHash, validatorSet } from '@gridtokenx/chain';
import type { Certificate, Header, LightBlock, LightOptions, TrustedState, ValidatorSet } from '@gridtokenx/chain';
import { certify, hashOf, LEDGER } from './sample.spec.js';

/** Chains of light blocks whose validators change between epochs, for the specs beside this file. No test stands here. */

export const START = Date.UTC(2026, 5, 15);
export const BLOCK_MS = 1_000;
/** Keys of those who may be validators. */
const POOL = Array.from({ length: 14 }, (_, i) => new Uint8Array(32).fill(i + 1));
const KEYS = POOL.map(native.publicKeyOf);
const seedOf = new Map(KEYS.map((key, i) => [toHex(key), POOL[i] ?? new Uint8Array(32)]));
export const seedsOf = ({ keys }: ValidatorSet): Uint8Array[] =>
  keys.map((key) => seedOf.get(toHex(key)) ?? new Uint8Array(32));

export interface Changes {
  readonly header?: Partial<Header>;
  readonly signers?: readonly number[];
  readonly round?: number;
  readonly resultsRoot?: Hash;
}

export class LightChain {
  readonly options: LightOptions;
  private readonly sets: ValidatorSet[];
  private readonly blocks: LightBlock[] = [];

  /** `members` are indexes into the pool, for each epoch. */
  constructor(
    members: readonly (readonly number[])[],
    readonly epochBlocks = 3,
  ) {
    this.options = {
      rules: { ledgerId: LEDGER, epochBlocks },
      trustingPeriodMs: 1_000_000,
      clockDriftMs: 5_000,
    };
    this.sets = members.map((of, epoch) =>
      validatorSet(
        native,
        epoch,
        of.flatMap((i) => KEYS[i] ?? []),
      ),
    );
  }

  get height(): number {
    return (this.sets.length - 1) * this.epochBlocks;
  }

  /** A time at which the whole chain is past, and none of it too old. */
  get now(): number {
    return START + (this.height + 1) * BLOCK_MS;
  }

  setAt(height: number): ValidatorSet {
    const set = this.sets[epochOf(height, this.epochBlocks)];
    if (set === undefined) throw new RangeError(`the chain has no epoch for height ${height}`);
    return set;
  }

  readonly genesis = (): TrustedState => ({
    height: 0,
    hash: hashOf('genesis'),
    time: START,
    nextValidators: this.setAt(1),
  });

  stateAt(height: number): TrustedState {
    if (height === 0) return this.genesis();
    const { header } = this.blockAt(height);
    return { height, hash: headerHash(native, header), time: header.time, nextValidators: this.setAt(height + 1) };
  }

  blockAt(height: number): LightBlock {
    for (let next = this.blocks.length + 1; next <= height; next++) this.blocks.push(this.variant(next, {}));
    return this.blocks[height - 1] as LightBlock;
  }

  /** A block of this height on the true parent, changed as said; certified by whoever is said to sign. */
  variant(
    height: number,
    { header: changed = {}, signers, round = 0, resultsRoot = hashOf('results') }: Changes,
  ): LightBlock {
    const set = this.setAt(height);
    const next = this.setAt(height + 1);
    const parent = height === 1 ? undefined : this.blockAt(height - 1);
    const header: Header = {
      version: 1,
      ledgerId: LEDGER,
      epoch: set.epoch,
      height: asHeight(height),
      proposer: 0,
      parentHash: parent === undefined ? hashOf('genesis') : headerHash(native, parent.header),
      parentCertificateHash:
        parent === undefined
          ? ZERO_HASH
          : certificateHashOf(native, parent.certificate, this.setAt(height - 1).keys.length),
      time: millis(START + height * BLOCK_MS),
      operationsRoot: hashOf(`operations ${height}`),
      validatorsHash: set.hash,
      nextValidatorsHash: next.hash,
      checkpointRoot: ZERO_HASH,
      ...changed,
    };
    const fields: Omit<Certificate, 'signatures'> = {
      epoch: header.epoch,
      height: header.height,
      round,
      blockHash: headerHash(native, header),
      resultsRoot,
      stateDigest: hashOf(`state ${height}`),
    };
    return {
      header,
      certificate: certify(fields, seedsOf(set), signers ?? set.keys.map((_, i) => i).slice(0, set.quorum)),
      validators: set.keys,
      nextValidators: next.keys,
    };
  }
}

/** Members for so many epochs, of the first `pool` keys: each epoch up to `changesMax` leave and as many others come. */
export function randomMembers(
  random: Prng,
  epochs: number,
  n: number,
  changesMax: number,
  pool = KEYS.length,
): number[][] {
  const everyone = Array.from({ length: pool }, (_, i) => i);
  let members = random.shuffle([...everyone]).slice(0, n);
  return Array.from({ length: epochs }, () => {
    const others = random.shuffle(everyone.filter((i) => !members.includes(i)));
    const leaving = random.between(0, Math.min(changesMax, n, others.length));
    members = [...random.shuffle([...members]).slice(leaving), ...others.slice(0, leaving)];
    return members;
  });
}
