import { chainRules, epochOf } from '@gridtokenx/chain';
import { formatTime, millis } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { PAGE_ITEMS_DEFAULT, type LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';
import { IDENTITY, READ_MODELS } from '../parts.js';
import { PARTICIPATION_BLOCKS, participationOf, type Participation } from './participation.js';
import { ValidatorWatch } from './validator-watch.js';
import { asOf } from './views.js';

type ValidatorStatus = z.output<typeof schemas.validatorStatus>;

export interface ValidatorFilter {
  readonly status?: ValidatorStatus | undefined;
  readonly limit?: number | undefined;
  /** The key id of the last item of the page before. */
  readonly after?: string | undefined;
}

const RATIO = 10_000;
const time = (ms: number): string => formatTime(millis(ms));
const statusOf = ({ index, suspended }: Participation): ValidatorStatus =>
  suspended ? 'suspended' : index === undefined ? 'former' : 'active';

/** What an operator reads first when blocks are late: who is silent, since when, and whose turns passed. */
@Injectable()
export class ValidatorTable {
  private readonly epochBlocks: number;

  constructor(
    @Inject(IDENTITY) identity: LedgerIdentity,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(ValidatorWatch) private readonly watch: ValidatorWatch,
  ) {
    this.epochBlocks = chainRules(identity).epochBlocks;
  }

  /** In the order of their keys, as bytes: that of the set. */
  async page({
    status,
    limit = PAGE_ITEMS_DEFAULT,
    after,
  }: ValidatorFilter): Promise<z.input<typeof schemas.validatorsAnswer>> {
    const { value, ...at } = await this.readModels.participation(PARTICIPATION_BLOCKS);
    const all = participationOf(value, this.watch, at.height);
    const begin = after === undefined ? 0 : all.findIndex(({ kid }) => kid === after) + 1;
    const rest = all.slice(begin).filter((one) => status === undefined || statusOf(one) === status);
    const items = rest.slice(0, limit);
    const last = items.at(-1);
    return {
      ...asOf(at),
      epoch: epochOf(at.height + 1, this.epochBlocks),
      window: Math.min(PARTICIPATION_BLOCKS, at.height),
      items: items.map(bodyOf),
      ...(rest.length > limit && last !== undefined ? { next: last.kid } : {}),
    };
  }
}

const bodyOf = (one: Participation): z.input<typeof schemas.validator> => ({
  kid: one.kid,
  ...(one.organisation === undefined ? {} : { organisation: one.organisation }),
  status: statusOf(one),
  ...(one.index === undefined ? {} : { index: one.index }),
  firstHeight: one.firstHeight,
  ...(one.last === undefined
    ? {}
    : { height: one.last.height, round: one.last.round, lastVote: one.last.type, heardAt: time(one.last.heardAtMs) }),
  ...(one.lastSignedHeight === undefined ? {} : { lastSignedHeight: one.lastSignedHeight }),
  memberBlocks: one.memberBlocks,
  signedBlocks: one.signedBlocks,
  signedShare: one.memberBlocks === 0 ? 0 : Math.floor((one.signedBlocks * RATIO) / one.memberBlocks),
  missedProposals: one.missedProposals,
  missedProposalsEver: one.missedProposalsEver,
  observedBlocks: one.observedBlocks,
  missedVotes: one.missedVotes,
});
