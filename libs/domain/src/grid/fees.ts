import type { Millis } from '@gridtokenx/kernel';
import { TREASURY_ACCOUNT, type Envelope, type RejectionCode } from '@gridtokenx/protocol';
import type { EnvelopeFees } from '../ledger/definition.js';
import type { KeyRow } from '../ledger/keys.js';
import type { HookContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import type { GridState } from './state.js';

/** Fees that are taken before what was taken becomes an outcome. */
const PAYERS_PER_OUTCOME = 500;

/** SPEC grid 4.1: what an envelope costs: of each operation, and of each byte. */
const feeOf = (parameters: ParametersState, { operationIds, bytes }: Envelope): bigint =>
  parameters.amount('grid.feeBase') * BigInt(operationIds.length) +
  parameters.amount('grid.feePerByte') * BigInt(bytes.length);

/** SPEC grid 4.2: a key that signs blocks owns nothing and pays nothing, and asks only for what concerns its validator. */
const isFree = ({ operations }: Envelope): boolean => operations.every(({ type }) => type.startsWith('validators.'));

export function gridFees(grid: GridState, parameters: ParametersState): EnvelopeFees {
  const refuse = (
    key: KeyRow,
    envelope: Envelope,
    time: Millis,
    owed: (account: string) => bigint,
  ): RejectionCode | bigint => {
    if (key.account === '') return isFree(envelope) ? 0n : 'grid.keyWithoutAccount';
    const fee = feeOf(parameters, envelope);
    return grid.spendable(key.account, time) - owed(key.account) < fee ? 'grid.feeUnpaid' : fee;
  };
  return {
    admission: (time) => {
      const owed = new Map<string, bigint>();
      return {
        refusal: (key, envelope) => {
          const fee = refuse(key, envelope, time, (account) => owed.get(account) ?? 0n);
          if (typeof fee !== 'bigint') return fee;
          if (fee > 0n) owed.set(key.account, (owed.get(key.account) ?? 0n) + fee);
          return undefined;
        },
      };
    },
    charge: (key, envelope, time) => {
      const fee = refuse(key, envelope, time, () => 0n);
      if (typeof fee !== 'bigint') return fee;
      if (fee > 0n) grid.debts.set(key.account, grid.owed(key.account) + fee);
      return undefined;
    },
  };
}

/** SPEC grid 4.4: when all else of a block is done, what its envelopes owe goes to the treasury. */
export function collectFees(grid: GridState, context: HookContext): void {
  let [payers, sum] = [0, 0n];
  const tell = (): void => {
    if (payers === 0) return;
    grid.credit(context, TREASURY_ACCOUNT, sum);
    context.events.push({ type: 'grid.feesCollected', payers, amount: sum.toString() });
    context.flush();
    [payers, sum] = [0, 0n];
  };
  for (const debt of grid.debts.cells()) {
    if (debt.value === undefined) continue;
    sum += grid.settle(debt.key);
    if (++payers === PAYERS_PER_OUTCOME) tell();
  }
  tell();
}
