-- What each participant and each utility has of the whole replay, by the first readings and by the corrected ones.

create temp table account_of as
select account, name as title, 'participant' as kind from meter
union all
select distinct operator_account, operator, 'utility' from zone
union all
select distinct account, role, role
from entry cross join lateral (values (platform, 'platform'), (tax, 'tax')) as payees (account, role)
union all
select distinct account, 'other', 'participant' from position
where account not in (select account from meter) and account not in (select operator_account from zone);

create temp table statement as
select version::int, account, title, kind,
  coalesce(export, 0) as export, coalesce(import, 0) as import, coalesce(sold, 0) as sold, coalesce(bought, 0) as bought,
  coalesce(used, 0) as used, coalesce(surplus, 0) as surplus, coalesce(expired, 0) as expired, coalesce(retail, 0) as retail,
  coalesce(earned, 0) as earned, coalesce(spent, 0) as spent, coalesce(charged, 0) as charged, coalesce(feed_in, 0) as feed_in,
  coalesce(amount, 0) as amount
from account_of cross join version
left join (
  select version, account, sum(export) as export, sum(import) as import, sum(sold) as sold, sum(bought) as bought,
    sum(used) as used, sum(surplus) as surplus, sum(expired) as expired, sum(retail) as retail
  from position group by version, account
) as energy using (version, account)
left join (
  select version, account, sum(amount) filter (where role = 'seller') as earned, sum(amount) filter (where role = 'buyer') as spent,
    sum(amount) filter (where role not in ('seller', 'buyer')) as charged
  from party group by version, account
) as trades using (version, account)
left join (
  select version, account, sum(amount) as feed_in
  from (
    select version, account, surplus_money as amount from position
    union all
    select version, operator_account, -surplus_money from position join zone using (zone)
  ) as parts
  group by version, account
) as feed_in using (version, account)
left join (select version, account, sum(amount) as amount from gain group by version, account) as total using (version, account);

insert into difference (what, subject, computed, told)
select 'sum of all statements', 'version ' || version, '0', sum(amount)::text
from statement group by version having sum(amount) <> 0;

-- The totals of the statements that everybody can have of the ledger.
insert into difference (what, subject, computed, told)
select 'statement', concat_ws(' version ', title, version), computed::text, told::text
from (
  select title, version, stated.kind,
    case stated.kind
      when 'participant' then jsonb_build_object('importWh', import, 'exportWh', export, 'soldWh', sold, 'boughtWh', bought,
        'usedWh', used, 'surplusWh', surplus, 'expiredWh', expired, 'retailWh', retail,
        'sales', earned, 'purchases', spent, 'surplus', feed_in, 'amount', amount)
      else jsonb_build_object('wires', charged, 'surplus', feed_in, 'amount', amount)
    end as computed,
    case stated.kind
      when 'participant' then jsonb_build_object('importWh', pg_temp.number_of(totals, 'importWh'), 'exportWh', pg_temp.number_of(totals, 'exportWh'),
        'soldWh', pg_temp.number_of(totals, 'soldWh'), 'boughtWh', pg_temp.number_of(totals, 'boughtWh'),
        'usedWh', pg_temp.number_of(totals, 'usedWh'), 'surplusWh', pg_temp.number_of(totals, 'surplusWh'),
        'expiredWh', pg_temp.number_of(totals, 'expiredWh'), 'retailWh', pg_temp.number_of(totals, 'retailWh'),
        'sales', pg_temp.number_of(totals, 'sales'), 'purchases', pg_temp.number_of(totals, 'purchases'),
        'surplus', pg_temp.number_of(totals, 'surplus'), 'amount', pg_temp.number_of(totals, 'amount'))
      else jsonb_build_object('wires', pg_temp.number_of(totals, 'charges') + pg_temp.number_of(totals, 'topUp'),
        'surplus', pg_temp.number_of(totals, 'surplus'), 'amount', pg_temp.number_of(totals, 'amount'))
    end as told
  from stated
  join statement on statement.account = stated.account
    and version = case when is_corrected then (select max(version) from version) else 1 end
) as statements
where computed is distinct from told;

create temp table market as
select mechanism, phase, count(*) as trades, count(*) filter (where from_zone <> to_zone) as between,
  sum(wh) as wh, sum(ticks * wh * 10) as money
from trade group by mechanism, phase;

create temp table control_account as
select operator, sum(minted) as minted, sum(moved_in) as moved_in, sum(moved_out) as moved_out, sum(retired) as retired,
  sum(expired) as expired, sum(unexplained) as unexplained
from control where version = (select max(version) from version) group by operator;
