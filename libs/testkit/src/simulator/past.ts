import {
  chainRules,
  commitSignBytes,
  headerHash,
  operationsRootOf,
  tipAfter,
  type Block,
  type Header,
  signersOf,
} from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { createLedger } from '@gridtokenx/domain';
import { height as asHeight, millis } from '@gridtokenx/kernel';
import { decodeEnvelope, PROTOCOL_VERSION, type LedgerIdentity } from '@gridtokenx/protocol';
import { genesisTip, packBlock } from '@gridtokenx/runtime';

export interface PastOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly seedOf: (validator: number) => Uint8Array;
  /** Envelopes by block, from the first; each can be in its block. */
  readonly blocks: readonly (readonly Uint8Array[])[];
  readonly intervalMs: number;
}

/** The records of blocks that were certified before a simulation begins: no height of them is open any more. */
export function certifiedPast({ crypto, identity, seedOf, blocks, intervalMs }: PastOptions): Uint8Array[] {
  const { ledgerId } = identity;
  const rules = chainRules(identity);
  const ledger = createLedger(crypto, identity);
  let tip = genesisTip(crypto, identity, ledger);
  return blocks.flatMap((bytes) => {
    const { validators } = tip;
    const envelopes = bytes.map((one) => decodeEnvelope(crypto, ledgerId, one));
    const header: Header = {
      version: PROTOCOL_VERSION,
      ledgerId,
      epoch: validators.epoch,
      height: asHeight(tip.height + 1),
      proposer: (tip.height + 1) % validators.keys.length,
      parentHash: tip.hash,
      parentCertificateHash: tip.certificateHash,
      time: millis(tip.time + intervalMs),
      operationsRoot: operationsRootOf(crypto, envelopes),
      validatorsHash: validators.hash,
      nextValidatorsHash: validators.hash,
      checkpointRoot: ledger.checkpoints.rootOf(tip.height + 1),
    };
    const { height, time, epoch, proposer } = header;
    const blockHash = headerHash(crypto, header);
    const { outcomes, resultsRoot, stateDigest } = ledger.execute({
      height,
      time,
      proposer,
      parentSigners: signersOf(tip.certificate),
      envelopes,
    });
    ledger.commit();
    const vote = { epoch, height, round: 0, blockHash, resultsRoot, stateDigest };
    const signBytes = commitSignBytes(ledgerId, { ...vote, signatures: [] });
    const signatures = validators.keys
      .slice(0, validators.quorum)
      .map((_, validator) => ({ validator, signature: crypto.sign(signBytes, seedOf(validator)) }));
    const block: Block = {
      header,
      parentCertificate: tip.certificate,
      certificate: { ...vote, signatures },
      envelopes: bytes,
      outcomes,
    };
    const parts = packBlock(block, tip);
    tip = tipAfter(crypto, rules, tip, block);
    return parts;
  });
}
