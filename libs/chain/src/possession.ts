import type { Crypto, PublicKey, Signature } from '@gridtokenx/crypto';
import { ByteWriter, fromBase64Url, utf8 } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { ledgerIdBytes } from './header.js';

const DOMAIN = utf8('gridtokenx/validator-key\0');

/**
 * SPEC validators 2.2: what a key signs to show that who names it as a validator holds it: for one ledger and one organisation,
 * or one account of the public ledger, so that nobody can name a key that another has shown.
 */
export const possessionSignBytes = (ledgerId: string, owner: string, key: PublicKey): Uint8Array =>
  new ByteWriter(256).fixed(DOMAIN).u16(PROTOCOL_VERSION).fixed(ledgerIdBytes(ledgerId)).text(owner).fixed(key).done();

/** Whether `proof`, a signature in base64url, is the key's over {@link possessionSignBytes}. */
export function showsPossession(
  crypto: Pick<Crypto, 'verify'>,
  ledgerId: string,
  owner: string,
  key: PublicKey,
  proof: string,
): boolean {
  const signature = fromBase64Url(proof);
  return (
    signature?.length === 64 && crypto.verify(signature as Signature, possessionSignBytes(ledgerId, owner, key), key)
  );
}
