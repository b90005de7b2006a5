import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { native } from '@gridtokenx/crypto-native';
import { utf8 } from '@gridtokenx/kernel';
import { testConsortium } from '@gridtokenx/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readGenesisFile } from './genesis.js';

const { identity } = testConsortium(native, { validators: 4, timeMs: 0, seed: 1 });
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-genesis-'));
  file = join(folder, 'genesis.json');
  await writeFile(file, JSON.stringify(identity.genesis));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the genesis file of a process', () => {
  it('is read with its bytes, whose hash names the ledger', async () => {
    const { identity: read, bytes } = await readGenesisFile(file, 'consortium');
    expect(read.genesis).toEqual(identity.genesis);
    expect(read.genesisHash).toEqual(native.sha256(bytes));
    expect((await readGenesisFile(file)).identity).toEqual(read);
  });

  it('is refused when it is of another ledger than the process is for', async () => {
    await expect(readGenesisFile(file, 'public')).rejects.toMatchObject({ code: 'config.otherLedger' });
    await writeFile(join(folder, 'else.json'), utf8('{}'));
    await expect(readGenesisFile(join(folder, 'else.json'))).rejects.toMatchObject({ code: 'genesis.schema' });
  });
});
