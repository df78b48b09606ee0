//! Statements about saves; [`crate::store::saves`] says what for.

pub const CLAIM_KEY: &str = "
insert into saved_once (key, body_hash, result_id, at) values ($1, $2, $3, $4) on conflict do nothing";

pub const READ_KEY: &str =
    "select json_object('body_hash', body_hash, 'result_id', result_id) from saved_once where key = $1";

pub const READING_CONTEXT: &str = "
select json_object(
    'meter', json_object(
        'id', m.id, 'serial', m.serial, 'zones', m.zones, 'digits', m.digits, 'phases', m.phases,
        'max_ampere', m.max_ampere, 'ratio', m.ratio, 'verified_until', m.verified_until),
    'previous', (
        select json_object('taken_on', r.taken_on, 'values', case
            when r.t3 is not null then json_array(r.t1, r.t2, r.t3)
            when r.t2 is not null then json_array(r.t1, r.t2)
            else json_array(r.t1) end)
        from reading r where r.account_id = m.account_id and r.taken_on < $2 order by r.taken_on desc limit 1),
    'next', (
        select json_object('taken_on', r.taken_on, 'values', case
            when r.t3 is not null then json_array(r.t1, r.t2, r.t3)
            when r.t2 is not null then json_array(r.t1, r.t2)
            else json_array(r.t1) end)
        from reading r where r.account_id = m.account_id and r.taken_on > $2 order by r.taken_on limit 1),
    'kwh_of_twelve_months', (
        select coalesce(sum(r.consumed), 0) from reading r
        where r.account_id = m.account_id and r.taken_on < $2 and r.taken_on >= date($2, '-12 months')),
    'given_this_period', json(iif(exists (
        select 1 from reading r
        where r.account_id = m.account_id and substr(r.taken_on, 1, 7) = substr($2, 1, 7)), 'true', 'false')))
from meter m where m.account_id = $1";

pub const UPSERT_READING: &str = "
insert into reading (account_id, taken_on, source, t1, t2, t3, consumed, agent_id, call_id)
select value ->> 'account', value ->> 'taken_on', value ->> 'source', value ->> 't1', value ->> 't2', value ->> 't3',
    value ->> 'consumed', value ->> 'agent', value ->> 'call'
from json_each($1) where true
on conflict (account_id, taken_on) do update set source = excluded.source, t1 = excluded.t1, t2 = excluded.t2,
    t3 = excluded.t3, consumed = excluded.consumed, agent_id = excluded.agent_id, call_id = excluded.call_id";

/// There is one who writes, so the lock is held already.
pub const LOCK_METER: &str = "select 1 from meter where account_id = $1";

pub const COUNT_CONSUMPTION_AGAIN: &str = "
update reading as r
set consumed = $4 * (
    (r.t1 - p.t1 + $3) % $3
    + coalesce((r.t2 - coalesce(p.t2, 0) + $3) % $3, 0)
    + coalesce((r.t3 - coalesce(p.t3, 0) + $3) % $3, 0))
from (
    select taken_on as day, (
        select max(taken_on) from reading b where b.account_id = $1 and b.taken_on < a.taken_on) as day_before
    from reading a
    where a.account_id = $1 and a.taken_on >= $2
    order by taken_on limit 2) pair
join reading p on p.account_id = $1 and p.taken_on = pair.day_before
where r.account_id = $1 and r.taken_on = pair.day";

pub const INSERT_REQUEST: &str = "
insert into request (id, customer_id, account_id, call_id, form, status, opened_at, due_at, opened_by, fields, comment)
select value ->> 'id', value ->> 'customer', value ->> 'account', value ->> 'call', value ->> 'form',
    value ->> 'status', value ->> 'opened_at', value ->> 'due_at', value ->> 'opened_by', value ->> 'fields',
    value ->> 'comment'
from json_each($1)";
