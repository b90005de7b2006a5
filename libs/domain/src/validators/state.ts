import type { PublicKey } from '@gridtokenx/crypto';
import { assert, fromBase64Url } from '@gridtokenx/kernel';
import { plainTable, type Store, type Table } from '../ledger/store.js';

export interface ValidatorRow {
  readonly organisation: string;
  /** The height of the last block that holds a rejoin of this validator; 0 for none. */
  readonly rejoinedAt: number;
}

export class ValidatorsState {
  readonly validators: Table<ValidatorRow>;

  constructor(store: Store) {
    this.validators = plainTable<ValidatorRow>(store, 'validators.validator', {
      encode: (writer, { organisation, rejoinedAt }) => void writer.text(organisation).u64(rejoinedAt),
      decode: (reader) => ({ organisation: reader.text(), rejoinedAt: reader.u64() }),
    });
  }

  /** Keys of the set of the next epoch. */
  get next(): PublicKey[] {
    return [...this.validators.rows.values()]
      .filter(({ value }) => value !== undefined)
      .map(({ key }) => {
        const bytes = fromBase64Url(key);
        assert(bytes !== undefined, 'a validator is named by its key');
        return bytes as PublicKey;
      });
  }
}
