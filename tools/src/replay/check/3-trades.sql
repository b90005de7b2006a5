-- Who traded what at which price is taken from the ledger; what it costs is computed here.

create temp table trade as
select
  seq, height, body as told, (body ->> 'trade')::bigint as trade, body ->> 'bid' as bid, body ->> 'ask' as ask,
  body ->> 'buyer' as buyer, body ->> 'seller' as seller, body ->> 'mechanism' as mechanism, body ->> 'phase' as phase,
  body ->> 'fromZone' as from_zone, body ->> 'toZone' as to_zone, pg_temp.start_of(body ->> 'interval') as start,
  (body ->> 'priceTicks')::numeric as ticks, (body ->> 'quantityWh')::numeric as wh
from event where body ->> 'type' = 'market.traded';

-- The fee on an order is rounded down once, on all that it traded so far; each trade pays what that has grown by.
create temp table charge as
select trade, notional, fee_rate, fee_tax_rate, platform_rate,
  case when paid_by = 'buyer' then floor(bid_notional * fee_rate) - floor((bid_notional - notional) * fee_rate) else 0 end as buyer_fee,
  case when paid_by = 'seller' then floor(ask_notional * fee_rate) - floor((ask_notional - notional) * fee_rate) else 0 end as seller_fee,
  div((wheeling_rate + wheeling_tax_rate) * wh, 10) as wheeling,
  div(wheeling_tax_rate * wh, 10) as wheeling_tax
from (
  select trade.*, ticks * wh * 10 as notional,
    sum(ticks * wh * 10) over (partition by bid order by seq) as bid_notional,
    sum(ticks * wh * 10) over (partition by ask order by seq) as ask_notional
  from trade
) as trades
join rates using (start);

-- Of the fees the platform's part and the tax are rounded down; the rest, with what rounding left, is the operator's of the delivery zone.
create temp table price as
select trade, notional, buyer_fee, seller_fee, wheeling, 0::numeric as from_operator, platform, tax,
  buyer_fee + seller_fee + wheeling - platform - tax as to_operator
from charge
cross join lateral (
  select
    coalesce(div((buyer_fee + seller_fee) * platform_rate, nullif(fee_rate, 0)), 0) as platform,
    coalesce(div((buyer_fee + seller_fee) * fee_tax_rate, nullif(fee_rate, 0)), 0) + wheeling_tax as tax
) as parts;
