import { possessionSignBytes } from '@gridtokenx/chain';
import { noble, type Signature } from '@gridtokenx/crypto';
import { fromBase64Url, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, type Operation } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { ACCOUNT, genesisFile, seedOf, TestLedger, memoryFiles } from '../fixture.spec.js';
import { Keypair } from '../keypair.js';
import type { Io } from './io.js';
import { main } from './main.js';

const ledger = new TestLedger(4);
const KEY = Keypair.fromSeed(seedOf(5));
const [VALIDATOR, NEW_KEY] = [Keypair.fromSeed(seedOf(6)), Keypair.fromSeed(seedOf(7))];
const ORGANISATION = 'ab'.repeat(16);
const NOW = 1_781_481_600_000;

/** A terminal, files in memory, and what was signed. */
function desk() {
  const files = new Map<string, Uint8Array>([
    ['genesis.json', ledger.file],
    ['office.key', utf8(KEY.toFile())],
    ['validator.key', utf8(VALIDATOR.toFile())],
  ]);
  const said = { out: '', error: '' };
  const io: Io = {
    platform: {
      fetch: () => Promise.reject(new Error('nobody is asked')),
      randomBytes: () => seedOf(77),
      now: () => NOW,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(files),
  };
  const run = async (...argv: readonly string[]): Promise<number> => {
    said.out = '';
    said.error = '';
    return main(argv, io);
  };
  return { files, said, io, run };
}

/** The operation that a command signs and sends. */
async function sent(...argv: readonly string[]): Promise<Operation | string> {
  const made = desk();
  let operation: Operation | undefined;
  const io: Io = {
    ...made.io,
    platform: {
      ...made.io.platform,
      fetch: async (url, { body = '' }) => {
        if (!url.endsWith('/v1/operations'))
          return answer(200, { height: 1, highestSequence: 4, status: 'ok', ledgerId: ledger.ledgerId });
        const envelope = decodeEnvelope(noble, ledger.ledgerId, utf8(body));
        operation = envelope.operations[0];
        const [id = new Uint8Array(0)] = envelope.operationIds;
        return answer(202, { operations: [{ id: Buffer.from(id).toString('hex'), href: 'x' }] });
      },
    },
  };
  const common = ['--url', 'http://gateway', '--key', 'office.key', '--genesis', 'genesis.json'];
  const code = await main([...argv, ...common], io);
  return code === 0 && operation !== undefined ? operation : made.said.error;
}

const answer = (status: number, body: unknown) => ({
  status,
  headers: { get: () => null },
  arrayBuffer: async () => new Uint8Array(utf8(JSON.stringify(body))).buffer,
});

describe('validators', () => {
  it('prove shows that the key is held, for one organisation of one ledger', async () => {
    const { run, said } = desk();
    const argv = ['validators', 'prove', '--key', 'validator.key', '--genesis', 'genesis.json'];
    expect(await run(...argv, '--organisation', ORGANISATION, '--json')).toBe(0);
    const { validator, proof } = JSON.parse(said.out) as { validator: string; proof: string };
    expect(validator).toBe(VALIDATOR.kid);
    const shows = (organisation: string): boolean =>
      noble.verify(
        fromBase64Url(proof) as Signature,
        possessionSignBytes(ledger.ledgerId, organisation, VALIDATOR.publicKey),
        VALIDATOR.publicKey,
      );
    expect([shows(ORGANISATION), shows('cd'.repeat(16))]).toEqual([true, false]);
    expect(await run(...argv, '--organisation', 'ours')).toBe(2);
  });

  it('propose, approve and withdraw sign what they say', async () => {
    const propose = ['validators', 'propose', `--validator=${VALIDATOR.kid}`];
    const proof = 'A'.repeat(86);
    expect(await sent(...propose, '--kind', 'admit', `--proof=${proof}`)).toEqual({
      type: 'validators.proposeChange',
      change: { kind: 'admit', validator: VALIDATOR.kid, proof },
      until: '2026-06-22T00:00:00Z',
    });
    const rotation = ['--kind', 'rotate-key', `--new-key=${NEW_KEY.kid}`, `--proof=${proof}`];
    expect(await sent(...propose, ...rotation, '--open-for', '2h')).toEqual({
      type: 'validators.proposeChange',
      change: { kind: 'rotateKey', validator: VALIDATOR.kid, key: NEW_KEY.kid, proof },
      until: '2026-06-15T02:00:00Z',
    });
    const change = '0f'.repeat(32);
    expect(await sent('validators', 'approve', '--change', change)).toEqual({
      type: 'validators.approveChange',
      change,
    });
    expect(await sent('validators', 'withdraw', '--change', change)).toEqual({
      type: 'validators.withdrawChange',
      change,
    });
  });

  it('propose refuses what the kind does not take, and misses what it needs', async () => {
    const propose = ['validators', 'propose', `--validator=${VALIDATOR.kid}`];
    for (const more of [
      ['--kind', 'rotateKey'],
      ['--kind', 'admit'],
      ['--kind', 'rotate-key', `--new-key=${NEW_KEY.kid}`],
      ['--kind', 'suspend', `--new-key=${NEW_KEY.kid}`],
      ['--kind', 'remove', `--proof=${'A'.repeat(86)}`],
    ])
      expect(await sent(...propose, ...more)).toMatch(/^cli\.usage: --/);
    expect(await sent(...propose, '--kind', 'admit', '--proof', 'short')).toMatch(
      /^envelope\.schema at \/change\/proof/,
    );
  });

  it('report brings evidence from a file', async () => {
    const { files, run, said } = desk();
    files.set('evidence.json', utf8('[]'));
    const argv = [
      'validators',
      'report',
      '--url',
      'http://gateway',
      '--key',
      'office.key',
      '--genesis',
      'genesis.json',
    ];
    expect(await run(...argv, '--evidence', 'evidence.json')).toBe(2);
    files.set('evidence.json', utf8('{"validator":"x"}'));
    expect(await run(...argv, '--evidence', 'evidence.json')).toBe(2);
    expect(said.error).toMatch(/^envelope\.schema at \/validator/);
  });
});

describe('a genesis', () => {
  const TERMS = JSON.parse(new TextDecoder().decode(genesisFile(1))) as Record<string, unknown>;
  const termsOf = (changes: Record<string, unknown> = {}): Uint8Array => {
    const { version, kind, time, market, consensus, limits } = TERMS;
    return utf8(JSON.stringify({ version, kind, time, market, consensus, limits, ...changes }));
  };
  async function membersOn(made: ReturnType<typeof desk>): Promise<void> {
    const grid = ['--organisation', 'aa'.repeat(16), '--sector', 'gridOperator', '--role', 'gridOperator'];
    const zone = ['--account', ACCOUNT, '--zone', `MEA-BKK-01:${ACCOUNT}`];
    const keys = [`--office-key=${KEY.kid}`, `--validator-key=${VALIDATOR.kid}`];
    expect(await made.run('genesis', 'member', ...grid, ...zone, ...keys, '--out', 'grid.json')).toBe(0);
    const other = ['--organisation', '11'.repeat(16), '--sector', 'regulator', `--validator-key=${NEW_KEY.kid}`];
    expect(await made.run('genesis', 'member', ...other, '--out', 'regulator.json')).toBe(0);
  }

  it('is the same bytes, whoever puts it together from the same files', async () => {
    const made = desk();
    await membersOn(made);
    made.files.set('terms.json', termsOf());
    const member = (name: string): string[] => ['--member', `${name}.json`];
    made.files.set('book.json', utf8(JSON.stringify(TERMS['tariffs'])));
    const argv = ['genesis', 'new', '--terms', 'terms.json', '--tariffs', 'book.json'];
    expect(await made.run(...argv, ...member('grid'), ...member('regulator'), '--out', 'one.json', '--json')).toBe(0);
    const answered = JSON.parse(made.said.out) as Record<string, unknown>;
    expect(answered).toMatchObject({ organisations: 2, validators: 2, quorum: 2, faults: 0 });
    expect(await made.run(...argv, ...member('regulator'), ...member('grid'), '--out', 'other.json')).toBe(0);
    expect(made.files.get('one.json')).toEqual(made.files.get('other.json'));
    expect(await made.run('genesis', 'check', '--genesis', 'one.json', '--json')).toBe(0);
    expect(JSON.parse(made.said.out)).toEqual(answered);
    expect(await made.run(...argv, ...member('grid'), '--out', 'one.json')).toBe(1);
    expect(made.said.error).toMatch(/^file\.exists/);
  });

  it('may begin with a network, and says by what the wires of its zones are priced', async () => {
    const made = desk();
    await membersOn(made);
    made.files.set('terms.json', termsOf());
    made.files.set('book.json', utf8(JSON.stringify(TERMS['tariffs'])));
    const south = ['--organisation', 'bb'.repeat(16), '--sector', 'gridOperator', '--account', 'cc'.repeat(16)];
    const zones = ['--zone', `PEA-CNX-03:${'cc'.repeat(16)}:PEA:medium`, '--zone', `PEA-KKC-04:${'cc'.repeat(16)}:PEA`];
    expect(await made.run('genesis', 'member', ...south, ...zones, '--out', 'south.json')).toBe(0);
    const link = { id: 'L1', fromZone: 'MEA-BKK-01', toZone: 'PEA-CNX-03', forwardWh: '9', backwardWh: '0' };
    const pair = { fromZone: 'MEA-BKK-01', toZone: 'PEA-CNX-03', route: ['L1'] };
    const network = { links: [link], pairs: [pair], feeders: [] };
    const argv = ['genesis', 'new', '--terms', 'terms.json', '--tariffs', 'book.json', '--network', 'network.json'];
    const members = ['--member', 'grid.json', '--member', 'south.json'];
    made.files.set('network.json', utf8(JSON.stringify({ ...network, pairs: [{ ...pair, route: ['L9'] }] })));
    expect(await made.run(...argv, ...members, '--out', 'made.json')).not.toBe(0);
    expect(made.said.error).toMatch(/^genesis\.inconsistent: .*the route from MEA-BKK-01 to PEA-CNX-03/);
    made.files.set('network.json', utf8(JSON.stringify(network)));
    expect(await made.run(...argv, ...members, '--out', 'made.json')).toBe(0);
    const genesis = JSON.parse(new TextDecoder().decode(made.files.get('made.json'))) as Record<string, unknown>;
    expect(genesis['network']).toEqual(network);
    const of = { operator: 'bb'.repeat(16), account: 'cc'.repeat(16), territory: 'PEA' };
    expect(genesis['zones']).toEqual([
      { id: 'MEA-BKK-01', operator: 'aa'.repeat(16), account: ACCOUNT },
      { id: 'PEA-CNX-03', ...of, voltage: 'medium' },
      { id: 'PEA-KKC-04', ...of },
    ]);
  });

  it('is not written when anything in it is wrong', async () => {
    const made = desk();
    await membersOn(made);
    let book = utf8(JSON.stringify(TERMS['tariffs']));
    const refused = async (terms: Uint8Array, ...members: readonly string[]): Promise<string> => {
      made.files.set('terms.json', terms);
      made.files.set('book.json', book);
      const list = members.flatMap((name) => ['--member', `${name}.json`]);
      expect(
        await made.run(
          'genesis',
          'new',
          '--terms',
          'terms.json',
          '--tariffs',
          'book.json',
          ...list,
          '--out',
          'no.json',
        ),
      ).not.toBe(0);
      expect(made.files.has('no.json')).toBe(false);
      return made.said.error.split('\n')[0] ?? '';
    };
    expect(await refused(termsOf({ more: 1 }), 'grid')).toContain("'more'");
    expect(await refused(termsOf({ limits: undefined }), 'grid')).toContain("no 'limits'");
    book = utf8('{"version":1}');
    expect(await refused(termsOf(), 'grid')).toMatch(/^genesis\.schema.*tariffs\/entries/);
    book = utf8(JSON.stringify(TERMS['tariffs']));
    expect(await refused(termsOf(), 'grid', 'grid')).toMatch(/^genesis\.inconsistent: .* is declared twice/);
    made.files.set('regulator.json', utf8('{"organisation":{},"validators":[],"accounts":[],"zones":[]}'));
    expect(await refused(termsOf(), 'grid', 'regulator')).toMatch(/^genesis\.schema/);
    made.files.set('regulator.json', utf8('{"validators":[]}'));
    expect(await refused(termsOf(), 'grid', 'regulator')).toContain('regulator.json');
  });
});
