import type { PublicKey, Signature } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { Prng, toHex } from '@gridtokenx/kernel';
import {
  forkOf,
  stateOfHash,
  validatorSet,
  verifyBack,
  verifyLightBlock,
  verifyToHeight,
  type LightBlock,
  type LightBlockProvider,
  type TrustedState,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { BLOCK_MS, LightChain, randomMembers, START } from './light-chain.spec.js';
import { hashOf } from './sample.spec.js';

const SAME = Array.from({ length: 8 }, () => [0, 1, 2, 3]);
const giving =
  (chain: LightChain, asked: number[] = []): LightBlockProvider =>
  async (height) => {
    asked.push(height);
    return chain.blockAt(height);
  };
const sizesOf = (state: TrustedState) => [state.height, state.nextValidators.epoch];
/** Bytes as text, so that two states compare as values. */
const textOf = ({ height, hash, time, nextValidators: { epoch, hash: set } }: TrustedState) => [
  height,
  time,
  epoch,
  toHex(hash),
  toHex(set),
];

describe('a light block', () => {
  const chain = new LightChain([[0, 1, 2, 3], [0, 1, 2, 4], ...SAME]);
  const { options, now } = chain;
  const from = chain.genesis();
  const verdictOf = (block: LightBlock, at = now, trusted = from) =>
    verifyLightBlock(native, options, trusted, block, at);
  const good = chain.blockAt(2);

  it('is trusted with its header, its next validators and their epoch', () => {
    const verified = verdictOf(chain.blockAt(3));
    if (verified.verdict !== 'SUCCESS') throw new Error(verified.code);
    expect(textOf(verified.state)).toEqual(textOf(chain.stateAt(3)));
    expect(sizesOf(verified.state)).toEqual([3, 1]);
    expect(verified.validators.epoch).toBe(0);
  });

  const stranger = native.publicKeyOf(new Uint8Array(32).fill(99));
  const forged = validatorSet(native, 0, [...good.validators.slice(1), stranger]);
  const badSignature = { validator: 0, signature: new Uint8Array(64) as Signature };
  it.each<[string, string, LightBlock]>([
    ['of another ledger', 'light.wrongLedger', chain.variant(2, { header: { ledgerId: 'gridtokenx-other-00000000' } })],
    ['that names another epoch than its height has', 'light.wrongEpoch', chain.variant(2, { header: { epoch: 1 } })],
    ['with keys that are not those of its header', 'light.forgedValidators', { ...good, validators: forged.keys }],
    ['with no keys', 'light.forgedValidators', { ...good, validators: [] }],
    ['with a key twice', 'light.forgedValidators', { ...good, validators: [...good.validators, ...good.validators] }],
    ['with a key that is none', 'light.forgedValidators', { ...good, validators: [new Uint8Array(31) as PublicKey] }],
    ['with next keys from elsewhere', 'light.forgedNextValidators', { ...good, nextValidators: forged.keys }],
    [
      'with the certificate of another',
      'light.otherBlockCertified',
      { ...good, certificate: chain.blockAt(3).certificate },
    ],
    [
      'with another header under its certificate',
      'light.otherBlockCertified',
      { ...good, header: { ...good.header, proposer: 1 } },
    ],
    [
      'whose certificate is for another epoch',
      'light.otherBlockCertified',
      { ...good, certificate: { ...good.certificate, epoch: 7 } },
    ],
    [
      'with a signer beyond its set',
      'light.strangerSigned',
      {
        ...good,
        certificate: {
          ...good.certificate,
          signatures: [...good.certificate.signatures, { ...badSignature, validator: 4 }],
        },
      },
    ],
    [
      'with a signature that does not hold',
      'light.badSignature',
      {
        ...good,
        certificate: { ...good.certificate, signatures: [badSignature, ...good.certificate.signatures.slice(1)] },
      },
    ],
    [
      'with results that nobody signed',
      'light.badSignature',
      { ...good, certificate: { ...good.certificate, resultsRoot: hashOf('better results') } },
    ],
    ['that nobody signed', 'light.unsigned', chain.variant(2, { signers: [] })],
    ['without a quorum', 'light.noQuorum', chain.variant(2, { signers: [0, 3] })],
    [
      'of a set made up for the epoch',
      'light.otherValidators',
      { ...chain.variant(2, { header: { validatorsHash: forged.hash } }), validators: forged.keys },
    ],
  ])('%s is refused as %s', (_, code, block) => {
    expect(verdictOf(block)).toMatchObject({ verdict: 'INVALID', code, height: block.header.height });
  });

  it('is refused when it is not later, from the future, or the trust is too old', () => {
    const trusted = chain.stateAt(2);
    expect(verdictOf(good, now, trusted)).toMatchObject({ verdict: 'INVALID', code: 'light.notLater' });
    const tooEarly = good.header.time - options.clockDriftMs;
    expect(verdictOf(good, tooEarly)).toMatchObject({ verdict: 'SUCCESS' });
    expect(verdictOf(good, tooEarly - 1)).toMatchObject({ verdict: 'INVALID', code: 'light.fromTheFuture' });
    const expires = START + options.trustingPeriodMs;
    expect(verdictOf(good, expires - 1)).toMatchObject({ verdict: 'SUCCESS' });
    expect(verdictOf(good, expires)).toMatchObject({ verdict: 'INVALID', code: 'light.trustExpired' });
  });
});

describe('a block hash that the user was told', () => {
  const chain = new LightChain(SAME);
  const hash = chain.stateAt(5).hash;

  it('is a trusted state with the light block from anyone', () => {
    const state = stateOfHash(native, chain.options.rules, hash, chain.blockAt(5));
    expect(textOf(state as TrustedState)).toEqual(textOf(chain.stateAt(5)));
  });

  it('is none with another block, or with keys that its header does not name', () => {
    const other = stateOfHash(native, chain.options.rules, hash, chain.blockAt(6));
    expect(other).toMatchObject({ verdict: 'INVALID', code: 'light.otherHash' });
    const forged = { ...chain.blockAt(5), nextValidators: chain.blockAt(5).validators.slice(1) };
    expect(stateOfHash(native, chain.options.rules, hash, forged)).toMatchObject({
      code: 'light.forgedNextValidators',
    });
  });
});

describe('the way up', () => {
  it('goes over the last block of each epoch, and skips where a third of the trusted set still signs', async () => {
    const chain = new LightChain(SAME);
    const run = async (skipping: boolean) => {
      const asked: number[] = [];
      const result = await verifyToHeight(
        native,
        chain.options,
        chain.genesis(),
        20,
        giving(chain, asked),
        chain.now,
        skipping,
      );
      if (result.verdict !== 'SUCCESS') throw new Error(result.code);
      return { asked, path: result.path.map(({ height }) => height), state: textOf(result.state) };
    };
    expect(await run(false)).toEqual({
      asked: [3, 6, 9, 12, 15, 18, 20],
      path: [3, 6, 9, 12, 15, 18, 20],
      state: textOf(chain.stateAt(20)),
    });
    expect(await run(true)).toEqual({ asked: [20], path: [20], state: textOf(chain.stateAt(20)) });
  });

  it('goes half way when too few of the trusted set are left, and asks for no block twice', async () => {
    // One leaves each epoch: after three epochs one of the four is left, and a third takes two.
    const chain = new LightChain([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i, i + 1, i + 2, i + 3]));
    const asked: number[] = [];
    const result = await verifyToHeight(native, chain.options, chain.genesis(), 20, giving(chain, asked), chain.now);
    expect(result).toMatchObject({ verdict: 'SUCCESS', state: { height: 20 } });
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length).toBeLessThan(8);
  });

  it('ends where a provider has nothing, or gives another height', async () => {
    const chain = new LightChain(SAME);
    const to = (provider: LightBlockProvider, skipping: boolean) =>
      verifyToHeight(native, chain.options, chain.genesis(), 20, provider, chain.now, skipping);
    expect(await to(async () => undefined, true)).toMatchObject({ code: 'light.missing', height: 20 });
    expect(await to(async () => undefined, false)).toMatchObject({ code: 'light.missing', height: 3 });
    expect(await to(async (height) => chain.blockAt(height - 1), true)).toMatchObject({ code: 'light.otherHeight' });
  });
});

