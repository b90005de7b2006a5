import { possessionSignBytes } from '@gridtokenx/chain';
import { noble, type Signature } from '@gridtokenx/crypto';
import { fromBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, identityOfKind, readGenesis, type Envelope, type LedgerEvent } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { seedOf, memoryFiles } from '../fixture.spec.js';
import { ERA, told } from '../told-election.spec.js';
import { Keypair } from '../keypair.js';
import type { Io } from './io.js';
import { main } from './main.js';

const [OWNER, NODE, OTHER] = [1, 2, 3].map((n) => Keypair.fromSeed(seedOf(n))) as [Keypair, Keypair, Keypair];
const GENESIS = utf8(
  JSON.stringify(
    testPublicGenesis({
      timeMs: Date.UTC(2026, 5, 14),
      accounts: [{ id: OWNER.kid, amount: gridAmount(20_000) }],
      validators: [{ key: OTHER.kid, account: OWNER.kid, bond: gridAmount(10_000), commission: 0 }],
    }),
  ),
);
const { ledgerId } = identityOfKind(readGenesis(noble, GENESIS), 'public');
const CALL = '{"type":"parameters.set","name":"policy.renewableShareTarget","value":"4500"}';

const answer = (status: number, body: unknown) => ({
  status,
  headers: { get: () => null },
  arrayBuffer: async () => new Uint8Array(utf8(JSON.stringify(body))).buffer,
});

