-- What the ledger's accounts say, beside what was computed.

-- The postings of all blocks, account by account, and the balances that the gateway shows, each at its height.
insert into difference (what, subject, computed, told)
select 'WATT posted', account, coalesce(computed, 0)::text, coalesce(told, 0)::text
from (select account, sum(amount) as computed from movement group by account) as computed
full join (
  select account, sum(amount) as told from posting where asset = 'WATT' group by account
) as told using (account)
where coalesce(computed, 0) <> coalesce(told, 0);

insert into difference (what, subject, computed, told)
select 'WATT shown', concat_ws(' at height ', account, height), computed::text, watt::text
from shown
cross join lateral (
  select coalesce(sum(amount), 0) as computed from movement join event using (seq)
  where movement.account = shown.account and event.height <= shown.height
) as computed
where computed <> watt;

-- The control account of an operator: what was minted and came in is retired, expired or went out; nothing is left, nothing unexplained.
create temp table control as
select operator, start, version,
  sum(export) as minted, sum(moved_in) as moved_in, sum(moved_out) as moved_out,
  sum(used + surplus) as retired, sum(expired) as expired,
  sum(export + moved_in - moved_out - used - surplus - expired) as unexplained
from position join zone using (zone)
group by operator, start, version;

insert into difference (what, subject, computed, told)
select 'energy unexplained', concat_ws(' ', operator, start, 'version', version), '0', unexplained::text
from control where unexplained <> 0;

insert into difference (what, subject, computed, told)
select 'energy left', asset, '0', sum(amount)::text
from posting
where asset like 'KWH:%' and pg_temp.start_of(substring(asset from '^KWH:[^:]+:(.*)$')) in (select start from settled)
group by asset, account having sum(amount) <> 0;
