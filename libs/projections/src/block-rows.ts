import { encodeCertificate, encodeHeader } from '@gridtokenx/chain';
import { assert, concatBytes, equalBytes, parseTime } from '@gridtokenx/kernel';
import type { ExecutedOutcome, HoldEntry, LedgerEvent, Posting } from '@gridtokenx/protocol';
import type { OwnCollector } from './projection.js';
import { missedProposals, validatorPlaces } from './validator-rows.js';
import type { BalanceDelta, BlockRow, CommonRows, EnvelopeRow, HoldRow, OperationRow, ProjectedBlock } from './rows.js';

/**
 * What a block changes. It never reads a table: balances are sums of the block's postings, everything else is what
 * stands after the block, so a thing that is made and changed in one block is one row.
 */
export function rowsOfBlock<E extends LedgerEvent, Own>(
  isOwn: (event: LedgerEvent) => event is E,
  own: OwnCollector<E, Own>,
  { block, envelopes, outcomes, tip, body }: ProjectedBlock,
): CommonRows & Own {
  const { header, certificate } = block;
  assert(outcomes.length === block.outcomes.length, 'each outcome of the block was decoded');
  const rows = new Collector(isOwn, own);
  const operations: OperationRow[] = [];
  const envelopeRows: EnvelopeRow[] = [];
  const asked = askedIn(envelopes, envelopeRows);
  let hookCount = 0;
  let rejectedCount = 0;

  outcomes.forEach((outcome, index) => {
    const operation = block.outcomes[index]?.hook === true ? undefined : asked.next(index);
    if (operation === undefined) hookCount++;
    else {
      const code = outcome.status === 'rejected' ? outcome.code : undefined;
      operations.push({ ...operation, index, code });
      if (code !== undefined) rejectedCount++;
    }
    if (outcome.status === 'executed') rows.take(outcome, index, operation?.operationId);
  });
  assert(asked.isDone(), 'each operation of the block has an outcome');

  assert(rows.marketTimeMs !== undefined, 'each block begins with the advance of its clock');
  const row: BlockRow = {
    marketTimeMs: rows.marketTimeMs,
    epoch: header.epoch,
    proposer: header.proposer,
    round: certificate.round,
    signerCount: certificate.signatures.length,
    envelopeCount: envelopes.length,
    operationCount: operations.length,
    rejectedCount,
    hookCount,
    tradeCount: own.tradeCount,
    header: encodeHeader(header),
    certificate: encodeCertificate(certificate, tip.certifiedBy.keys.length),
    body,
  };
  return {
    ledgerId: header.ledgerId,
    height: header.height,
    hash: certificate.blockHash,
    parentHash: header.parentHash,
    timeMs: header.time,
    certifiedBy: concatBytes(...tip.certifiedBy.keys),
    validators: concatBytes(...tip.validators.keys),
    block: row,
    operations,
    envelopes: envelopeRows,
    validatorPlaces: equalBytes(tip.certifiedBy.hash, tip.validators.hash)
      ? []
      : validatorPlaces(header.height + 1, tip.validators.keys),
    missedProposals: missedProposals(header, certificate.round, tip.certifiedBy.keys),
    ...rows.done(),
  };
}

interface Asked {
  readonly operationId: Uint8Array;
  readonly key: Uint8Array;
  readonly type: string;
}

/** Walks the operations of the envelopes in order; writes an envelope's row when its first operation is met. */
function askedIn(
  envelopes: ProjectedBlock['envelopes'],
  rows: EnvelopeRow[],
): { next(index: number): Asked; isDone(): boolean } {
  let at = 0;
  let within = 0;
  return {
    next(index) {
      const envelope = envelopes[at];
      const operationId = envelope?.operationIds[within];
      const operation = envelope?.operations[within];
      assert(
        envelope !== undefined && operationId !== undefined && operation !== undefined,
        'each outcome that is not of a hook has its operation',
      );
      const { publicKey: key, hash, sequence, operationIds } = envelope;
      if (within === 0) rows.push({ hash, key, sequence, firstIndex: index, operationCount: operationIds.length });
      if (++within === operationIds.length) {
        at++;
        within = 0;
      }
      return { operationId, key, type: operation.type };
    },
    isDone: () => at === envelopes.length,
  };
}

