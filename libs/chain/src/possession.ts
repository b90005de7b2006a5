import type { PublicKey } from '@gridtokenx/crypto';
import { ByteWriter, utf8 } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { ledgerIdBytes } from './header.js';

const DOMAIN = utf8('gridtokenx/validator-key\0');

/**
 * SPEC validators 2.2: what a key signs to show that who names it as a validator holds it: for one ledger and one organisation,
 * so that nobody can name a key that another has shown.
 */
export const possessionSignBytes = (ledgerId: string, organisation: string, key: PublicKey): Uint8Array =>
  new ByteWriter(256)
    .fixed(DOMAIN)
    .u16(PROTOCOL_VERSION)
    .fixed(ledgerIdBytes(ledgerId))
    .text(organisation)
    .fixed(key)
    .done();
