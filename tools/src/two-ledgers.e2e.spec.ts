import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HEADER_BYTES } from '@gridtokenx/chain';
import {
  decodeAnchorProof,
  genesisAnchor,
  GridClient,
  Keypair,
  LightClient,
  recomputeAggregates,
  Signer,
  verifyAnchorProof,
  type Row,
} from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { createReadModels, type ReadModelsOf } from '@gridtokenx/postgres';
import { aggregateFields, identityOfKind } from '@gridtokenx/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepAnchored } from './anchoring.js';
import { alarmsOf, endedAmong, openMarket, orderIn, pause, startTestSystem, type TestSystem } from './fixture.spec.js';

const PACE = { intervalMs: 500, beatMs: 1_000, fullIntervalMs: 250, baseTimeoutMs: 1_200, timeoutCapMs: 8_000 };
const AMOUNT = 5_000_000n;

interface Paid {
  readonly accepted: number;
  readonly status: unknown;
  /** How the proof was answered. */
  readonly proven: number;
  readonly to: string;
}
const DONE = { accepted: 202, status: 'executed', proven: 200 };

describe('the consortium ledger and the public ledger side by side', () => {
  let world: TestSystem;
  let reads: ReadModelsOf['public'];

  beforeAll(async () => {
    world = await startTestSystem('two-ledgers', { validators: 4, public: { validators: 4, consensus: PACE } });
    reads = createReadModels(world.system.databaseUrl, 'public');
  });
  afterAll(async () => {
    await reads?.close();
    await world?.remove();
  });

  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await fetch(`${world.system.url}${path}`)).json() as Promise<Record<string, unknown>>;

  /** Sends GRID of the school to a key that nobody has seen, and says what became of it. */
  async function pay(sequence: number): Promise<Paid> {
    const ledger = world.system.publicLedger;
    if (ledger === undefined) throw new Error('there is a public ledger');
    const { seed } = await ledger.key('school');
    const signer = new Signer(Keypair.fromSeed(seed, native), ledger.identity.ledgerId, {
      crypto: native,
      nextSequence: sequence,
    });
    const to = Keypair.generate().kid;
    const envelope = signer.sign([{ type: 'grid.transfer', to, amount: String(AMOUNT) }]);
    const answer = await fetch(`${world.system.url}/v1/public/operations`, {
      method: 'POST',
      headers: { 'content-type': 'application/jose' },
      body: envelope.jws,
    });
    const path = answer.headers.get('location') ?? '';
    for (const end = Date.now() + 60_000; ; await pause(200)) {
      const { status, proof } = await get(path);
      if (Date.now() > end) throw new Error(`waited in vain: it is ${String(status)}`);
      if (status === 'pending') continue;
      const { status: proven } = await fetch(`${world.system.url}${String(proof)}`);
      return { accepted: answer.status, status, proven, to };
    }
  }

  it('are served by one gateway, and GRID moves while the consortium goes on', async () => {
    const { to, ...paid } = await pay(1);
    expect(paid).toEqual(DONE);
    expect((await reads.balances(to)).value).toEqual([{ asset: 'GRID', available: String(AMOUNT), held: '0' }]);
    expect(await get(`/v1/public/keys/${to}`)).toMatchObject({ kid: to, account: to, highestSequence: 0 });
    const open = await get('/v1/public/health');
    // Nobody asks the consortium for anything: its first block is its first beat, which may be later than the payment.
    const own = await until('a block of the consortium', async () => {
      const health = await get('/v1/health');
      return Number(health['height']) > 0 && health;
    });
    expect(open).toMatchObject({ status: 'ok', ledgerId: world.system.publicLedger?.identity.ledgerId });
    expect(own).toMatchObject({ status: 'ok', ledgerId: world.anchor.ledgerId });
  });

  const itemsOf = async (path: string): Promise<readonly Row[]> => (await get(path))['items'] as Row[];
  async function until<T>(what: string, found: () => Promise<T | undefined | false>): Promise<T> {
    for (const end = Date.now() + 90_000; Date.now() < end; await pause(300)) {
      const value = await found();
      if (value !== undefined && value !== false) return value;
    }
    throw new Error(`waited in vain for ${what}`);
  }

  /** What `npm start` does beside the replay, for as long as `work` takes; what it said. */
  async function whileAnchoring(work: () => Promise<void>): Promise<readonly string[]> {
    const { publicLedger, url } = world.system;
    if (publicLedger === undefined) throw new Error('there is a public ledger');
    const [stop, said] = [new AbortController(), [] as string[]];
    const say = (line: string): void => void said.push(line);
    const ended = keepAnchored({ url, genesis: world.genesis, publicLedger, everyMs: 500, say, signal: stop.signal });
    try {
      await work();
    } finally {
      stop.abort();
      await ended;
    }
    return said;
  }

  it('are tied together: the public ledger anchors the consortium, and what its market comes to is published', async () => {
    const office = new Signer(Keypair.generate(), world.anchor.ledgerId, { crypto: native });
    const market = await openMarket(world, { kid: office.keypair.kid });
    const order = orderIn(market);
    const tradeOnce = async (): Promise<void> => {
      const { operationIds } = await send(office.sign([order('ask', 10), order('bid', 10)]));
      for (const id of operationIds) expect(await world.client.follow(id)).toMatchObject({ status: 'executed' });
    };
    const send = async (envelope: ReturnType<Signer['sign']>) => {
      await world.client.submit(envelope);
      return envelope;
    };
    const publications = (count: number) =>
      until('a publication', async () => {
        const items = await itemsOf('/v1/public/aggregates?order=oldest');
        return items.length >= count && items;
      });
    await tradeOnce();
    expect(await whileAnchoring(async () => void (await publications(1)))).toEqual([]);
    // Another life of the launcher goes on where the ledgers stand.
    await tradeOnce();
    expect(await whileAnchoring(async () => void (await publications(2)))).toEqual([]);

    const told = await publications(2);
    expect(told.map(({ trades }) => trades)).toEqual([1, 1]);
    expect(told.map(({ fromHeight }) => fromHeight)).toEqual([1, Number(told[0]?.['toHeight']) + 1]);
    const records = (height: number) => world.client.blockRecord(height);
    for (const row of told) {
      const [from, to] = [Number(row['fromHeight']), Number(row['toHeight'])];
      const { aggregates } = await recomputeAggregates(records, world.anchor, from, to);
      expect(aggregates).toEqual(Object.fromEntries(Object.keys(aggregateFields).map((name) => [name, row[name]])));
    }
  });

  it('show a block of the one under an anchor of the other, from the public genesis alone', async () => {
    const { publicLedger, url } = world.system;
    const { identity } = genesisAnchor(new Uint8Array(await readFile(publicLedger?.genesisFile ?? '')), native);
    const client = new GridClient({ url, identity, crypto: native });
    const light = new LightClient({ identity, source: client, crypto: native });
    const served = await client.read('/anchors/1/proof');
    const verify = async (answer: Row) => {
      const { underAnchor, anchored } = decodeAnchorProof(answer);
      const proven = await light.verify(anchored);
      return proven.valid
        ? verifyAnchorProof(identityOfKind(identity, 'public'), 1, underAnchor, proven, native)
        : proven;
    };
    const { hash } = (await get('/v1/blocks/1'))['block'] as { hash: string };
    const { anchorHeight, underAnchor } = served as { anchorHeight: number; underAnchor: string };
    expect(anchorHeight).toBeGreaterThan(1);
    expect(await verify(served)).toMatchObject({
      valid: true,
      height: 1,
      hash,
      ledgerId: world.anchor.ledgerId,
      anchorHeight,
    });
    // The last digit of the first header.
    const at = 2 * (4 + HEADER_BYTES) - 1;
    const digit = (Number.parseInt(underAnchor[at] ?? '', 16) ^ 1).toString(16);
    const tampered = underAnchor.slice(0, at) + digit + underAnchor.slice(at + 1);
    expect(await verify({ ...served, underAnchor: tampered })).toEqual({
      valid: false,
      code: 'underAnchor.brokenChain',
    });
    expect(await (await fetch(`${url}/v1/public/proofs?height=1`)).text()).toContain('Block 1 is under an anchor');
  });

  it('live and die apart: the one is killed and comes back, the other does not notice', async () => {
    const { system } = world;
    const before = system.pids();
    const { height } = await get('/v1/health');
    await system.kill('public-ledger');
    for (
      const end = Date.now() + 60_000;
      Number((await get('/v1/health'))['height']) <= Number(height);
      await pause(200)
    )
      if (Date.now() > end) throw new Error('the consortium stands still');
    await system.revive('public-ledger');
    const { to, ...paid } = await pay(2);
    expect(paid).toEqual(DONE);
    expect((await reads.balances(to)).value).toHaveLength(1);
    const after = system.pids();
    expect(after).toEqual({ ...before, 'public-ledger': after['public-ledger'] });
    expect(await alarmsOf(world, 'consortium-ledger')).toEqual([]);
    expect(await alarmsOf(world, 'gateway')).toEqual([]);
  });

  it('refuse the genesis of the other', () => {
    const { ledger, publicLedger } = world.system;
    for (const [app, genesis] of [
      ['public-ledger', ledger.genesisFile],
      ['consortium-ledger', publicLedger?.genesisFile ?? ''],
    ] as const) {
      const main = fileURLToPath(new URL(`../../apps/${app}/dist/main.js`, import.meta.url));
      const env = { ...process.env, GENESIS_FILE: genesis, DATABASE_URL: world.system.databaseUrl };
      const { status, stdout, stderr } = spawnSync(process.execPath, [main], { env, encoding: 'utf8' });
      expect(status).toBe(1);
      expect(stdout + stderr).toContain('config.otherLedger');
    }
  });

  it('are rebuilt from their blocks, table by table, when all has stopped', async () => {
    const { folder, system } = world;
    await reads.close();
    const pids = system.pids();
    await system.stop();
    expect(endedAmong(pids).sort()).toEqual(Object.keys(pids).sort());
    const rebuild = join(fileURLToPath(new URL('../dist/', import.meta.url)), 'rebuild.js');
    const { status, stdout } = spawnSync(process.execPath, [rebuild, '--data', folder], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout.match(/every table has the digest it had before/g)).toHaveLength(2);
    expect(stdout).not.toContain('DIFFER');
  });
});
