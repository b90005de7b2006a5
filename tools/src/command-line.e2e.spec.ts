import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { voteSignBytes } from '@gridtokenx/chain';
import { BlockFollower, Keypair, recomputeAggregates } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, INTERVAL_MS, millis, parseInterval, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { readKeyFile } from '@gridtokenx/keystore';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openMarket, pause, startTestSystem, type Market, type TestSystem } from './fixture.spec.js';

// The command line as people use it: processes of its own, files, exit codes, against a real gateway. The manual's
// examples need a POSIX shell, as they say.

const BIN = fileURLToPath(new URL('../../libs/client/bin/gridtokenx.mjs', import.meta.url));
const MANUAL = fileURLToPath(new URL('../../docs/operations/command-line.md', import.meta.url));
/** The accounts and the interval that the manual's examples name; the interval is not one that this system has open. */
const ACCOUNT = '0123456789abcdef0123456789abcdef';
const OTHER_ACCOUNT = 'fedcba9876543210fedcba9876543210';
const MANUAL_INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const UNKNOWN_ORDER = '00'.repeat(31) + 'ff';

/** As fast as a suite can wait for. */
const PUBLIC_PACE = { intervalMs: 500, beatMs: 1_000, fullIntervalMs: 250, baseTimeoutMs: 1_200, timeoutCapMs: 8_000 };

/** Where the user stands: keys, genesis, files. */
let home: string;
let world: TestSystem;
let market: Market;
let manual: string;
let kid: string;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(command, args, { cwd: home, stdio: [...stdio], env: { ...process.env, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

const cli = (...args: readonly string[]): Promise<Ended> => run(process.execPath, [BIN, ...args]);

/** With --json, and what it answered: on stdout, or the error on stderr. */
async function ask(...args: readonly string[]): Promise<{ code: number | null; answer: Record<string, unknown> }> {
  const { code, out, err } = await cli(...args, '--json');
  const lines = (out === '' ? err : out).trimEnd().split('\n');
  return { code, answer: JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

const errorOf = ({ answer }: { answer: Record<string, unknown> }): unknown =>
  (answer['error'] as { code: string }).code;
const write = (name: string, content: string | Uint8Array): Promise<void> => writeFile(join(home, name), content);
const read = (name: string): Promise<string> => readFile(join(home, name), 'utf8');

let signing: readonly string[];
let gateway: readonly string[];

beforeAll(async () => {
  world = await startTestSystem('command-line', { public: { validators: 4, consensus: PUBLIC_PACE } });
  home = join(world.folder, 'home');
  await mkdir(home);
  manual = await readFile(MANUAL, 'utf8');
  await write('genesis.json', world.genesis);
  const { publicLedger } = world.system;
  if (publicLedger === undefined) throw new Error('there is a public ledger');
  await write('public-genesis.json', await readFile(publicLedger.genesisFile));
  const { seed } = await publicLedger.key('newspaper');
  await writeFile(join(home, 'person.key'), Keypair.fromSeed(seed, native).toFile(), { mode: 0o600 });
  await write('tariff-book.json', await readFile(new URL('../../data/tariff-book.json', import.meta.url)));
  await write('curl.mjs', CURL);
  gateway = ['--url', world.system.url];
  signing = ['--key', 'office.key', '--genesis', 'genesis.json'];
});

afterAll(() => world?.remove());

/** For machines without curl: the two forms of it that the manual uses. */
const CURL = `import { writeFileSync } from 'node:fs';
const [, url, , file] = process.argv.slice(2);
const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
if (file === undefined) process.stdout.write(bytes); else writeFileSync(file, bytes);
`;

/** The fenced blocks of a language, in order. */
const blocksOf = (language: string): string[] =>
  [...manual.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, text = '']) => (name === language ? [text] : []));

/** An example for this system: what the interval of the manual is there, the open one is here. */
let openInterval = MANUAL_INTERVAL;
const here = (example: string): string => example.replaceAll(MANUAL_INTERVAL, openInterval);

const variables: Record<string, string> = { ACCOUNT };

/** Runs an example of the manual as it stands there. */
async function example(command: string): Promise<Ended> {
  const functions = ['npx() { shift; "$NODE" "$BIN" "$@"; }', 'curl() { "$NODE" curl.mjs "$@"; }'];
  const env = { ...variables, URL: world.system.url, NODE: process.execPath, BIN };
  return run('sh', ['-c', [...functions, here(command)].join('\n')], env);
}

const lastId = ({ out }: Ended): string => /[0-9a-f]{64}/.exec(out)?.[0] ?? '';
const exampleOf = (text: string): string => {
  const [found, ...more] = examples().filter((command) => command.includes(text));
  if (found === undefined || more.length > 0) throw new Error(`the manual has ${more.length + 1} examples of ${text}`);
  return found;
};
const examples = (): string[] =>
  blocksOf('sh')
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line !== '' && !/^[A-Z]+=/.test(line));
const tried = new Set<string>();

async function works(text: string): Promise<Ended> {
  const command = exampleOf(text);
  tried.add(command);
  const ended = await example(command);
  expect([command, ended.code, ended.err]).toEqual([command, 0, '']);
  return ended;
}

describe('a key', () => {
  it('is made once, shown by its id, and used only while its owner alone may read it', async () => {
    const made = await works('--out office.key');
    kid = made.out.trim();
    expect(kid).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await works('key show')).out.trim()).toBe(kid);
    const again = await ask('key', 'new', '--out', 'office.key');
    expect([again.code, errorOf(again)]).toEqual([1, 'file.exists']);
    expect(JSON.parse(await read('office.key'))).toMatchObject({ version: 1, kid });
    expect((await stat(join(home, 'office.key'))).mode & 0o777).toBe(0o600);
    await chmod(join(home, 'office.key'), 0o640);
    const open = await ask('key', 'show', '--key', 'office.key');
    expect([open.code, errorOf(open)]).toEqual([1, 'key.permissions']);
    await chmod(join(home, 'office.key'), 0o600);
  });

  it('that nobody registered signs in vain', async () => {
    await cli('key', 'new', '--out', 'other.key');
    const args = ['--key', 'other.key', '--genesis', 'genesis.json', '--order', UNKNOWN_ORDER];
    const { code, answer } = await ask('order', 'cancel', ...gateway, ...args);
    expect([code, answer['error']]).toMatchObject([1, { code: 'operation.unknownKey', pointer: '/kid', status: 403 }]);
  });

  it('is registered, and acts for the accounts', async () => {
    market = await openMarket(world, { kid, buyer: ACCOUNT, seller: OTHER_ACCOUNT });
    openInterval = market.interval;
    const { answer } = await ask('balances', ...gateway, '--account', ACCOUNT);
    expect(answer['items']).toMatchObject([{ asset: 'WATT', available: market.money.toString() }]);
  });
});