describe('the way back', () => {
  const chain = new LightChain([[0, 1, 2, 3], [0, 1, 4, 5], ...SAME]);
  const back = (provider: LightBlockProvider, carried = chain.blockAt(2).certificate) =>
    verifyBack(native, chain.options.rules, chain.stateAt(9), 2, provider, async (height) =>
      height === 3 ? carried : undefined,
    );

  it('leads down by hashes, to the header, its validators and the certificate that its child carries', async () => {
    const found = await back(giving(chain));
    if (found.verdict !== 'SUCCESS') throw new Error(found.code);
    expect(found.header).toEqual(chain.blockAt(2).header);
    expect(found.certificate).toEqual(chain.blockAt(2).certificate);
    expect(toHex(found.validators.hash)).toBe(toHex(chain.setAt(2).hash));
  });

  it.each<[string, string, (block: LightBlock) => LightBlock | undefined]>([
    [
      'a block of the right height that is another',
      'light.otherHash',
      ({ header }) => chain.variant(header.height, { header: { proposer: 1 } }),
    ],
    ['nothing', 'light.missing', () => undefined],
    ['forged keys', 'light.forgedValidators', (block) => ({ ...block, validators: block.validators.slice(1) })],
  ])('ends at %s', async (_, code, change) => {
    const lying: LightBlockProvider = async (height) =>
      height === 2 ? change(chain.blockAt(2)) : chain.blockAt(height);
    expect(await back(lying)).toMatchObject({ verdict: 'INVALID', code, height: 2 });
  });

  it('takes no other certificate of the block, though a quorum signed it later', async () => {
    const stolen = chain.variant(2, { resultsRoot: hashOf('better results') }).certificate;
    expect(await back(giving(chain), stolen)).toMatchObject({ code: 'light.otherParentCertificate' });
  });
});

