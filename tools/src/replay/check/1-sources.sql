-- What was measured and what the tariffs are: from the files alone.
-- Money is in micro-WATT (0.000001 THB), energy in Wh, rates in 0.0001 THB/kWh, prices in ticks of 0.01 THB/kWh.

create function pg_temp.rows_of(file text) returns table (line bigint, cell text[]) language sql as $$
  select at, string_to_array(content, ',')
  from source, string_to_table(rtrim(body, E'\n'), E'\n') with ordinality as lines (content, at)
  where name = file and at > 1
$$;

create function pg_temp.start_of(name text) returns timestamptz language sql immutable as $$
  select split_part($1, '/', 1)::timestamptz
$$;

-- An amount that an event does not name is zero.
create function pg_temp.number_of(event jsonb, field text) returns numeric language sql immutable as $$
  select coalesce((event ->> field)::numeric, 0)
$$;

-- Whose meter it is on the ledger is known to this machine alone.
create temp table meter as
select cell[1] as name, cell[3] as zone, cell[4] as class, ids ->> 'meter' as meter, ids ->> 'account' as account
from pg_temp.rows_of('meters.csv')
join source on source.name = 'population.json'
cross join lateral (select body::jsonb -> cell[1] as ids) as population;

create temp table zone as
select key as zone, value ->> 'operator' as operator, value ->> 'account' as operator_account
from source, jsonb_each(body::jsonb) where name = 'zones.json';

-- The intervals that the replay lived through.
create temp table replayed as
select start::timestamptz as start
from source, jsonb_array_elements_text(body::jsonb) as starts (start) where name = 'intervals.json';

-- And those of former lives of the replay, which may have been longer.
create temp table lived as
select start from replayed
union
select pg_temp.start_of(body ->> 'interval') from event join meter on meter.meter = body ->> 'meter'
where body ->> 'type' = 'metering.readingRecorded';

-- Version 1 is what was read first; with each line of the corrections an interval gets a version more.
create temp table reading as
select meter.meter, meter.account, meter.zone, cell[2]::timestamptz as start, 1::bigint as version,
  cell[3]::numeric as consumed, cell[4]::numeric as produced
from pg_temp.rows_of('readings.csv') join meter on meter.name = cell[1] join lived on start = cell[2]::timestamptz
union all
select meter.meter, meter.account, meter.zone, cell[2]::timestamptz, 1 + row_number() over (partition by cell[2]::timestamptz order by line),
  cell[3]::numeric, cell[4]::numeric
from pg_temp.rows_of('corrections.csv') join meter on meter.name = cell[1] join lived on start = cell[2]::timestamptz;

-- Scenes of the demo have meters of their own: no file says what those measured.
insert into reading
select body ->> 'meter', body ->> 'account', body ->> 'zone', pg_temp.start_of(body ->> 'interval'), 1,
  (body ->> 'consumedWh')::numeric, (body ->> 'producedWh')::numeric
from event
where body ->> 'type' = 'metering.readingRecorded' and not exists (select from meter where meter = body ->> 'meter');
analyze reading;
