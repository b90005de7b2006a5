-- What each trade comes to with what was delivered of it. What a side is charged is rounded up, what is passed on is rounded down.
create temp table bill as
select version, trade, phase, start, buyer, seller, from_zone, to_zone, wh, delivered, wh - delivered as shortfall,
  ticks * 10 * delivered as energy,
  buyer_fee - div(buyer_fee * (wh - delivered), wh) as buyer_fee,
  seller_fee - div(seller_fee * (wh - delivered), wh) as seller_fee,
  wheeling - div(wheeling * (wh - delivered), wh) as wheeling,
  div(from_operator * delivered, wh) as from_operator,
  div(platform * delivered, wh) as platform,
  div(tax * delivered, wh) as tax,
  least(ticks * 10 * (wh - delivered), div(top_up_rate * (wh - delivered), 10)) as buyer_top_up,
  greatest(div(top_up_rate * (wh - delivered), 10) - ticks * 10 * (wh - delivered), 0) as seller_top_up
from delivery
join price using (trade)
join rates using (start);

-- The same by account: what each has more afterwards.
create temp table party as
select version, trade, start, role, account, amount
from bill
join rates using (start)
join zone as origin on origin.zone = from_zone
join zone as target on target.zone = to_zone
cross join lateral (values
  ('buyer', buyer, -energy - buyer_fee - wheeling - buyer_top_up),
  ('seller', seller, energy - seller_fee - seller_top_up),
  ('delivery operator', target.operator_account,
    buyer_fee + seller_fee + wheeling - from_operator - platform - tax + buyer_top_up + seller_top_up),
  ('other operator', origin.operator_account, from_operator),
  ('platform', platform_account, platform),
  ('tax', tax_account, tax)
) as parties (role, account, amount);
analyze party;

-- What each account has more from an interval, with the feed-in.
create temp table gain as
select version, account, start, sum(amount) as amount
from (
  select version, account, start, amount from party
  union all
  select version, account, start, surplus_money from position
  union all
  select version, operator_account, start, -surplus_money from position join zone using (zone)
) as parts
group by version, account, start;

-- The feed-in is owed when the interval is settled, and what a correction changes when it is made. All else is paid with the trade.
create temp table owed as
select 1 as version, account, start, sum(amount) as amount
from (
  select account, start, surplus_money as amount from position where version = 1
  union all
  select operator_account, start, -surplus_money from position join zone using (zone) where version = 1
) as feed_in
group by account, start
union all
select version, account, start, coalesce(now.amount, 0) - coalesce(before.amount, 0)
from (select version, account, start, amount from gain where version > 1) as now
full join (select version + 1 as version, account, start, amount from gain) as before using (version, account, start)
where version between 2 and (select max(version.version) from version);
