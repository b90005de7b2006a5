import { encodeCertificate, encodeHeader } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { parseTime, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, LEDGER_PATHS, readGenesis, type Operation } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { anchorOperations } from '../anchoring.js';
import { seedOf, TestLedger, memoryFiles } from '../fixture.spec.js';
import type { Io } from './io.js';
import { main } from './main.js';

const consortium = new TestLedger(4, undefined, {
  epochBlocks: 3,
  later: [
    [0, 1, 2, 4],
    [0, 1, 4, 5],
    [0, 4, 5, 6],
  ],
});
for (let height = 1; height <= 11; height++) consortium.grow();

const [account, key] = [seedOf(50), seedOf(51)].map((seed) => toBase64Url(noble.publicKeyOf(seed))) as [string, string];
const bond = gridAmount(10_000);
const publicFile = utf8(
  JSON.stringify(
    testPublicGenesis({
      timeMs: Date.UTC(2026, 5, 15),
      accounts: [{ id: account, amount: gridAmount(20_000) }],
      validators: [{ key, account, bond, commission: 0 }],
    }),
  ),
);
const publicId = readGenesis(noble, publicFile).ledgerId;

/** Gateways of both ledgers, and a desk with a key. */
async function desk(anchored = 0) {
  const files = new Map<string, Uint8Array>([
    ['genesis.json', consortium.file],
    ['public.json', publicFile],
  ]);
  const said = { out: '', error: '' };
  const sent: Operation[][] = [];
  const lightBlock = (height: number): string | undefined => {
    const block = consortium.lightBlock(height);
    if (block === undefined) return undefined;
    const { header, certificate, validators, nextValidators } = block;
    return JSON.stringify({
      ledgerId: header.ledgerId,
      height,
      header: toBase64Url(encodeHeader(header)),
      certificate: toBase64Url(encodeCertificate(certificate, validators.length)),
      validators: validators.map(toBase64Url),
      nextValidators: nextValidators.map(toBase64Url),
    });
  };
  const answer = (url: string, body: string | undefined): string | undefined => {
    const path = url.replace(/^http:\/\/\w+/, '');
    if (url.startsWith('http://people') && path === `${LEDGER_PATHS.public}/operations` && body !== undefined) {
      const { operations, operationIds } = decodeEnvelope(noble, publicId, utf8(body));
      sent.push([...operations]);
      return JSON.stringify({
        operations: operationIds.map((id) => ({ id: toHex(id), href: `/v1/public/operations/${toHex(id)}` })),
      });
    }
    if (path === `${LEDGER_PATHS.public}/anchors?limit=1`) {
      const items = anchored === 0 ? [] : [{ height: anchored, hash: '00'.repeat(32) }];
      return JSON.stringify({ height: 5, items });
    }
    if (url.startsWith('http://people')) return undefined;
    if (path === `${LEDGER_PATHS.consortium}/health`)
      return JSON.stringify({ ledgerId: consortium.ledgerId, height: 11 });
    return lightBlock(Number(/\/light-blocks\/(\d+)$/.exec(path)?.[1]));
  };
  const io: Io = {
    platform: {
      fetch: async (url, { body }) => {
        const found = answer(url, body);
        const bytes = utf8(found ?? '{"code":"unknown"}');
        return {
          status: found === undefined ? 404 : 200,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(bytes).buffer,
        };
      },
      randomBytes: (length) => new Uint8Array(length).fill(7),
      now: () => (parseTime('2026-06-15T00:00:00Z') ?? 0) + 60_000,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(files),
  };
  const run = async (...argv: string[]): Promise<number> => {
    Object.assign(said, { out: '', error: '' });
    return main(argv, io);
  };
  await run('key', 'new', '--out', 'me.key');
  return { said, sent, run };
}

const ANCHOR = ['anchor', '--consortium-url', 'http://grid', '--consortium-genesis', 'genesis.json'];
const SEND = ['--url', 'http://people', '--key', 'me.key', '--genesis', 'public.json', '--sequence', '1'];
const operationsFrom = async (after: number): Promise<Operation[]> => {
  const source = { lightBlock: async (height: number) => consortium.lightBlock(height) };
  return (await anchorOperations(source, { epochBlocks: 3 }, after, 11, 20)).map(({ operation }) => operation);
};

describe('gridtokenx anchor', () => {
  it('sends the last block of each epoch and the newest one to the public ledger', async () => {
    const { run, sent, said } = await desk();
    expect([await run(...ANCHOR, ...SEND, '--json'), said.error]).toEqual([0, '']);
    expect(sent).toEqual([await operationsFrom(0)]);
    expect(JSON.parse(said.out)).toMatchObject({ accepted: true, sequence: 1 });
  });

  it('goes on after what is anchored, and has nothing to do when that is all', async () => {
    const { run, sent, said } = await desk();
    expect(await run(...ANCHOR, ...SEND, '--after', '6', '--height', '11')).toBe(0);
    expect(sent).toEqual([await operationsFrom(6)]);
    expect(await run(...ANCHOR, ...SEND, '--after', '11')).toBe(0);
    expect(said.out).toContain('block 11 is anchored');
    expect(sent).toHaveLength(1);
  });

  it('goes on, unless it is told otherwise, after what the public ledger has anchored', async () => {
    const { run, sent, said } = await desk(6);
    expect(await run(...ANCHOR, ...SEND)).toBe(0);
    expect(sent).toEqual([await operationsFrom(6)]);
    const done = await desk(11);
    expect([await done.run(...ANCHOR, ...SEND), done.said.out]).toEqual([0, expect.stringContaining('block 11')]);
    expect([said.error, done.sent]).toEqual(['', []]);
  });

  it('sends nothing that the light client does not trust, and takes heights only', async () => {
    const { run, sent, said } = await desk();
    expect(await run(...ANCHOR, ...SEND, '--height', '12')).toBe(1);
    expect(said.error).toContain('light.missing');
    expect(await run(...ANCHOR, ...SEND, '--after', '-1')).toBe(2);
    expect(await run(...ANCHOR, ...SEND, '--after', 'x')).toBe(2);
    expect(sent).toEqual([]);
  });
});
