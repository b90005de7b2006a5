import type { LedgerModule } from '../ledger/module.js';
import { closeExpired, executeMultisig, MULTISIG_OPERATIONS, type MultisigParts } from './execute.js';

export const multisigModule = (parts: MultisigParts): LedgerModule<(typeof MULTISIG_OPERATIONS)[number]> => ({
  name: 'multisig',
  operations: MULTISIG_OPERATIONS,
  execute: (context, operation) => executeMultisig(parts, context, operation),
  atStart: (context) => closeExpired(parts, context),
  audit: () => {
    const { accounts, proposals } = parts.multisig;
    const open = new Map<string, number>();
    for (const { value } of proposals.rows.values())
      if (value !== undefined) open.set(value.account, (open.get(value.account) ?? 0) + 1);
    const faults = [...accounts.rows.values()].flatMap(({ key, value }) => {
      const counted = open.get(key) ?? 0;
      open.delete(key);
      return value === undefined || value.open === counted
        ? []
        : [`${key} has ${counted} open proposals, not ${value.open}`];
    });
    for (const account of open.keys()) faults.push(`there are proposals of ${account}, which there is not`);
    return faults;
  },
});
