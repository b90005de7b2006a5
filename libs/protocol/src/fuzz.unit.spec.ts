import { readFileSync } from 'node:fs';
import { native } from '@gridtokenx/crypto-native';
import { noble } from '@gridtokenx/crypto';
import { JsonError, toBase64Url, utf8 } from '@gridtokenx/kernel';
import {
  compactJws,
  decodeEnvelope,
  decodeOutcome,
  encodeOutcome,
  ENVELOPE_TYPE,
  EnvelopeError,
  GenesisError,
  readGenesis,
  rejections,
  signEnvelope,
  signingInputOf,
} from '@gridtokenx/protocol';
import { testEntry } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const SEED = new Uint8Array(32).fill(1);
const LEDGER = 'gridtokenx-consortium-0123abcd';
const ACCOUNT = '01'.repeat(16);
const KID = toBase64Url(noble.publicKeyOf(SEED));
const runs = (numRuns: number): { seed: number; numRuns: number } => ({ seed: 20_261_122, numRuns });

interface Edit {
  readonly at: number;
  readonly drop: number;
  readonly insert: Uint8Array;
}

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({ at: fc.nat(), drop: fc.nat(4), insert: fc.uint8Array({ maxLength: 4 }) }),
  { minLength: 1, maxLength: 4 },
);

function edited(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array {
  let out = [...bytes];
  for (const { at, drop, insert } of changes) {
    const start = at % (out.length + 1);
    out = [...out.slice(0, start), ...insert, ...out.slice(start + drop)];
  }
  return Uint8Array.from(out);
}

/** Random bytes, and right ones with a few changed, dropped or added. */
const nearly = (...valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constantFrom(...valid), edits).map(([bytes, changes]) => edited(bytes, changes)),
    },
  );

const payload = {
  sequence: 1,
  validUntil: '2026-06-15T03:10:00Z',
  atomic: false,
  operations: [
    { type: 'market.cancelOrder', order: 'ab'.repeat(32) },
    { type: 'registry.registerKey', key: KID, owner: { kind: 'account', account: '01'.repeat(16) } },
  ],
} as const;

