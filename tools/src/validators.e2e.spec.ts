import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlockFollower, verifyOutcome } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { toBase64Url, toHex } from '@gridtokenx/kernel';
import { openSnapshotFiles, readKeyFile, writeKeyFile } from '@gridtokenx/keystore';
import type { LedgerEvent } from '@gridtokenx/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nodeStatus } from './chaos/nodes.js';
import { until } from './chaos/world.js';
import { alarmsOf, startTestSystem, type TestSystem } from './fixture.spec.js';
import type { LedgerProcessName } from './system/layout.js';

// A system whose validators change while it runs, by the command line alone, as docs/operations/validators.md says.

const BIN = fileURLToPath(new URL('../../libs/client/bin/gridtokenx.mjs', import.meta.url));
const OLD = ['egat', 'mea', 'pea', 'grid-4', 'grid-5'] as const;

let world: TestSystem;
let home: string;
let follower: BlockFollower;
const told: LedgerEvent[] = [];
/** Of the state after each block, as certified. */
const digests = new Map<number, string>();

interface Answer {
  readonly code: number | null;
  readonly said: Record<string, unknown>;
}

function cli(...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args, '--json'], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      const line = (out === '' ? err : out).trimEnd().split('\n').at(-1) ?? '';
      resolve({ code, said: JSON.parse(line) as Record<string, unknown> });
    });
  });
}

/** As an organisation, and it must succeed. */
async function as(member: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const key = join(world.folder, 'ledger', 'organisations', `${member}.key.json`);
  const signing = ['--url', world.system.url, '--key', key, '--genesis', 'genesis.json', '--wait', '--timeout', '60s'];
  const { code, said } = await cli(...args, ...signing);
  if (code !== 0) throw new Error(`${member}: ${args.join(' ')}: ${JSON.stringify(said)}`);
  return said;
}

/** Proposed by the first and approved by as many as it takes. */
async function decide(voters: readonly string[], ...change: readonly string[]): Promise<void> {
  const [first = '', ...others] = voters;
  const { operationIds } = await as(first, 'validators', 'propose', ...change);
  const [id = ''] = operationIds as string[];
  for (const other of others) await as(other, 'validators', 'approve', '--change', id);
}

/** The last block that a stranger can prove from the genesis alone. */
async function walk(): Promise<string[]> {
  const { client } = world;
  for await (const { block, height, results } of follower.blocks((at) => client.blockRecord(at))) {
    digests.set(height, toHex(block.certificate.stateDigest));
    for (const { outcome } of results) if (outcome.status === 'executed') told.push(...outcome.events);
  }
  return follower.tip.validators.keys.map(toBase64Url);
}

const untilSet = (what: string, is: (set: readonly string[]) => boolean): Promise<readonly string[]> =>
  until(what, 60_000, async () => {
    const set = await walk();
    return is(set) ? set : undefined;
  });

/** A new key in the folder of a process, which is started again to host it; registered with its organisation. */
async function newKey(name: string, member: string, process: LedgerProcessName): Promise<string> {
  const folder = world.system.processes.find((one) => one.name === process)?.keyFolder ?? '';
  const file = join(folder, `${name}.key.json`);
  const { kid } = await writeKeyFile(native, file, randomBytes(32));
  await world.system.halt(process);
  await world.system.revive(process);
  const operation = {
    type: 'registry.registerKey',
    key: kid,
    owner: { kind: 'organisation', organisation: idOf(member) },
  };
  await as(member, 'submit', '--operation', JSON.stringify(operation));
  return file;
}

const idOf = (member: string): string => world.system.ledger.directory.organisations[member]?.id ?? '';

async function proofOf(file: string, member: string): Promise<{ kid: string; proof: string }> {
  const argv = ['--key', file, '--genesis', 'genesis.json', '--organisation', idOf(member)];
  const { said } = await cli('validators', 'prove', ...argv);
  return { kid: String(said['validator']), proof: String(said['proof']) };
}

const kidOf = async (member: string): Promise<string> =>
  (await readKeyFile(native, join(world.system.ledger.validatorKeys, `${member}.key.json`))).kid;

beforeAll(async () => {
  world = await startTestSystem('validators', {
    validators: OLD.length,
    layout: { validatorProcesses: 2, projector: 'own' },
    consensus: { intervalMs: 300, beatMs: 400, epochBlocks: 6 },
    // Of the one checkpoint that a suite lives to see.
    manySnapshots: true,
  });
  home = join(world.folder, 'home');
  await mkdir(home);
  await writeFile(join(home, 'genesis.json'), world.genesis);
  follower = new BlockFollower(world.anchor, { crypto: native });
});
afterAll(() => world?.remove());

