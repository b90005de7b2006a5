-- What the ledger says, beside what was computed: whatever is not the same is listed.

create temp table difference (at bigint generated always as identity, what text, subject text, computed text, told text);

-- Each meter of the file was read in each interval of the replay, as the file has it.
insert into difference (what, subject, computed, told)
select 'reading', concat_ws(' ', coalesce(reading.meter, recorded.meter), start), computed::text, told::text
from (
  select meter, start, row(consumed, produced, greatest(produced - consumed, 0), greatest(consumed - produced, 0)) as computed
  from reading where version = 1
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

-- Corrections: that they were made, and what they changed of trades and positions.
insert into difference (what, subject, computed, told)
select 'correction', concat_ws(' version ', start, version), 'made', 'not made'
from (select distinct start, version from reading where version > 1) as asked
where not exists (select from correction where correction.start = asked.start and correction.version = asked.version);

create temp table corrected_by as
select seq, body, (
  select version from correction where correction.seq > event.seq and correction.start = pg_temp.start_of(body ->> 'interval')
  order by correction.seq limit 1
) as version
from event where body ->> 'type' in ('settlement.tradeCorrected', 'settlement.positionCorrected');

create temp table change as
select version, trade, jsonb_object_agg(role, now.amount - coalesce(before.amount, 0)) as more
from party as now
join (select version + 1 as version, trade, role, account, amount from party) as before using (version, trade, role, account)
group by version, trade;

insert into difference (what, subject, computed, told)
select 'correction of a trade', concat_ws(' version ', trade, version), computed::text, told::text
from (
  select version, trade, row(now.delivered, now.shortfall, pg_temp.number_of(more, 'buyer'), pg_temp.number_of(more, 'seller'),
    pg_temp.number_of(more, 'delivery operator'), pg_temp.number_of(more, 'other operator'),
    pg_temp.number_of(more, 'platform'), pg_temp.number_of(more, 'tax')) as computed
  from bill as now
  join (select version + 1 as version, trade, delivered from bill) as before using (version, trade)
  join change using (version, trade)
  where now.delivered <> before.delivered
) as bills
full join (
  select version, (body ->> 'trade')::bigint as trade, row(pg_temp.number_of(body, 'deliveredWh'), pg_temp.number_of(body, 'shortfallWh'),
    pg_temp.number_of(body, 'buyerMore'), pg_temp.number_of(body, 'sellerMore'), pg_temp.number_of(body, 'toOperatorMore'),
    pg_temp.number_of(body, 'fromOperatorMore'), pg_temp.number_of(body, 'platformMore'), pg_temp.number_of(body, 'taxMore')) as told
  from corrected_by where body ->> 'type' = 'settlement.tradeCorrected'
) as events using (version, trade)
where computed is distinct from told;

insert into difference (what, subject, computed, told)
select 'correction of a position', concat_ws(' ', account, zone, start, 'version', version), computed::text, told::text
from (
  select version, account, zone, start, row(now.import, now.export, now.bought, now.used, now.surplus, now.surplus_money, now.expired,
    now.surplus_money - before.surplus_money, now.export - before.export, now.moved_in - before.moved_in,
    now.moved_out - before.moved_out, now.used + now.surplus - before.used - before.surplus, now.expired - before.expired
  ) as computed
  from position as now
  join (
    select version + 1 as version, account, zone, start, import, export, sold, bought, used, surplus, surplus_money, expired, moved_in, moved_out
    from position
  ) as before using (version, account, zone, start)
  where (now.import, now.export, now.sold, now.bought) is distinct from (before.import, before.export, before.sold, before.bought)
) as positions
full join (
  select version, body ->> 'account' as account, body ->> 'zone' as zone, pg_temp.start_of(body ->> 'interval') as start,
    row(pg_temp.number_of(body, 'importWh'), pg_temp.number_of(body, 'exportWh'), pg_temp.number_of(body, 'boughtWh'),
      pg_temp.number_of(body, 'retiredWh'), pg_temp.number_of(body, 'surplusWh'), pg_temp.number_of(body, 'amount'),
      pg_temp.number_of(body, 'expiredWh'), pg_temp.number_of(body, 'amountMore'), pg_temp.number_of(body, 'mintedMoreWh'),
      pg_temp.number_of(body, 'movedInMoreWh'), pg_temp.number_of(body, 'movedOutMoreWh'), pg_temp.number_of(body, 'retiredMoreWh'),
      pg_temp.number_of(body, 'expiredMoreWh')) as told
  from corrected_by where body ->> 'type' = 'settlement.positionCorrected'
) as events using (version, account, zone, start)
where computed is distinct from told;

-- What a cycle pays, account by account, is what was owed since the cycle before; and what changes hands is the sum of what some have more.
create temp table cycle as
select seq, coalesce(lag(seq) over (order by seq), 0) as before, pg_temp.number_of(body, 'net') as net
from event where body ->> 'type' = 'settlement.netted';

create temp table paid as
select cycle.seq, account, sum(amount) as amount
from cycle
join event on event.seq between cycle.before and cycle.seq and body ->> 'type' = 'settlement.duePaid'
cross join lateral (values
  (body ->> 'payer', -pg_temp.number_of(body, 'amount')), (body ->> 'payee', pg_temp.number_of(body, 'amount'))
) as sides (account, amount)
group by cycle.seq, account;

create temp table payable as
select paid_seq as seq, account, sum(amount) as amount from due where paid_seq is not null group by paid_seq, account;

insert into difference (what, subject, computed, told)
select 'dues of a cycle', concat_ws(' at event ', account, seq), coalesce(payable.amount, 0)::text, coalesce(paid.amount, 0)::text
from payable full join paid using (seq, account)
where coalesce(payable.amount, 0) <> coalesce(paid.amount, 0);

insert into difference (what, subject, computed, told)
select 'net of a cycle', 'at event ' || cycle.seq, computed::text, net::text
from cycle
cross join lateral (select coalesce(sum(greatest(amount, 0)), 0) as computed from payable where payable.seq = cycle.seq) as sums
where computed <> net;
