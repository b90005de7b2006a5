import type { Kid } from '../rows.js';

/** What a block changes in the tables that only the public ledger has, and in the common ones by its own rules. */
export interface PublicRows {
  readonly kind: 'public';
  /** Accounts that were opened, by the key that owns each: known from then on, also once the account is empty and gone. */
  readonly accountKeys: readonly Kid[];
}
