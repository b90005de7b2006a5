import { describe, expect, it } from '@jest/globals';
import type { Operation, RejectionCode } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { id, KWH, World } from '../spec/world.spec.js';

const attest = (amount: string): Operation => ({ type: 'accounts.attestReserve', amount, reference: 'r' });
const mint = (account: string, amount: string): Operation => ({
  type: 'accounts.mint',
  account: id(account),
  amount,
  reference: 'm',
});
const burn = (account: string, amount: string): Operation => ({
  type: 'accounts.burn',
  account: id(account),
  amount,
  reference: 'b',
});
const pay = (from: string, to: string, amount: string, asset = 'WATT'): Operation => ({
  type: 'accounts.transfer',
  from: id(from),
  to: id(to),
  asset,
  amount,
});

/** 100 WATT attested, 60 of them Ann's, and Ann signs for herself. */
function given(): World {
  const world = new World();
  world.must('bank', attest('100000000'), mint('ann', '60000000'));
  world.ownKey('ann');
  return world;
}

describe('accounts', () => {
  const cases: readonly (readonly [string, string, Operation, RejectionCode | 'ok'])[] = [
    ['the issuer mints up to the reserve', 'bank', mint('bob', '40000000'), 'ok'],
    ['and not beyond it', 'bank', mint('bob', '40000001'), 'accounts.reserveExceeded'],
    ['nobody else mints', 'mea', mint('bob', '1'), 'key.notAuthorised'],
    ['to an account that there is', 'bank', mint('none', '1'), 'registry.unknownAccount'],
    ['less may be attested, down to what circulates', 'bank', attest('60000000'), 'ok'],
    ['and not less than that', 'bank', attest('59999999'), 'accounts.reserveExceeded'],
    ['nobody else attests', 'mea', attest('1'), 'key.notAuthorised'],
    ['the issuer burns nothing of anyone else', 'bank', burn('ann', '1'), 'key.notAuthorised'],
    ['nor of an account that there is not', 'bank', burn('none', '1'), 'registry.unknownAccount'],
    ['nor what its own account has not', 'bank', burn('bank account', '1'), 'accounts.insufficientBalance'],
    ['nobody else burns', 'mea', burn('mea account', '1'), 'key.notAuthorised'],
    ['a transfer moves what is there', 'ann', pay('ann', 'bob', '60000000'), 'ok'],
    ['and no more', 'ann', pay('ann', 'bob', '60000001'), 'accounts.insufficientBalance'],
    ['of energy', 'ann', pay('ann', 'bob', '1', KWH), 'accounts.energyNotTransferable'],
    ['not to itself', 'ann', pay('ann', 'ann', '1'), 'accounts.sameAccount'],
    ['not to an account that there is not', 'ann', pay('ann', 'none', '1'), 'registry.unknownAccount'],
    ['not from one', 'ann', pay('none', 'ann', '1'), 'registry.unknownAccount'],
    ['not from one that is not the signer’s', 'ann', pay('bob', 'ann', '1'), 'key.notAuthorised'],
  ];
  for (const [promise, by, operation, code] of cases)
    it(`${promise}: ${code}`, () => {
      const world = given();
      const [outcome] = world.run(by, operation).outcomes;
      expect(outcome?.status === 'rejected' ? outcome.code : 'ok').toBe(code);
      expect(auditState(world.ledger)).toEqual([]);
    });

  it('both ends of a transfer are verified', () => {
    for (const name of ['ann', 'bob']) {
      const world = given();
      world.must('erc', { type: 'registry.setKyc', account: id(name), status: 'suspended' });
      expect(world.run('ann', pay('ann', 'bob', '1')).outcomes).toMatchObject([
        { code: 'accounts.notVerified', detail: { account: id(name) } },
      ]);
    }
  });

  it('money is redeemed by sending it to the issuer, which burns it', () => {
    const world = given();
    world.must('ann', pay('ann', 'bank account', '10000000'));
    const { outcomes } = world.must('bank', burn('bank account', '10000000'));
    expect(outcomes).toMatchObject([{ postings: [[id('bank account'), 'WATT', '-10000000', '0']] }]);
    expect(world.ledger.state.accounts.supply('WATT')).toMatchObject({
      genesis: 0n,
      minted: 60_000_000n,
      burned: 10_000_000n,
      retired: 0n,
    });
    expect(auditState(world.ledger)).toEqual([]);
  });
});
