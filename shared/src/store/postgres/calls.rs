//! Statements about calls and the ledger; [`crate::store::calls`] says what for.

pub const INSERT_LEDGER: &str = "
insert into ledger (node, epoch, seq, at, kind, call_id, agent_id, body)
select node, epoch, seq, to_timestamp(at / 1000.0), kind, call, agent, body::json
from json_to_recordset($1::text::json) as r (
    node smallint, epoch bigint, seq bigint, at bigint, kind text, call bigint, agent bigint, body text)
on conflict do nothing";

pub const INSERT_CALLS: &str = "
insert into call (id, queue, trunk, dialled, caller, customer_id, agent_id, arrived_at, offered_at, answered_at,
    ended_at, ending, invite_to_pop_us, kind)
select id, queue, trunk, dialled, caller, customer, agent, to_timestamp(arrived_at / 1000.0),
    to_timestamp(offered_at / 1000.0), to_timestamp(answered_at / 1000.0), to_timestamp(ended_at / 1000.0), ending,
    invite_to_pop_us, coalesce(kind, 'inbound')
from json_to_recordset($1::text::json) as r (
    id bigint, queue text, trunk text, dialled text, caller json, customer bigint, agent bigint, arrived_at bigint,
    offered_at bigint, answered_at bigint, ended_at bigint, ending text, invite_to_pop_us bigint,
    kind text)
on conflict do nothing";

pub const INSERT_TALKS: &str = "
insert into call_talk (call_id, agent_id, from_at, until_at)
select c.id, t.agent, to_timestamp(t.\"from\" / 1000.0), to_timestamp(t.until / 1000.0)
from json_to_recordset($1::text::json) as c (id bigint, talks json),
    json_to_recordset(coalesce(c.talks, '[]'::json)) as t (agent bigint, \"from\" bigint, until bigint)
on conflict do nothing";

pub const SET_POP_TIME: &str = "update call set invite_to_pop_us = $2::bigint where id = $1::bigint";

pub const INSERT_MISSED: &str = "
insert into missed_call (id, call_id, queue, caller, customer_id, lost_at, waited_s, ending, handled_by, handled_at)
select id, call, queue, caller, customer, to_timestamp(lost_at / 1000.0), waited_s, ending, handled_by,
    to_timestamp(handled_at / 1000.0)
from json_to_recordset($1::text::json) as r (
    id bigint, call bigint, queue text, caller json, customer bigint, lost_at bigint, waited_s integer, ending text,
    handled_by bigint, handled_at bigint)
on conflict do nothing";

pub const MISSED_CALLS: &str = "
select json_agg(line)::text
from (
    select id, call_id as call, queue, caller, customer_id as customer,
        (select name from customer c where c.id = m.customer_id) as customer_name,
        (extract(epoch from m.lost_at) * 1000)::bigint as lost_at, waited_s, ending, handled_by,
        (extract(epoch from m.handled_at) * 1000)::bigint as handled_at
    from missed_call m order by m.lost_at desc, id desc limit $1::bigint) line";

pub const MARK_MISSED: &str = "
update missed_call set handled_by = $2::bigint, handled_at = to_timestamp($3::bigint / 1000.0)
where id = $1::bigint";