describe('two certified blocks of one height', () => {
  const chain = new LightChain(SAME);
  const fork = (other: LightBlock) =>
    forkOf(native, chain.options, chain.genesis(), chain.blockAt(5), other, chain.now);

  it('are a fork, with the keys of those who signed both', () => {
    const other = chain.variant(5, { header: { proposer: 2 }, signers: [1, 2, 3] });
    const found = fork(other);
    expect(found).toMatchObject({ inOneRound: true });
    expect(found?.signedBoth.map(toHex)).toEqual(chain.setAt(5).keys.slice(1, 3).map(toHex));
    expect(fork(chain.variant(5, { resultsRoot: hashOf('other results'), round: 1 }))).toMatchObject({
      inOneRound: false,
    });
  });

  it('are none when they decide the same, or when one of them is not certified', () => {
    expect(fork(chain.variant(5, { signers: [1, 2, 3], round: 3 }))).toBeUndefined();
    expect(fork(chain.variant(5, { header: { proposer: 2 }, signers: [1, 2] }))).toBeUndefined();
    expect(fork(chain.blockAt(6))).toBeUndefined();
  });
});

describe('beside a naive twin that knows the chain', () => {
  /** The smallest number of which any two groups of n share more than f members, by counting up. */
  const naiveQuorum = (n: number): number => {
    let f = 0;
    while (3 * (f + 1) < n) f++;
    let q = 1;
    while (2 * q - n <= f) q++;
    return q;
  };

  const naiveVerdict = (
    chain: LightChain,
    from: number,
    to: number,
    signers: readonly number[],
    now: number,
  ): [string, string?] => {
    const trusted = chain.setAt(from + 1).keys.map(toHex);
    const own = chain.setAt(to).keys.map(toHex);
    const signed = signers.map((i) => own[i] ?? '');
    if (signed.length === 0) return ['INVALID', 'light.unsigned'];
    if (now - (START + from * BLOCK_MS) >= chain.options.trustingPeriodMs) return ['INVALID', 'light.trustExpired'];
    if (START + to * BLOCK_MS - now > chain.options.clockDriftMs) return ['INVALID', 'light.fromTheFuture'];
    if (to <= from) return ['INVALID', 'light.notLater'];
    const bothTrust = signed.filter((name) => trusted.includes(name)).length;
    const beginsEpoch = Array.from({ length: to - from - 1 }, (_, i) => from + 1 + i).some(
      (height) => height % chain.epochBlocks === 0,
    );
    if (beginsEpoch && bothTrust / trusted.length <= 1 / 3) return ['NOT_ENOUGH_TRUST', 'light.notEnoughTrust'];
    return signed.length < naiveQuorum(own.length) ? ['INVALID', 'light.noQuorum'] : ['SUCCESS'];
  };

  it('gives the same verdict for any signers, any heights, any time and any change of validators', () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Prng(seed);
      const n = random.pick([1, 3, 4, 6, 7]);
      const chain = new LightChain(randomMembers(random, 7, n, n), random.between(3, 5));
      for (let step = 0; step < 12; step++) {
        const [from, to] = [random.below(chain.height), random.between(1, chain.height)];
        const size = chain.setAt(to).keys.length;
        const signers = Array.from({ length: size }, (_, i) => i).filter(() => random.chance(0.8));
        const now = random.chance(0.8) ? chain.now : START + random.between(0, 4_000_000);
        const verified = verifyLightBlock(
          native,
          chain.options,
          chain.stateAt(from),
          chain.variant(to, { signers }),
          now,
        );
        const expected = naiveVerdict(chain, from, to, signers, now);
        expect([seed, step, verified.verdict, ...(verified.verdict === 'SUCCESS' ? [] : [verified.code])]).toEqual([
          seed,
          step,
          ...expected,
        ]);
        seen.set(expected[1] ?? 'SUCCESS', (seen.get(expected[1] ?? 'SUCCESS') ?? 0) + 1);
      }
    }
    // A comparison that never met a verdict would show nothing of it.
    for (const verdict of ['SUCCESS', 'light.notEnoughTrust', 'light.noQuorum', 'light.notLater', 'light.trustExpired'])
      expect([verdict, (seen.get(verdict) ?? 0) > 20]).toEqual([verdict, true]);
  });

  it('reaches the true state by either way, however the validators change', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Prng(seed);
      const n = random.pick([1, 4, 7]);
      const chain = new LightChain(randomMembers(random, 9, n, n), 3);
      const from = random.below(6);
      const to = random.between(from + 1, chain.height);
      for (const skipping of [true, false]) {
        const result = await verifyToHeight(
          native,
          chain.options,
          chain.stateAt(from),
          to,
          giving(chain),
          chain.now,
          skipping,
        );
        if (result.verdict !== 'SUCCESS') throw new Error(`seed ${seed}: ${result.code}`);
        expect(textOf(result.state)).toEqual(textOf(chain.stateAt(to)));
        for (const state of result.path) expect(textOf(state)).toEqual(textOf(chain.stateAt(state.height)));
      }
    }
  });

  it('never trusts what a provider made up with f true validators on its side, wherever on the way it begins', async () => {
    const codes = new Set<string>();
    for (let seed = 1; seed <= 80; seed++) {
      const random = new Prng(seed);
      const members = randomMembers(random, 9, 4, 1, 10);
      const chain = new LightChain(members, 3);
      const traitor = random.pick(members[0] ?? []);
      const liars = new LightChain(
        members.map(() => [traitor, 10, 11, 12]),
        3,
      );
      const liesFrom = random.between(1, 20);
      const lying: LightBlockProvider = async (height) =>
        height >= liesFrom ? liars.blockAt(height) : chain.blockAt(height);
      for (const skipping of [true, false]) {
        const result = await verifyToHeight(native, chain.options, chain.genesis(), 20, lying, chain.now, skipping);
        codes.add(result.verdict === 'SUCCESS' ? `seed ${seed}` : result.code);
      }
    }
    expect(codes).toEqual(new Set(['light.otherValidators']));
  });
});
