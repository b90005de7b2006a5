import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { openSnapshotFiles } from '@gridtokenx/keystore';
import { utf8 } from '@gridtokenx/kernel';
import { main } from './main.js';

let folder: string;
let out: string;
let errors: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-node-'));
  [out, errors] = ['', ''];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => ((errors += String(text)), true));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

describe('gridtokenx node', () => {
  it('rollback drops the snapshots above a height and says where the next start begins', async () => {
    const store = await openSnapshotFiles(join(folder, 'snapshots'));
    for (const height of [900, 1_200]) {
      await store.begin(height);
      await store.write(height, 'manifest', utf8('m'));
      await store.finish(height);
    }
    expect(await main(['rollback', '--state', folder, '--to', '1000', '--json'])).toBe(0);
    expect(JSON.parse(out)).toEqual({ dropped: [1_200], kept: [900] });
    expect(await readdir(join(folder, 'snapshots'))).toEqual(['900']);
    out = '';
    expect(await main(['rollback', '--state', folder, '--to', '0'])).toBe(0);
    expect(out).toContain('begins at the genesis');
  });

  it('signer-reset does nothing unless it is said that all operators agreed, and says what comes first', async () => {
    expect(await main(['signer-reset', '--signer', join(folder, 'signer'), '--json'])).toBe(2);
    expect(JSON.parse(errors)).toMatchObject({ error: { code: 'usage' } });
    expect(errors).toContain('rejoin');
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    [['rollback', '--state', 'x', '--to', 'high']],
    [['rollback', '--to', '7']],
    [['replay', '--genesis', '']],
    [['replay', '--no-such-option']],
    [['fly']],
    [[]],
  ])('is used wrongly as %j', async (argv) => {
    expect(await main(argv)).toBe(2);
    expect(errors).not.toBe('');
    expect(out).toBe('');
  });

  it('--help lists its commands', async () => {
    expect(await main(['--help'])).toBe(0);
    for (const name of ['replay', 'rollback', 'signer-reset']) expect(out).toContain(`gridtokenx node ${name}`);
  });
});
