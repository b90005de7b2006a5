import { promisify } from 'node:util';
import { constants, zstdDecompress } from 'node:zlib';
import { decodeBlock, resultsOf, type Block, type Result } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { assert } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import { CRYPTO, IDENTITY, LIMITS, READ_MODELS, type GatewayLimits } from '../parts.js';
import { outlineOf } from '../write/envelope-outline.js';

const inflate = promisify(zstdDecompress);
/** Eight times what a block of the largest ledger may hold: a body that grows beyond it is none of ours. */
const RECORD_BYTES_MAX = 256 * 1024 * 1024;

export interface StoredBlock {
  /** `encodeBlock` of the block. */
  readonly record: Uint8Array;
  readonly block: Block;
  /** With the operations' ids; made when first asked for. */
  results(): readonly Result[];
}

/** Decoded blocks, the latest used ones kept. A block never changes, so what is kept is never wrong. */
@Injectable()
export class BlockStore {
  private readonly kept = new Map<number, Promise<StoredBlock | undefined>>();
  private readonly sizes = new Map<number, number>();
  private bytes = 0;

  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(LIMITS) private readonly limits: GatewayLimits,
  ) {}

  async block(height: number): Promise<StoredBlock | undefined> {
    const known = this.kept.get(height);
    if (known !== undefined) {
      this.kept.delete(height);
      this.kept.set(height, known);
      return known;
    }
    const loading = this.load(height);
    this.kept.set(height, loading);
    try {
      const block = await loading;
      if (block === undefined) this.kept.delete(height);
      else this.keep(height, block.record.length);
      return block;
    } catch (error) {
      this.kept.delete(height);
      throw error;
    }
  }

  private keep(height: number, size: number): void {
    if (this.sizes.has(height)) return;
    this.sizes.set(height, size);
    this.bytes += size;
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= this.limits.blockCacheBytesMax) break;
      const freed = this.sizes.get(oldest);
      if (freed === undefined || oldest === height) continue;
      this.kept.delete(oldest);
      this.sizes.delete(oldest);
      this.bytes -= freed;
    }
  }

  private async load(height: number): Promise<StoredBlock | undefined> {
    const { value } = await this.readModels.blockBody(height);
    if (value === undefined) return undefined;
    const record = await inflate(value, {
      params: { [constants.ZSTD_d_windowLogMax]: 27 },
      maxOutputLength: RECORD_BYTES_MAX,
    });
    const block = decodeBlock(record);
    let results: readonly Result[] | undefined;
    return { record, block, results: () => (results ??= this.resultsIn(block)) };
  }

  private resultsIn(block: Block): readonly Result[] {
    const envelopes = block.envelopes.map((bytes) => {
      const outline = outlineOf(this.crypto, this.identity.ledgerId, bytes);
      assert(outline !== undefined, `block ${block.header.height} holds envelopes only`);
      return { hash: this.crypto.sha256(bytes), operationIds: outline.operationIds };
    });
    const results = resultsOf(block.outcomes, envelopes);
    assert(results !== undefined, `block ${block.header.height} holds one outcome for each operation`);
    return results;
  }
}
