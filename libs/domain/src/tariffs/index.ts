import { assert } from '@gridtokenx/kernel';
import { tariffFault, tariffHash } from '@gridtokenx/protocol';
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
    parts.tariffs.add(book, tariffHash(parts.crypto, book));
  },
  execute: (context, operation) => executeTariffs(parts, context, operation),
  /** SPEC tariffs 1.3 */
  audit: () => {
    const { versions } = parts.tariffs;
    const faults: string[] = [];
    for (let version = 1; version <= parts.tariffs.newest.book.version; version++) {
      const row = versions.get(String(version));
      if (row?.book.version !== version) faults.push(`version ${version} of the tariff book is not there`);
      else if (row.hash !== tariffHash(parts.crypto, row.book))
        faults.push(`version ${version} of the tariff book has another hash`);
    }
    return faults;
  },
});