describe('whatever the bytes', () => {
  it('an envelope decodes or is refused by an EnvelopeError with a known code', () => {
    const refused = new Map<string, number>();
    const check = (bytes: Uint8Array): boolean => {
      try {
        const envelope = decodeEnvelope(native, LEDGER, bytes, { signatureKnown: true });
        return envelope.bytes === bytes && envelope.operations.length === envelope.operationIds.length;
      } catch (error) {
        if (!(error instanceof EnvelopeError) || !Object.hasOwn(rejections, error.code)) return false;
        refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
        return true;
      }
    };
    const whole = signEnvelope(native, SEED, LEDGER, payload);
    fc.assert(fc.property(nearly(whole), check), runs(2_000));
    // Deeper: the edits are inside the JSON, which is then wrapped rightly.
    const signature = whole.slice(-86);
    const wrap = (header: Uint8Array, body: Uint8Array): Uint8Array =>
      utf8(`${toBase64Url(header)}.${toBase64Url(body)}.${Buffer.from(signature).toString()}`);
    const header = utf8(JSON.stringify({ alg: 'EdDSA', kid: KID, typ: ENVELOPE_TYPE, ledger: LEDGER }));
    const body = utf8(JSON.stringify(payload));
    fc.assert(
      fc.property(nearly(body), (changed) => check(wrap(header, changed))),
      runs(2_500),
    );
    fc.assert(
      fc.property(nearly(header), (changed) => check(wrap(changed, body))),
      runs(2_000),
    );
    for (const code of ['malformed', 'header', 'json', 'schema', 'unknownOperation', 'wrongLedger'])
      expect(refused.get(`envelope.${code}`)).toBeGreaterThan(0);
  });

  it('an envelope whose payload is any JSON decodes or is refused by an EnvelopeError', () => {
    const input = (value: unknown): Uint8Array => {
      const [head = ''] = Buffer.from(signingInputOf(KID, LEDGER, payload))
        .toString()
        .split('.');
      return utf8(`${head}.${toBase64Url(utf8(JSON.stringify(value)))}`);
    };
    const operation = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          type: fc.constantFrom(...['market.placeOrder', 'registry.delegate', '__proto__', 'valueOf']),
          account: fc.constantFrom<unknown>('01'.repeat(16), 1, null),
          operations: fc.constantFrom<unknown>([], ['market.placeOrder'], {}),
          owner: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ ...constants(payload), operations: fc.array(operation) })),
        (value) => {
          const bytes = compactJws(input(value), native.sign(utf8('x'), SEED));
          try {
            decodeEnvelope(native, LEDGER, bytes);
            return false;
          } catch (error) {
            return error instanceof EnvelopeError;
          }
        },
      ),
      runs(1_500),
    );
  });

  it('an outcome decodes to what encodes again, or is refused by a JsonError or TypeError', () => {
    const executed = encodeOutcome({
      v: 1,
      status: 'executed',
      events: [{ type: 'registry.keyRemoved', key: KID }],
      postings: [['a', 'WATT', '-5', '5']],
      holds: [['b', 'a', 'WATT', '5']],
    });
    const refused = encodeOutcome({ v: 1, status: 'rejected', code: 'market.belowMinimum', detail: { least: '100' } });
    let decoded = 0;
    fc.assert(
      fc.property(nearly(executed, refused), (bytes) => {
        try {
          const outcome = decodeOutcome(bytes);
          decoded++;
          const again = encodeOutcome(outcome);
          return Buffer.compare(encodeOutcome(decodeOutcome(again)), again) === 0;
        } catch (error) {
          return error instanceof JsonError || error instanceof TypeError;
        }
      }),
      runs(5_000),
    );
    expect(decoded).toBeGreaterThan(100);
  });

  it('a genesis is read or refused by a GenesisError or JsonError', () => {
    const file = utf8(
      JSON.stringify({
        version: 1,
        kind: 'consortium',
        time: '2026-06-14T17:00:00Z',
        market: { start: '2026-06-14T17:00:00Z', rate: 1 },
        consensus: {
          intervalMs: 1,
          beatMs: 1,
          fullIntervalMs: 1,
          baseTimeoutMs: 1,
          timeoutCapMs: 1,
          epochBlocks: 1_000,
          evidence: { heights: 100_000, ageMs: 86_400_000 },
        },
        limits: { operationsPerBlock: 1, envelopeBytesPerBlock: 1 },
        validators: [{ key: KID, organisation: 'aa'.repeat(16) }],
        organisations: [{ id: 'aa'.repeat(16), sector: 'trader', roles: [], keys: [] }],
        accounts: [{ id: ACCOUNT, organisation: 'aa'.repeat(16) }],
        zones: [],
        tariffs: { version: 1, entries: [testEntry(ACCOUNT)], calendar: { years: [], decisions: [] } },
      }),
    );
    let read = 0;
    fc.assert(
      fc.property(nearly(file), (bytes) => {
        try {
          readGenesis(noble, bytes);
          read++;
          return true;
        } catch (error) {
          return error instanceof GenesisError || error instanceof JsonError;
        }
      }),
      runs(3_000),
    );
    expect(readGenesis(noble, file).genesis.validators).toHaveLength(1);
    expect(read).toBeGreaterThan(10);
  });

  it('the Wycheproof signatures neither pass as nor break an envelope', () => {
    const { groups } = JSON.parse(
      readFileSync(new URL('../../../vectors/ed25519-wycheproof.json', import.meta.url), 'utf8'),
    ) as { groups: { pk: string; tests: { sig: string }[] }[] };
    for (const { pk, tests } of groups)
      for (const { sig } of tests) {
        const input = signingInputOf(Buffer.from(pk, 'hex').toString('base64url'), LEDGER, payload);
        const bytes = Buffer.concat([input, Buffer.from(`.${Buffer.from(sig, 'hex').toString('base64url')}`)]);
        expect(() => decodeEnvelope(native, LEDGER, bytes)).toThrow(EnvelopeError);
      }
  });
});

function constants<T extends Record<string, unknown>>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.constant(value)])) as {
    [K in keyof T]: fc.Arbitrary<T[K]>;
  };
}
