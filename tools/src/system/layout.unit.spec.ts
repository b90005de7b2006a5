import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { layOut } from './layout.js';

let folder: string;
let keys: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-layout-'));
  keys = join(folder, 'ledger', 'validators');
  await mkdir(keys, { recursive: true });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await writeFile(join(keys, `${name}.key.json`), name);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the processes of a ledger', () => {
  it('are one with everything', async () => {
    const [one, ...others] = await layOut(folder, 'consortium', keys, { validatorProcesses: 1, projector: 'shared' });
    expect(one).toMatchObject({ name: 'consortium-ledger', roles: ['validator', 'projector'], keyFolder: keys });
    expect(others).toEqual([]);
  });

  it('have each the keys of their own validators and a signer record of their own', async () => {
    const processes = await layOut(folder, 'consortium', keys, { validatorProcesses: 2, projector: 'own' });
    expect(processes.map(({ name, roles }) => [name, ...roles])).toEqual([
      ['validators-1', 'validator'],
      ['validators-2', 'validator'],
      ['projector', 'projector'],
    ]);
    expect(new Set(processes.map(({ signerFolder }) => signerFolder)).size).toBe(3);
    const held = await Promise.all(processes.flatMap(({ keyFolder }) => (keyFolder ? [readdir(keyFolder)] : [])));
    expect(held.map((files) => files.sort())).toEqual([
      ['a.key.json', 'c.key.json', 'e.key.json'],
      ['b.key.json', 'd.key.json'],
    ]);
  });

  it('of another ledger have names of their own', async () => {
    const names = async (kind: 'consortium' | 'public', validatorProcesses: number): Promise<string[]> => {
      const processes = await layOut(join(folder, `${kind}-${validatorProcesses}`), kind, keys, {
        validatorProcesses,
        projector: validatorProcesses === 1 ? 'shared' : 'own',
      });
      expect(processes.every((one) => one.kind === kind)).toBe(true);
      return processes.map(({ name }) => name);
    };
    expect(await names('public', 1)).toEqual(['public-ledger']);
    const all = [...(await names('public', 2)), ...(await names('consortium', 2))];
    expect(new Set(all).size).toBe(6);
  });

  it('share the projector with the first of several', async () => {
    const processes = await layOut(folder, 'consortium', keys, { validatorProcesses: 2, projector: 'shared' });
    expect(processes.map(({ roles }) => roles)).toEqual([['validator', 'projector'], ['validator']]);
  });

  it('can be told how many validators each hosts', async () => {
    const processes = await layOut(folder, 'consortium', keys, { validatorProcesses: [4, 1], projector: 'shared' });
    expect(processes.map(({ keyFiles }) => keyFiles)).toEqual([
      ['a.key.json', 'c.key.json', 'd.key.json', 'e.key.json'],
      ['b.key.json'],
    ]);
  });

  it.each([0, 6, [4], [5, 0], 1.5])('are not %j for five validators', async (validatorProcesses) => {
    await expect(layOut(folder, 'consortium', keys, { validatorProcesses, projector: 'own' })).rejects.toThrow(
      /cannot be spread/,
    );
  });

  it('stay as they are, so that no key leaves its signer record behind', async () => {
    await layOut(folder, 'consortium', keys, { validatorProcesses: 2, projector: 'own' });
    await layOut(folder, 'consortium', keys, { validatorProcesses: 2, projector: 'own' });
    await expect(layOut(folder, 'consortium', keys, { validatorProcesses: 5, projector: 'own' })).rejects.toThrow(
      /is laid out as/,
    );
  });
});
