//! Statements about the history; [`crate::store::interactions`] says what for.

pub const HISTORY: &str = "
with found as (
    select * from interaction i
    where i.customer_id = $1
        and ($4 is null or i.channel = $4)
        and ($5 is null
            or not exists (
                select 1 from json_each($5) w where instr(' ' || i.search_key, ' ' || w.value) = 0)
            or ($6 is not null and not exists (
                select 1 from json_each($6) w where instr(' ' || i.search_key, ' ' || w.value) = 0))))
select json_object(
    'total', (select count(*) from found),
    'lines', json((
        select json_group_array(json_object(
            'id', id, 'customer', customer_id, 'account', account_id, 'call', call_id,
            'started_at', started_at, 'duration_s', duration_s, 'channel', channel, 'direction', direction,
            'agent', agent_id, 'agent_name', agent_name, 'topic', topic, 'result', result, 'summary', summary))
        from (
            select * from found
            where $2 is null or started_at < $2 or (started_at = $2 and id < coalesce($3, 9223372036854775807))
            order by started_at desc, id desc limit (select $7)))))";

pub const DROP_MOVED_INTERACTION: &str = "delete from interaction where id = $1 and started_at <> $2";

pub const UPSERT_INTERACTION: &str = "
insert into interaction (id, customer_id, account_id, call_id, started_at, duration_s, channel, direction, agent_id,
    agent_name, topic, result, summary, search_key)
select value ->> 'id', value ->> 'customer', value ->> 'account', value ->> 'call', value ->> 'started_at',
    value ->> 'duration_s', value ->> 'channel', value ->> 'direction', value ->> 'agent', value ->> 'agent_name',
    value ->> 'topic', value ->> 'result', value ->> 'summary', value ->> 'search_key'
from json_each($1) where true
on conflict (id) do update set customer_id = excluded.customer_id, account_id = excluded.account_id,
    duration_s = excluded.duration_s, agent_id = excluded.agent_id, agent_name = excluded.agent_name,
    topic = excluded.topic, result = excluded.result, summary = excluded.summary, search_key = excluded.search_key";
