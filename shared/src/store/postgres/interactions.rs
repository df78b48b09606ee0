//! Statements about the history; [`crate::store::interactions`] says what for.

pub const HISTORY: &str = "
with found as not materialized (
    select * from interaction i
    where i.customer_id = $1::bigint
        and ($4::text is null or i.channel = $4::text)
        and ($5::text is null
            or not exists (
                select 1 from json_array_elements_text($5::text::json) w
                where position(' ' || w.value in ' ' || i.search_key) = 0)
            or ($6::text is not null and not exists (
                select 1 from json_array_elements_text($6::text::json) w
                where position(' ' || w.value in ' ' || i.search_key) = 0))))
select json_build_object(
    'total', (select count(*) from found),
    'lines', (
        select coalesce(json_agg(line), '[]')
        from (
            select id, customer_id as customer, account_id as account, call_id as call,
                (extract(epoch from f.started_at) * 1000)::bigint as started_at, duration_s, channel, direction,
                agent_id as agent, agent_name, topic, result, summary
            from found f
            where $2::bigint is null
                or (f.started_at, id) < (to_timestamp($2::bigint / 1000.0), coalesce($3::bigint, 9223372036854775807))
            order by f.started_at desc, id desc limit $7::bigint) line))::text";

pub const DROP_MOVED_INTERACTION: &str = "
delete from interaction where id = $1::bigint and started_at <> to_timestamp($2::bigint / 1000.0)";

pub const UPSERT_INTERACTION: &str = "
insert into interaction (id, customer_id, account_id, call_id, started_at, duration_s, channel, direction, agent_id,
    agent_name, topic, result, summary, search_key)
select id, customer, account, call, to_timestamp(started_at / 1000.0), duration_s, channel, direction, agent,
    agent_name, topic, result, summary, search_key
from json_to_recordset($1::text::json) as r (
    id bigint, customer bigint, account bigint, call bigint, started_at bigint, duration_s integer, channel text,
    direction text, agent bigint, agent_name text, topic text, result text, summary text, search_key text)
on conflict (id, started_at) do update set customer_id = excluded.customer_id, account_id = excluded.account_id,
    duration_s = excluded.duration_s, agent_id = excluded.agent_id, agent_name = excluded.agent_name,
    topic = excluded.topic, result = excluded.result, summary = excluded.summary, search_key = excluded.search_key";
