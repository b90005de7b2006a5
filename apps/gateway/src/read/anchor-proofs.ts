import {
  decodeHeader,
  encodeUnderAnchor,
  proveUnderAnchor,
  type Header,
  type UnderAnchorProof,
} from '@gridtokenx/chain';
import { toHex } from '@gridtokenx/kernel';
import { anchorId, type Records } from '@gridtokenx/projections';
import type { AsOf, PublicReadModels, RecordView } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { anchorProof } from '../openapi/public-schemas.js';
import { CONSORTIUM, READ_MODELS, type LedgerParts } from '../parts.js';
import { problem } from '../problems.js';
import { Outcomes } from './outcomes.js';
import { asOf } from './views.js';

/** Whoever needs a longer way takes the headers one by one: an answer is 5 MB at most. */
const HEADERS_MAX = 10_000;

export interface FoundAnchor {
  readonly at: AsOf;
  readonly anchor: RecordView<Records['anchor']>;
  readonly operation: string;
  readonly proof: UnderAnchorProof;
}

/** Shows blocks of the consortium to be under the anchors that the public ledger has of it. */
@Injectable()
export class AnchorProofs {
  constructor(
    @Inject(READ_MODELS) private readonly readModels: PublicReadModels,
    @Inject(CONSORTIUM) private readonly consortium: LedgerParts,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
  ) {}

  /** SPEC transparency 4.3. Throws the problems `anchor.notYet`, `anchor.tooFar` and `block.unknown`. */
  async proof(height: number): Promise<{ readonly at: AsOf; readonly body: z.input<typeof anchorProof> }> {
    const { at, anchor, operation, proof } = await this.find(height);
    const { body: anchored } = await this.outcomes.proof(anchor.height, operation);
    return {
      at,
      body: {
        asOf: asOf(at),
        ledgerId: this.consortium.identity.ledgerId,
        height,
        anchorHeight: anchor.body.height,
        underAnchor: toHex(encodeUnderAnchor(proof)),
        anchored,
      },
    };
  }

  /** The same as it is known here: the nearest anchor, and the headers up to it. */
  async find(height: number): Promise<FoundAnchor> {
    let { value: anchor, ...at } = await this.readModels.recordFrom('anchor', '', anchorId(height));
    // What governance itself had anchored no operation shows: the next anchor does.
    while (anchor !== undefined && anchor.body.operation === undefined)
      ({ value: anchor, ...at } = await this.readModels.recordFrom('anchor', '', anchorId(anchor.body.height + 1)));
    const operation = anchor?.body.operation;
    if (anchor === undefined || operation === undefined) throw problem('anchor.notYet');
    const to = anchor.body.height;
    if (to - height >= HEADERS_MAX) throw problem('anchor.tooFar', `the next anchor is block ${to}`);
    const { value: headers } = await this.consortium.readModels.headers(height, to);
    const proof = proveUnderAnchor({ height: to }, height, (wanted) => decodedAt(headers[wanted - height]));
    if (proof === undefined) throw problem('block.unknown');
    return { at, anchor, operation, proof };
  }
}

const decodedAt = (header: Uint8Array | undefined): Header | undefined => header && decodeHeader(header);
