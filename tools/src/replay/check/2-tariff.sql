-- What is charged, from data/tariffs.json; whether a charge is asked for at all, and who gets it, is the entry's of the tariff book.

create temp table tariff as
select
  (t -> 'gridFee' ->> 'rate')::numeric as grid_fee,
  (t -> 'platformFee' ->> 'rate')::numeric as platform_fee,
  (t -> 'vat' ->> 'rate')::numeric as vat,
  (t -> 'wheeling' ->> 'thbPerKwh')::numeric * 10000 as wheeling,
  (t -> 'feedIn' ->> 'thbPerKwh')::numeric * 10000 as feed_in,
  t -> 'gridFee' ->> 'paidBy' as paid_by,
  (residential ->> 'onPeakThbPerKwh')::numeric * 10000 as on_peak,
  (residential ->> 'offPeakThbPerKwh')::numeric * 10000 as off_peak,
  t -> 'ft' as ft
from source
cross join lateral (select body::jsonb as t) as file
cross join lateral (
  select rate as residential from jsonb_array_elements(t -> 'timeOfUse' -> 'rates') as rates (rate)
  where rate ->> 'schedule' like 'residential%'
) as schedule
where name = 'tariffs.json';

create temp table entry as
select
  (e ->> 'validFrom')::date as valid_from,
  coalesce((e ->> 'validTo')::date, 'infinity') as valid_to,
  exists (select from jsonb_array_elements(e -> 'wires') as wire where (wire ->> 'wheeling')::numeric > 0) as has_wheeling,
  e -> 'vat' -> 'on' ? 'gridFee' as taxes_grid_fee,
  e -> 'vat' -> 'on' ? 'platformFee' as taxes_platform_fee,
  e -> 'vat' -> 'on' ? 'wheeling' as taxes_wheeling,
  e -> 'payees' ->> 'platform' as platform,
  e -> 'payees' ->> 'tax' as tax
from source, jsonb_array_elements(body::jsonb -> 'entries') as entries (e)
where name = 'tariff-book.json';

-- The rates of each interval of delivery that something happened in. Its day is a day in Thailand; no public holiday
-- lies in the weeks of the readings.
create temp table rates as
select
  start,
  grid_fee + platform_fee + vat * (grid_fee * taxes_grid_fee::int + platform_fee * taxes_platform_fee::int) as fee_rate,
  platform_fee as platform_rate,
  vat * (grid_fee * taxes_grid_fee::int + platform_fee * taxes_platform_fee::int) as fee_tax_rate,
  paid_by,
  wheeling * has_wheeling::int as wheeling_rate,
  floor(wheeling * has_wheeling::int * vat * taxes_wheeling::int) as wheeling_tax_rate,
  feed_in as feed_in_rate,
  case when extract(isodow from local) < 6 and extract(hour from local) between 9 and 21 then on_peak else off_peak end
    + (
      select (period ->> 'thbPerKwh')::numeric * 10000 from jsonb_array_elements(ft) as periods (period)
      where local::date between (period ->> 'from')::date and (period ->> 'to')::date
    ) as top_up_rate,
  platform as platform_account,
  tax as tax_account
from (
  select distinct pg_temp.start_of(body ->> 'interval') as start from event
  where body ->> 'type' in ('metering.readingRecorded', 'market.traded')
) as intervals
cross join lateral (select start at time zone 'Asia/Bangkok' as local) as bangkok
cross join tariff
join entry on local::date between valid_from and valid_to;
