import { noble, type PublicKey, type Signature } from '@gridtokenx/crypto';
import {
  decodeVoteSignBytes,
  encodeCertificate,
  encodeHeader,
  headerHash,
  type LightBlock,
  type OutcomeProof,
} from '@gridtokenx/chain';
import { fromBase64Url, fromHex, parseTime, toBase64Url, toHex } from '@gridtokenx/kernel';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { TestLedger } from './fixture.spec.js';
import { decodeLightBlockJson, LightBlockJsonError } from './light-block-json.js';
import { LightClient, LightClientError, reportsOf, type LightSource } from './light-client.js';
import { decodeTrust, encodeTrust, TrustFileError } from './trust-file.js';

const START = parseTime('2026-06-15T00:00:00Z') ?? 0;
const LATER = [
  [0, 1, 2, 4],
  [0, 1, 4, 5],
  [0, 4, 5, 6],
  [4, 5, 6, 7],
];
const HEIGHT = 16;
const EVIDENCE_AGE_MS = 86_400_000;

class CountingSource implements LightSource {
  readonly asked: number[] = [];
  change: (block: LightBlock) => LightBlock | undefined = (block) => block;

  constructor(private readonly ledger: TestLedger) {}

  async lightBlock(height: number): Promise<LightBlock | undefined> {
    this.asked.push(height);
    const block = this.ledger.lightBlock(height);
    return block === undefined ? undefined : this.change(block);
  }

  async blockRecord(height: number): Promise<Uint8Array | undefined> {
    return this.ledger.blocks[height - 1]?.record;
  }
}

const ledger = new TestLedger(4, undefined, { epochBlocks: 3, later: LATER });
/** The same ledger as the validators of its first epoch, their keys stolen, tell it. */
const stolen = new TestLedger(4, undefined, { epochBlocks: 3 });
const other = new TestLedger(4, 'PEA-CNX-02', { epochBlocks: 3, later: LATER });
const proofs: OutcomeProof[] = [];
beforeAll(() => {
  for (let height = 1; height <= HEIGHT; height++) {
    proofs.push(ledger.prove(ledger.grow(2), 1));
    stolen.grow(height === 1 ? 2 : 3);
    other.grow(1);
  }
});
const proofAt = (height: number): OutcomeProof => proofs[height - 1] as OutcomeProof;

function clientOf(
  source: LightSource,
  {
    sinceStartMs = 60_000,
    ...options
  }: Partial<ConstructorParameters<typeof LightClient>[0]> & { sinceStartMs?: number } = {},
): LightClient {
  const platform = { now: () => START + sinceStartMs };
  return new LightClient({ identity: ledger.identity, source, platform, ...options });
}

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'nothing thrown';
  } catch (error) {
    if (error instanceof LightClientError || error instanceof LightBlockJsonError || error instanceof TrustFileError)
      return error.code;
    throw error;
  }
}

