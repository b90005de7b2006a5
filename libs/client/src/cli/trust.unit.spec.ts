import { encodeCertificate, encodeHeader, type LightBlock } from '@gridtokenx/chain';
import { fromUtf8, parseTime, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { TestLedger, memoryFiles } from '../fixture.spec.js';
import { encodeProofJson } from '../proof-json.js';
import type { Io } from './io.js';
import { main } from './main.js';

const later = [
  [0, 1, 2, 4],
  [0, 1, 4, 5],
  [0, 4, 5, 6],
  [4, 5, 6, 7],
];
const ledger = new TestLedger(4, undefined, { epochBlocks: 3, later });
const stolen = new TestLedger(4, undefined, { epochBlocks: 3 });
for (let height = 1; height <= 13; height++) {
  ledger.grow(2);
  stolen.grow(3);
}
const blockOf = (from: TestLedger, height: number) => {
  const block = from.blocks[height - 1];
  if (block === undefined) throw new Error(`the fixture has no block ${height}`);
  return block;
};

const bodyOf = ({ header, certificate, validators, nextValidators }: LightBlock): string =>
  JSON.stringify({
    ledgerId: header.ledgerId,
    height: header.height,
    header: toBase64Url(encodeHeader(header)),
    certificate: toBase64Url(encodeCertificate(certificate, validators.length)),
    validators: validators.map(toBase64Url),
    nextValidators: nextValidators.map(toBase64Url),
  });

const CHANGES = JSON.stringify({
  height: 13,
  items: [{ change: 'ab'.repeat(32), kind: 'admit', validator: 'C'.repeat(43), status: 'open', votes: 1, needed: 3 }],
});

const validatorsPage = (query: string): string =>
  JSON.stringify(
    query.includes('cursor')
      ? { height: 13, items: [{ kid: 'B'.repeat(43), status: 'former', missedProposals: 0, missedVotes: 7 }] }
      : { height: 13, items: [{ kid: 'A'.repeat(43), status: 'active', height: 13, lastVote: 'commit' }], next: 'A' },
  );

/** Gateways by their host, a terminal and files in memory. */
function desk(sinceStartMs = 60_000) {
  const files = new Map<string, Uint8Array>([
    ['genesis.json', ledger.file],
    ['proof.json', utf8(encodeProofJson(ledger.prove(blockOf(ledger, 11), 1), 4))],
  ]);
  const said = { out: '', error: '', asked: [] as string[] };
  const serve = (from: TestLedger, path: string): string | undefined => {
    if (path === '/v1/health') return JSON.stringify({ status: 'ok', ledgerId: from.ledgerId, height: 13 });
    const page = /^\/v1\/validators\?(.*)$/.exec(`${path}${path.includes('?') ? '' : '?'}`)?.[1];
    if (page !== undefined) return validatorsPage(page);
    if (path.startsWith('/v1/validator-changes')) return CHANGES;
    const block = from.lightBlock(Number(/^\/v1\/light-blocks\/(\d+)$/.exec(path)?.[1]));
    return block === undefined ? undefined : bodyOf(block);
  };
  const io: Io = {
    platform: {
      fetch: async (url) => {
        const [, host = '', path = ''] = /^http:\/\/(\w+)(.*)$/.exec(url) ?? [];
        said.asked.push(path);
        const body = host === 'broken' ? '{"height":1}' : serve(host === 'liar' ? stolen : ledger, path);
        const bytes = utf8(body ?? '{"code":"block.unknown"}');
        return {
          status: body === undefined ? 404 : 200,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(bytes).buffer,
        };
      },
      randomBytes: (length) => new Uint8Array(length),
      now: () => (parseTime('2026-06-15T00:00:00Z') ?? 0) + sinceStartMs,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(files),
  };
  const run = async (...argv: string[]): Promise<number> => {
    Object.assign(said, { out: '', error: '', asked: [] });
    return main(argv, io);
  };
  return { files, said, run };
}

const TRUST = ['--genesis', 'genesis.json', '--trust', 'trust.json', '--url'];
const VERIFY = ['verify', 'proof', '--file', 'proof.json', ...TRUST];
const UPDATE = ['trust', 'update', ...TRUST];

describe('a proof of a later epoch', () => {
  it('is not shown by the genesis file alone, and is with what a light client fetches and checks', async () => {
    const { run, said, files } = desk();
    expect(await run('verify', 'proof', '--genesis', 'genesis.json', '--file', 'proof.json', '--json')).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({ valid: false, code: 'proof.wrongValidators' });
    expect(await run(...VERIFY, 'http://honest', '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ valid: true, height: 11, signers: 3, validators: 4 });
    expect(said.asked).not.toEqual([]);
    expect(fromUtf8(files.get('trust.json') ?? new Uint8Array(0))).toContain('"height": 11');
    // What was trusted is kept: the next check asks for the keys of that block alone.
    expect(await run(...VERIFY, 'http://honest')).toBe(0);
    expect(said.asked).toEqual(['/v1/light-blocks/11']);
  });

  it('is refused with a code when the gateway lies, and nothing of it is kept', async () => {
    const { run, said, files } = desk();
    expect(await run(...VERIFY, 'http://liar', '--json')).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({ valid: false, code: expect.stringMatching(/^light\./) });
    expect(fromUtf8(files.get('trust.json') ?? new Uint8Array(0))).not.toContain('"height": 11');
    expect(await run(...VERIFY, 'http://broken')).toBe(1);
    expect(said.error).toContain('lightBlock.field at /header');
  });

  it('needs a trust that is young enough, or a block hash that people told', async () => {
    const { run, said } = desk(80_000_000);
    expect(await run(...UPDATE, 'http://honest')).toBe(1);
    expect(said.error).toContain('light.trustExpired');
    const told = toHex(blockOf(ledger, 12).block.certificate.blockHash);
    expect(await run(...UPDATE, 'http://honest', '--told', `12:${'00'.repeat(32)}`)).toBe(1);
    expect(said.error).toContain('light.otherHash');
    expect(await run(...UPDATE, 'http://honest', '--told', `twelve:${told}`)).toBe(2);
    // What would go unused is wrong use.
    const offline = ['verify', 'proof', '--file', 'proof.json', '--genesis', 'genesis.json'];
    expect(await run(...offline, '--told', `12:${told}`)).toBe(2);
    expect(await run(...offline, '--url', 'http://honest')).toBe(2);
    expect(await run(...VERIFY, 'http://honest', '--header-hash', told)).toBe(2);
  });
});

describe('trust update', () => {
  it('brings the trust to where the gateway stands', async () => {
    const { run, said } = desk();
    expect(await run(...UPDATE, 'http://honest', '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({
      height: 13,
      hash: toHex(blockOf(ledger, 13).block.certificate.blockHash),
      epoch: 4,
      nextValidators: ledger.setAt(14).keys.map(toBase64Url),
    });
  });

  it('says when the gateway gives nothing newer for ten minutes, and keeps what it gave', async () => {
    expect(await desk(13_000 + 600_000).run(...UPDATE, 'http://honest')).toBe(0);
    const late = desk(13_000 + 600_001);
    expect(await late.run(...UPDATE, 'http://honest', '--json')).toBe(1);
    expect(JSON.parse(late.said.out)).toMatchObject({ code: 'light.stale', height: 13 });
    expect(fromUtf8(late.files.get('trust.json') ?? new Uint8Array(0))).toContain('"height": 13');
  });

  it('compares with another gateway, and says when that one tells a fork: another block that enough have signed', async () => {
    const { run, said } = desk();
    expect(await run(...UPDATE, 'http://honest', '--compare-url', 'http://honest')).toBe(0);
    expect(await run(...UPDATE, 'http://honest', '--compare-url', 'http://liar')).toBe(1);
    expect(said.error).toContain('light.fork');
  });

  it('refuses a trust file that is none, or of another ledger', async () => {
    const { run, said, files } = desk();
    files.set('trust.json', utf8('{"version":1,"ledgerId":"x","states":[]}'));
    expect(await run(...UPDATE, 'http://honest')).toBe(1);
    expect(said.error).toContain('trust.otherLedger');
    files.set('trust.json', utf8('{'));
    expect(await run(...UPDATE, 'http://honest')).toBe(1);
    expect(said.error).toContain('json.');
  });
});

describe('validators list', () => {
  it('shows every page as one table, and as one object', async () => {
    const { run, said } = desk();
    expect(await run('validators', 'list', '--url', 'http://honest')).toBe(0);
    const [title = '', first = '', second = ''] = said.out.split('\n');
    expect(title).toMatch(/^validator +status +height +round +last vote/);
    expect(first).toMatch(/^A{43} +active +13 +- +commit/);
    expect(second).toMatch(/^B{43} +former +- +- +- +- +0 +7/);
    expect(await run('validators', 'list', '--url', 'http://honest', '--status', 'active', '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ items: [{ status: 'active' }, { missedVotes: 7 }] });
    expect(said.asked[0]).toBe('/v1/validators?status=active');
    expect(await run('validators', 'list', '--url', 'http://honest', '--status', 'silent')).toBe(2);
  });
});

describe('validators changes', () => {
  it('shows the open ones with the ids to approve them by, or all', async () => {
    const { run, said } = desk();
    expect(await run('validators', 'changes', '--url', 'http://honest')).toBe(0);
    expect(said.out.split('\n')[1]).toMatch(/^(ab){32} +admit +C{43} +- +open +1 +3 +-$/);
    expect(said.asked).toEqual(['/v1/validator-changes?status=open']);
    expect(await run('validators', 'changes', '--url', 'http://honest', '--all', '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ items: [{ kind: 'admit', needed: 3 }] });
    expect(said.asked).toEqual(['/v1/validator-changes']);
  });
});
