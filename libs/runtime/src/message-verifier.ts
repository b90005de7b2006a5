import { epochOf, type ChainRules } from '@gridtokenx/chain';
import {
  decodeMessage,
  HEIGHTS_AHEAD_MAX,
  messageShapeFault,
  messageSignatures,
  type ConsensusMessage,
  type Sets,
} from '@gridtokenx/consensus';
import type { Crypto, PublicKey } from '@gridtokenx/crypto';
import { DecodeError, toHex } from '@gridtokenx/kernel';
import { decodeFrames, type Frame } from './consensus-frames.js';
import { Memo } from './memo.js';

/** Unverified, so anyone may push out what is kept; then the resends of the senders mend it. */
const EARLY_MAX = 1_024;
const EARLY_BYTES_MAX = 16 * 1024 * 1024;

/** From bytes of the consensus topic to messages that may be believed; what is refused is told to `skip`. */
export class MessageVerifier {
  private readonly ownFrames = new Memo();
  private readonly early: Uint8Array[] = [];
  private earlyBytes = 0;
  private readonly verifiedFrames = new Memo();
  private readonly verifiedSignatures = new Memo();

  constructor(
    private readonly crypto: Crypto,
    private readonly rules: ChainRules,
    private readonly skip: (reason: string) => void,
  ) {}

  /** The frames of a record; none when it is garbage or of another ledger. */
  framesOf(record: Uint8Array): Frame[] {
    try {
      return decodeFrames(this.crypto, this.rules.ledgerId, record);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.skip(error.code);
      return [];
    }
  }

  /** These bytes were signed here and need no second look when the bus brings them back. */
  noteOwn(bytes: Uint8Array): void {
    this.ownFrames.add(this.digestOf(bytes));
  }

  isOwn(bytes: Uint8Array): boolean {
    return this.ownFrames.has(this.digestOf(bytes));
  }

  /** The message, when it may matter above the tip and every signature in it verifies. */
  verified(bytes: Uint8Array, tip: Sets): ConsensusMessage | undefined {
    try {
      const message = decodeMessage(this.crypto, bytes);
      // Late votes for a decided height are the rule, not worth a signature check.
      if (message.height <= tip.height) return undefined;
      const digest = this.digestOf(bytes);
      if (this.verifiedFrames.has(digest)) return message;
      if (this.isEarly(message, tip)) {
        this.keepEarly(bytes);
        return undefined;
      }
      const fault = messageShapeFault(message, tip, this.rules) ?? this.signatureFault(message, tip);
      if (fault !== undefined) {
        this.skip(fault);
        return undefined;
      }
      this.verifiedFrames.add(digest);
      return message;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.skip(error.code);
      return undefined;
    }
  }

  /** What was kept for the epoch that has opened, to be verified now that its validators are known. */
  takeEarly(): Uint8Array[] {
    this.earlyBytes = 0;
    return this.early.splice(0);
  }

  private keepEarly(bytes: Uint8Array): void {
    this.early.push(bytes);
    this.earlyBytes += bytes.length;
    while (this.early.length > EARLY_MAX || this.earlyBytes > EARLY_BYTES_MAX)
      this.earlyBytes -= this.early.shift()?.length ?? 0;
  }

  /** SPEC consensus 9.4: of the first heights of the next epoch, whose validators the tip does not say yet. */
  private isEarly({ epoch, height }: ConsensusMessage, { height: tip, validators }: Sets): boolean {
    return (
      epoch === validators.epoch + 1 &&
      epoch === epochOf(height, this.rules.epochBlocks) &&
      height <= tip + 1 + HEIGHTS_AHEAD_MAX
    );
  }

  private signatureFault(message: ConsensusMessage, tip: Sets): string | undefined {
    // All signatures of a certificate are of the same bytes.
    let [signed, digest]: [Uint8Array | undefined, string] = [undefined, ''];
    for (const { publicKey, signBytes, signature } of messageSignatures(message, tip, this.rules.ledgerId)) {
      if (signBytes !== signed) [signed, digest] = [signBytes, this.digestOf(signBytes)];
      if (!this.verify(signature, signBytes, digest, publicKey)) return 'message.badSignature';
    }
    return undefined;
  }

  /** Memoised: the same PREPARE stands in a vote, in a certificate and in a justification. */
  private verify(signature: Uint8Array, signBytes: Uint8Array, digest: string, publicKey: PublicKey): boolean {
    const key = `${toHex(signature)}${digest}${toHex(publicKey)}`;
    if (this.verifiedSignatures.has(key)) return true;
    if (!this.crypto.verify(signature, signBytes, publicKey)) return false;
    this.verifiedSignatures.add(key);
    return true;
  }

  private digestOf(bytes: Uint8Array): string {
    return toHex(this.crypto.sha256(bytes));
  }
}
