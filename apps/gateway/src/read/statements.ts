import { Histories, participantStatement, utilityStatement, type Period, type Statement } from '@gridtokenx/chain';
import { formatInterval, formatTime, millis } from '@gridtokenx/kernel';
import { identityOfKind, type ConsortiumGenesis, type LedgerIdentity } from '@gridtokenx/protocol';
import type { AsOf, ConsortiumReads, ReadingView, StatementFacts, TradeView } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import { IDENTITY, READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import { tradeTerms } from './views.js';

/** Of trades, of readings and of facts of settlement: what one answer is made of fits into memory. */
export const STATEMENT_FACTS_MAX = 200_000;

export interface StatementAsked {
  /** Of a participant, or of a utility by the account that its wires are paid to. */
  readonly kind: Statement['kind'];
  readonly account: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** With the events that each row stands on. */
  readonly withBasis: boolean;
}

/** SPEC settlement 8: statements out of the read models, which keep the place of each event on the ledger. */
@Injectable()
export class Statements {
  private readonly genesis: ConsortiumGenesis;

  constructor(
    @Inject(IDENTITY) identity: LedgerIdentity,
    @Inject(READ_MODELS) private readonly reads: ConsortiumReads,
  ) {
    this.genesis = identityOfKind(identity, 'consortium').genesis;
  }

  async statement({
    kind,
    account,
    fromMs,
    untilMs,
    withBasis,
  }: StatementAsked): Promise<{ readonly at: AsOf; readonly statement: Statement }> {
    const zones = this.genesis.zones.map(({ id, account: operator }) => ({ zone: id, operator }));
    if (kind === 'utility' && !zones.some(({ operator }) => operator === account)) throw problem('account.unknown');
    const limit = STATEMENT_FACTS_MAX;
    const of = kind === 'participant' ? { account } : {};
    const { value, ...at } = await this.reads.statementFacts({ ...of, fromMs, untilMs, limit });
    if (value === undefined) throw problem('statement.tooLarge');
    const positions = historiesOf(value).settled();
    const period: Period = { from: formatTime(millis(fromMs)), until: formatTime(millis(untilMs)) };
    if (kind === 'participant') return { at, statement: participantStatement(account, period, positions, withBasis) };
    const own = zones.map(({ zone, operator }) => ({
      zone,
      operator,
      closingWh: (interval: string) => value.balances.get(`KWH:${zone}:${interval}`) ?? 0n,
    }));
    return { at, statement: utilityStatement(account, period, own, positions, withBasis) };
  }
}

function historiesOf({ readings, trades, settlements }: StatementFacts): Histories {
  const histories = new Histories();
  for (const reading of readings) histories.addEvent(sourceOf(reading), readingFact(reading));
  for (const trade of trades) histories.addEvent(sourceOf(trade), tradeFact(trade));
  for (const { body, ...place } of settlements) histories.addEvent(sourceOf(place), body);
  return histories;
}

type Placed = Pick<TradeView, 'height' | 'index' | 'event'>;
type Source = Parameters<Histories['addEvent']>[0];
type Fact = Parameters<Histories['addEvent']>[1];

const sourceOf = ({ height, index, event }: Placed): Source => ({ height, outcome: index, event });

const readingFact = ({ meter, account, zone, quality, version, ...view }: ReadingView): Fact => ({
  type: 'metering.readingRecorded',
  meter,
  account,
  zone,
  interval: formatInterval(millis(view.intervalStartMs)),
  quality,
  version,
  consumedWh: String(view.consumedWh),
  producedWh: String(view.producedWh),
  mintedWh: String(view.mintedWh),
  importWh: String(view.importWh),
});

const tradeFact = (view: TradeView): Fact => ({ type: 'market.traded', ...tradeTerms(view) });
