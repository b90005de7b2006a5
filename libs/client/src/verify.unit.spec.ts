import { noble } from '@gridtokenx/crypto';
import { encodeHeader, headerHash, type OutcomeProof } from '@gridtokenx/chain';
import { toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { genesisAnchor, headerAnchor, headerAnchorWithOfferedGenesis } from './anchor.js';
import { genesisFile, TestLedger, type TestBlock } from './fixture.spec.js';
import { decodeProofJson, encodeProofJson, ProofJsonError, readCertificate } from './proof-json.js';
import { verifyCertificate, verifyOutcome } from './verify.js';

const codeOf = (call: () => unknown): string => {
  try {
    call();
    return 'nothing thrown';
  } catch (error) {
    if (error instanceof ProofJsonError) return error.code;
    throw error;
  }
};

describe.each([
  { validators: 4, quorum: 3 },
  { validators: 21, quorum: 14 },
])('proofs of a ledger of $validators validators', ({ validators, quorum }) => {
  const ledger = new TestLedger(validators);
  const anchor = genesisAnchor(ledger.file);
  let grown: TestBlock;
  let proof: OutcomeProof;
  beforeAll(() => {
    grown = ledger.grow(5);
    proof = ledger.prove(grown, 2);
  });

  it('show the outcome and who signed to someone who has only the genesis file', () => {
    expect(verifyOutcome(anchor, proof)).toEqual({
      valid: true,
      ledgerId: ledger.ledgerId,
      height: 1,
      time: grown.block.header.time,
      blockHash: toHex(headerHash(noble, grown.block.header)),
      operationId: grown.operationIds[2],
      outcome: { v: 1, status: 'rejected', code: 'market.unknownOrder' },
      signers: quorum,
      validators,
    });
  });

  it('count from a quorum on, not from one signature less', () => {
    const { header, certificate } = grown.block;
    const fewer = ledger.sign(header, certificate.resultsRoot, quorum - 1);
    expect(verifyCertificate(anchor, header, certificate)).toMatchObject({ valid: true, signers: quorum });
    expect(verifyCertificate(anchor, header, fewer)).toEqual({ valid: false, code: 'certificate.invalid' });
    expect(verifyOutcome(anchor, { ...proof, certificate: fewer })).toEqual({
      valid: false,
      code: 'proof.certificate',
    });
  });

  it('say what is wrong with them', () => {
    const other = new TestLedger(validators, 'PEA-CNX-02');
    const foreign = genesisAnchor(other.file);
    const swapped = new TestLedger(validators);
    swapped.grow(1);
    const second = swapped.grow(1).block;
    expect(verifyOutcome(foreign, proof)).toEqual({ valid: false, code: 'proof.wrongLedger' });
    expect(verifyOutcome(anchor, { ...proof, certificate: second.certificate })).toEqual({
      valid: false,
      code: 'proof.wrongBlock',
    });
    expect(verifyOutcome(anchor, { ...proof, index: proof.index + 1 })).toEqual({ valid: false, code: 'proof.path' });
    expect(verifyOutcome(anchor, { ...proof, outcome: utf8('{"v":1,"status":"executed"}') })).toEqual({
      valid: false,
      code: 'proof.path',
    });
  });

  it('are accepted from a trusted header with keys from anyone, if those are the keys that the header names', () => {
    const hash = toHex(headerHash(noble, proof.header));
    expect(verifyOutcome(headerAnchorWithOfferedGenesis(hash, ledger.file), proof)).toMatchObject({ valid: true });
    expect(verifyOutcome(headerAnchor(hash), proof)).toEqual({ valid: false, code: 'anchor.validatorsUnknown' });
    const tooMany = [...ledger.set.keys, noble.publicKeyOf(new Uint8Array(32))];
    expect(verifyOutcome(headerAnchor(hash, tooMany), proof)).toEqual({ valid: false, code: 'anchor.otherValidators' });
    const repeated = [...ledger.set.keys, ...ledger.set.keys];
    expect(verifyOutcome(headerAnchor(hash, repeated), proof)).toMatchObject({ valid: true });
    const otherHeader = headerAnchorWithOfferedGenesis('00'.repeat(32), ledger.file);
    expect(verifyOutcome(otherHeader, proof)).toEqual({ valid: false, code: 'anchor.otherHeader' });
    expect(verifyOutcome(headerAnchorWithOfferedGenesis(hash, genesisFile(validators + 1)), proof)).toEqual({
      valid: false,
      code: 'anchor.otherValidators',
    });
  });
});

describe('a proof file', () => {
  const ledger = new TestLedger(4);
  const anchor = genesisAnchor(ledger.file);
  const text = encodeProofJson(ledger.prove(ledger.grow(5), 1), 4);

  it('holds a proof, whole', () => {
    expect(verifyOutcome(anchor, decodeProofJson(text))).toMatchObject({ valid: true, signers: 3 });
  });

  it('is refused when any one byte of it is another', () => {
    const accepted: number[] = [];
    for (let at = 0; at < text.length; at++)
      for (const other of [text.charCodeAt(at) ^ 1, text.charCodeAt(at) ^ 0x20, 0x20, 0x30]) {
        if (other === text.charCodeAt(at)) continue;
        const changed = text.slice(0, at) + String.fromCharCode(other) + text.slice(at + 1);
        try {
          const proof = decodeProofJson(changed, { extraFields: 'refuse' });
          if (verifyOutcome(anchor, proof).valid) accepted.push(at);
        } catch (error) {
          if (!(error instanceof ProofJsonError)) throw error;
        }
      }
    expect(accepted).toEqual([]);
  });

  it('may hold fields for people, which are named and never believed', () => {
    const served = JSON.stringify({ ...JSON.parse(text), checksum: undefined, status: 'executed', reader: 21 });
    const proof = decodeProofJson(served);
    expect(proof.extra).toEqual(['status', 'reader']);
    expect(verifyOutcome(anchor, proof)).toMatchObject({ valid: true, signers: 3 });
    expect(codeOf(() => decodeProofJson(served, { extraFields: 'refuse' }))).toBe('proof.unknownField');
  });

  it('as the gateway serves it says beside the proof only what is proven', () => {
    const decoded = { v: 1, status: 'executed', events: [], postings: [], holds: [] };
    const served = (more: object): string => JSON.stringify({ ...JSON.parse(text), decoded, signers: 3, ...more });
    expect(verifyOutcome(anchor, decodeProofJson(served({}), { extraFields: 'refuse' }))).toMatchObject({
      valid: true,
    });
    expect(codeOf(() => decodeProofJson(served({ signers: 4 })))).toBe('proof.inconsistent');
    expect(codeOf(() => decodeProofJson(served({ decoded: { ...decoded, status: 'rejected' } })))).toBe(
      'proof.inconsistent',
    );
    expect(codeOf(() => decodeProofJson(served({ decoded: { ...decoded, more: 1 } })))).toBe('proof.inconsistent');
  });

  it.each([
    ['no JSON', 'proof.json', 'x'],
    ['a list', 'proof.json', '[]'],
    ['a repeated key', 'proof.json', text.replace('{', '{"index":1,')],
    ['another ledger beside the header', 'proof.inconsistent', text.replace(/"ledgerId":"[^"]*"/, '"ledgerId":"x"')],
    ['another height beside the header', 'proof.inconsistent', text.replace('"height":1', '"height":2')],
    ['a hash in capitals', 'proof.field', text.replace(/"operationId":"[^"]*"/, `"operationId":"${'AB'.repeat(32)}"`)],
    ['a negative index', 'proof.field', text.replace(/"index":\d+/, '"index":-1')],
    ['no path', 'proof.field', text.replace(/"path":\[[^\]]*\]/, '"path":{}')],
    ['a header that is cut off', 'proof.field', text.replace(/"header":"..../, '"header":"')],
    ['another size of the tree', 'proof.checksum', text.replace('"size":6', '"size":7')],
  ])('with %s is refused as %s', (_, code, changed) => {
    expect(codeOf(() => decodeProofJson(changed))).toBe(code);
  });
});

describe('a certificate', () => {
  it('is the one of its bytes: a wrong claim of how many validators there are is refused', () => {
    const ledger = new TestLedger(4);
    const { header, certificate } = ledger.grow().block;
    const anchor = genesisAnchor(ledger.file);
    expect(verifyCertificate(anchor, header, certificate, { setSize: 4 })).toMatchObject({ valid: true });
    expect(verifyCertificate(anchor, header, certificate, { setSize: 5 })).toEqual({
      valid: false,
      code: 'certificate.invalid',
    });
    expect(() => readCertificate(new Uint8Array(3))).toThrow('certificate.truncated');
    expect(toBase64Url(encodeHeader(header)).length).toBeGreaterThan(0);
  });
});
