import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { native } from '@gridtokenx/crypto-native';
import { auditState, createPublicLedger } from '@gridtokenx/domain';
import { describe, expect, it } from '@jest/globals';
import { openDevelopmentLedger } from './development-ledger.js';
import { openDevelopmentPublicLedger, PEOPLE } from './development-public.js';

describe('the public ledger for development', () => {
  it('begins with validators, people and the parameters of the file, and is the same when it is opened again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-public-'));
    const { identity: consortium } = await openDevelopmentLedger(folder, { rate: 1, validators: 4 });
    const made = await openDevelopmentPublicLedger(folder, consortium, { validators: 7 });
    const again = await openDevelopmentPublicLedger(folder, consortium);
    expect(again.identity.ledgerId).toBe(made.identity.ledgerId);
    expect(made.identity.genesis.consortium?.ledgerId).toBe(consortium.ledgerId);
    const ledger = createPublicLedger(native, made.identity);
    expect(auditState(ledger)).toEqual([]);
    for (const name of Object.keys(PEOPLE)) {
      const { kid } = await made.key(name);
      expect(ledger.state.grid.total(kid)).toBeGreaterThan(0n);
    }
    await rm(folder, { recursive: true, force: true });
  });
});
