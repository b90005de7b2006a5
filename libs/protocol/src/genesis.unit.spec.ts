import { createHash } from 'node:crypto';
import { noble } from '@gridtokenx/crypto';
import { JsonError, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { GenesisError, readGenesis } from '@gridtokenx/protocol';
import { testEntry } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';

const keyOf = (n: number): string => toBase64Url(noble.publicKeyOf(new Uint8Array(32).fill(n)));
const [A, B] = ['aa'.repeat(16), 'bb'.repeat(16)] as const;
const ACCOUNT = '01'.repeat(16);

const genesis = {
  version: 1,
  kind: 'consortium',
  time: '2026-06-14T17:00:00Z',
  market: { start: '2026-06-14T17:00:00Z', rate: 60, capMs: 5_000 },
  consensus: {
    intervalMs: 1_000,
    beatMs: 5_000,
    fullIntervalMs: 250,
    baseTimeoutMs: 1_200,
    timeoutCapMs: 8_000,
    epochBlocks: 1_000,
    evidence: { heights: 100_000, ageMs: 86_400_000 },
  },
  limits: { operationsPerBlock: 12_000, envelopeBytesPerBlock: 8_388_608 },
  validators: [1, 2, 3, 4].map((n) => ({ key: keyOf(n), organisation: A })),
  organisations: [
    { id: A, sector: 'gridOperator', roles: ['gridOperator', 'registrar'], keys: [keyOf(5)] },
    { id: B, sector: 'trader', roles: [], keys: [keyOf(6)] },
  ],
  accounts: [{ id: ACCOUNT, organisation: A }],
  zones: [
    { id: 'MEA-BKK-01', operator: A, account: ACCOUNT },
    { id: 'MEA-NON-02', operator: A, account: ACCOUNT, territory: 'MEA', voltage: 'medium' },
  ],
  tariffs: { version: 1, entries: [testEntry(ACCOUNT)], calendar: { years: [], decisions: [] } },
};

const link = { id: 'L1', fromZone: 'MEA-BKK-01', toZone: 'MEA-NON-02', forwardWh: '1000', backwardWh: '500' };
const pair = { fromZone: 'MEA-BKK-01', toZone: 'MEA-NON-02', route: ['L1'] };
const network = { links: [link], pairs: [pair], feeders: [{ id: 'F1', zone: 'MEA-BKK-01', capacityWh: '9000' }] };

const fileOf = (changes: Record<string, unknown>): Uint8Array => utf8(JSON.stringify({ ...genesis, ...changes }));

function refusal(file: Uint8Array): string | undefined {
  try {
    readGenesis(noble, file);
    return undefined;
  } catch (error) {
    if (error instanceof GenesisError || error instanceof JsonError) return error.message;
    throw error;
  }
}

describe('a genesis file', () => {
  it('names its ledger by the hash of its exact bytes', () => {
    const file = fileOf({});
    const hash = createHash('sha256').update(file).digest('hex');
    const identity = readGenesis(noble, file);
    expect(Buffer.from(identity.genesisHash).toString('hex')).toBe(hash);
    expect(identity.ledgerId).toBe(`gridtokenx-consortium-${hash.slice(0, 8)}`);
    expect(identity.genesis).toEqual(genesis);
    expect(readGenesis(noble, fileOf({ network })).genesis).toEqual({ ...genesis, network });
    expect(readGenesis(noble, utf8(JSON.stringify(genesis, undefined, 1))).ledgerId).not.toBe(identity.ledgerId);
  });

  it.each<[what: string, file: Uint8Array, message: RegExp]>([
    ['that is not UTF-8', Uint8Array.of(0xff), /^genesis.notUtf8/],
    ['that is not JSON', utf8('{'), /^json.malformed/],
    ['with a repeated key', utf8(`{"version":1,${JSON.stringify(genesis).slice(1)}`), /^json.duplicateKey/],
    [
      'with a float',
      fileOf({ market: { ...genesis.market, rate: 1.5 } }),
      /^json.notAnInteger at \d+ \(\/market\/rate\)/,
    ],
    ['with a further field', fileOf({ owner: 'x' }), /^genesis.schema/],
    ['of another version', fileOf({ version: 2 }), /^genesis.schema: version/],
    ['of an unknown kind', fileOf({ kind: 'private' }), /^genesis.schema: kind/],
    ['without validators', fileOf({ validators: [] }), /^genesis.schema: validators/],
    [
      'with a field missing deep inside',
      fileOf({ zones: [{ id: 'MEA-BKK-01' }] }),
      /^genesis.schema: zones\/0\/operator/,
    ],
    [
      'whose market rules contradict each other',
      fileOf({ market: { ...genesis.market, rules: { lotWh: 70 } } }),
      /^genesis.inconsistent: the minimum is not a whole number of lots/,
    ],
    [
      'whose market rules have a field that there is not',
      fileOf({ market: { ...genesis.market, rules: { colour: 1 } } }),
      /^genesis.schema: market\/rules/,
    ],
    [
      'whose tariff book is not the first version',
      fileOf({ tariffs: { ...genesis.tariffs, version: 2 } }),
      /^genesis.inconsistent: the tariff book of a genesis is version 1/,
    ],
    [
      'whose tariff book has a fault',
      fileOf({ tariffs: { ...genesis.tariffs, entries: [testEntry(ACCOUNT), testEntry(ACCOUNT)] } }),
      /^genesis.inconsistent: tariffs.overlap at \/tariffs\/entries\/1\/validFrom: entry 0 has no end/,
    ],
    [
      'whose tariff book does not know a zone',
      fileOf({
        tariffs: {
          ...genesis.tariffs,
          entries: [testEntry(ACCOUNT, { wires: [{ territory: 'MEA', wheeling: 0, exit: 0, losses: 0 }] })],
        },
      }),
      /^genesis.inconsistent: tariffs.missing at \/tariffs\/entries\/0\/wires: .* zone MEA-BKK-01/,
    ],
    [
      'whose tariff book pays nobody',
      fileOf({ tariffs: { ...genesis.tariffs, entries: [testEntry('cc'.repeat(16))] } }),
      /^genesis.inconsistent: (cc)+ is named but not declared/,
    ],
    [
      'whose longest timeout is shorter than its first',
      fileOf({ consensus: { ...genesis.consensus, timeoutCapMs: 1 } }),
      /^genesis.inconsistent: timeoutCapMs/,
    ],
    [
      'whose epochs are too short to fix the next set',
      fileOf({ consensus: { ...genesis.consensus, epochBlocks: 2 } }),
      /^genesis.schema: consensus\/epochBlocks/,
    ],
    [
      'whose validator is of nobody',
      fileOf({ validators: [{ key: keyOf(1), organisation: 'cc'.repeat(16) }] }),
      /^genesis.inconsistent: (cc)+ is named but not declared/,
    ],
    [
      'whose account is of nobody',
      fileOf({ accounts: [{ id: ACCOUNT, organisation: 'cc'.repeat(16) }] }),
      /is named but not/,
    ],
    [
      'whose zone is run by nobody',
      fileOf({ zones: [{ ...genesis.zones[0], operator: 'cc'.repeat(16) }] }),
      /is named but not/,
    ],
    [
      'whose zone pays nobody',
      fileOf({ zones: [{ ...genesis.zones[0], account: 'cc'.repeat(16) }] }),
      /is named but not/,
    ],
    [
      'in which two validators share a key',
      fileOf({ validators: [genesis.validators[0], { key: keyOf(1), organisation: B }] }),
      /^genesis.inconsistent: .* is declared twice/,
    ],
    [
      'in which two organisations share a key',
      fileOf({ organisations: genesis.organisations.map((o) => ({ ...o, keys: [keyOf(5)] })) }),
      /is declared twice/,
    ],
    [
      'that declares an organisation twice',
      fileOf({ organisations: [...genesis.organisations, genesis.organisations[0]] }),
      /twice/,
    ],
    ['that declares an account twice', fileOf({ accounts: [...genesis.accounts, ...genesis.accounts] }), /twice/],
    ['that declares a zone twice', fileOf({ zones: [...genesis.zones, ...genesis.zones] }), /twice/],
    [
      'whose link ends nowhere',
      fileOf({ network: { ...network, links: [{ ...link, toZone: 'PEA-X' }] } }),
      /PEA-X is named/,
    ],
    [
      'whose link leads back',
      fileOf({ network: { ...network, links: [{ ...link, toZone: 'MEA-BKK-01' }] } }),
      /nowhere/,
    ],
    ['that declares a link twice', fileOf({ network: { ...network, links: [link, link] } }), /L1 is declared twice/],
    ['that allows a pair twice', fileOf({ network: { ...network, pairs: [pair, pair] } }), /is declared twice/],
    [
      'whose route has a gap',
      fileOf({ network: { ...network, pairs: [{ ...pair, route: ['L2'] }] } }),
      /does not lead/,
    ],
    [
      'whose route turns back',
      fileOf({ network: { ...network, pairs: [{ ...pair, route: ['L1', 'L1', 'L1'] }] } }),
      /lead/,
    ],
    [
      'with a route without links',
      fileOf({ network: { ...network, pairs: [{ ...pair, route: [] }] } }),
      /^genesis.schema: network\/pairs\/0\/route/,
    ],
    [
      'whose feeder is in no zone',
      fileOf({ network: { ...network, feeders: [{ id: 'F1', zone: 'PEA-X', capacityWh: '1' }] } }),
      /PEA-X is named but not declared/,
    ],
    [
      'with a validator key of small order',
      fileOf({ validators: [{ key: 'A'.repeat(43), organisation: A }] }),
      /^genesis.inconsistent: A+ is not an acceptable Ed25519 public key/,
    ],
    [
      'with a validator key with stray bits',
      fileOf({
        validators: [{ key: `${keyOf(1).slice(0, 42)}${keyOf(1).endsWith('c') ? 'd' : '9'}`, organisation: A }],
      }),
      /is not an acceptable Ed25519 public key/,
    ],
    [
      'with an organisation key that is no point',
      fileOf({
        organisations: [genesis.organisations[0], { ...genesis.organisations[1], keys: [`Ag${'A'.repeat(41)}`] }],
      }),
      /is not an acceptable Ed25519 public key/,
    ],
  ])('%s is refused', (_what, file, message) => {
    expect(refusal(file)).toMatch(message);
  });
});
