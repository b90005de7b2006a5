import { assert } from '@gridtokenx/kernel';
import { tariffFault } from '@gridtokenx/protocol';
import type { LedgerModule } from '../ledger/module.js';
import { executeTariffs, TARIFFS_OPERATIONS, type TariffsParts } from './execute.js';

/** The tariff book: versions of what delivery costs, published by whom the consortium trusts with it. */
export const tariffsModule = (parts: TariffsParts): LedgerModule<(typeof TARIFFS_OPERATIONS)[number]> => ({
  name: 'tariffs',
  operations: TARIFFS_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a tariff book');
    const { tariffs: book } = genesis;
    const fault = tariffFault(book);
    assert(fault === undefined, `the tariff book of a genesis has no fault: ${fault?.code} at ${fault?.place}`);
    parts.tariffs.add(book);
  },
  execute: (context, operation) => executeTariffs(parts, context, operation),
  audit: () => parts.tariffs.audit(),
});
