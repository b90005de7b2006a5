import { encodeCertificate, encodeHeader, proveOutcome } from '@gridtokenx/chain';
import type { Crypto, Hash } from '@gridtokenx/crypto';
import { assert, fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';
import { decodeOutcome, type LedgerIdentity, type Outcome } from '@gridtokenx/protocol';
import type { AsOf, OperationView, LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { CRYPTO, HREFS, IDENTITY, READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import { Pending, type PendingEnvelope } from '../write/pending.js';
import { BlockStore } from './block-store.js';
import { asOf, type Hrefs } from './views.js';
import type { operationAnswer, operationStatus, proofAnswer, statusAnswer } from '../openapi/schemas.js';

type OperationStatus = z.input<typeof operationStatus>;
type AtHeight<T> = { readonly at: AsOf; readonly body: T };

/** Why an envelope that waits will never be in a block. */
type NeverCode = 'operation.expired' | 'operation.sequenceUsed' | 'operation.sequenceTooOld' | 'operation.keyRemoved';

/** What became of operations: from the blocks, or derived from what the ledger can no longer do. */
@Injectable()
export class Outcomes {
  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(HREFS) private readonly hrefs: Hrefs,
    @Inject(Pending) private readonly pending: Pending,
    @Inject(BlockStore) private readonly blocks: BlockStore,
  ) {}

  async operation(id: string): Promise<AtHeight<z.input<typeof operationAnswer>>> {
    const { at, statuses } = await this.statusOf([id]);
    const status = statuses[0];
    if (status === undefined) throw problem('operation.unknown');
    const { height, index } = status;
    const outcome = height === undefined || index === undefined ? undefined : await this.outcome(height, index);
    return { at, body: { asOf: asOf(at), ...status, ...(outcome === undefined ? {} : { outcome }) } };
  }

  /** Of many: where they stand, without what they did. */
  async operations(ids: readonly string[]): Promise<z.input<typeof statusAnswer>> {
    const { at, statuses } = await this.statusOf(ids);
    const known = new Set(statuses.map(({ id }) => id));
    return { ...asOf(at), operations: statuses, unknown: ids.filter((id) => !known.has(id)) };
  }

  /**
   * What waits is judged by a state that is read BEFORE asking which operations are in a block: an operation that used
   * its own sequence up in between is then found in its block, and never called refused.
   */
  private async statusOf(ids: readonly string[]): Promise<{ at: AsOf; statuses: OperationStatus[] }> {
    const waiting = ids.map((id) => this.pending.operation(id));
    const never = await this.neverCodes(waiting.flatMap((envelope) => envelope ?? []));
    const { value, height, timeMs } = await this.readModels.operationsByIds(ids);
    const decided = new Map(value.map((view) => [view.operationId, view]));
    const statuses = ids.flatMap((id, i): OperationStatus | [] => {
      const view = decided.get(id);
      const envelope = waiting[i];
      if (view !== undefined) {
        if (envelope !== undefined) this.pending.drop(envelope);
        return decidedStatus(view, this.hrefs);
      }
      if (envelope === undefined) return [];
      const code = never.get(envelope);
      const common = { id, kid: envelope.kid };
      if (code === undefined) return { ...common, status: 'pending' };
      return { ...common, status: code === 'operation.expired' ? 'expired' : 'refused', code };
    });
    return { at: { height, timeMs }, statuses };
  }

  private async neverCodes(envelopes: readonly PendingEnvelope[]): Promise<Map<PendingEnvelope, NeverCode>> {
    const asked = [...new Set(envelopes)];
    const found = new Map<PendingEnvelope, NeverCode>();
    if (asked.length === 0) return found;
    const { value, timeMs } = await this.readModels.admission(asked);
    for (const [i, envelope] of asked.entries()) {
      const code = neverCode(envelope, value[i], timeMs);
      if (code !== undefined) found.set(envelope, code);
    }
    return found;
  }

  private async outcome(height: number, index: number): Promise<Outcome | undefined> {
    const stored = await this.blocks.block(height);
    const bytes = stored?.block.outcomes[index]?.bytes;
    return bytes === undefined ? undefined : decodeOutcome(bytes);
  }

  async proof(height: number, operationId: string): Promise<AtHeight<z.input<typeof proofAnswer>>> {
    const at = await this.readModels.cursor();
    const stored = await this.blocks.block(height);
    if (stored === undefined) throw problem('block.unknown');
    const { block } = stored;
    const id = fromHex(operationId) as Hash | undefined;
    const proof = id === undefined ? undefined : proveOutcome(this.crypto, block, stored.results(), id);
    if (proof === undefined) throw problem('proof.notInBlock');
    const { header, certificate, index, size, outcome, path } = proof;
    // Sets change their size between epochs, and a certificate says how large the one is that signed it.
    const { value: set } = await this.readModels.validatorSet(height);
    assert(set !== undefined, `the validators of block ${height} are known`);
    return {
      at,
      body: {
        ledgerId: this.identity.ledgerId,
        height,
        header: toBase64Url(encodeHeader(header)),
        certificate: toBase64Url(encodeCertificate(certificate, set.kids.length)),
        operationId,
        index,
        size,
        outcome: toBase64Url(outcome),
        path: path.map(toHex),
        decoded: decodeOutcome(outcome),
        signers: certificate.signatures.length,
      },
    };
  }
}

function neverCode(envelope: PendingEnvelope, admission: string | undefined, timeMs: number): NeverCode | undefined {
  switch (admission) {
    case 'operation.sequenceUsed':
    case 'operation.sequenceTooOld':
    case 'operation.keyRemoved':
      return admission;
    default:
      // The next block's time is above this one's.
      return timeMs >= envelope.validUntil ? 'operation.expired' : undefined;
  }
}

const decidedStatus = (
  { operationId, status, kid, type, code, height, index }: OperationView,
  hrefs: Hrefs,
): OperationStatus => ({
  id: operationId,
  status,
  kid,
  type,
  ...(code === undefined ? {} : { code }),
  height,
  index,
  block: hrefs.block(height),
  proof: hrefs.proof(height, operationId),
});
