-- Every change of money that there must have been, at its place among the events.

create temp table correction as
select seq, pg_temp.start_of(body ->> 'interval') as start,
  1 + row_number() over (partition by body ->> 'interval' order by seq) as version
from event where body ->> 'type' = 'settlement.corrected';

-- What is owed stands from the settlement, or the correction, until it is paid with the others of its cycle.
create temp table due as
select owed.account, owed.start, version, amount, owing.seq,
  (select min(paid.seq) from event as paid where paid.seq > owing.seq and paid.body ->> 'type' = 'settlement.netted') as paid_seq
from owed
join (
  select seq, pg_temp.start_of(body ->> 'interval') as start, 1 as version from event
  where body ->> 'type' = 'settlement.intervalSettled'
  union all
  select seq, start, version from correction
) as owing using (start, version)
where amount <> 0;

create temp table movement as
select seq, account, sum(amount) as amount
from (
  -- Money comes and goes by the bank's word, and is handed on by its owner's.
  select seq, body ->> 'account' as account,
    pg_temp.number_of(body, 'amount') * case body ->> 'type' when 'accounts.minted' then 1 else -1 end as amount
  from event where body ->> 'type' in ('accounts.minted', 'accounts.burned') and body ->> 'asset' = 'WATT'
  union all
  select seq, account, amount
  from event
  cross join lateral (values
    (body ->> 'from', -pg_temp.number_of(body, 'amount')), (body ->> 'to', pg_temp.number_of(body, 'amount'))
  ) as sides (account, amount)
  where body ->> 'type' = 'accounts.transferred' and body ->> 'asset' = 'WATT'
  union all
  -- A spot trade is paid at the match, a forward trade when it is settled.
  select seq, account, amount from trade
  join price using (trade)
  join rates using (start)
  join zone as origin on origin.zone = from_zone
  join zone as target on target.zone = to_zone
  cross join lateral (values
    (buyer, -notional - buyer_fee - wheeling), (seller, notional - seller_fee), (target.operator_account, to_operator),
    (origin.operator_account, from_operator), (platform_account, platform), (tax_account, tax)
  ) as parties (account, amount)
  where phase = 'spot'
  union all
  select seq, account, amount
  from event join party on trade = (body ->> 'trade')::bigint and version = 1
  where body ->> 'type' = 'settlement.contractSettled'
  union all
  select paid_seq, account, amount from due where paid_seq is not null
) as changes
group by seq, account;
analyze movement;
