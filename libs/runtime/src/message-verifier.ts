import type { ValidatorSet } from '@gridtokenx/chain';
import { decodeMessage, messageShapeFault, messageSignatures, type ConsensusMessage } from '@gridtokenx/consensus';
import type { Crypto, PublicKey } from '@gridtokenx/crypto';
import { DecodeError, toHex } from '@gridtokenx/kernel';
import { decodeFrames, type Frame } from './consensus-frames.js';
import { Memo } from './memo.js';

/** From bytes of the consensus topic to messages that may be believed; what is refused is told to `skip`. */
export class MessageVerifier {
  private readonly ownFrames = new Memo();
  private readonly verifiedFrames = new Memo();
  private readonly verifiedSignatures = new Memo();

  constructor(
    private readonly crypto: Crypto,
    private readonly ledgerId: string,
    private readonly set: ValidatorSet,
    private readonly skip: (reason: string) => void,
  ) {}

  /** The frames of a record; none when it is garbage or of another ledger. */
  framesOf(record: Uint8Array): Frame[] {
    try {
      return decodeFrames(this.crypto, this.ledgerId, record);
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

  /** The message, when it may matter above the decided height and every signature in it verifies. */
  verified(bytes: Uint8Array, decidedHeight: number): ConsensusMessage | undefined {
    try {
      const message = decodeMessage(this.crypto, bytes);
      // Late votes for a decided height are the rule, not worth a signature check.
      if (message.height <= decidedHeight) return undefined;
      const digest = this.digestOf(bytes);
      if (this.verifiedFrames.has(digest)) return message;
      const fault = messageShapeFault(message, this.set, this.ledgerId) ?? this.signatureFault(message);
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

  private signatureFault(message: ConsensusMessage): string | undefined {
    for (const { publicKey, signBytes, signature } of messageSignatures(message, this.set, this.ledgerId))
      if (!this.verify(signature, signBytes, publicKey)) return 'message.badSignature';
    return undefined;
  }

  /** Memoised: the same PREPARE stands in a vote, in a certificate and in a justification. */
  private verify(signature: Uint8Array, signBytes: Uint8Array, publicKey: PublicKey): boolean {
    const key = `${toHex(signature)}${this.digestOf(signBytes)}${toHex(publicKey)}`;
    if (this.verifiedSignatures.has(key)) return true;
    if (!this.crypto.verify(signature, signBytes, publicKey)) return false;
    this.verifiedSignatures.add(key);
    return true;
  }

  private digestOf(bytes: Uint8Array): string {
    return toHex(this.crypto.sha256(bytes));
  }
}
