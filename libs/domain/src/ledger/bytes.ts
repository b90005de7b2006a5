import { utf8 } from '@gridtokenx/kernel';
import type { Outcome } from '@gridtokenx/protocol';

const CHUNK_BYTES = 256 * 1024;

/**
 * The bytes of the outcomes of one block, the same as `encodeOutcome` makes: nearly all of them are ASCII and are written
 * at once into chunks that they share, because ten thousand small buffers cost more than what is in them.
 */
export class OutcomeBytes {
  private chunk = new Uint8Array(CHUNK_BYTES);
  private at = 0;

  of(outcome: Outcome): Uint8Array {
    const text = JSON.stringify(outcome);
    const { length } = text;
    if (length > this.chunk.length - this.at) {
      this.chunk = new Uint8Array(Math.max(CHUNK_BYTES, length));
      this.at = 0;
    }
    const { chunk, at } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return utf8(text);
      chunk[at + i] = code;
    }
    this.at = at + length;
    return chunk.subarray(at, at + length);
  }
}
