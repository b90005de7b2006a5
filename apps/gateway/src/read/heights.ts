import type { LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import { LIMITS, READ_MODELS, type GatewayLimits } from '../parts.js';
import { problem } from '../problems.js';

/** Reading one's own writes: a read may ask to stand at a height at least. */
@Injectable()
export class Heights {
  constructor(
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(LIMITS) private readonly limits: GatewayLimits,
  ) {}

  /** Throws the problem `read.heightNotReached` after the wait that is allowed. */
  async atLeast(minHeight: number | undefined): Promise<void> {
    if (minHeight === undefined) return;
    const stands = await this.readModels.waitForHeight(minHeight, this.limits.heightWaitMs);
    if (stands < minHeight) throw problem('read.heightNotReached', `the read models stand at ${stands}`);
  }
}
