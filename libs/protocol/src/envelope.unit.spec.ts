import { createHash, createPrivateKey, sign as nodeSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { noble, type Crypto } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { millis, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import {
  decodeEnvelope,
  ENVELOPE_BYTES_MAX,
  ENVELOPE_TYPE,
  EnvelopeError,
  operationIds,
  signEnvelope,
  type EnvelopePayload,
  type Operation,
} from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';

/** RFC 8032 section 7.1, test 1. */
const SEED = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
const LEDGER = 'gridtokenx-consortium-0123abcd';
const KID = toBase64Url(noble.publicKeyOf(SEED));
const ACCOUNT = '0123456789abcdef0123456789abcdef';

const order = {
  type: 'market.placeOrder',
  account: ACCOUNT,
  side: 'bid',
  fromZone: 'MEA-BKK-01',
  toZone: 'MEA-BKK-01',
  interval: '2026-06-15T03:00:00Z/PT15M',
  priceTicks: 450,
  quantityWh: '5000',
  timeInForce: 'GTC',
} as const satisfies Operation;
const cancel = { type: 'market.cancelOrder', order: 'ab'.repeat(32) } as const satisfies Operation;
const payload: EnvelopePayload = {
  sequence: 1,
  validUntil: '2026-06-15T03:10:00Z',
  atomic: false,
  operations: [order, cancel],
};
const header = { alg: 'EdDSA', kid: KID, typ: ENVELOPE_TYPE, ledger: LEDGER };

const implementations: readonly (readonly [string, Crypto])[] = [
  ['noble', noble],
  ['native', native],
];

const b64 = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url');
const asText = (part: unknown): string | Uint8Array =>
  typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part);

/** A JWS of any content, rightly signed: made by Node's own Ed25519 and base64url, not by the code under test. */
function independentJws(head: unknown, body: unknown, seed: Uint8Array = SEED): Uint8Array {
  const input = `${b64(asText(head))}.${b64(asText(body))}`;
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const signature = nodeSign(null, Buffer.from(input), createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
  return utf8(`${input}.${b64(signature)}`);
}

function refusal(bytes: Uint8Array, crypto: Crypto = native): [code: string, pointer: string] | undefined {
  try {
    decodeEnvelope(crypto, LEDGER, bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return [error.code, error.pointer];
  }
}

const withPayload = (changes: Record<string, unknown>): Uint8Array =>
  independentJws(header, { ...payload, ...changes });
const withOrder = (changes: Record<string, unknown>): Uint8Array =>
  withPayload({ operations: [cancel, { ...order, ...changes }] });
const payloadText = JSON.stringify(payload);

describe.each(implementations)('an envelope, with %s', (_name, crypto) => {
  it('comes back as it was signed', () => {
    const bytes = signEnvelope(crypto, SEED, LEDGER, payload);
    const envelope = decodeEnvelope(crypto, LEDGER, bytes);
    expect(envelope).toMatchObject({
      kid: KID,
      ledgerId: LEDGER,
      sequence: 1,
      validUntil: millis(Date.UTC(2026, 5, 15, 3, 10)),
      atomic: false,
      operations: payload.operations,
    });
    expect(envelope.bytes).toEqual(bytes);
    expect(toHex(envelope.hash)).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(toHex(envelope.publicKey)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  });

  it('is the same bytes as another implementation of JWS makes', () => {
    expect(Buffer.from(signEnvelope(crypto, SEED, LEDGER, payload)).toString()).toBe(
      Buffer.from(independentJws(header, payload)).toString(),
    );
  });

  it('is refused when any one byte is changed', () => {
    const bytes = signEnvelope(crypto, SEED, LEDGER, { ...payload, operations: [cancel] });
    const step = crypto === noble ? 17 : 1;
    const accepted: number[] = [];
    for (let at = 0; at < bytes.length; at += step) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (refusal(changed, crypto) === undefined) accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });

  it('is refused with a small-order or non-canonical key, whatever the signature', () => {
    const { cases } = JSON.parse(
      readFileSync(new URL('../../../vectors/ed25519-speccheck.json', import.meta.url), 'utf8'),
    ) as { cases: { pub_key: string; signature: string }[] };
    // Cases 0-1 have a small-order key, 10-11 a non-canonical one.
    for (const { pub_key: key, signature } of cases.filter((_case, index) => [0, 1, 10, 11].includes(index))) {
      const kid = b64(Buffer.from(key, 'hex'));
      const bytes = utf8(
        `${b64(JSON.stringify({ ...header, kid }))}.${b64(payloadText)}.${b64(Buffer.from(signature, 'hex'))}`,
      );
      expect(refusal(bytes, crypto)).toEqual(['envelope.badKey', '/kid']);
    }
  });
});

describe('an envelope of another implementation', () => {
  it('may order its keys and use white space as it likes, and name the algorithm by its newer name', () => {
    const head = `{ "ledger":"${LEDGER}",\n"typ":"${ENVELOPE_TYPE}", "kid":"${KID}" ,"alg":"Ed25519"}`;
    const body = JSON.stringify(
      {
        operations: payload.operations.map((operation) => Object.fromEntries(Object.entries(operation).reverse())),
        atomic: true,
        validUntil: payload.validUntil,
        sequence: Number.MAX_SAFE_INTEGER,
      },
      undefined,
      '\t',
    );
    const envelope = decodeEnvelope(native, LEDGER, independentJws(head, body));
    expect(envelope.operations).toEqual(payload.operations);
    expect([envelope.atomic, envelope.sequence]).toEqual([true, Number.MAX_SAFE_INTEGER]);
    // Whatever the order on the wire, the ledger sees the schema's.
    expect(Object.keys(envelope.operations[0] ?? {})).toEqual(Object.keys(order));
  });

  it('may escape what it likes', () => {
    const body = payloadText.replace('GTC', '\\u0047TC').replaceAll('/PT15M', '\\/PT15M');
    expect(decodeEnvelope(native, LEDGER, independentJws(header, body)).operations).toEqual(payload.operations);
  });
});

describe('an operation id', () => {
  it('is SHA-256 of (SHA-256 of ledger id and signing input) and index', () => {
    const bytes = signEnvelope(native, SEED, LEDGER, payload);
    const input = Buffer.from(bytes).toString().split('.').slice(0, 2).join('.');
    const inner = createHash('sha256')
      .update(Buffer.from([0, 0, 0, LEDGER.length]))
      .update(LEDGER)
      .update(input)
      .digest();
    const ids = [0, 1].map((index) =>
      createHash('sha256')
        .update(inner)
        .update(Buffer.from([0, 0, 0, index]))
        .digest('hex'),
    );
    expect(decodeEnvelope(native, LEDGER, bytes).operationIds.map(toHex)).toEqual(ids);
    expect(operationIds(noble, LEDGER, utf8(input), 2).map(toHex)).toEqual(ids);
    expect(operationIds(native, 'another-ledger', utf8(input), 1).map(toHex)).not.toEqual(ids.slice(0, 1));
  });

  it('does not depend on the signature, so it is known before signing', () => {
    const bytes = signEnvelope(native, SEED, LEDGER, payload);
    const other = Uint8Array.from(bytes);
    other.set(utf8('AAAA'), other.length - 86);
    const read = (data: Uint8Array): string[] =>
      decodeEnvelope(native, LEDGER, data, { signatureKnown: true }).operationIds.map(toHex);
    expect(read(other)).toEqual(read(bytes));
  });
});

describe('a bad envelope is refused', () => {
  it.each<[what: string, bytes: Uint8Array, code: string, pointer: string]>([
    ['for its size, before anything else', new Uint8Array(600 * 1024), 'envelope.tooLarge', ''],
    ['for one byte too many', new Uint8Array(ENVELOPE_BYTES_MAX + 1).fill(65), 'envelope.tooLarge', ''],
    ['when it is empty', new Uint8Array(0), 'envelope.malformed', ''],
    ['when it has two parts', utf8('e30.e30'), 'envelope.malformed', ''],
    ['when it has four parts', utf8('e30.e30.e30.e30'), 'envelope.malformed', ''],
    ['when it is all dots', new Uint8Array(ENVELOPE_BYTES_MAX).fill(46), 'envelope.malformed', ''],
    ['when it is not text', Uint8Array.of(0xff, 46, 0xfe, 46, 0xfd), 'envelope.malformed', ''],
    ['for base64 padding', utf8('e30=.e30.AA'), 'envelope.malformed', ''],
    ['for stray bits', utf8('e31.e30.AA'), 'envelope.malformed', ''],
    ['for the letters of plain base64', utf8('e3+/.e30.AA'), 'envelope.malformed', ''],
    [
      'for a line break at the end',
      Uint8Array.from([...independentJws(header, payload), 10]),
      'envelope.malformed',
      '',
    ],

    ['for a header that is not UTF-8', independentJws(Uint8Array.of(0xc0, 0x80), payload), 'envelope.header', ''],
    ['for a header that is not JSON', independentJws('{alg}', payload), 'envelope.header', ''],
    [
      'for a header with a repeated key',
      independentJws(JSON.stringify(header).replace('{', '{"alg":"none",'), payload),
      'envelope.header',
      '',
    ],
    ['for a further header field', independentJws({ ...header, crit: ['exp'] }, payload), 'envelope.header', '/crit'],
    ['for a missing header field', independentJws({ ...header, typ: undefined }, payload), 'envelope.header', '/typ'],
    ['for another type', independentJws({ ...header, typ: 'JWT' }, payload), 'envelope.header', '/typ'],
    ['for alg none', independentJws({ ...header, alg: 'none' }, payload), 'envelope.header', '/alg'],
    ['for another algorithm', independentJws({ ...header, alg: 'ES256' }, payload), 'envelope.header', '/alg'],
    ['for a header that is a list', independentJws([header], payload), 'envelope.header', ''],
    [
      'for a key id of another length',
      independentJws({ ...header, kid: KID.slice(1) }, payload),
      'envelope.header',
      '/kid',
    ],
    [
      'for a key id with stray bits',
      independentJws({ ...header, kid: `${KID.slice(0, 42)}p` }, payload),
      'envelope.badKey',
      '/kid',
    ],
    [
      'for another ledger',
      independentJws({ ...header, ledger: 'gridtokenx-consortium-ffffffff' }, payload),
      'envelope.wrongLedger',
      '/ledger',
    ],

    ['for a payload that is not UTF-8', independentJws(header, Uint8Array.of(0x22, 0xff, 0x22)), 'envelope.json', ''],
    ['for a payload that is not JSON', independentJws(header, '{"sequence":1,'), 'envelope.json', ''],
    ['for no payload', independentJws(header, ''), 'envelope.json', ''],
    ['for trailing bytes', independentJws(header, `${payloadText} 1`), 'envelope.json', ''],
    [
      'for a repeated key',
      independentJws(header, payloadText.replace('"side":"bid"', '"side":"bid","side":"ask"')),
      'envelope.json',
      '/operations/0',
    ],
    [
      'for __proto__',
      independentJws(header, payloadText.replace('{"sequence"', '{"__proto__":{},"sequence"')),
      'envelope.json',
      '',
    ],
    [
      'for a float',
      independentJws(header, payloadText.replace('450', '450.5')),
      'envelope.json',
      '/operations/0/priceTicks',
    ],
    [
      'for an exponent',
      independentJws(header, payloadText.replace('450', '45e1')),
      'envelope.json',
      '/operations/0/priceTicks',
    ],
    [
      'for a number beyond 2^53 - 1',
      independentJws(header, payloadText.replace('"sequence":1', '"sequence":9007199254740992')),
      'envelope.json',
      '/sequence',
    ],
    [
      'for a lone surrogate',
      independentJws(header, payloadText.replace('"bid"', '"\\ud800"')),
      'envelope.json',
      '/operations/0/side',
    ],
    ['for depth', independentJws(header, '['.repeat(100_000)), 'envelope.json', '/0'.repeat(16)],

    ['when the payload is a list', independentJws(header, [payload]), 'envelope.schema', ''],
    ['when the payload is null', independentJws(header, 'null'), 'envelope.schema', ''],
    ['for a further payload field', withPayload({ memo: 'x' }), 'envelope.schema', '/memo'],
    ['for a further field with an awkward name', withPayload({ 'a/b~c': 1 }), 'envelope.schema', '/a~1b~0c'],
    ['for a missing payload field', withPayload({ atomic: undefined }), 'envelope.schema', '/atomic'],
    ['for sequence 0', withPayload({ sequence: 0 }), 'envelope.schema', '/sequence'],
    ['for a negative sequence', withPayload({ sequence: -1 }), 'envelope.schema', '/sequence'],
    ['for a sequence in a string', withPayload({ sequence: '1' }), 'envelope.schema', '/sequence'],
    [
      'for a time with another offset',
      withPayload({ validUntil: '2026-06-15T10:10:00+07:00' }),
      'envelope.schema',
      '/validUntil',
    ],
    ['for atomic as a number', withPayload({ atomic: 1 }), 'envelope.schema', '/atomic'],
    ['for operations that are no list', withPayload({ operations: { 0: order } }), 'envelope.schema', '/operations'],
    ['for no operations', withPayload({ operations: [] }), 'envelope.tooManyOperations', '/operations'],
    [
      'for 1,001 operations',
      withPayload({ operations: Array.from({ length: 1001 }, () => cancel) }),
      'envelope.tooManyOperations',
      '/operations',
    ],

    ['for an operation of no type', withOrder({ type: undefined }), 'envelope.schema', '/operations/1/type'],
    ['for an operation of a numeric type', withOrder({ type: 7 }), 'envelope.schema', '/operations/1/type'],
    ['for an operation that is null', withPayload({ operations: [null] }), 'envelope.schema', '/operations/0/type'],
    [
      'for an operation that is a list',
      withPayload({ operations: [[order]] }),
      'envelope.schema',
      '/operations/0/type',
    ],
    [
      'for an unknown operation',
      withOrder({ type: 'market.giveAway' }),
      'envelope.unknownOperation',
      '/operations/1/type',
    ],
    [
      'for an operation named as every object has',
      withOrder({ type: 'toString' }),
      'envelope.unknownOperation',
      '/operations/1/type',
    ],
    [
      'for an operation named constructor',
      withOrder({ type: 'constructor' }),
      'envelope.unknownOperation',
      '/operations/1/type',
    ],
    ['for a further field', withOrder({ name: 'Somchai' }), 'envelope.schema', '/operations/1/name'],
    ['for a field named constructor', withOrder({ constructor: 1 }), 'envelope.schema', '/operations/1/constructor'],
    ['for a missing field', withOrder({ side: undefined }), 'envelope.schema', '/operations/1/side'],
    ['for a null in an optional field', withOrder({ expiresAt: null }), 'envelope.schema', '/operations/1/expiresAt'],
    ['for a wrong type', withOrder({ account: 7 }), 'envelope.schema', '/operations/1/account'],
    ['for a quantity in a number', withOrder({ quantityWh: 5000 }), 'envelope.schema', '/operations/1/quantityWh'],
    ['for a negative quantity', withOrder({ quantityWh: '-1' }), 'envelope.schema', '/operations/1/quantityWh'],
    ['for quantity zero', withOrder({ quantityWh: '0' }), 'envelope.schema', '/operations/1/quantityWh'],
    [
      'for a quantity with a leading zero',
      withOrder({ quantityWh: '05' }),
      'envelope.schema',
      '/operations/1/quantityWh',
    ],
    ['for a quantity with a fraction', withOrder({ quantityWh: '5.0' }), 'envelope.schema', '/operations/1/quantityWh'],
    [
      'for a quantity beyond 1e12 Wh',
      withOrder({ quantityWh: '1000000000001' }),
      'envelope.schema',
      '/operations/1/quantityWh',
    ],
    [
      'for a quantity of thirty digits',
      withOrder({ quantityWh: '9'.repeat(30) }),
      'envelope.schema',
      '/operations/1/quantityWh',
    ],
    ['for a negative price', withOrder({ priceTicks: -450 }), 'envelope.schema', '/operations/1/priceTicks'],
    ['for a price of zero', withOrder({ priceTicks: 0 }), 'envelope.schema', '/operations/1/priceTicks'],
    [
      'for a price beyond the highest',
      withOrder({ priceTicks: 1_000_001 }),
      'envelope.schema',
      '/operations/1/priceTicks',
    ],
    [
      'for an interval off the quarter of an hour',
      withOrder({ interval: '2026-06-15T03:01:00Z/PT15M' }),
      'envelope.schema',
      '/operations/1/interval',
    ],
    [
      'for an account id in capitals',
      withOrder({ account: ACCOUNT.toUpperCase() }),
      'envelope.schema',
      '/operations/1/account',
    ],
    ['for an id with a line break', withOrder({ account: `${ACCOUNT}\n` }), 'envelope.schema', '/operations/1/account'],
    [
      'for an amount that overflows 128 bits many times over',
      withPayload({
        operations: [{ type: 'accounts.transfer', from: ACCOUNT, to: ACCOUNT, asset: 'WATT', amount: '1'.repeat(31) }],
      }),
      'envelope.schema',
      '/operations/0/amount',
    ],
    [
      'for a negative amount',
      withPayload({
        operations: [{ type: 'accounts.transfer', from: ACCOUNT, to: ACCOUNT, asset: 'WATT', amount: '-1' }],
      }),
      'envelope.schema',
      '/operations/0/amount',
    ],
    [
      'for a union member that there is not',
      withPayload({
        operations: [{ type: 'registry.registerKey', key: KID, owner: { kind: 'person', account: ACCOUNT } }],
      }),
      'envelope.schema',
      '/operations/0/owner/kind',
    ],

    [
      'for the signature of another key',
      independentJws(header, payload, Buffer.alloc(32, 7)),
      'envelope.badSignature',
      '',
    ],
    ['for a short signature', independentJws(header, payload).slice(0, -2), 'envelope.malformed', ''],
    ['for no signature', utf8(`${b64(JSON.stringify(header))}.${b64(payloadText)}.`), 'envelope.malformed', ''],
    [
      'for a signature of zeros',
      utf8(`${b64(JSON.stringify(header))}.${b64(payloadText)}.${'A'.repeat(86)}`),
      'envelope.badSignature',
      '',
    ],
  ])('%s', (_what, bytes, code, pointer) => {
    expect(refusal(bytes)).toEqual([code, pointer]);
  });

  it('for a signature with S + L, which lazy verifiers take for the same', () => {
    const [head = '', body = '', signature = ''] = Buffer.from(independentJws(header, payload)).toString().split('.');
    const raw = Buffer.from(signature, 'base64url');
    const order256 = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order256;
    const malleable = Buffer.concat([
      raw.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(),
    ]);
    expect(refusal(utf8(`${head}.${body}.${malleable.toString('base64url')}`))).toEqual(['envelope.badSignature', '']);
  });

  it('but a thousand operations and exactly 512 KiB are accepted', () => {
    const full = withPayload({ operations: Array.from({ length: 1000 }, () => cancel) });
    expect(refusal(full)).toBeUndefined();
    const room = ENVELOPE_BYTES_MAX - b64(JSON.stringify(header)).length - 88;
    const body = payloadText.padEnd(Math.floor((room * 3) / 4), ' ');
    const largest = independentJws(header, body);
    expect(ENVELOPE_BYTES_MAX - largest.length).toBeLessThan(4);
    expect(refusal(largest)).toBeUndefined();
  });
});
