import { verifyUnderAnchor, type Header as BlockHeader } from '@gridtokenx/chain';
import type { Crypto, Hash } from '@gridtokenx/crypto';
import { assert, fromHex, toHex } from '@gridtokenx/kernel';
import { ProblemError } from '@gridtokenx/nest';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { PublicReadModels } from '@gridtokenx/runtime';
import { Controller, Get, Header, Inject, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { standsAt } from '../http/answers.js';
import { parseQuery } from '../http/query.js';
import { proofsQuery } from '../openapi/public-schemas.js';
import { CONSORTIUM, CRYPTO, IDENTITY, READ_MODELS, type LedgerParts } from '../parts.js';
import { AnchorProofs } from '../read/anchor-proofs.js';
import { PAGE_POLICY, proofsPage, type ShownBlock } from '../read/proofs-page.js';

const NEWEST = { limit: 10 };

/** The page of proofs: for people, without a script, without anything from elsewhere. */
@Controller()
export class ProofsController {
  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CONSORTIUM) private readonly consortium: LedgerParts,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(READ_MODELS) private readonly readModels: PublicReadModels,
    @Inject(AnchorProofs) private readonly anchorProofs: AnchorProofs,
  ) {}

  @Get('proofs')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', PAGE_POLICY)
  @Header('x-content-type-options', 'nosniff')
  @Header('referrer-policy', 'no-referrer')
  async proofs(@Query() query: unknown, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { height } = parseQuery(proofsQuery, query);
    const { readModels } = this;
    const [anchors, publications, reports, block] = await Promise.all([
      readModels.records('anchor', '', NEWEST),
      readModels.records('publication', '', NEWEST),
      readModels.records('report', '', NEWEST),
      height === undefined ? undefined : this.shown(height),
    ]);
    const page = proofsPage({
      consortium: this.consortium.identity,
      identity: this.identity,
      at: anchors,
      anchors: anchors.items,
      publications: publications.items,
      reports: reports.items,
      block,
    });
    return standsAt(reply, anchors, page);
  }

  /** A block with its way to the anchor, checked here too; what is not there is said on the page. */
  private async shown(height: number): Promise<ShownBlock> {
    try {
      const { anchor, proof } = await this.anchorProofs.find(height);
      const hash = fromHex(anchor.body.hash) as Hash | undefined;
      assert(hash !== undefined, 'a hash is hex');
      const anchored = { height: anchor.body.height, hash };
      const verified = verifyUnderAnchor(this.crypto, this.consortium.identity.ledgerId, anchored, proof);
      return typeof verified === 'string'
        ? { height, fault: `The headers that this gateway has do not lead to the anchor (${verified}).` }
        : { height, anchor, time: verified.time, hashes: hashesOf(proof.headers, anchor.body.hash) };
    } catch (error) {
      if (!(error instanceof ProblemError) || error.fields.status !== 404) throw error;
      return { height, fault: error.fields.title };
    }
  }
}

/** Of each block its hash, as the next one names it; of the last as it is anchored. */
const hashesOf = (headers: readonly BlockHeader[], last: string): string[] => [
  ...headers.slice(1).map(({ parentHash }) => toHex(parentHash)),
  last,
];
