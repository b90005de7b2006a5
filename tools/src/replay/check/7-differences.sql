-- What the ledger says, beside what was computed: whatever is not the same is listed.

create temp table difference (at bigint generated always as identity, what text, subject text, computed text, told text);

-- Each meter of the file was read in each interval of the replay, as the file has it.
insert into difference (what, subject, computed, told)
select 'reading', concat_ws(' ', coalesce(reading.meter, recorded.meter), start), computed::text, told::text
from (
  select meter, start, row(consumed, produced, greatest(produced - consumed, 0), greatest(consumed - produced, 0)) as computed
  from reading where version = 1 and (start in (select start from replayed) or meter not in (select meter from meter))
) as reading
full join (
  select body ->> 'meter' as meter, pg_temp.start_of(body ->> 'interval') as start,
    row(pg_temp.number_of(body, 'consumedWh'), pg_temp.number_of(body, 'producedWh'), pg_temp.number_of(body, 'mintedWh'), pg_temp.number_of(body, 'importWh')) as told
  from event where body ->> 'type' = 'metering.readingRecorded'
) as recorded using (meter, start)
where computed is distinct from told;

insert into difference (what, subject, computed, told)
select 'interval', start::text, 'settled', 'not settled' from replayed where start not in (select start from settled);

-- A trade is within the limits of its two orders, and costs what was computed; all of an auction's trades have one price.
create temp table placed as
select body ->> 'order' as order_id, body ->> 'account' as account, body ->> 'side' as side, body ->> 'mechanism' as mechanism,
  body ->> 'fromZone' as from_zone, body ->> 'toZone' as to_zone, pg_temp.start_of(body ->> 'interval') as start,
  (body ->> 'priceTicks')::numeric as ticks, (body ->> 'quantityWh')::numeric as wh
from event where body ->> 'type' = 'market.orderPlaced';

insert into difference (what, subject, computed, told)
select 'trade of its orders', trade::text, concat_ws(' ', 'within', ask.ticks, 'and', bid.ticks, '-', ceil((wheeling_rate + wheeling_tax_rate) / 100)),
  trade.ticks::text
from trade
join rates using (start)
left join placed as bid on bid.order_id = trade.bid
left join placed as ask on ask.order_id = trade.ask
where (bid.side, bid.account, bid.mechanism, bid.from_zone, bid.to_zone, bid.start)
    is distinct from ('bid', buyer, trade.mechanism, trade.from_zone, trade.to_zone, trade.start)
  or (ask.side, ask.account, ask.mechanism, ask.from_zone, ask.to_zone, ask.start)
    is distinct from ('ask', seller, trade.mechanism, trade.from_zone, trade.to_zone, trade.start)
  or buyer = seller
  or trade.ticks < ask.ticks
  or trade.ticks > bid.ticks - ceil((wheeling_rate + wheeling_tax_rate) / 100);

insert into difference (what, subject, computed, told)
select 'order', order_id, 'at most ' || placed.wh, sum(trade.wh)::text
from placed join trade on order_id in (bid, ask)
group by order_id, placed.wh having sum(trade.wh) > placed.wh;

insert into difference (what, subject, computed, told)
select 'auction', concat_ws(' ', from_zone, to_zone, start), 'one price', string_agg(distinct ticks::text, ', ')
from trade where mechanism = 'auction'
group by phase, from_zone, to_zone, start, height having count(distinct ticks) > 1;

insert into difference (what, subject, computed, told)
select 'money of a trade', trade::text, computed::text, told::text
from (
  select trade, row(notional, buyer_fee, seller_fee, wheeling, operator_account, to_operator, from_operator, platform, tax) as computed,
    row(pg_temp.number_of(told, 'notional'), pg_temp.number_of(told, 'buyerFee'), pg_temp.number_of(told, 'sellerFee'), pg_temp.number_of(told, 'wheeling'),
      told ->> 'feePayee', pg_temp.number_of(told, 'toOperator'), pg_temp.number_of(told, 'fromOperator'), pg_temp.number_of(told, 'platform'), pg_temp.number_of(told, 'tax')
    ) as told
  from trade left join price using (trade) left join zone on zone.zone = to_zone
) as trades
where computed is distinct from told;

-- Nobody sold more than its meters gave: what is sold after delivery is there.
insert into difference (what, subject, computed, told)
select 'sold and not there', trade::text, delivered::text, wh::text
from delivery where version = 1 and phase = 'spot' and delivered < wh;

-- Contracts as they were kept.
insert into difference (what, subject, computed, told)
select 'contract', coalesce(bills.trade, kept.trade)::text, computed::text, told::text
from (
  select trade, row(delivered, shortfall, energy + bill.buyer_fee + bill.wheeling + buyer_top_up, energy - bill.seller_fee,
    bill.buyer_fee + bill.seller_fee + bill.wheeling - bill.from_operator - bill.platform - bill.tax,
    bill.from_operator, bill.platform, bill.tax, buyer_top_up, seller_top_up) as computed
  from bill where version = 1 and phase = 'forward'
) as bills
full join (
  select (body ->> 'trade')::bigint as trade, row(pg_temp.number_of(body, 'deliveredWh'), pg_temp.number_of(body, 'shortfallWh'),
    pg_temp.number_of(body, 'buyerPays'), pg_temp.number_of(body, 'sellerGets'), pg_temp.number_of(body, 'toOperator'), pg_temp.number_of(body, 'fromOperator'),
    pg_temp.number_of(body, 'platform'), pg_temp.number_of(body, 'tax'), pg_temp.number_of(body, 'topUpBuyer'), pg_temp.number_of(body, 'topUpSeller')) as told
  from event where body ->> 'type' = 'settlement.contractSettled'
) as kept using (trade)
where computed is distinct from told;

-- Positions as they were settled first.
insert into difference (what, subject, computed, told)
select 'position', concat_ws(' ', coalesce(positions.account, told.account), coalesce(positions.zone, told.zone), coalesce(positions.start, told.start)),
  computed::text, told.told::text
from (
  select account, zone, start, row(import, export, bought, used, surplus, surplus_money, expired) as computed
  from position where version = 1
) as positions
full join (
  select body ->> 'account' as account, body ->> 'zone' as zone, pg_temp.start_of(body ->> 'interval') as start,
    row(pg_temp.number_of(body, 'importWh'), pg_temp.number_of(body, 'exportWh'), pg_temp.number_of(body, 'boughtWh'), pg_temp.number_of(body, 'retiredWh'),
      pg_temp.number_of(body, 'surplusWh'), pg_temp.number_of(body, 'amount'), pg_temp.number_of(body, 'expiredWh')) as told
  from event where body ->> 'type' = 'settlement.positionSettled'
) as told using (account, zone, start)
where computed is distinct from told.told;

-- The money of each trade sums to zero over all whom it comes from and goes to, whatever was delivered of it.
insert into difference (what, subject, computed, told)
select 'sum of a trade', concat_ws(' version ', trade, version), '0', sum(amount)::text
from party group by trade, version having sum(amount) <> 0;
