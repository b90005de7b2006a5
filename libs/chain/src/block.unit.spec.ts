import { ZERO_HASH } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { BugError, ByteWriter, DecodeError, height, millis, toHex } from '@gridtokenx/kernel';
import {
  blockFault,
  certificateHashOf,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  HEADER_BYTES,
  headerHash,
  OUTCOME_BYTES_MAX,
  resultsOf,
  type Block,
  type BlockFault,
  type Header,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { blockAfter, certify, firstOf, genesisTip, hashOf, RULES, validatorsOf, type Sample } from './sample.spec.js';

const validators = validatorsOf(4);
const { set, seeds } = validators;
const first = blockAfter(genesisTip, validators);
const second = blockAfter(first.tip, validators);

const faultOf = ({ block, envelopes }: Pick<Sample, 'block' | 'envelopes'>, tip = first.tip): BlockFault | undefined =>
  blockFault(native, RULES, tip, block, envelopes);
const fault = (changes: Partial<Block>): BlockFault | undefined =>
  faultOf({ ...second, block: { ...second.block, ...changes } });
/** A block with another header, which a quorum signed all the same. */
const certified = (header: Partial<Header>): Sample => blockAfter(first.tip, validators, { header });

/** An epoch of seven validators at its end, and four who come after them. */
const larger = validatorsOf(7);
const smaller = validatorsOf(4, 1);
const eighth = { ...genesisTip, height: 8, certifiedBy: larger.set, validators: larger.set };
const ninth = blockAfter(eighth, larger);
const last = blockAfter(ninth.tip, larger, {
  header: { nextValidatorsHash: smaller.set.hash },
  nextValidators: smaller.set.keys,
});

describe('a block', () => {
  it('is valid after its parent, at height 1 and above', () => {
    expect(faultOf(first, genesisTip)).toBeUndefined();
    expect(faultOf(second)).toBeUndefined();
  });

  it('may carry the signatures of another quorum for its parent than the one that its reader holds', () => {
    const { signatures: _first, ...fields } = first.block.certificate;
    const other = certify(fields, seeds, [1, 2, 3]);
    const tip = { ...first.tip, certificate: other, certificateHash: certificateHashOf(native, other, 4) };
    expect(faultOf(blockAfter(tip, validators))).toBeUndefined();
  });

  it('names the validators of the next epoch at the end of its own, and the next is decided by them', () => {
    expect(faultOf(last, ninth.tip)).toBeUndefined();
    expect(last.tip.validators).toEqual(smaller.set);
    const { block, envelopes } = blockAfter(last.tip, smaller);
    expect(blockFault(native, RULES, last.tip, block, envelopes)).toBeUndefined();
    expect(blockFault(native, RULES, last.tip, blockAfter(last.tip, larger).block, envelopes)).toBe(
      'block.wrongValidators',
    );
    // Its parent was signed by a set of another size.
    expect(decodeBlock(encodeBlock(block, 4, 7), 4, 7)).toEqual(block);
    expect(decodeBlock(encodeBlock(last.block, 7, 7), 7, 7)).toEqual(last.block);
  });

  it('moves to the next epoch with the same validators when it names no others', () => {
    const { tip } = blockAfter(ninth.tip, larger);
    expect(tip.validators).toEqual({ ...larger.set, epoch: 1 });
    expect(tip.certifiedBy).toEqual(larger.set);
  });

  it.each<[code: BlockFault, what: string, found: () => BlockFault | undefined]>([
    [
      'block.wrongLedger',
      'of another ledger',
      () => faultOf(certified({ ledgerId: 'gridtokenx-consortium-ffffffff' })),
    ],
    ['block.wrongHeight', 'of the height before', () => faultOf(first)],
    ['block.wrongHeight', 'of a later height', () => faultOf(certified({ height: height(9) }))],
    ['block.wrongParent', 'on another parent', () => faultOf(certified({ parentHash: hashOf('other') }))],
    [
      'block.wrongParentCertificate',
      'without the certificate of its parent',
      () => fault({ parentCertificate: undefined }),
    ],
    [
      'block.wrongParentCertificate',
      'without the certificate of its parent, and a header that says so',
      () => {
        const sample = certified({ parentCertificateHash: ZERO_HASH });
        return faultOf({ ...sample, block: { ...sample.block, parentCertificate: undefined } });
      },
    ],
    [
      'block.wrongParentCertificate',
      'with the certificate of another block',
      () => fault({ parentCertificate: second.block.certificate }),
    ],
    [
      'block.wrongParentCertificate',
      'whose header carries the hash of another certificate',
      () => faultOf(certified({ parentCertificateHash: hashOf('other') })),
    ],
    [
      'block.wrongParentCertificate',
      'with a certificate of its parent that names another height',
      () => {
        const { signatures: _signatures, ...fields } = first.block.certificate;
        const wrong = certify({ ...fields, height: 9 }, seeds, firstOf(3));
        const sample = certified({ parentCertificateHash: certificateHashOf(native, wrong, 4) });
        return faultOf({ ...sample, block: { ...sample.block, parentCertificate: wrong } });
      },
    ],
    [
      'block.wrongParentCertificate',
      'with a certificate that has signers whom no set has',
      () => {
        const { certificate } = first.block;
        return fault({
          parentCertificate: {
            ...certificate,
            signatures: certificate.signatures.map((signed) => ({ ...signed, validator: signed.validator + 900 })),
          },
        });
      },
    ],
    [
      'block.wrongParentCertificate',
      'at height 1 with a certificate',
      () => faultOf({ ...first, block: { ...first.block, parentCertificate: first.block.certificate } }, genesisTip),
    ],
    [
      'block.timeNotAfterParent',
      'of the same time as its parent',
      () => faultOf(certified({ time: millis(first.tip.time) })),
    ],
    ['block.wrongValidators', 'of another epoch', () => faultOf(certified({ epoch: 1 }))],
    [
      'block.wrongNextValidators',
      'that names other validators before its epoch ends',
      () =>
        faultOf(
          blockAfter(first.tip, validators, {
            header: { nextValidatorsHash: smaller.set.hash },
            nextValidators: smaller.set.keys,
          }),
        ),
    ],
    [
      'block.wrongNextValidators',
      'whose next validators it does not carry',
      () => faultOf({ ...last, block: { ...last.block, nextValidators: undefined } }, ninth.tip),
    ],
    [
      'block.wrongNextValidators',
      'that carries other next validators than its header says',
      () => faultOf({ ...last, block: { ...last.block, nextValidators: larger.set.keys.slice(1) } }, ninth.tip),
    ],
    [
      'block.wrongNextValidators',
      'that carries next validators who are those of now',
      () => fault({ nextValidators: set.keys }),
    ],
    ['block.wrongValidators', 'of other validators', () => faultOf(certified({ validatorsHash: hashOf('other') }))],
    [
      'block.certificateForOtherBlock',
      'with the certificate of its parent as its own',
      () => fault({ certificate: first.block.certificate }),
    ],
    [
      'block.certificateForOtherBlock',
      'with a certificate for its hash at another height',
      () => {
        const { signatures: _signatures, ...fields } = second.block.certificate;
        return fault({ certificate: certify({ ...fields, height: 9 }, seeds, firstOf(3)) });
      },
    ],
    [
      'block.certificateForOtherBlock',
      'with a header changed after it was signed',
      () => fault({ header: { ...second.block.header, operationsRoot: hashOf('other') } }),
    ],
    [
      'block.checkpointRoot',
      'with a checkpoint where none is due',
      () => fault({ header: { ...second.block.header, checkpointRoot: hashOf('other') } }),
    ],
    [
      'block.certificateInvalid',
      'that too few signed',
      () => faultOf(blockAfter(first.tip, validators, { signers: [0, 1] })),
    ],
    [
      'block.certificateInvalid',
      'with another result than the one signed',
      () => fault({ certificate: { ...second.block.certificate, resultsRoot: hashOf('other') } }),
    ],
    [
      'block.operationsRoot',
      'with an envelope less',
      () => faultOf({ ...second, envelopes: second.envelopes.slice(1) }),
    ],
    [
      'block.operationsRoot',
      'with envelopes in another order',
      () => faultOf({ ...second, envelopes: second.envelopes.toReversed() }),
    ],
    [
      'block.operationsRoot',
      'with an envelope of the same operations but other bytes',
      () => faultOf({ ...second, envelopes: second.envelopes.map((e) => ({ ...e, hash: hashOf('other') })) }),
    ],
    ['block.outcomeCount', 'with an outcome less', () => fault({ outcomes: second.block.outcomes.slice(0, 4) })],
    [
      'block.outcomeCount',
      'with an operation said to be a hook',
      () => fault({ outcomes: second.block.outcomes.map((outcome) => ({ ...outcome, hook: true })) }),
    ],
    [
      'block.resultsRoot',
      'with a hook more',
      () => fault({ outcomes: [...second.block.outcomes, { hook: true, bytes: ZERO_HASH }] }),
    ],
    [
      'block.resultsRoot',
      'with outcomes in another order',
      () =>
        fault({
          outcomes: second.block.outcomes
            .toSpliced(0, 1)
            .toSpliced(2, 0, second.block.outcomes[0] ?? { hook: true, bytes: ZERO_HASH }),
        }),
    ],
    [
      'block.resultsRoot',
      'with another outcome',
      () => fault({ outcomes: second.block.outcomes.map((o, i) => (i === 2 ? { ...o, bytes: ZERO_HASH } : o)) }),
    ],
  ])('is refused as %s when it is %s', (code, _what, found) => {
    expect(found()).toBe(code);
  });
});

describe('outcomes and operations', () => {
  it('are paired in order, past the hooks', () => {
    const ids = second.envelopes.flatMap(({ operationIds }) => operationIds);
    expect(second.results.map(({ operationId }) => operationId)).toEqual([ZERO_HASH, ...ids, ZERO_HASH]);
    expect(resultsOf(second.block.outcomes.slice(0, 3), second.envelopes)).toBeUndefined();
  });
});

describe('the bytes of a block', () => {
  const bytes = encodeBlock(second.block, 4);

  it('come back, with and without a parent certificate', () => {
    expect(decodeBlock(bytes, 4)).toEqual(second.block);
    expect(decodeBlock(encodeBlock(first.block, 4), 4)).toEqual(first.block);
    expect(decodeBlock(Buffer.from(bytes))).toEqual(second.block);
  });

  it('come back when they are many', () => {
    const outcomes = [{ hook: true, bytes: new Uint8Array(5_000_000).fill(7) }, ...second.block.outcomes];
    const large = { ...second.block, envelopes: Array.from({ length: 300 }, () => new Uint8Array(1_000)), outcomes };
    const read = decodeBlock(encodeBlock(large, 4), 4);
    expect(read.envelopes).toHaveLength(300);
    expect(Buffer.compare(read.outcomes[0]?.bytes ?? ZERO_HASH, large.outcomes[0]?.bytes ?? ZERO_HASH)).toBe(0);
    expect(read.outcomes.slice(1)).toEqual(second.block.outcomes);
  });

  it.each<[what: string, bytes: () => Uint8Array, code: string]>([
    ['when they are none', () => new Uint8Array(0), 'block.truncated'],
    ['when they are cut short', () => bytes.slice(0, -1), 'block.truncated'],
    ['with a byte more', () => Uint8Array.from([...bytes, 0]), 'block.trailingBytes'],
    [
      'with a header cut short',
      () => new ByteWriter().bytes(new Uint8Array(10)).bytes(new Uint8Array(0)).done(),
      'header.truncated',
    ],
    ['with a header that is too long', () => new ByteWriter().bytes(new Uint8Array(2_000)).done(), 'block.tooLong'],
    [
      'with a certificate that is none',
      () => new ByteWriter().bytes(encodeHeader(second.block.header)).u32(0).bytes(new Uint8Array(3)).done(),
      'certificate.truncated',
    ],
    ['for a set of another size', () => encodeBlock(second.block, 5), 'certificate.setSize'],
    [
      'that promise a billion envelopes',
      () => {
        const { header, certificate } = first.block;
        const empty = encodeBlock(
          { header, parentCertificate: undefined, certificate, envelopes: [], outcomes: [] },
          4,
        );
        return Uint8Array.from([...empty.slice(0, -8), 0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0]);
      },
      'block.tooMany',
    ],
    ['with a hook flag of 2', () => encodeWith(0, Uint8Array.of(0, 0, 0, 1, 2, 0, 0, 0, 0)), 'block.hookFlag'],
    [
      'with an envelope of more than 512 KiB',
      () =>
        encodeWith(
          4,
          new ByteWriter()
            .u32(1)
            .bytes(new Uint8Array(512 * 1024 + 1))
            .u32(0)
            .done(),
        ),
      'block.tooLong',
    ],
  ])('are refused %s', (_what, data, code) => {
    expect(codeOf(() => decodeBlock(data(), 4))).toBe(code);
  });

  it('are never written when they could not be read again', () => {
    const outcome = { hook: true, bytes: { length: OUTCOME_BYTES_MAX + 1 } as Uint8Array };
    expect(() => encodeBlock({ ...second.block, outcomes: [outcome] }, 4)).toThrow(BugError);
    const envelope = new Uint8Array(512 * 1024 + 1);
    expect(() => encodeBlock({ ...second.block, envelopes: [envelope] }, 4)).toThrow(BugError);
  });
});

describe('the bytes of a header', () => {
  const { header } = second.block;
  const bytes = encodeHeader(header);

  it('come back, and each of them counts in the hash', () => {
    expect(bytes).toHaveLength(HEADER_BYTES);
    expect(decodeHeader(bytes)).toEqual(header);
    const hashes = new Set([toHex(headerHash(native, header))]);
    let decoded = 1;
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (codeOf(() => hashes.add(toHex(headerHash(native, decodeHeader(changed))))) === 'read') decoded++;
    }
    expect(hashes.size).toBe(decoded);
    expect(decoded).toBeGreaterThan(HEADER_BYTES - 32);
  });

  it.each<[what: string, bytes: Uint8Array, code: string]>([
    ['cut short', bytes.slice(1), 'header.truncated'],
    ['with a byte more', Uint8Array.from([...bytes, 0]), 'header.trailingBytes'],
    ['of another version', Uint8Array.from([0, 2, ...bytes.slice(2)]), 'header.version'],
    ['with an empty ledger id', Uint8Array.from([0, 1, ...new Uint8Array(32), ...bytes.slice(34)]), 'header.ledgerId'],
    ['with bytes after the end of the ledger id', withLedgerId('a\0b'), 'header.ledgerId'],
    ['with capitals in the ledger id', withLedgerId('A'), 'header.ledgerId'],
    ['with a ledger id that is not UTF-8', withLedgerId('\u00ff', 'latin1'), 'header.ledgerId'],
    ['with a height beyond 2^53', withBytes(42, [0xff]), 'header.tooLarge'],
  ])('are refused %s', (_what, data, code) => {
    expect(codeOf(() => decodeHeader(data))).toBe(code);
  });

  it('hold a ledger id of all 32 bytes', () => {
    const full = { ...header, ledgerId: 'a'.repeat(32) };
    expect(decodeHeader(encodeHeader(full))).toEqual(full);
    expect(() => encodeHeader({ ...header, ledgerId: 'a'.repeat(33) })).toThrow(BugError);
  });

  function withBytes(at: number, data: Iterable<number>): Uint8Array {
    const changed = Uint8Array.from(bytes);
    changed.set([...data], at);
    return changed;
  }

  function withLedgerId(text: string, encoding: BufferEncoding = 'utf8'): Uint8Array {
    const padded = new Uint8Array(32);
    padded.set(Buffer.from(text, encoding));
    return withBytes(2, padded);
  }
});

function encodeWith(dropped: number, tail: Uint8Array): Uint8Array {
  const { header, certificate } = first.block;
  const empty = encodeBlock({ header, parentCertificate: undefined, certificate, envelopes: [], outcomes: [] }, 4);
  return Buffer.concat([empty.subarray(0, empty.length - 4 - dropped), tail]);
}

function codeOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
  return 'read';
}
