import { decodeUnderAnchor, headerHash, verifyUnderAnchor, type Block } from '@gridtokenx/chain';
import type { Hash } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { fromHex, toHex } from '@gridtokenx/kernel';
import { identityOfKind, ledgerTopics, readGenesis } from '@gridtokenx/protocol';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from './create-gateway.js';
import { newWorld, type World } from './fixture.spec.js';
import { anchorSecondBlock, EVENTS, FakePublicReads, PUBLIC_FILE, PUBLICATION } from './public-fixture.spec.js';

const identity = identityOfKind(readGenesis(native, PUBLIC_FILE), 'public');

let world: World;
let gateway: Gateway;
let reads: FakePublicReads;
let blocks: readonly Block[];

async function open(events = EVENTS): Promise<void> {
  world = newWorld();
  await world.log.ensureTopics([ledgerTopics.public.operations, ledgerTopics.public.consensus]);
  reads = new FakePublicReads(identity, events);
  blocks = anchorSecondBlock(world, reads);
  const consortium = { identity: world.identity, genesisFile: world.file, readModels: world.readModels };
  const others = { identity, genesisFile: PUBLIC_FILE, readModels: reads };
  gateway = await world.gateway({ ledgers: { consortium, public: others } });
}
beforeEach(() => open([]));
afterEach(() => world.close());

const get = (path: string) => gateway.app.inject({ method: 'GET', url: `/v1/public${path}` });
function hashOf(height: number): Hash {
  const block = blocks[height - 1];
  if (block === undefined) throw new Error('there are three blocks');
  return headerHash(native, block.header);
}
const hashAt = (height: number): string => toHex(hashOf(height));

describe('the proof of a block of the consortium', () => {
  it('shows a block of the consortium to be under the next anchor', async () => {
    for (const height of [1, 2]) {
      const { statusCode, body } = await get(`/anchors/${height}/proof`);
      expect(statusCode).toBe(200);
      const answer = JSON.parse(body) as { underAnchor: string; anchorHeight: number; anchored: { decoded: unknown } };
      expect(answer).toMatchObject({ ledgerId: world.identity.ledgerId, height, anchorHeight: 2 });
      expect(answer.anchored).toMatchObject({ height: 1, ledgerId: identity.ledgerId });
      expect(answer.anchored.decoded).toMatchObject({ events: [{ height: 2, hash: hashAt(2) }] });
      const proof = decodeUnderAnchor(fromHex(answer.underAnchor) ?? new Uint8Array(0));
      const anchor = { height: 2, hash: hashOf(2) };
      expect(verifyUnderAnchor(native, world.identity.ledgerId, anchor, proof)).toEqual(blocks[height - 1]?.header);
    }
  });

  it('is not there before an anchor is, nor where the way is too long or not known', async () => {
    const answered = async (height: number): Promise<unknown> => {
      const { statusCode, body } = await get(`/anchors/${height}/proof`);
      return [statusCode, (JSON.parse(body) as { code: string }).code];
    };
    expect(await answered(3)).toEqual([404, 'anchor.notYet']);
    expect((await get('/anchors/0/proof')).statusCode).toBe(400);
    const [anchor] = reads.anchors;
    if (anchor === undefined) throw new Error('there is an anchor');
    // One that governance made, which no operation shows, is passed over.
    reads.anchors.push({
      ...anchor,
      id: '0000000000000003',
      body: { ...anchor.body, height: 3, operation: undefined } as never,
    });
    expect(await answered(3)).toEqual([404, 'anchor.notYet']);
    reads.anchors.push({ ...anchor, id: '0000000000010003', body: { ...anchor.body, height: 10_003 } });
    expect(await answered(3)).toEqual([404, 'anchor.tooFar']);
    expect(await answered(5)).toEqual([404, 'block.unknown']);
  });
});

describe('the page of proofs', () => {
  it('is one document that loads, runs and sends nothing elsewhere', async () => {
    const { statusCode, headers, body } = await get('/proofs');
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/]+=*'; form-action 'self';/,
    );
    const style = /<style>(.*?)<\/style>/s.exec(body)?.[1] ?? '';
    const digest = Buffer.from(native.sha256(Buffer.from(style))).toString('base64');
    expect(headers['content-security-policy']).toContain(`'sha256-${digest}'`);
    expect(body).not.toMatch(/<script|<img|<link|style=|https?:\/\/(?!127\.0\.0\.1)|url\(/);
    for (const [, target] of body.matchAll(/(?:href|action)="([^"]*)"/g)) expect(target).toMatch(/^\/v1\//);
  });

  it('names both ledgers and what is anchored, and shows the way of a block', async () => {
    const { body } = await get('/proofs?height=1');
    for (const told of [identity, world.identity])
      for (const text of [told.ledgerId, toHex(told.genesisHash)]) expect(body).toContain(text);
    expect(body).toContain('Block 1 is under an anchor');
    expect(body.indexOf(hashAt(1))).toBeLessThan(body.indexOf(hashAt(2)));
    expect(body).toContain('--height 1 --file under-anchor.json');
    expect((await get('/proofs?height=')).body).not.toContain('class="result');
  });

  it('says why a block is not shown', async () => {
    const { statusCode, body } = await get('/proofs?height=3');
    expect([statusCode, body.includes('No block at this height or above is anchored yet.')]).toEqual([200, true]);
    const [anchor] = reads.anchors;
    if (anchor === undefined) throw new Error('there is an anchor');
    reads.anchors[0] = { ...anchor, body: { ...anchor.body, hash: 'ab'.repeat(32) } };
    expect((await get('/proofs?height=1')).body).toContain('underAnchor.otherAnchor');
    expect((await get('/proofs?height=x')).statusCode).toBe(400);
  });

  it('lists what was published, with the command that counts it again, and reports, as text', async () => {
    await world.close();
    const marks = EVENTS.map((event) =>
      event.type === 'transparency.reportRegistered' ? { ...event, verifier: '<b>"&' } : event,
    );
    await open(marks);
    const { body } = await get('/proofs');
    expect(body).toContain(`--id ${PUBLICATION}`);
    expect(body).toContain('&lt;b&gt;&quot;&amp;');
    expect(body).not.toContain('<b>');
  });
});
