//! Statements about calls and the ledger; [`crate::store::calls`] says what for.

pub const INSERT_LEDGER: &str = "
insert into ledger (node, epoch, seq, at, kind, call_id, agent_id, body)
select value ->> 'node', value ->> 'epoch', value ->> 'seq', value ->> 'at', value ->> 'kind', value ->> 'call',
    value ->> 'agent', value ->> 'body'
from json_each($1) where true
on conflict do nothing";

pub const INSERT_CALLS: &str = "
insert into call (id, queue, trunk, dialled, caller, customer_id, agent_id, arrived_at, offered_at, answered_at,
    ended_at, ending, invite_to_pop_us, kind)
select value ->> 'id', value ->> 'queue', value ->> 'trunk', value ->> 'dialled', value -> 'caller',
    value ->> 'customer', value ->> 'agent', value ->> 'arrived_at', value ->> 'offered_at', value ->> 'answered_at',
    value ->> 'ended_at', value ->> 'ending', value ->> 'invite_to_pop_us', coalesce(value ->> 'kind', 'inbound')
from json_each($1) where true
on conflict do nothing";

pub const INSERT_TALKS: &str = "
insert into call_talk (call_id, agent_id, from_at, until_at)
select c.value ->> 'id', t.value ->> 'agent', t.value ->> 'from', t.value ->> 'until'
from json_each($1) c, json_each(c.value, '$.talks') t where true
on conflict do nothing";

pub const SET_POP_TIME: &str = "update call set invite_to_pop_us = $2 where id = $1";

pub const INSERT_MISSED: &str = "
insert into missed_call (id, call_id, queue, caller, customer_id, lost_at, waited_s, ending, handled_by, handled_at)
select value ->> 'id', value ->> 'call', value ->> 'queue', value -> 'caller', value ->> 'customer',
    value ->> 'lost_at', value ->> 'waited_s', value ->> 'ending', value ->> 'handled_by', value ->> 'handled_at'
from json_each($1) where true
on conflict do nothing";

pub const MISSED_CALLS: &str = "
select json_group_array(json_object(
    'id', id, 'call', call_id, 'queue', queue, 'caller', json(caller), 'customer', customer_id,
    'customer_name', (select name from customer c where c.id = m.customer_id),
    'lost_at', lost_at, 'waited_s', waited_s, 'ending', ending, 'handled_by', handled_by, 'handled_at', handled_at))
from (select * from missed_call order by lost_at desc, id desc limit (select $1)) m";

pub const MARK_MISSED: &str = "update missed_call set handled_by = $2, handled_at = $3 where id = $1";