describe('the examples of the manual, as they stand there', () => {
  // First, since the blocks are counted from the genesis on.
  it('anchors, and what is published', async () => {
    const anchored = await works('npx gridtokenx anchor ');
    expect(anchored.out).toContain('transparency.anchored');
    const shown = await works('npx gridtokenx verify anchor --genesis public-genesis.json --url');
    expect(shown.out).toMatch(/^under an anchor: block 2 \(/);
    await works('/v1/public/anchors/2/proof');
    expect((await works('--file under-anchor.json')).out).toBe(shown.out);
    const to = /"height":(\d+)/.exec(anchored.out)?.[1];
    const records = (height: number): Promise<Uint8Array | undefined> => world.client.blockRecord(height);
    const { aggregates } = await recomputeAggregates(records, world.anchor, 1, Number(to));
    await write('publish.json', JSON.stringify({ type: 'transparency.publishAggregates', ...aggregates }));
    const submit = [
      '--key',
      'person.key',
      '--genesis',
      'public-genesis.json',
      '--operations',
      'publish.json',
      '--wait',
    ];
    variables['PUBLICATION'] = lastId(await cli('submit', ...gateway, ...submit));
    expect((await works('public aggregates')).out).toContain(variables['PUBLICATION']);
    expect((await works('verify aggregates')).out).toContain(`right: publication ${variables['PUBLICATION']}`);
  });

  it('sign, then send', async () => {
    expect((await works('npx gridtokenx sign')).out).toBe('');
    const [jws = '', id] = (await read('envelope.jws')).trimEnd().split('\n');
    expect(jws.split('.')).toHaveLength(3);
    expect((await works('--envelope')).out).toBe(`accepted ${id}\n`);
    await write('operations.json', JSON.stringify([1, 2].map((kwh) => bid(kwh, 1))));
    expect((await works('--operations operations.json')).out.match(/: executed/g)).toHaveLength(2);
  });

  it('place, replace, cancel', async () => {
    const placed = await works('order place');
    expect(placed.out).toContain('market.orderPlaced');
    variables['ORDER'] = lastId(placed);
    variables['REPLACEMENT'] = lastId(await works('order replace'));
    expect(variables['REPLACEMENT']).not.toBe(variables['ORDER']);
    expect((await works('order cancel')).out).toContain('market.orderClosed');
  });

  it('batches', async () => {
    const [csv = ''] = blocksOf('csv');
    await write('orders.csv', here(csv));
    expect((await works('--dry-run')).out).toBe('2 lines are good, 0 are not; nothing was sent\n');
    expect((await works('--mode partial')).out).toBe('2 accepted, 0 refused, 0 not sent\n');
    const results = (await read('results.ndjson')).trimEnd().split('\n');
    expect(results.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { line: 2, status: 'accepted' },
      { line: 3, status: 'accepted' },
    ]);
    const [ndjson = ''] = blocksOf('json');
    await write('operations.ndjson', ndjson);
    expect(await cli('batch', '--file', 'operations.ndjson', '--dry-run')).toMatchObject({ code: 0 });
  });

  it('meter readings', async () => {
    const { ledger } = world.system;
    const organisation = ledger.directory.organisations['mea']?.id ?? '';
    const meters = [1, 2].map((n) => `${n}${market.seller.slice(1)}`);
    const made = await cli('key', 'new', '--out', 'meters.key');
    const owner = { kind: 'organisation' as const, organisation };
    await world.members.carryOut('mea', [
      { type: 'registry.registerKey', key: made.out.trim(), owner },
      ...meters.map((meter) => ({
        type: 'registry.registerMeter' as const,
        meter,
        account: market.seller,
        zone: market.zone,
        limitWh: '500',
        registerDigits: 6,
      })),
    ]);
    const names = meters.map((meter, i) => `TH-${i + 1},${meter},${organisation},500,6`);
    await write('meters.csv', `${['meter,ledger_id,operator,limit_wh,register_digits', ...names].join('\n')}\n`);
    const start = parseInterval(market.interval) ?? 0;
    const bangkok = (ms: number): string =>
      formatTime(millis(ms + 7 * 3_600_000))
        .replace('T', ' ')
        .replace('Z', '');
    const [from, to] = [bangkok(start), bangkok(start + INTERVAL_MS)];
    const head = 'meter,read_at,quality,consumed_register_kwh,produced_register_kwh';
    const good = [`TH-1,${from},actual,999.95,0`, `TH-1,${to},estimated,0.02,0`];
    await write('readings.csv', `\ufeff${[head, ...good, `TH-2,${to},missing,,`].join('\r\n')}\r\n`);
    const gap = `gap of meter ${meters[1]}: ${market.interval.slice(0, 20)} to ${formatTime(millis(start + INTERVAL_MS))}\n`;
    for (const [text, says] of [
      ['readings check', '1 readings good, 0 lines refused, 1 intervals missing\n'],
      ['readings upload', '1 readings recorded, 0 lines refused, 0 not known yet, 0 not sent, 1 intervals missing\n'],
    ] as const) {
      const command = exampleOf(text);
      tried.add(command);
      expect([text, await example(command)]).toEqual([text, { code: 0, out: says, err: gap }]);
    }
    const results = (): Promise<unknown[]> =>
      read('readings.results.ndjson').then((text) =>
        text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      );
    const recorded = { line: 3, status: 'recorded', meter: meters[0], interval: market.interval };
    expect(await results()).toMatchObject([{ line: 2, status: 'register' }, recorded, { line: 4, status: 'missing' }]);
    // The actual reading in its place, the estimate once more, and a meter that measured more than it can.
    const energy = (line: string): string => `${line},0`;
    const rows = [`TH-1,${to},actual,2,80`, `TH-1,${to},estimated,1,70`, `TH-2,${to},actual,1,501`].map(energy);
    await write('readings.csv', ['meter,interval_end,quality,version,consumed_wh,produced_wh', ...rows].join('\n'));
    const again = await example(exampleOf('readings upload'));
    expect([again.code, again.out]).toEqual([1, expect.stringMatching(/^2 readings recorded, 1 lines refused/)]);
    expect(again.err).toContain('readings.csv:4 column consumed_wh: readings.beyondLimit');
    expect(await results()).toMatchObject([
      { line: 2, status: 'recorded' },
      { line: 3 },
      { line: 4, status: 'refused' },
    ]);
  });

  it('follow, balances, health', async () => {
    expect((await works('npx gridtokenx follow')).out).toContain(': executed');
    const balances = JSON.parse((await works('npx gridtokenx balances')).out) as { items: unknown[] };
    expect(balances.items).toMatchObject([{ asset: 'WATT' }]);
    expect(JSON.parse((await works('npx gridtokenx health')).out)).toMatchObject({ status: 'ok' });
    const table = (await works('validators list')).out.trimEnd().split('\n');
    expect(table.map((line) => line.split(/ +/)[1])).toEqual(['status', ...Array.from({ length: 21 }, () => 'active')]);
  });

  it('proofs, certificates and blocks', async () => {
    await works('proof get');
    const proven = await works('verify proof --genesis genesis.json --file');
    expect(proven.out).toContain(`operation ${variables['ORDER']} was executed`);
    variables['HASH'] = /\(([0-9a-f]{64})\)/.exec(proven.out)?.[1] ?? '';
    expect((await works('--header-hash')).out).toBe(proven.out);
    // Of the first epoch, the genesis file alone shows it; a light client comes to the same by what it fetches.
    expect((await works('verify proof --genesis genesis.json --trust')).out).toBe(proven.out);
    variables['ANOTHER_URL'] = world.system.url;
    expect((await works('trust update')).out).toMatch(/^trusted: block \d+ .*; 21 validators decide the next\n$/);
    const block = await world.client.block(1);
    await write('header.b64', String(block['header']));
    await write('certificate.b64', String(block['certificate']));
    expect((await works('verify certificate')).out).toMatch(/^final: block 1 .* by (1[4-9]|2[01]) of 21 validators\n$/);
    await works('/v1/blocks/1/record');
    await works('/v1/blocks/2/record');
    expect((await works('verify block')).out).toMatch(/^valid: block 1 .*\nvalid: block 2 .*\n$/);
  });

  it('clearings', async () => {
    const { zone } = market;
    const halted = { mechanism: 'continuous', fromZone: zone, toZone: zone } as const;
    await world.members.carryOut('regulator', [
      { type: 'market.halt', ...halted, cancelOrders: false, reference: 'manual' },
    ]);
    for (const [account, side] of [
      [OTHER_ACCOUNT, 'ask'],
      [ACCOUNT, 'bid'],
    ] as const)
      expect((await cli(...place(account, side, '6.00', '1'))).out).toContain('market.orderPlaced');
    await world.members.carryOut('regulator', [{ type: 'market.resume', ...halted }]);
    // The book reopens in the next block, which may be yet to come.
    const record = async (height: number): Promise<Uint8Array> => {
      for (let found; ; await pause(200))
        if ((found = await world.client.blockRecord(height)) !== undefined) return found;
    };
    for await (const { height, outcome } of new BlockFollower(world.anchor).results(record)) {
      if (outcome.status !== 'executed' || !outcome.events.some(({ type }) => type === 'market.cleared')) continue;
      variables['HEIGHT'] = String(height);
      break;
    }
    expect((await works('verify clearing')).out).toMatch(
      /^right: continuous spot .*\n {2}1\.000 kWh at 6\.00 THB\/kWh, between 6\.00 and 6\.00\n {2}\d bids, 1 asks, 1 trades/,
    );
  });

  it('markets, contracts and positions', async () => {
    const rows = async (text: string): Promise<string[]> => (await works(text)).out.trimEnd().split('\n');
    expect(await rows('market books')).toContainEqual(expect.stringContaining(market.zone));
    expect((await rows('market trades')).length).toBeGreaterThan(1);
    await works('market contracts');
    await works('market positions');
    expect((await rows('market rules'))[1]).toMatch(/^1 /);
    expect((await rows('market decisions')).join()).toContain('market.halted');
    expect((await rows('network links')).length).toBeGreaterThan(1);
    await works('network restrictions');
    const interval = openInterval;
    const zones = ['--from-zone', market.zone, '--to-zone', market.zone, '--interval', interval];
    expect((await ask('market', 'book', ...gateway, ...zones)).answer).toMatchObject({ interval, phase: 'spot' });
    const { items } = (await ask('market', 'clearings', ...gateway, '--interval', interval)).answer;
    const cleared = { fact: expect.objectContaining({ type: 'market.cleared', interval }) };
    expect(items).toEqual(expect.arrayContaining([expect.objectContaining(cleared)]));
  });

  it('settlement', async () => {
    expect((await works('settlement statement')).out).toMatch(/^june\.csv: version 1, \d+ rows, as of block \d+\n$/);
    await works('gridtokenx statement');
    expect(await read('shown.csv')).toBe(await read('june.csv'));
    expect((await works('settlement evidence')).out).toMatch(/^evidence\.json: \d+ entries, as of block \d+\n$/);
    expect((await works('settlement correct')).out).toMatch(
      /^correction\.json: with \d+ histories, as of block \d+\n$/,
    );
    expect(JSON.parse(await read('correction.json'))).toMatchObject({ type: 'settlement.correct', retariff: true });
  });

  it('validators', async () => {
    const made = await cli('key', 'new', '--out', 'validator.key');
    const organisation = world.system.ledger.directory.organisations['back-office']?.id ?? '';
    variables['ORGANISATION'] = organisation;
    variables['VALIDATOR'] = made.out.trim();
    await world.members.carryOut('back-office', [
      { type: 'registry.registerKey', key: made.out.trim(), owner: { kind: 'organisation', organisation } },
    ]);
    const [shown, proof = ''] = (await works('validators prove')).out.trimEnd().split('\n');
    expect(shown).toBe(variables['VALIDATOR']);
    variables['PROOF'] = proof;
    const proposed = await works('validators propose');
    expect(proposed.out).toContain('"votes":1,"needed":14');
    variables['OWN_CHANGE'] = lastId(proposed);
    const suspect = await readKeyFile(native, join(world.system.ledger.validatorKeys, 'technology-2.key.json'));
    const until = formatTime(millis(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000));
    const [change] = await world.members.carryOut('mea', [
      { type: 'validators.proposeChange', change: { kind: 'suspend', validator: suspect.kid }, until },
    ]);
    variables['CHANGE'] = change?.id ?? '';
    expect((await works('validators approve')).out).toContain('"votes":2,"needed":14');
    expect((await works('validators withdraw')).out).toContain('validators.changeWithdrawn');

    const { ledgerId } = world.system.ledger.identity;
    const [first, second] = ['one', 'another'].map((content) => {
      const context = { ledgerId, epoch: 0, height: 1, round: 0 };
      const vote = voteSignBytes(context, { type: 'prepare', blockHash: native.sha256(utf8(content)) });
      return { vote: toHex(vote), signature: toBase64Url(native.sign(vote, suspect.seed)) };
    });
    await write('evidence.json', JSON.stringify({ validator: suspect.kid, first, second }));
    expect((await works('validators report')).out).toContain('validators.suspended');
  });

  it('the public ledger: GRID and stake', async () => {
    const ledger = world.system.publicLedger;
    if (ledger === undefined) throw new Error('there is a public ledger');
    variables['PAYEE'] = (await cli('key', 'new', '--out', 'payee.key')).out.trim();
    variables['CANDIDATE'] = (await ledger.key('validator-002')).kid;
    const owner = (await cli('key', 'new', '--out', 'account.key')).out.trim();
    const { seed, kid: foundation } = await ledger.key('foundation');
    await write('foundation.key', Keypair.fromSeed(seed, native).toFile());
    await chmod(join(home, 'foundation.key'), 0o600);
    const funding = ['--key', 'foundation.key', '--genesis', 'public-genesis.json', `--to=${owner}`];
    const funded = await cli('transfer', ...gateway, ...funding, '--grid', '50000', '--wait');
    expect([funded.code, funded.out, funded.err]).toEqual([0, expect.stringContaining('grid.accountOpened'), '']);

    expect((await works('gridtokenx transfer')).out).toContain('grid.transferred');
    const account = JSON.parse((await works('public account')).out) as Record<string, unknown>;
    expect(account).toMatchObject({ account: variables['PAYEE'], available: '12500000', spendable: '12500000' });
    expect((await works('public transfers')).out).toContain('12.5');
    const supply = JSON.parse((await works('public supply')).out) as Record<string, unknown>;
    expect(BigInt(String(supply['total']))).toBeGreaterThanOrEqual(BigInt(String(supply['genesis'])));

    expect((await works('public validators')).out.trimEnd().split('\n')).toHaveLength(5);
    expect((await works('gridtokenx bond')).out).toContain('staking.bonded');
    expect((await works('gridtokenx nominate')).out).toContain('staking.nominated');
    expect((await works('gridtokenx unbond')).out).toContain('"active":"11500000000"');
    expect((await works('gridtokenx rebond')).out).toContain('"active":"11600000000"');
    const nominators = (await works('public nominators')).out;
    expect([nominators.includes(owner), nominators.includes(foundation)]).toEqual([true, true]);
    await works('public eras');
    await works('public rewards');
    expect((await works('gridtokenx chill')).out).toContain('staking.chilled');
    await works('--out node.key');
    expect((await works('gridtokenx validate')).out).toContain('staking.stood');
    await works('--out new-node.key');
    expect((await works('gridtokenx rotate-key')).out).toContain('staking.keyRotated');
    // Beyond what is there: the code of the ledger, and nothing is done.
    const own = ['--key', 'account.key', '--genesis', 'public-genesis.json'];
    const tooMuch = await ask('unbond', ...gateway, ...own, '--grid', '20000', '--wait');
    expect([tooMuch.code, tooMuch.answer['operations']]).toMatchObject([1, [{ code: 'staking.insufficientBond' }]]);
  });

  it('the public ledger: referenda', async () => {
    await write('call.json', blocksOf('json').find((block) => block.includes('parameters.set')) ?? '');
    const proposed = await works('gridtokenx propose');
    variables['PROPOSAL'] = /"referendum":(\d+)/.exec(proposed.out)?.[1] ?? '';
    expect((await works('gridtokenx deposit')).out).toContain('governance.decisionDepositPlaced');
    const referendum = async (): Promise<Record<string, unknown>> =>
      JSON.parse((await works('public proposal ')).out) as Record<string, unknown>;
    for (const end = Date.now() + 60_000; (await referendum())['placed'] !== true; await pause(500))
      if (Date.now() > end) throw new Error('the referendum gets no place');
    expect((await works('gridtokenx vote')).out).toContain('governance.voted');
    expect((await works('gridtokenx delegate')).out).toContain('governance.delegated');
    expect((await works('gridtokenx undelegate')).out).toContain('governance.undelegated');
    expect((await works('public proposals')).out).toContain('marketPolicy');
    expect((await works('public votes')).out).toContain('5000');
    expect(await referendum()).toMatchObject({ track: 'marketPolicy', tally: { ayes: '10000000000' } });
    const treasury = JSON.parse((await works('public treasury')).out) as Record<string, unknown>;
    expect(BigInt((treasury['collected'] as Record<string, string>)['fees'] ?? '0')).toBeGreaterThan(0n);
    await works('public anchors');
    await works('public reports');
  });

  it('a genesis', async () => {
    const terms = blocksOf('json').find((block) => block.includes('"consensus"')) ?? '';
    await write('terms.json', terms);
    variables['OFFICE_KEY'] = kid;
    expect((await works('genesis member')).out).toBe('regulator.json\n');
    const made = await works('genesis new --terms');
    expect(made.out).toContain('1 organisations, 1 validators: 1 decide, 0 may fail');
    expect((await works('genesis check')).out).toBe(made.out);
  });

  it('tariffs and bills', async () => {
    const shown = (await works('tariff show --genesis')).out;
    expect(shown).toMatch(/^version 1  [0-9a-f]{64}\n/);
    await works('/v1/tariffs/1');
    expect((await works('tariff show --book')).out).toBe(shown);
    expect((await works('tariff at')).out).toContain('wheeling 0.00 THB/kWh');
    await write('bill.ndjson', blocksOf('ndjson').find((block) => block.includes('retail')) ?? '');
    expect((await works('tariff bill')).out).toContain('1 lines, 0 figures that differ');
  });

  it('the node commands, which come with the node', async () => {
    expect((await works('node --help')).out).toContain('gridtokenx node replay');
  });

  it('and there are no others', () => {
    expect(examples().filter((command) => !tried.has(command))).toEqual([]);
  });
});

