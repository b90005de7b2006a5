import { formatInterval, millis } from '@gridtokenx/kernel';
import type { NetworkSources } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import type { ReadSession } from './read-session.js';

type Contract = NetworkSources['contracts'][number];
type Order = NetworkSources['orders'][number];
type At = { readonly startMs: number };

interface Bodies {
  readonly contract: Omit<Contract, 'interval'> & At;
  readonly order: Omit<Order, 'interval'> & At;
  readonly link: NetworkSources['links'][number];
  readonly pair: NetworkSources['pairs'][number];
  readonly meter: NetworkSources['meters'][number];
}

interface SourceRecord {
  readonly kind: keyof Bodies;
  readonly body: Bodies[keyof Bodies];
}

/** Sums by who sells to whom, so that an answer grows with people and not with trades. */
export async function networkSources(
  { withCursor }: ReadSession,
  fromMs: number,
  toMs: number,
): Promise<{ readonly asOf: Awaited<ReturnType<ReadSession['withCursor']>>['asOf']; readonly value: NetworkSources }> {
  const within = Prisma.sql`interval_start_ms >= ${BigInt(fromMs)} and interval_start_ms < ${BigInt(toMs)}`;
  const { asOf, rows } = await withCursor<SourceRecord>(Prisma.sql`
    with cuts as (
      select (body->>'trade')::bigint as trade, sum((body->>'cutWh')::bigint) as wh
        from settlements s
       where ${within} and body->>'type' = 'market.contractCut' and account = decode(body->>'buyer', 'hex')
         and zone = body->>'toZone'
       group by 1
    ), contracts as (
      select interval_start_ms, from_zone, to_zone, seller, buyer, sum(quantity_wh - coalesce(c.wh, 0)) as wh
        from trades t left join cuts c using (trade)
       where phase = 'forward' and ${within}
       group by 1, 2, 3, 4, 5
    ), asked as (
      select interval_start_ms, side, account, from_zone, to_zone, sum(remaining_wh) as wh
        from orders
       where status = 'open' and phase = 'forward' and ${within}
       group by 1, 2, 3, 4, 5
    ), parties as (
      select seller as account, from_zone as zone from contracts
      union select buyer, to_zone from contracts
      union select account, case side when 'ask' then from_zone else to_zone end from asked
    )
    select 'contract' as kind, jsonb_build_object('startMs', interval_start_ms, 'fromZone', from_zone, 'toZone', to_zone,
           'seller', encode(seller, 'hex'), 'buyer', encode(buyer, 'hex'), 'quantityWh', wh) as body
      from contracts where wh > 0
    union all
    select 'order', jsonb_build_object('startMs', interval_start_ms, 'side', side, 'account', encode(account, 'hex'),
           'fromZone', from_zone, 'toZone', to_zone, 'remainingWh', wh) from asked
    union all
    select 'link', jsonb_build_object('link', id, 'fromZone', body->'fromZone', 'toZone', body->'toZone')
      from records where kind = 'link' and parent = ''
    union all
    select 'pair', jsonb_build_object('fromZone', body->'fromZone', 'toZone', body->'toZone', 'route', body->'route')
      from records where kind = 'pair' and parent = '' and body->'isOpen' = 'true'
    union all
    select 'meter', jsonb_build_object('account', encode(m.account, 'hex'), 'zone', m.zone, 'meter', encode(m.meter, 'hex'),
           'limitWh', m.limit_wh) || case when r.id is null then '{}'::jsonb else jsonb_build_object('feeder', r.body->'feeder') end
      from meters m join parties using (account, zone)
      left join records r on r.kind = 'place' and r.parent = m.zone and r.id = encode(m.meter, 'hex')`);
  const of = <K extends keyof Bodies>(wanted: K): Bodies[K][] =>
    rows.flatMap(({ kind, body }) => (kind === wanted ? [body as Bodies[K]] : []));
  const atInterval = <T extends At>({ startMs, ...body }: T): Omit<T, 'startMs'> & { readonly interval: string } => ({
    ...body,
    interval: formatInterval(millis(startMs)),
  });
  return {
    asOf,
    value: {
      contracts: of('contract').map(atInterval),
      orders: of('order').map(atInterval),
      links: of('link'),
      pairs: of('pair'),
      meters: of('meter'),
    },
  };
}