describe('a light client with nothing but the genesis file', () => {
  it.each([1, 3, 4, 9, 12, 13, 16])('verifies what happened in block %d', async (height) => {
    const client = clientOf(new CountingSource(ledger));
    expect(await client.verify(proofAt(height))).toMatchObject({
      valid: true,
      height,
      outcome: { status: 'executed' },
      signers: 3,
      validators: 4,
    });
    expect(client.head).toMatchObject({ height, hash: headerHash(noble, proofAt(height).header) });
  });

  it('keeps what it trusts, so that the next one asks less', async () => {
    const first = clientOf(new CountingSource(ledger));
    await first.advance(HEIGHT);
    const kept = encodeTrust(first.options.rules, first.states);
    const source = new CountingSource(ledger);
    const next = clientOf(source, { states: decodeTrust(first.options.rules, kept) });
    expect(encodeTrust(next.options.rules, next.states)).toBe(kept);
    expect(await next.verify(proofAt(HEIGHT))).toMatchObject({ valid: true });
    expect(source.asked).toEqual([HEIGHT]);
  });

  it('proves by hashes what lies below, when what it trusted there is too old', async () => {
    const first = clientOf(new CountingSource(ledger));
    await first.advance(HEIGHT);
    const source = new CountingSource(ledger);
    const old = clientOf(source, { states: first.states.slice(-1), sinceStartMs: EVIDENCE_AGE_MS });
    expect(await old.verify(proofAt(5))).toMatchObject({ valid: true, height: 5 });
    expect(source.asked).toEqual([16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
    const forged = {
      ...proofAt(5),
      certificate: stolen.sign(proofAt(5).header, proofAt(6).certificate.resultsRoot, 3),
    };
    expect(await old.verify(forged)).toEqual({ valid: false, code: 'light.otherHash' });
  });

  it('takes no other results for a block that it knows, once the keys of then may be stolen', async () => {
    const first = clientOf(new CountingSource(ledger));
    await first.advance(6);
    await first.advance(HEIGHT);
    expect(first.states.map(({ height }) => height)).toContain(6);
    const { header } = proofAt(6);
    const forged = { ...proofAt(6), certificate: ledger.sign(header, proofAt(7).certificate.resultsRoot, 3) };
    const later = { states: first.states, sinceStartMs: EVIDENCE_AGE_MS };
    expect(await clientOf(new CountingSource(ledger), later).verify(forged)).toEqual({
      valid: false,
      code: 'light.otherHash',
    });
    expect(await clientOf(new CountingSource(ledger), later).verify(proofAt(6))).toMatchObject({ valid: true });
    const alone = { ...later, states: first.states.filter(({ height }) => height === 6) };
    expect(await clientOf(new CountingSource(ledger), alone).verify(proofAt(6))).toEqual({
      valid: false,
      code: 'light.trustExpired',
    });
  });

  it('is told that its trust is too old, and begins anew from a block hash that people told it', async () => {
    const client = clientOf(new CountingSource(ledger), { sinceStartMs: EVIDENCE_AGE_MS, trustingPeriodMs: 3_600_000 });
    expect(await client.verify(proofAt(9))).toEqual({ valid: false, code: 'light.trustExpired' });
    expect(await codeOf(() => client.advance(9))).toBe('light.trustExpired');
    const hash = headerHash(noble, proofAt(12).header);
    expect(await codeOf(() => client.trustHash(11, hash))).toBe('light.otherHash');
    expect(await codeOf(() => client.trustHash(99, hash))).toBe('light.missing');
    await client.trustHash(12, hash);
    expect(await client.verify(proofAt(9))).toMatchObject({ valid: true, height: 9 });
  });

  it('never trusts for longer than the ledger takes evidence', async () => {
    const source = new CountingSource(ledger);
    expect(clientOf(source).options.trustingPeriodMs).toBe((EVIDENCE_AGE_MS * 2) / 3);
    expect(await codeOf(() => clientOf(source, { trustingPeriodMs: EVIDENCE_AGE_MS }))).toBe(
      'light.trustingPeriodTooLong',
    );
  });
});

describe('a lying gateway is refused:', () => {
  const run = async (change: CountingSource['change'], height = 13): Promise<unknown> => {
    const source = new CountingSource(ledger);
    source.change = change;
    const client = clientOf(source);
    const verified = await client.verify(proofAt(height));
    return verified.valid ? 'believed' : verified.code;
  };

  it.each<[string, string, CountingSource['change']]>([
    ['keys that the header does not name', 'light.forgedValidators', (b) => ({ ...b, validators: stolen.set.keys })],
    ['next keys from elsewhere', 'light.forgedNextValidators', (b) => ({ ...b, nextValidators: stolen.set.keys })],
    ['nothing, to keep the client in the past', 'light.missing', () => undefined],
    ['another height', 'light.otherHeight', ({ header }) => ledger.lightBlock(header.height - 1)],
  ])('%s', async (_, code, change) => {
    expect(await run(change)).toBe(code);
  });

  it.each<[string, string, CountingSource['change']]>([
    ['a whole chain of another ledger', 'light.wrongLedger', ({ header }) => other.lightBlock(header.height)],
    [
      'a chain that stolen keys of the first epoch went on with',
      'light.otherValidators',
      ({ header }) => stolen.lightBlock(header.height),
    ],
    [
      'a certificate of one validator less',
      'light.noQuorum',
      (block) => ({ ...block, certificate: ledger.sign(block.header, block.certificate.resultsRoot, 2) }),
    ],
    [
      'a certificate with a signature of another block',
      'light.badSignature',
      (block) => ({
        ...block,
        certificate: {
          ...block.certificate,
          signatures: stolen.sign(block.header, block.header.parentHash, 3).signatures,
        },
      }),
    ],
  ])('on the way up, %s', async (_, code, change) => {
    const source = new CountingSource(ledger);
    // Without a third of the first set in the last epoch, the client has to stop on the way.
    source.change = (block) => (block.header.height < HEIGHT ? change(block) : block);
    const client = clientOf(source);
    expect(await client.verify(proofAt(HEIGHT))).toEqual({ valid: false, code });
    // What was trusted stays.
    expect(client.states.map(({ height }) => height)).toEqual([0]);
  });

  it('a proof of another ledger, or from a chain of stolen keys', async () => {
    const client = clientOf(new CountingSource(ledger));
    expect(await client.verify(other.prove(other.blocks[3] as never, 0))).toEqual({
      valid: false,
      code: 'light.wrongLedger',
    });
    expect(await client.verify(stolen.prove(stolen.blocks[12] as never, 1))).toEqual({
      valid: false,
      code: 'light.forgedValidators',
    });
  });
});

describe('two gateways', () => {
  it('that tell the same are found to, and a fork is evidence with the keys of those who signed both', async () => {
    const client = clientOf(new CountingSource(ledger));
    await client.advance(2);
    expect(await client.compare(new CountingSource(ledger))).toBe('same');
    // Block 2 of the same validators holds other operations there.
    const fork = await client.compare(new CountingSource(stolen));
    if (fork === 'same' || 'verdict' in fork) throw new Error('the fork was not seen');
    expect(fork.signedBoth.map(toHex)).toEqual(ledger.set.keys.slice(0, 3).map(toHex));
    expect([fork.inOneRound, fork.first.header.height]).toEqual([true, 2]);
    // Each of the three is evidence as the ledger takes it: two votes of one place, both signed, and not the same.
    const reports = reportsOf(fork);
    expect(reports.map(({ validator }) => validator)).toEqual(ledger.set.keys.slice(0, 3).map(toBase64Url));
    for (const { validator, first, second } of reports) {
      const key = fromBase64Url(validator) as PublicKey;
      const votes = [first, second].map(({ vote }) => fromHex(vote) ?? new Uint8Array(0));
      const [one, two] = votes.map((vote) => decodeVoteSignBytes(vote));
      expect([one?.context, one?.vote.type]).toEqual([two?.context, 'commit']);
      expect(first.vote).not.toBe(second.vote);
      for (const [i, { signature }] of [first, second].entries())
        expect(noble.verify(fromBase64Url(signature) as Signature, votes[i] ?? new Uint8Array(0), key)).toBe(true);
    }
    expect(reportsOf({ ...fork, inOneRound: false })).toEqual([]);
  });

  it('of which one tells what nobody certified differ, and that is no evidence', async () => {
    const client = clientOf(new CountingSource(ledger));
    await client.advance(2);
    const liar = new CountingSource(stolen);
    liar.change = (block) => ({ ...block, certificate: { ...block.certificate, signatures: [] } });
    expect(await client.compare(liar)).toEqual({ verdict: 'INVALID', code: 'light.unsigned', height: 2 });
    expect(await client.compare(new CountingSource(other))).toMatchObject({ code: 'light.wrongLedger' });
  });
});

describe('a light block as the gateway serves it', () => {
  const served = (more: object = {}): string => {
    const { header, certificate, validators, nextValidators } = ledger.lightBlock(6) as LightBlock;
    return JSON.stringify({
      ledgerId: header.ledgerId,
      height: header.height,
      header: toBase64Url(encodeHeader(header)),
      certificate: toBase64Url(encodeCertificate(certificate, 4)),
      validators: validators.map(toBase64Url),
      nextValidators: nextValidators.map(toBase64Url),
      ...more,
    });
  };

  it('is read as it is', () => {
    expect(decodeLightBlockJson(served())).toEqual(ledger.lightBlock(6));
  });

  it.each<[string, string, object]>([
    ['a field more', 'lightBlock.unknownField', { round: 0 }],
    ['another height beside the header', 'lightBlock.inconsistent', { height: 7 }],
    ['another ledger beside the header', 'lightBlock.inconsistent', { ledgerId: 'x' }],
    ['fewer keys than the certificate speaks of', 'lightBlock.inconsistent', { validators: [] }],
    ['no list of keys', 'lightBlock.field', { nextValidators: {} }],
    ['a key that is too short', 'lightBlock.field', { nextValidators: ['AAAA'] }],
    ['a header that is cut off', 'lightBlock.field', { header: 'AAAA' }],
    ['a certificate that is no base64url', 'lightBlock.field', { certificate: '=' }],
    ['a certificate that is missing', 'lightBlock.field', { certificate: undefined }],
  ])('is refused with %s as %s', async (_, code, more) => {
    expect(await codeOf(() => decodeLightBlockJson(served(more)))).toBe(code);
  });

  it.each(['x', '[]', '{"a":1,"a":1}'])('is refused when it is %s', async (text) => {
    expect(await codeOf(() => decodeLightBlockJson(text))).toBe('lightBlock.json');
  });
});

describe('a trust file', () => {
  const rules = { ledgerId: ledger.ledgerId, epochBlocks: 3 };
  const state = {
    height: 0,
    hash: '00'.repeat(32),
    time: '2026-06-15T00:00:00Z',
    nextValidators: ['A'.repeat(42) + 'E'],
  };
  const textOf = (more: object, of: object = {}): string =>
    JSON.stringify({ version: 1, ledgerId: ledger.ledgerId, states: [{ ...state, ...of }], ...more });

  it('is read when it is whole', () => {
    expect(decodeTrust(rules, textOf({}))).toMatchObject([{ height: 0, time: START, nextValidators: { epoch: 0 } }]);
  });

  it.each<[string, string, object, object]>([
    ['another ledger', 'trust.otherLedger', { ledgerId: 'gridtokenx-consortium-00000000' }, {}],
    ['another version', 'trust.file', { version: 2 }, {}],
    ['a field more', 'trust.file', { more: 1 }, {}],
    ['no state', 'trust.file', { states: [] }, {}],
    ['states in another order', 'trust.file', { states: [{ ...state, height: 3 }, state] }, {}],
    ['a field more in a state', 'trust.file', {}, { more: 1 }],
    ['a hash that is none', 'trust.file', {}, { hash: '00' }],
    ['a time that is none', 'trust.file', {}, { time: '2026-06-15' }],
    ['a height below zero', 'trust.file', {}, { height: -1 }],
    ['no validators', 'trust.file', {}, { nextValidators: [] }],
    ['a validator twice', 'trust.file', {}, { nextValidators: [state.nextValidators[0], state.nextValidators[0]] }],
    ['a key that is none', 'trust.file', {}, { nextValidators: ['AAAA'] }],
  ])('with %s is refused as %s', async (_, code, more, of) => {
    expect(await codeOf(() => decodeTrust(rules, textOf(more, of)))).toBe(code);
  });
});