const bid = (kwh: number, priceTicks: number): object => ({
  type: 'market.placeOrder',
  account: ACCOUNT,
  side: 'bid',
  fromZone: market.zone,
  toZone: market.zone,
  interval: market.interval,
  priceTicks,
  quantityWh: String(kwh * 1_000),
  timeInForce: 'GTC',
});

const place = (account: string, side: string, price: string, kwh: string): string[] => [
  ...['order', 'place', ...gateway, ...signing, '--account', account, '--side', side, '--zone', market.zone],
  ...['--interval', market.interval, '--price', price, '--kwh', kwh, '--wait'],
];

describe('what the ledger refuses', () => {
  it('is an exit code of 1, with the code and what became of it', async () => {
    const poor = await ask(...place(ACCOUNT, 'bid', '10.00', '5000'));
    expect([poor.code, poor.answer['operations']]).toMatchObject([
      1,
      [{ status: 'rejected', code: 'accounts.insufficientBalance' }],
    ]);
    const [{ id } = { id: '' }] = poor.answer['operations'] as { id: string }[];
    const followed = await cli('follow', ...gateway, '--id', id);
    expect([followed.code, followed.out]).toEqual([
      1,
      expect.stringContaining(`${id}: rejected (accounts.insufficientBalance)`),
    ]);
    // A refusal is in a block too, and can be proven.
    expect(await cli('proof', 'get', ...gateway, '--id', id, '--out', 'refusal.json')).toMatchObject({ code: 0 });
    const proven = await cli('verify', 'proof', '--genesis', 'genesis.json', '--file', 'refusal.json');
    expect([proven.code, proven.out]).toEqual([0, expect.stringContaining('rejected (accounts.insufficientBalance)')]);
  });

  it('is said of an envelope that was signed for another ledger, or changed', async () => {
    const foreign = ['--key', 'office.key', '--ledger', 'gtx-consortium-0000000000000000', '--sequence', '9000'];
    const operation = ['--operation', JSON.stringify(bid(1, 1))];
    const signed = await ask('sign', ...foreign, ...operation);
    expect(signed.code).toBe(0);
    const jws = String(signed.answer['jws']);
    await write('foreign.jws', jws);
    const refused = await ask('submit', ...gateway, '--envelope', 'foreign.jws');
    expect([refused.code, refused.answer['error']]).toMatchObject([
      1,
      { code: 'envelope.wrongLedger', pointer: '/ledger', status: 422 },
    ]);
    const own = await ask('sign', ...signing, '--sequence', '9001', ...operation);
    await write('changed.jws', String(own.answer['jws']).replace(/.{8}$/, 'AAAAAAAA'));
    const changed = await ask('submit', ...gateway, '--envelope', 'changed.jws');
    expect([changed.code, errorOf(changed)]).toEqual([1, 'envelope.badSignature']);
  });

  it('a trade is made of two commands', async () => {
    const ask = await cli(...place(OTHER_ACCOUNT, 'ask', '5.00', '10'));
    expect([ask.code, ask.err]).toEqual([0, '']);
    const bought = await cli(...place(ACCOUNT, 'bid', '5.00', '10'));
    expect([bought.code, bought.out]).toEqual([0, expect.stringContaining('market.traded')]);
    variables['TRADE'] = lastId(bought);
  });
});