/** A terminal before a gateway: what was said, what was asked, and what was signed. */
async function run(argv: readonly string[], answers: Readonly<Record<string, unknown>> = {}) {
  const files = new Map<string, Uint8Array>([
    ['public-genesis.json', GENESIS],
    ['account.key', utf8(OWNER.toFile())],
    ['node.key', utf8(NODE.toFile())],
    ['call.json', utf8(`${CALL}\n`)],
    ['no-call.json', utf8('{"type":"market.cancelOrder","order":"00"}')],
  ]);
  const said = { out: '', error: '' };
  const asked: string[] = [];
  let envelope: Envelope | undefined;
  const io: Io = {
    platform: {
      fetch: async (url, { body = '' }) => {
        const path = url.replace('http://gateway', '');
        asked.push(path);
        if (path !== '/v1/public/operations') return answer(200, answers[path] ?? { highestSequence: 4, ledgerId });
        envelope = decodeEnvelope(noble, ledgerId, utf8(body));
        return answer(202, { operations: envelope.operationIds.map((id) => ({ id: toHex(id), href: 'x' })) });
      },
      randomBytes: () => seedOf(77),
      now: () => 1_781_481_600_000,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(files),
  };
  const code = await main(argv, io);
  return { code, said, asked, envelope };
}

const SIGNING = ['--url', 'http://gateway', '--key', 'account.key', '--genesis', 'public-genesis.json'];
async function sent(...argv: readonly string[]): Promise<unknown> {
  const { code, said, envelope } = await run([...argv, ...SIGNING]);
  return code === 0 ? envelope?.operations : [code, said.error.split(':')[0]];
}

describe('what the owner of an account asks of the public ledger', () => {
  it.each([
    [['transfer', `--to=${OTHER.kid}`, '--grid', '12.5'], { type: 'grid.transfer', to: OTHER.kid, amount: '12500000' }],
    [
      ['transfer', `--to=${OTHER.kid}`, '--grid', '0.000001', '--close'],
      { type: 'grid.transfer', to: OTHER.kid, amount: '1', close: true },
    ],
    [['bond', '--grid', '1000'], { type: 'staking.bond', amount: '1000000000' }],
    [['unbond', '--grid', '1'], { type: 'staking.unbond', amount: '1000000' }],
    [['rebond', '--grid', '1'], { type: 'staking.rebond', amount: '1000000' }],
    [['withdraw'], { type: 'staking.withdraw' }],
    [
      ['nominate', `--target=${OTHER.kid}`, `--target=${NODE.kid}`],
      { type: 'staking.nominate', targets: [OTHER.kid, NODE.kid] },
    ],
    [['chill'], { type: 'staking.chill' }],
    [['payee'], { type: 'staking.setPayee', payee: { kind: 'stake' } }],
    [['payee', `--account=${OTHER.kid}`], { type: 'staking.setPayee', payee: { kind: 'account', account: OTHER.kid } }],
    [['claim', '--era', '7', `--validator=${OTHER.kid}`], { type: 'staking.claim', era: 7, validator: OTHER.kid }],
    [['deposit', '--proposal', '3'], { type: 'governance.placeDeposit', referendum: 3 }],
    [
      ['vote', '--proposal', '3', '--aye', '--grid', '5', '--conviction', '6'],
      {
        type: 'governance.vote',
        referendum: 3,
        vote: { kind: 'standard', aye: true, conviction: 6, capital: '5000000' },
      },
    ],
    [
      ['vote', '--proposal', '3', '--nay', '--grid', '5'],
      {
        type: 'governance.vote',
        referendum: 3,
        vote: { kind: 'standard', aye: false, conviction: 1, capital: '5000000' },
      },
    ],
    [['vote', '--proposal', '3', '--remove'], { type: 'governance.removeVote', referendum: 3 }],
    [
      ['delegate', '--track', 'treasury', `--to=${OTHER.kid}`, '--grid', '9', '--conviction', '0'],
      { type: 'governance.delegate', track: 'treasury', to: OTHER.kid, conviction: 0, amount: '9000000' },
    ],
    [['undelegate', '--track', 'root'], { type: 'governance.undelegate', track: 'root' }],
  ])('%j', async (argv, operation) => {
    expect(await sent(...argv)).toEqual([operation]);
  });

  it('stands for election with a key that somebody holds, for this account of this ledger', async () => {
    for (const [argv, wanted] of [
      [['validate', '--commission', '2.5'], { type: 'staking.validate', commission: 25_000_000 }],
      [['rotate-key'], { type: 'staking.rotateKey' }],
    ] as const) {
      const { envelope } = await run([...argv, '--validator-key', 'node.key', ...SIGNING]);
      const [operation] = envelope?.operations ?? [];
      const { key = '', proof = '' } = operation as { key?: string; proof?: string };
      expect(key).toBe(NODE.kid);
      const message = possessionSignBytes(ledgerId, OWNER.kid, NODE.publicKey);
      expect(noble.verify(fromBase64Url(proof) as Signature, message, NODE.publicKey)).toBe(true);
      expect(operation).toMatchObject(wanted);
    }
  });

  it('proposes what is to be done by its text and its hash, both or neither', async () => {
    const callHash = toHex(noble.sha256(utf8(CALL)));
    const propose = ['propose', '--track', 'marketPolicy', '--call', 'call.json'];
    const { envelope } = await run([...propose, ...SIGNING]);
    expect(envelope?.atomic).toBe(true);
    expect(envelope?.operations).toEqual([
      { type: 'governance.notePreimage', callHash, call: CALL },
      { type: 'governance.propose', track: 'marketPolicy', callHash },
    ]);
    expect(await sent(...propose, '--noted', '--at', '2026-07-01T00:00:00Z')).toEqual([
      { type: 'governance.propose', track: 'marketPolicy', callHash, wantedAt: '2026-07-01T00:00:00Z' },
    ]);
    // No operation of the public ledger.
    const [code] = (await sent('propose', '--track', 'root', '--call', 'no-call.json')) as [number];
    expect(code).not.toBe(0);
  });

  it.each([
    [['bond', '--grid', '1,5'], 'notation.decimalComma'],
    [['bond', '--grid', '0'], 'notation.amount'],
    [['bond', '--grid', '0.0000001'], 'notation.number'],
    [['bond'], 'cli.usage'],
    [['validate', '--commission', '101', '--validator-key', 'node.key'], 'notation.share'],
    [['vote', '--proposal', '1', '--aye', '--nay', '--grid', '1'], 'cli.usage'],
    [['vote', '--proposal', 'x', '--aye', '--grid', '1'], 'cli.usage'],
    [['vote', '--proposal', '1', '--aye', '--grid', '1', '--conviction', '7'], 'envelope.schema at /vote/conviction'],
    [['delegate', '--track', 'none', `--to=${OTHER.kid}`, '--grid', '1'], 'envelope.schema at /track'],
    [['transfer', '--to=me', '--grid', '1'], 'envelope.schema at /to'],
  ])('%j is wrong use: %s', async (argv, code) => {
    expect(await sent(...argv)).toEqual([2, code]);
  });
});

describe('what is read of the public ledger', () => {
  const URL = ['--url', 'http://gateway'];
  const page = (...items: readonly object[]): object => ({ height: 1, time: '2026-06-14T00:00:00Z', items });

  it('asks under the path of the public ledger, without a genesis', async () => {
    for (const [argv, path] of [
      [['account', '--account=abc'], '/v1/public/accounts/abc'],
      [['supply'], '/v1/public/supply'],
      [['treasury'], '/v1/public/treasury'],
      [['proposal', '--proposal', '4'], '/v1/public/proposals/4'],
    ] as const) {
      const { code, asked, said } = await run(['public', ...argv, ...URL], { [path]: { height: 1, total: '5' } });
      expect([code, asked]).toEqual([0, [path]]);
      expect(JSON.parse(said.out)).toEqual({ height: 1, total: '5' });
    }
  });

  it('shows lists as tables, in GRID, and whole with --json', async () => {
    const row = {
      id: OTHER.kid,
      stands: true,
      commission: 5,
      active: '10000000000',
      elected: { era: 3, stake: '12500000' },
    };
    const path = '/v1/public/candidates';
    const { said, asked } = await run(['public', 'validators', ...URL], { [path]: page(row) });
    expect(asked.every((url) => url.startsWith(path))).toBe(true);
    const [titles, cells] = said.out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(titles).toContain('GRID active');
    expect(cells).toEqual([OTHER.kid, 'true', '10000', '5', '3', '12.5']);
    const json = await run(['public', 'validators', ...URL, '--json'], { [path]: page(row) });
    expect(JSON.parse(json.said.out)).toEqual({ items: [row] });
  });

  it('says why an account earned what, and filters where a list knows how to', async () => {
    const fact = { type: 'reward', era: 2, validator: OTHER.kid, stake: '4000000', reward: '250' };
    const rewards = await run(['public', 'rewards', `--account=${OWNER.kid}`, ...URL], {
      [`/v1/public/accounts/${OWNER.kid}/rewards`]: page({ height: 9, fact }),
    });
    expect(rewards.said.out).toContain(`2    ${OTHER.kid}  4              0.00025      -`);
    const { asked } = await run(['public', 'proposals', '--status', 'deciding', '--limit', '1', ...URL], {
      '/v1/public/proposals?status=deciding': { ...page({ id: '1' }, { id: '2' }), next: 'more' },
    });
    expect(asked).toEqual(['/v1/public/proposals?status=deciding']);
    expect((await run(['public', 'eras', '--limit', '0', ...URL])).code).toBe(2);
  });

  it('checks an election by what the ledger tells of it, and believes none of it', async () => {
    const facts = told().filter((event) => 'era' in event && event.era === ERA);
    const check = async (told: readonly LedgerEvent[]): Promise<[number, string]> => {
      const path = `/v1/public/eras/${ERA}/election?order=oldest`;
      const answers = { [path]: page(...told.map((fact) => ({ height: 1, fact }))) };
      const { code, said } = await run(['verify', 'election', '--era', String(ERA), '--again', ...URL], answers);
      return [code, code === 0 ? said.out : (said.error.split(':')[0] ?? '')];
    };
    expect(await check(facts)).toEqual([0, 'valid: 3 of 5 candidates won by the stakes of 8 nominators\n']);
    expect(await check(facts.slice(1))).toEqual([1, 'election.incomplete']);
    const another = facts.map((event) =>
      event.type === 'staking.electionHeld' ? { ...event, minimalStake: '1' } : event,
    );
    expect((await check(another))[0]).toBe(1);
  });
});
