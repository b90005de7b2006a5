import { assert, toBase64Url } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { PAGE_ITEMS_DEFAULT, type AsOf, type BlockRange, type LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';
import { HREFS, IDENTITY, READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import { BlockStore } from './block-store.js';
import { asOf, blockBody, keyBody, type Hrefs } from './views.js';

/** The read models of any ledger in the words of the interface. */
@Injectable()
export class Reads {
  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(BlockStore) private readonly blockStore: BlockStore,
    @Inject(HREFS) private readonly hrefs: Hrefs,
  ) {}

  /** Newest first. `next` goes on in the direction in which the page was asked. */
  async blocks(range: BlockRange): Promise<z.input<typeof schemas.blocksAnswer>> {
    const { value, ...at } = await this.readModels.blocks(range);
    const heights = value.map(({ height }) => height);
    const full = value.length >= (range.limit ?? PAGE_ITEMS_DEFAULT);
    const [highest, lowest] = [Math.max(...heights), Math.min(...heights)];
    const up = range.after !== undefined;
    const more = full && (up ? highest < at.height : lowest > 1);
    const next = up ? `above:${highest}` : `below:${lowest}`;
    return { ...asOf(at), items: value.map((view) => blockBody(view, this.hrefs)), ...(more ? { next } : {}) };
  }

  async block(height: number): Promise<z.input<typeof schemas.blockAnswer>> {
    const { value, ...at } = await this.readModels.block(height);
    if (value === undefined) throw problem('block.unknown');
    return {
      ...asOf(at),
      block: blockBody(value, this.hrefs),
      header: toBase64Url(value.header),
      certificate: toBase64Url(value.certificate),
    };
  }

  /** `encodeBlock` bytes: with the genesis file, all that a stranger needs to check the block. */
  async record(height: number): Promise<{ readonly at: AsOf; readonly record: Uint8Array }> {
    const stored = await this.blockStore.block(height);
    if (stored === undefined) throw problem('block.unknown');
    return { at: await this.readModels.cursor(), record: stored.record };
  }

  /** SPEC light-client 6.1: what a light client needs of a block: little, and nothing that it has to believe. */
  async lightBlock(
    height: number,
  ): Promise<{ readonly at: AsOf; readonly body: z.input<typeof schemas.lightBlockAnswer> }> {
    const { value: block, ...at } = await this.readModels.block(height);
    if (block === undefined) throw problem('block.unknown');
    // Only once the block is there do the read models know who decides the next.
    const [{ value: set }, { value: next }] = await Promise.all([
      this.readModels.validatorSet(height),
      this.readModels.validatorSet(height + 1),
    ]);
    assert(set !== undefined && next !== undefined, `the validators of block ${height} are known`);
    return {
      at,
      body: {
        ledgerId: this.identity.ledgerId,
        height,
        header: toBase64Url(block.header),
        certificate: toBase64Url(block.certificate),
        validators: [...set.kids],
        nextValidators: [...next.kids],
      },
    };
  }

  async key(kid: string): Promise<z.input<typeof schemas.keyAnswer>> {
    const { value, ...at } = await this.readModels.key(kid);
    if (value === undefined) throw problem('key.unknown');
    return { ...asOf(at), ...keyBody(value) };
  }
}