describe('batches with bad lines', () => {
  const HEADER = 'account,side,zone,interval,price,kwh\n';
  const csv = (): string =>
    HEADER +
    [
      `${ACCOUNT},bid,${market.zone},${market.interval},1.00,1`,
      `${ACCOUNT},bid,${market.zone},${market.interval},"1,00",1`,
      `${ACCOUNT},bid,${market.zone},${market.interval.replace('2026', '2569')},1.00,1`,
      '',
      `${ACCOUNT},up,${market.zone},${market.interval},1.00,1`,
      `${ACCOUNT},bid,${market.zone},${market.interval},1.001,1`,
      `${ACCOUNT},bid,${market.zone},1.00,1`,
      `${ACCOUNT},bid,${market.zone},${market.interval},1.00,2`,
    ].join('\r\n');
  const BAD = [3, 4, 6, 7, 8];

  it('partial: the good lines of a CSV file go', async () => {
    await write('bad.csv', `\ufeff${csv()}`);
    const args = ['batch', ...gateway, ...signing, '--file', 'bad.csv'];
    const { code, out, err } = await cli(...args, '--mode', 'partial', '--results', 'bad.ndjson');
    expect([code, out]).toEqual([1, '2 accepted, 5 refused, 0 not sent\n']);
    expect(err.trimEnd().split('\n')).toEqual(
      BAD.map((line) => expect.stringMatching(new RegExp(`^bad\\.csv:${line}( column [a-z]+)?: [a-z]+\\.[a-zA-Z]+: `))),
    );
    const results = (await read('bad.ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; status: string; operationId?: string });
    expect(results.flatMap(({ line, status }) => (status === 'refused' ? [line] : []))).toEqual(BAD);
    const accepted = results.filter(({ status }) => status === 'accepted');
    expect(accepted.map(({ line }) => line)).toEqual([2, 9]);
    for (const { operationId = '' } of accepted)
      expect(await world.client.follow(operationId)).toMatchObject({ status: 'executed' });
  });

  it('all-or-nothing: nothing of an NDJSON file is sent', async () => {
    const lines = [JSON.stringify(bid(1, 1)), '{"type": "market.cancelOrder"}', '{', JSON.stringify(bid(1, 1.5))];
    await write('bad-operations.ndjson', lines.join('\n'));
    const { code, answer } = await ask('batch', ...gateway, ...signing, '--file', 'bad-operations.ndjson');
    expect(code).toBe(1);
    expect(answer).toMatchObject({
      accepted: 0,
      refused: 3,
      notSent: 1,
      lines: [
        { line: 1, status: 'notSent' },
        { line: 2, status: 'refused', code: 'envelope.schema', pointer: '/order' },
        { line: 3, status: 'refused', code: 'json.malformed' },
        { line: 4, status: 'refused', code: 'json.notAnInteger', pointer: '/priceTicks' },
      ],
    });
  });

  it('what the gateway refuses is said of each line of the envelope', async () => {
    await write('good.ndjson', `${JSON.stringify(bid(1, 1))}\n${JSON.stringify(bid(2, 1))}\n`);
    const other = ['--key', 'other.key', '--genesis', 'genesis.json'];
    const { code, answer } = await ask('batch', ...gateway, ...other, '--file', 'good.ndjson');
    expect([code, answer['lines']]).toMatchObject([
      1,
      [1, 2].map((line) => ({ line, status: 'refused', code: 'operation.unknownKey' })),
    ]);
  });
});

describe('what is checked offline', () => {
  const verify = (...args: readonly string[]): Promise<Ended> =>
    cli('verify', 'proof', '--genesis', 'genesis.json', ...args);

  beforeAll(async () => {
    await cli('proof', 'get', ...gateway, '--id', variables['TRADE'] ?? '', '--out', 'trade.json');
  });

  it('a proof, also as the gateway serves it', async () => {
    const { height = 0 } = await world.client.operation(variables['TRADE'] ?? '');
    await write('served.json', await world.client.proofText(height, variables['TRADE'] ?? ''));
    for (const file of ['trade.json', 'served.json']) {
      const { code, out, err } = await verify('--file', file);
      expect([file, code, err]).toEqual([file, 0, '']);
      expect(out).toContain('market.traded');
    }
  });

  it('a changed proof is refused, with its checksum made right or not', async () => {
    const text = await read('trade.json');
    const proof = JSON.parse(text) as { outcome: string; certificate: string; path: string[]; checksum: string };
    const outcome = Buffer.from(proof.outcome, 'base64url').toString().replace('"priceTicks":500', '"priceTicks":350');
    const { checksum: _, ...bare } = proof;
    const changes: [string, string][] = [
      [text.replace(/("height":\d+)/, '$10'), ''],
      [JSON.stringify({ ...proof, outcome: Buffer.from(outcome).toString('base64url') }), 'proof.checksum'],
      [JSON.stringify({ ...bare, outcome: Buffer.from(outcome).toString('base64url') }), ''],
      [JSON.stringify({ ...bare, path: bare.path.toReversed().concat('00'.repeat(32)) }), ''],
      [JSON.stringify({ ...bare, note: 'x' }), 'proof.unknownField'],
      [text.slice(0, -10), 'proof.json'],
      ['', 'proof.json'],
    ];
    for (const [at, [content, wanted]] of changes.entries()) {
      await write('changed.json', content);
      const { code, out, err } = await verify('--file', 'changed.json');
      expect([at, code, out]).toEqual([at, 1, '']);
      expect(err).toMatch(wanted === '' ? /^[a-z]+\.[a-zA-Z]+/ : new RegExp(`^${wanted}`));
    }
  });

  it('an anchor that is another ledger’s proves nothing of this one', async () => {
    const genesis = JSON.parse(await read('genesis.json')) as { market: { rate: number } };
    await write('other-genesis.json', JSON.stringify({ ...genesis, market: { ...genesis.market, rate: 2 } }));
    const other = await cli('verify', 'proof', '--genesis', 'other-genesis.json', '--file', 'trade.json');
    expect([other.code, other.out]).toEqual([1, '']);
    const hash = ['--header-hash', '00'.repeat(32), '--offered-genesis', 'genesis.json'];
    const nowhere = await cli('verify', 'proof', ...hash, '--file', 'trade.json');
    expect([nowhere.code, nowhere.out]).toEqual([1, '']);
  });

  it('a changed record, a changed certificate and a gap are refused', async () => {
    for (const height of [1, 2, 3]) {
      const record = (await world.client.blockRecord(height)) ?? new Uint8Array(0);
      await write(`${height}.bin`, record);
      await write(
        `${height}-changed.bin`,
        Uint8Array.from(record, (byte, i) => (i === 400 ? byte ^ 1 : byte)),
      );
    }
    const block = (...records: readonly string[]): Promise<Ended> =>
      cli('verify', 'block', '--genesis', 'genesis.json', ...records.flatMap((name) => ['--record', name]));
    expect(await block('1.bin', '2.bin', '3.bin')).toMatchObject({ code: 0, err: '' });
    expect(await block('1.bin', '2-changed.bin')).toMatchObject({ code: 1, out: '' });
    expect(await block('1.bin', '3.bin')).toMatchObject({ code: 1, out: '' });
    const { header, certificate } = (await world.client.block(2)) as unknown as Record<string, string>;
    const args = ['--genesis', 'genesis.json', '--header', header ?? ''];
    const good = await cli('verify', 'certificate', ...args, '--certificate', certificate ?? '');
    expect(good).toMatchObject({ code: 0, err: '' });
    const changed = Buffer.from(certificate ?? '', 'base64url');
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const bad = await cli('verify', 'certificate', ...args, '--certificate', changed.toString('base64url'));
    expect(bad).toMatchObject({ code: 1, out: '' });
  });
});

describe('exit codes', () => {
  it.each([
    [[], 2],
    [['--help'], 0],
    [['order', 'place', '--help'], 0],
    [['nothing'], 2],
    [['order'], 2],
    [['follow', '--id', 'x', '--url', 'http://127.0.0.1:1'], 2],
    [['balances', '--url', 'no url', '--account', ACCOUNT], 2],
    [['key', 'show', '--key', 'nowhere.key'], 2],
    [['key', 'show', '--key', 'genesis.json'], 1],
    [['verify', 'proof', '--file', 'trade.json'], 2],
    [['batch', '--file', 'orders.txt', '--dry-run'], 2],
    [['health', '--url', 'http://127.0.0.1:1', '--surprise'], 2],
  ])('%j: %d', async (args, code) => {
    const ended = await cli(...args);
    expect(ended.code).toBe(code);
    expect(ended.code === 0 ? ended.err : ended.out).toBe('');
    expect(ended.code === 0 ? ended.out : ended.err).not.toContain('    at ');
  });

  it('an order that is no order is wrong use; an operation that nobody knows takes its time', async () => {
    const [price, unknown, missing] = await Promise.all([
      ask(...place(ACCOUNT, 'bid', '4,50', '1')),
      ask('follow', ...gateway, '--id', UNKNOWN_ORDER, '--timeout', '500ms'),
      ask('proof', 'get', ...gateway, '--id', UNKNOWN_ORDER, '--out', 'none.json'),
    ]);
    expect([price.code, unknown.code, missing.code]).toEqual([2, 1, 1]);
    expect([unknown, missing].map(errorOf)).toEqual(['client.timeout', 'operation.unknown']);
    expect(errorOf(price)).toMatch(/^[a-z]+\.[a-zA-Z]+$/);
  });

  it('a gateway that is not there is unreachable', async () => {
    const { code, answer } = await ask('health', '--url', 'http://127.0.0.1:1');
    expect([code, (answer['error'] as { code: string }).code]).toEqual([1, 'client.unreachable']);
  });
});