/** Gathers what the outcomes of one block say, money itself, and the rest through the ledger's own collector. */
class Collector<E extends LedgerEvent, Own> {
  marketTimeMs: number | undefined = undefined;
  /** By account and asset. Nested, since to join the two texts for each posting costs more than all else. */
  private readonly balances = new Map<string, Map<string, BalanceSum>>();
  /** By asset and what it is held for, nested likewise. */
  private readonly holds = new Map<string, Map<string, HoldRow>>();

  constructor(
    private readonly isOwn: (event: LedgerEvent) => event is E,
    private readonly own: OwnCollector<E, Own>,
  ) {}

  take(outcome: ExecutedOutcome, index: number, operationId: Uint8Array | undefined): void {
    outcome.events.forEach((event, place) => {
      if (event.type === 'ledger.clockAdvanced') this.marketTimeMs = parseTime(event.marketTime);
      else {
        assert(this.isOwn(event), 'a ledger tells of its own modules only');
        this.own.event(event, { index, event: place, operationId });
      }
    });
    for (const posting of outcome.postings) this.posting(posting);
    for (const hold of outcome.holds) this.hold(hold);
  }

  done(): ReturnType<OwnCollector<E, Own>['done']> & Pick<CommonRows, 'balances' | 'holds' | 'holdChanges'> {
    // What came and went within the block never reached the table, and need not be removed.
    const holds = [...this.holds.values()].flatMap((ofAsset) => [...ofAsset.values()]);
    return {
      ...this.own.done(),
      balances: balanceDeltas(this.balances),
      holds: holds.filter(({ order, amount }) => this.own.isNew(order) && amount !== '0'),
      holdChanges: holds.filter(({ order }) => !this.own.isNew(order)),
    };
  }

  private posting([account, asset, available, held]: Posting): void {
    let ofAccount = this.balances.get(account);
    if (ofAccount === undefined) this.balances.set(account, (ofAccount = new Map()));
    let sum = ofAccount.get(asset);
    if (sum === undefined) ofAccount.set(asset, (sum = { account, asset, available: new Sum(), held: new Sum() }));
    sum.available.add(available);
    sum.held.add(held);
  }

  private hold([order, account, asset, amount]: HoldEntry): void {
    let ofAsset = this.holds.get(asset);
    if (ofAsset === undefined) this.holds.set(asset, (ofAsset = new Map()));
    ofAsset.set(order, { order, account, asset, amount });
  }
}

interface BalanceSum {
  readonly account: string;
  readonly asset: string;
  readonly available: Sum;
  readonly held: Sum;
}

/** A sum of decimal texts. A block has tens of thousands, nearly all small: those are summed as numbers, exactly. */
class Sum {
  private small = 0;
  private large = 0n;

  add(text: string): void {
    const sum = this.small + Number(text);
    // Two safe integers make a safe one, or one that is not safe: nothing was rounded unseen.
    if (text.length < 16 && Number.isSafeInteger(sum)) this.small = sum;
    else this.large += BigInt(text);
  }

  get total(): bigint {
    return this.large + BigInt(this.small);
  }
}

/** A sum of zero changes nothing, and would leave a row that says nothing. */
const balanceDeltas = (sums: ReadonlyMap<string, ReadonlyMap<string, BalanceSum>>): BalanceDelta[] =>
  [...sums.values()]
    .flatMap((ofAccount) => [...ofAccount.values()])
    .map(({ account, asset, available, held }) => ({ account, asset, available: available.total, held: held.total }))
    .filter(({ available, held }) => available !== 0n || held !== 0n);
