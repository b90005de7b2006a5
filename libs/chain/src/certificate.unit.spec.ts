import { noble, ZERO_HASH, type Crypto, type Hash, type PublicKey, type Signature } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { BugError, ByteReader, ByteWriter, DecodeError, toHex } from '@gridtokenx/kernel';
import {
  certificateHashOf,
  certificateIsValid,
  commitSignBytes,
  decodeCertificate,
  encodeCertificate,
  genesisValidators,
  readSignatures,
  validatorSet,
  voteSignBytes,
  writeSignatures,
  type Certificate,
  type Vote,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { certify, firstOf, hashOf, LEDGER, validatorsOf } from './sample.spec.js';

const { set, seeds } = validatorsOf(21);
const fields = {
  epoch: 0,
  height: 7,
  round: 1,
  blockHash: hashOf('block'),
  resultsRoot: hashOf('results'),
  stateDigest: hashOf('state'),
};
const good = certify(fields, seeds, firstOf(14));
const isValid = (certificate: Certificate, ledgerId = LEDGER): boolean =>
  certificateIsValid(native, ledgerId, set, certificate);

const implementations: readonly (readonly [string, Crypto])[] = [
  ['noble', noble],
  ['native', native],
];

describe('a certificate', () => {
  it.each(implementations)('is valid with the signatures of 14 of 21 validators, by %s', (_name, crypto) => {
    expect(certificateIsValid(crypto, LEDGER, set, good)).toBe(true);
  });

  it('is valid with any quorum, and with more', () => {
    expect(isValid(certify(fields, seeds, [0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20]))).toBe(true);
    expect(isValid(certify(fields, seeds, firstOf(21)))).toBe(true);
  });

  it('is refused with 13 of 21', () => {
    expect(isValid(certify(fields, seeds, firstOf(13)))).toBe(false);
    expect(isValid({ ...good, signatures: [] })).toBe(false);
  });

  it('is refused when a signer counts twice, stands out of order or outside the set', () => {
    const [first, second, ...rest] = good.signatures;
    if (first === undefined || second === undefined) throw new Error('the sample has signatures');
    expect(isValid({ ...good, signatures: [first, first, ...rest] })).toBe(false);
    expect(isValid({ ...good, signatures: [second, first, ...rest] })).toBe(false);
    for (const validator of [21, 1_000, -1, 0.5, Number.NaN])
      expect(isValid({ ...good, signatures: [...good.signatures, { ...first, validator }] })).toBe(false);
    expect(isValid({ ...good, signatures: [{ ...first, validator: Number.NaN }, second, ...rest] })).toBe(false);
  });

  it('is refused when one signature of many is by another key', () => {
    for (const at of [0, 7, 13]) {
      const signatures = good.signatures.map((signed, i) =>
        i === at ? { ...signed, signature: good.signatures[(i + 1) % 14]?.signature ?? signed.signature } : signed,
      );
      expect(isValid({ ...good, signatures })).toBe(false);
    }
  });

  it('is refused for another ledger, epoch, height, round, block, result or state', () => {
    expect(isValid(good, 'gridtokenx-consortium-ffffffff')).toBe(false);
    const changes: Partial<Certificate>[] = [
      { epoch: 1 },
      { height: 8 },
      { round: 0 },
      { blockHash: ZERO_HASH },
      { resultsRoot: ZERO_HASH },
      { stateDigest: ZERO_HASH },
    ];
    for (const change of changes) expect(isValid({ ...good, ...change })).toBe(false);
    expect(certificateIsValid(native, LEDGER, validatorsOf(21, 1).set, good)).toBe(false);
    expect(certificateIsValid(native, LEDGER, validatorsOf(22).set, good)).toBe(false);
  });

  it('of epoch 1 does not count for the same keys in epoch 0, and the other way round', () => {
    const later = certify({ ...fields, epoch: 1 }, seeds, firstOf(14));
    expect(isValid(later)).toBe(false);
    expect(certificateIsValid(native, LEDGER, validatorsOf(21, 1).set, later)).toBe(true);
  });

  it('is refused when any bit of it is flipped', () => {
    const bytes = encodeCertificate(good, 21);
    const accepted: number[] = [];
    // Thirteen of fourteen signatures are right each time: those were verified above.
    const message = commitSignBytes(LEDGER, good);
    const verify: Crypto['verify'] = (signature, signed, key) =>
      (Buffer.compare(signed, message) === 0 &&
        good.signatures.some(
          (known) => set.keys[known.validator] === key && Buffer.compare(known.signature, signature) === 0,
        )) ||
      native.verify(signature, signed, key);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      try {
        if (certificateIsValid({ verify }, LEDGER, set, decodeCertificate(changed, 21))) accepted.push(bit);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
    expect(accepted).toEqual([]);
  });

  it('that PREPAREs were signed for is no certificate', () => {
    const prepare = voteSignBytes({ ledgerId: LEDGER, ...fields }, { type: 'prepare', blockHash: fields.blockHash });
    const signatures = firstOf(14).map((validator) => ({
      validator,
      signature: native.sign(prepare, seeds[validator] ?? new Uint8Array(32)),
    }));
    expect(isValid({ ...fields, signatures })).toBe(false);
  });
});

describe('the bytes of a certificate', () => {
  it.each([1, 4, 7, 8, 9, 21, 100])('come back for a set of %i', (size) => {
    const sample = validatorsOf(size);
    const certificate = certify(fields, sample.seeds, firstOf(sample.set.quorum));
    const bytes = encodeCertificate(certificate, size);
    expect(decodeCertificate(bytes)).toEqual(certificate);
    expect(decodeCertificate(bytes, size)).toEqual(certificate);
    expect(bytes).toHaveLength(8 + 8 + 4 + 96 + 2 + Math.ceil(size / 8) + 64 * sample.set.quorum);
  });

  it.each<[what: string, change: (bytes: Uint8Array) => Uint8Array, code: string]>([
    ['cut short', (bytes) => bytes.slice(0, -1), 'certificate.truncated'],
    ['with a byte more', (bytes) => Uint8Array.from([...bytes, 0]), 'certificate.trailingBytes'],
    ['for a set that is too large', (bytes) => withByte(bytes, 116, 0xff), 'certificate.setTooLarge'],
    ['with a signer beyond the set', (bytes) => withByte(bytes, 120, 0xff), 'certificate.signerBeyondSet'],
    ['with one signer more than signatures', (bytes) => withByte(bytes, 120, 0x08), 'certificate.truncated'],
    ['with a height beyond 2^53', (bytes) => withByte(bytes, 8, 0xff), 'certificate.tooLarge'],
    ['for a set of another size', (bytes) => withByte(bytes, 117, 22), 'certificate.setSize'],
  ])('are refused %s', (_what, change, code) => {
    let thrown: unknown;
    try {
      decodeCertificate(change(encodeCertificate(good, 21)), 21);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DecodeError);
    expect(thrown).toMatchObject({ code });
  });

  it('are never written for signers that no bitmap can hold', () => {
    const [first] = good.signatures;
    if (first === undefined) throw new Error('the sample has signatures');
    const at = (...validators: number[]): (() => void) => {
      const signatures = validators.map((validator) => ({ ...first, validator }));
      return () => writeSignatures(new ByteWriter(), 4, signatures);
    };
    for (const wrong of [at(4), at(1, 0), at(1, 1), at(-1), at(0.5)]) expect(wrong).toThrow(BugError);
    expect(() =>
      writeSignatures(new ByteWriter(), 4, [{ validator: 0, signature: ZERO_HASH as Uint8Array as Signature }]),
    ).toThrow(BugError);
    const writer = new ByteWriter();
    writeSignatures(writer, 4, [{ ...first, validator: 3 }]);
    expect(readSignatures(new ByteReader(writer.done()))).toEqual({
      setSize: 4,
      signatures: [{ ...first, validator: 3 }],
    });
  });

  it('have a hash; of what is no certificate of the set, it is the hash of no certificate', () => {
    expect(certificateHashOf(native, good, 21)).toEqual(native.sha256(encodeCertificate(good, 21)));
    const reversed = { ...good, signatures: good.signatures.toReversed() };
    const doubled = { ...good, signatures: good.signatures.map((signed) => ({ ...signed, validator: 0 })) };
    const hashes = [
      certificateHashOf(native, good, 21),
      certificateHashOf(native, reversed, 21),
      certificateHashOf(native, good, 4),
    ].map(toHex);
    expect(certificateHashOf(native, doubled, 21)).toEqual(certificateHashOf(native, reversed, 21));
    expect(hashes[0]).not.toBe(hashes[1]);
    expect(hashes[1]).toBe(hashes[2]);
  });
});

describe('the sign bytes of votes', () => {
  const context = { ledgerId: LEDGER, epoch: 1, height: 2, round: 3 };
  const { blockHash, resultsRoot, stateDigest } = fields;
  const votes: Vote[] = [
    { type: 'proposal', blockHash },
    { type: 'prepare', blockHash },
    { type: 'commit', blockHash, resultsRoot, stateDigest },
    { type: 'roundChange', prepared: undefined },
    { type: 'roundChange', prepared: { round: 0, blockHash } },
  ];

  it('differ for every type and every field', () => {
    const other = hashOf('other');
    const all = [
      ...votes.map((vote) => voteSignBytes(context, vote)),
      ...[{ ledgerId: 'other' }, { epoch: 9 }, { height: 9 }, { round: 9 }].flatMap((change) =>
        votes.map((vote) => voteSignBytes({ ...context, ...change }, vote)),
      ),
      voteSignBytes(context, { type: 'prepare', blockHash: other }),
      voteSignBytes(context, { type: 'proposal', blockHash: other }),
      voteSignBytes(context, { type: 'commit', blockHash: other, resultsRoot, stateDigest }),
      voteSignBytes(context, { type: 'commit', blockHash, resultsRoot: other, stateDigest }),
      voteSignBytes(context, { type: 'commit', blockHash, resultsRoot, stateDigest: other }),
      voteSignBytes(context, { type: 'roundChange', prepared: { round: 1, blockHash } }),
      voteSignBytes(context, { type: 'roundChange', prepared: { round: 0, blockHash: other } }),
    ].map(toHex);
    expect(new Set(all).size).toBe(all.length);
  });

  it('are no bytes for a ledger id that is none', () => {
    for (const ledgerId of ['', 'Upper', 'a b', 'x'.repeat(33), 'nul\0'])
      expect(() => voteSignBytes({ ...context, ledgerId }, votes[0] as Vote)).toThrow(BugError);
  });
});

describe('a validator set', () => {
  it('stands in the order of its keys, whatever the order given, and its hash says who, not when', () => {
    const keys = seeds.map(native.publicKeyOf);
    const shuffled = validatorSet(native, 3, keys.toReversed());
    expect(shuffled.keys.map(toHex)).toEqual(keys.map(toHex).toSorted());
    expect(shuffled.hash).toEqual(set.hash);
    expect(shuffled.quorum).toBe(14);
    expect(validatorSet(native, 0, keys.slice(1)).hash).not.toEqual(set.hash);
  });

  it('is not empty, names nobody twice and holds keys only', () => {
    const [key] = set.keys as readonly [PublicKey];
    expect(() => validatorSet(native, 0, [])).toThrow(BugError);
    expect(() => validatorSet(native, 0, [key, key])).toThrow(BugError);
    expect(() => validatorSet(native, 0, [key.slice(1) as PublicKey])).toThrow(BugError);
    const many = Array.from(
      { length: 1_001 },
      (_, i) => native.sha256(Uint8Array.of(i >> 8, i & 255)) as Hash & PublicKey,
    );
    expect(() => validatorSet(native, 0, many)).toThrow(BugError);
  });

  it('of a genesis has its validators, at epoch 0', () => {
    const validators = set.keys.map((key) => ({ key: Buffer.from(key).toString('base64url'), organisation: '' }));
    const genesis = { validators } as unknown as Parameters<typeof genesisValidators>[1];
    expect(genesisValidators(native, genesis)).toEqual(set);
  });
});

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = value;
  return changed;
}
