/** Everything lives in one schema of the database, so that it can share a Postgres with the read models. */
export const CHANNEL = 'gridtokenx_log';

/** Two processes may start at once: the advisory lock lets one create, and the other finds it done. */
export const CREATE_LOCK = 0x67_74_78_6c;

/**
 * `head` is one hot row per topic. An append updates it first, so it holds that row's lock until its commit is on disk:
 * the next append of the topic gets the next offset only when this one is durable and visible. Hence offsets have no
 * gaps (a rollback gives its offsets back) and become visible in their order. `fillfactor` keeps these updates in place.
 *
 * `value` is EXTERNAL: out of line above 2 kB, never compressed, because block records are compressed already.
 */
export const CREATE_SCHEMA = `
create schema if not exists gridtokenx_log;

create table if not exists gridtokenx_log.topic (
  id int generated always as identity primary key,
  name text not null unique,
  retention_ms bigint,
  first_offset bigint not null default 0
);

create table if not exists gridtokenx_log.head (
  topic_id int primary key,
  next_offset bigint not null default 0,
  stored_ms bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

create table if not exists gridtokenx_log.record (
  topic_id int not null,
  record_offset bigint not null,
  stored_ms bigint not null,
  value bytea storage external not null,
  primary key (topic_id, record_offset)
);

create or replace function gridtokenx_log.append(topic_name text, contents bytea[]) returns bigint
language plpgsql as $$
declare
  wanted int;
  first bigint;
  at_ms bigint;
begin
  select id into wanted from gridtokenx_log.topic where name = topic_name;
  if not found then
    return null;
  end if;
  -- Evaluated again once the lock is ours, so the times of a topic never go back.
  update gridtokenx_log.head
     set next_offset = next_offset + cardinality(contents),
         stored_ms = greatest(stored_ms, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
   where topic_id = wanted
   returning next_offset - cardinality(contents), stored_ms into first, at_ms;
  insert into gridtokenx_log.record (topic_id, record_offset, stored_ms, value)
  select wanted, first + place - 1, at_ms, content
    from unnest(contents) with ordinality as given (content, place);
  return first;
end
$$;

create or replace function gridtokenx_log.offset_at(wanted int, at_ms bigint) returns bigint
language plpgsql stable as $$
declare
  low bigint;
  high bigint;
  middle bigint;
begin
  select first_offset into low from gridtokenx_log.topic where id = wanted;
  select next_offset into high from gridtokenx_log.head where topic_id = wanted;
  while low < high loop
    middle := (low + high) / 2;
    if (select stored_ms >= at_ms from gridtokenx_log.record where topic_id = wanted and record_offset = middle) then
      high := middle;
    else
      low := middle + 1;
    end if;
  end loop;
  return low;
end
$$;

create or replace function gridtokenx_log.trim(topic_name text, rows_max int) returns bigint
language plpgsql as $$
declare
  kept gridtokenx_log.topic;
  cut bigint;
begin
  select * into kept from gridtokenx_log.topic
   where name = topic_name and retention_ms is not null for update skip locked;
  if not found then
    return 0;
  end if;
  cut := least(
    gridtokenx_log.offset_at(kept.id, floor(extract(epoch from clock_timestamp()) * 1000)::bigint - kept.retention_ms),
    kept.first_offset + rows_max);
  if cut = kept.first_offset then
    return 0;
  end if;
  delete from gridtokenx_log.record
   where topic_id = kept.id and record_offset >= kept.first_offset and record_offset < cut;
  update gridtokenx_log.topic set first_offset = cut where id = kept.id;
  return cut - kept.first_offset;
end
$$;
`;

export const SQL = {
  append: 'select gridtokenx_log.append($1, $2) as first_offset',
  topicId: 'select id from gridtokenx_log.topic where name = $1',
  end: 'select next_offset from gridtokenx_log.head join gridtokenx_log.topic on id = topic_id where name = $1',
  offsetAt: 'select gridtokenx_log.offset_at(id, $2) as record_offset from gridtokenx_log.topic where name = $1',
  heads: 'select name, next_offset from gridtokenx_log.head join gridtokenx_log.topic on id = topic_id',
  notify: `select pg_notify('${CHANNEL}', name) from unnest($1::text[]) as changed (name)`,
  trim: 'select gridtokenx_log.trim($1, $2) as trimmed',
  createTopic: `
    with made as (
      insert into gridtokenx_log.topic (name, retention_ms) values ($1, $2) on conflict (name) do nothing returning id)
    insert into gridtokenx_log.head (topic_id) select id from made`,
  setRetention: `
    update gridtokenx_log.topic set retention_ms = $2 where name = $1 and retention_ms is distinct from $2`,
} as const;

/**
 * A chunk from an offset on, for COPY, which takes no parameters. The sum limits it by bytes without reading a value:
 * octet_length knows the size of a value stored out of line.
 */
export function readQuery(topicId: number, from: number, recordsMax: number, bytesMax: number): string {
  for (const n of [topicId, from, recordsMax, bytesMax]) {
    if (!Number.isSafeInteger(n)) throw new RangeError(`not an integer: ${n}`);
  }
  return `
    select record_offset, stored_ms,
           (select next_offset from gridtokenx_log.head where topic_id = ${topicId}) as next_offset, value
      from (select record_offset, stored_ms, value,
                   sum(octet_length(value)) over upwards as bytes_so_far,
                   row_number() over upwards as place
              from gridtokenx_log.record
             where topic_id = ${topicId} and record_offset >= ${from}
            window upwards as (order by record_offset)
             order by record_offset
             limit ${recordsMax}) as chunk
     where place = 1 or bytes_so_far <= ${bytesMax}
     order by record_offset`;
}