describe('a running system', () => {
  it('takes in a validator of an organisation that had none', async () => {
    const file = await newKey('grid-6', 'grid-6', 'validators-2');
    const { kid, proof } = await proofOf(file, 'grid-6');
    await decide(OLD.slice(0, 4), '--kind', 'admit', `--validator=${kid}`, `--proof=${proof}`);
    const set = await untilSet('the newcomer', (keys) => keys.includes(kid));
    expect(set).toHaveLength(6);
    // It has a say from now on.
    const { operationIds } = await as('grid-6', 'validators', 'propose', '--kind', 'suspend', `--validator=${kid}`);
    await as('grid-6', 'validators', 'withdraw', '--change', (operationIds as string[])[0] ?? '');
  });

  it('rotates the key of one', async () => {
    const old = await kidOf('egat');
    const file = await newKey('egat-2', 'egat', 'validators-1');
    const { kid, proof } = await proofOf(file, 'egat');
    const change = ['--kind', 'rotate-key', `--validator=${old}`, `--new-key=${kid}`, `--proof=${proof}`];
    await decide(OLD.slice(0, 4), ...change);
    const set = await untilSet('the new key', (keys) => keys.includes(kid));
    expect(set).toHaveLength(6);
    expect(set).not.toContain(old);
    // The old key may go from its host now; nothing is lost with it.
    expect(told).toContainEqual({ type: 'registry.keyRemoved', key: old });
  });

  it('suspends one, and removes it', async () => {
    const kid = await kidOf('pea');
    await decide(['mea', 'egat', 'grid-4', 'grid-6'], '--kind', 'suspend', `--validator=${kid}`);
    expect(await untilSet('the set without it', (keys) => !keys.includes(kid))).toHaveLength(5);
    await decide(['mea', 'egat', 'grid-4', 'grid-6'], '--kind', 'remove', `--validator=${kid}`);
    await untilSet('its removal', () =>
      told.some((event) => event.type === 'registry.keyRemoved' && event.key === kid),
    );
  });

  it('goes on, and whoever has the genesis file alone proves what it did', async () => {
    const { client, members } = world;
    const [view] = await members.carryOut('bank', [
      { type: 'accounts.attestReserve', amount: '7', reference: 'reserve' },
    ]);
    const { id, height = 0 } = view ?? { id: '' };
    expect((await cli('proof', 'get', '--url', world.system.url, '--id', id, '--out', 'proof.json')).code).toBe(0);

    // The genesis names other validators than those that signed this.
    const args = ['verify', 'proof', '--genesis', 'genesis.json', '--file', 'proof.json'];
    expect((await cli(...args)).code).toBe(1);
    const light = await cli(...args, '--trust', 'trust.json', '--url', world.system.url);
    expect(light).toMatchObject({ code: 0, said: { valid: true, validators: 5 } });

    // The same by walking all blocks.
    await walk();
    expect(verifyOutcome(follower.trust, await client.proof(height, id), native)).toMatchObject({
      valid: true,
      validators: 5,
      outcome: { status: 'executed' },
    });
    expect(told.filter(({ type }) => type === 'validators.setFixed')).toHaveLength(3);
  });

  it('begins at its own snapshot after a crash, with the validators that changed before it', async () => {
    const name = 'validators-1';
    const folder = world.system.processes.find((one) => one.name === name)?.stateFolder ?? '';
    const snapshots = await openSnapshotFiles(join(folder, 'snapshots'));
    await until('a snapshot', 120_000, async () => (await snapshots.heights())[0]);
    await world.system.kill(name);
    const [own = 0] = await snapshots.heights();
    await world.system.revive(name);
    const { beganAt, height } = await nodeStatus(world.system, name);
    // Or at a newer one that another process has offered meanwhile.
    expect(beganAt).toBeGreaterThanOrEqual(own);
    // It votes again, and comes to the states that the others certify.
    const later = await until('blocks after its start', 60_000, async () => {
      const status = await nodeStatus(world.system, name);
      return status.height > height + 5 ? status : undefined;
    });
    const certified = await until('the proof of its block', 60_000, async () => {
      await walk();
      return digests.get(later.height);
    });
    expect(later.stateDigest).toBe(certified);
  }, 300_000);

  it('and none of its processes has logged an error', async () => {
    for (const { name } of world.system.processes) expect(await alarmsOf(world, name)).toEqual([]);
  });
});
