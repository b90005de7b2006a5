import { encodeCertificate, encodeHeader } from '@gridtokenx/chain';
import { fromUtf8, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  ANCHORED,
  anchoring,
  blockAt,
  consortium,
  publicLedger,
  published,
  served,
  wronglyPublished,
} from '../anchored-fixture.spec.js';
import { TestLedger, type TestBlock, memoryFiles } from '../fixture.spec.js';
import { encodeProofJson } from '../proof-json.js';
import type { Io } from './io.js';
import { main } from './main.js';

const idOf = ({ operationIds: [id = ''] }: TestBlock): string => id;
const rowOf = (block: TestBlock, beganHeight: number) => ({ id: idOf(block), beganHeight });
const PUBLISHED = [rowOf(published, 2), rowOf(wronglyPublished, 3)];

function lightBlock(ledger: TestLedger, height: number): unknown {
  const block = ledger.lightBlock(height);
  if (block === undefined) return undefined;
  const { header, certificate, validators, nextValidators } = block;
  return {
    ledgerId: header.ledgerId,
    height,
    header: toBase64Url(encodeHeader(header)),
    certificate: toBase64Url(encodeCertificate(certificate, validators.length)),
    validators: validators.map(toBase64Url),
    nextValidators: nextValidators.map(toBase64Url),
  };
}

/** What a gateway of both ledgers answers; a test may put another answer in the place of one. */
function desk(instead: Readonly<Record<string, unknown>> = {}) {
  const files = new Map([
    ['public.json', publicLedger.file],
    ['genesis.json', consortium.file],
    ['other.json', new TestLedger(4, 'PEA-CNX-01').file],
    ['proof.json', utf8(JSON.stringify(served(4)))],
  ]);
  const answer = (path: string): unknown => {
    if (Object.hasOwn(instead, path)) return instead[path];
    const height = Number(/\d+/.exec(path.replace('/v1', ''))?.[0]);
    if (path.startsWith('/v1/public/anchors/') && height <= ANCHORED) return served(height);
    if (path.startsWith('/v1/public/light-blocks/')) return lightBlock(publicLedger, height);
    for (const row of PUBLISHED) if (path === `/v1/public/aggregates/${row.id}`) return row;
    if (path.startsWith('/v1/public/blocks/'))
      return JSON.parse(
        encodeProofJson(
          publicLedger.prove(height === 2 ? published : height === 3 ? wronglyPublished : anchoring, 0),
          1,
        ),
      );
    if (path.startsWith('/v1/blocks/')) return consortium.blocks[height - 1]?.record;
    return undefined;
  };
  const said = { out: '', error: '' };
  const asked: string[] = [];
  const io: Io = {
    platform: {
      fetch: async (url) => {
        const path = url.replace('http://gateway', '');
        asked.push(path);
        const found = answer(path);
        const bytes = found instanceof Uint8Array ? found : utf8(JSON.stringify(found ?? { code: 'public.unknown' }));
        return {
          status: found === undefined ? 404 : 200,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(bytes).buffer,
        };
      },
      randomBytes: (length) => new Uint8Array(length),
      now: () => Date.UTC(2026, 5, 15) + 60_000,
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
  return { run, said, asked, files };
}

const VERIFY = ['verify', 'anchor', '--genesis', 'public.json', '--height', '4'];
const URL = ['--url', 'http://gateway'];
const AGGREGATES = ['verify', 'aggregates', '--genesis', 'public.json', ...URL];
const COUNT = [...AGGREGATES, '--consortium-genesis', 'genesis.json', '--id'];

describe('gridtokenx verify anchor', () => {
  it('checks a file and asks nobody', async () => {
    const { run, said, asked } = desk();
    expect([await run(...VERIFY, '--file', 'proof.json'), said.error, asked]).toEqual([0, '', []]);
    expect(said.out).toMatch(/^under an anchor: block 4 .*\n {2}6 headers lead up to block 9, anchored in block 1 /);
  });

  it('fetches the proof, and keeps what it came to trust', async () => {
    const { run, said, files } = desk();
    expect(await run(...VERIFY, ...URL, '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ valid: true, height: 4, anchorHeight: ANCHORED });
    expect(await run(...VERIFY, ...URL, '--trust', 'trust.json')).toBe(0);
    expect(fromUtf8(files.get('trust.json') ?? new Uint8Array(0))).toContain(publicLedger.ledgerId);
  });

  it('refuses what does not show it, and what is asked for wrongly', async () => {
    const { run, said } = desk({ '/v1/public/anchors/4/proof': served(5) });
    expect([await run(...VERIFY, ...URL), said.error]).toEqual([1, expect.stringMatching(/^underAnchor\.otherBlock/)]);
    expect(await run(...VERIFY)).toBe(2);
    expect(await run(...VERIFY, '--file', 'proof.json', '--trust', 'trust.json')).toBe(2);
    expect(await run('verify', 'anchor', '--genesis', 'public.json', '--height', '0', ...URL)).toBe(2);
    expect(await run('verify', 'anchor', '--genesis', 'genesis.json', '--height', '4', '--file', 'proof.json')).toBe(1);
    expect(said.error).toContain('genesis.otherKind');
    expect(await run('verify', 'anchor', '--genesis', 'public.json', '--height', '10', ...URL)).toBe(1);
    expect(said.error).toContain('public.unknown');
  });
});

describe('gridtokenx verify aggregates', () => {
  it('counts a publication again from the first block on, and says what is wrong with another', async () => {
    const { run, said } = desk();
    expect([await run(...COUNT, idOf(published)), said.error]).toEqual([0, '']);
    expect(said.out).toMatch(/^right: publication [0-9a-f]{64}, blocks 1 to 9 of .*\n.* from 9 proven blocks/);
    expect(await run(...COUNT, idOf(wronglyPublished), '--json')).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({
      code: 'aggregates.wrong',
      wrong: [{ field: 'wattMinted', published: '8', counted: '14' }],
    });
  });

  it('takes nobody’s word: not for the publication, its blocks, or the consortium', async () => {
    const id = idOf(published);
    const wrongPlace = desk({ [`/v1/public/aggregates/${id}`]: rowOf(published, 1) });
    expect(await wrongPlace.run(...COUNT, id)).toBe(1);
    expect(wrongPlace.said.error).toContain('aggregates.notPublished');
    const record = blockAt(7).record.slice();
    record[record.length - 2] = (record.at(-2) ?? 0) ^ 1;
    const changed = desk({ '/v1/blocks/7/record': record });
    expect([await changed.run(...COUNT, id), changed.said.error]).toEqual([1, expect.stringContaining('height 7')]);
    const { run, said } = desk();
    expect(await run(...AGGREGATES, '--consortium-genesis', 'other.json', '--id', id)).toBe(2);
    expect(said.error).toContain('--consortium-genesis is not that of the consortium');
    expect(await run(...AGGREGATES, '--id', id)).toBe(2);
    expect(await run(...COUNT, 'x')).toBe(2);
  });
});
