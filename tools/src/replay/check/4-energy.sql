-- What the meters gave and took, and how it is shared among the trades: first come, first served by trade number.
-- Version 1 is by the first readings; each later version by the readings as they were corrected up to then.

create temp table settled as
select pg_temp.start_of(body ->> 'interval') as start from event where body ->> 'type' = 'settlement.intervalSettled';

create temp table version as
select generate_series(1, max(version)) as version from reading;

create temp table measured as
select version, account, zone, start,
  sum(greatest(produced - consumed, 0)) as export, sum(greatest(consumed - produced, 0)) as import
from (
  select distinct on (version.version, meter, start) version.version, account, zone, start, consumed, produced
  from version join reading on reading.version <= version.version join settled using (start)
  order by version.version, meter, start, reading.version desc
) as latest
group by version, account, zone, start;
analyze measured;

create temp table delivery as
select sale.version, trade, buyer, seller, from_zone, to_zone, sale.start, phase, ticks, wh,
  least(wh, greatest(coalesce(export, 0) - sold_before, 0)) as delivered
from (
  select version, trade.*,
    sum(wh) over (partition by version, seller, from_zone, start order by trade) - wh as sold_before
  from trade join settled using (start) cross join version
) as sale
left join measured
  on measured.version = sale.version and account = seller and zone = from_zone and measured.start = sale.start;
analyze delivery;

-- Of what was delivered to a buyer, so much covers its import.
create temp table usage as
select purchase.version, trade, least(delivered, greatest(coalesce(import, 0) - bought_before, 0)) as used
from (
  select *, sum(delivered) over (partition by version, buyer, to_zone, start order by trade) - delivered as bought_before
  from delivery
) as purchase
left join measured
  on measured.version = purchase.version and account = buyer and zone = to_zone and measured.start = purchase.start;

-- What is left of the export and of what was bought goes to the operator at the feed-in price; where nothing was measured,
-- what was bought expires. Import that no trade covers is ordinary supply, and no money of the market.
create temp table position as
select version, account, zone, start, export, import, sold, bought, moved_out, moved_in, used,
  case when is_measured then export - sold + bought - used else 0 end as surplus,
  case when is_measured then div(feed_in_rate * (export - sold + bought - used), 10) else 0 end as surplus_money,
  case when is_measured then 0 else bought - used end as expired,
  import - used as retail
from (
  select version, account, zone, start, bool_or(is_measured) as is_measured,
    sum(export) as export, sum(import) as import, sum(sold) as sold, sum(bought) as bought,
    sum(moved_out) as moved_out, sum(moved_in) as moved_in, least(sum(import), sum(bought)) as used
  from (
    select version, account, zone, start, true as is_measured, export, import,
      0 as sold, 0 as bought, 0 as moved_out, 0 as moved_in
    from measured
    union all
    select version, seller, from_zone, start, false, 0, 0, delivered, 0, case when from_zone <> to_zone then delivered else 0 end, 0
    from delivery
    union all
    select version, buyer, to_zone, start, false, 0, 0, 0, delivered, 0, case when from_zone <> to_zone then delivered else 0 end
    from delivery
  ) as parts
  group by version, account, zone, start
) as sums
join rates using (start);
analyze position;
