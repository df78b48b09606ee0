//! Statements about saves; [`crate::store::saves`] says what for.

pub const CLAIM_KEY: &str = "
insert into saved_once (key, body_hash, result_id, at)
values ($1::text::uuid, $2, $3, to_timestamp($4::bigint / 1000.0)) on conflict do nothing";

pub const READ_KEY: &str = "
select json_build_object('body_hash', body_hash, 'result_id', result_id)::text
from saved_once where key = $1::text::uuid";

pub const READING_CONTEXT: &str = "
select json_build_object(
    'meter', json_build_object(
        'id', m.id, 'serial', m.serial, 'zones', m.zones, 'digits', m.digits, 'phases', m.phases,
        'max_ampere', m.max_ampere, 'ratio', m.ratio, 'verified_until', m.verified_until),
    'previous', (
        select json_build_object('taken_on', r.taken_on, 'values', array_remove(array[r.t1, r.t2, r.t3], null))
        from reading r where r.account_id = m.account_id and r.taken_on < $2::text::date
        order by r.taken_on desc limit 1),
    'next', (
        select json_build_object('taken_on', r.taken_on, 'values', array_remove(array[r.t1, r.t2, r.t3], null))
        from reading r where r.account_id = m.account_id and r.taken_on > $2::text::date
        order by r.taken_on limit 1),
    'kwh_of_twelve_months', (
        select coalesce(sum(r.consumed), 0)::bigint from reading r
        where r.account_id = m.account_id and r.taken_on < $2::text::date
            and r.taken_on >= $2::text::date - interval '12 months'),
    'given_this_period', exists (
        select 1 from reading r
        where r.account_id = m.account_id and r.taken_on >= date_trunc('month', $2::text::date)
            and r.taken_on < date_trunc('month', $2::text::date) + interval '1 month'))::text
from meter m where m.account_id = $1::bigint";

pub const UPSERT_READING: &str = "
insert into reading (account_id, taken_on, source, t1, t2, t3, consumed, agent_id, call_id)
select account, taken_on, source, t1, t2, t3, consumed, agent, call
from json_to_recordset($1::text::json) as r (
    account bigint, taken_on date, source text, t1 bigint, t2 bigint, t3 bigint, consumed bigint, agent bigint,
    call bigint)
on conflict (account_id, taken_on) do update set source = excluded.source, t1 = excluded.t1, t2 = excluded.t2,
    t3 = excluded.t3, consumed = excluded.consumed, agent_id = excluded.agent_id, call_id = excluded.call_id";

pub const LOCK_METER: &str = "select 1 from meter where account_id = $1 for update";

pub const COUNT_CONSUMPTION_AGAIN: &str = "
update reading r
set consumed = $4::bigint * (
    (r.t1 - p.t1 + $3::bigint) % $3::bigint
    + coalesce((r.t2 - coalesce(p.t2, 0) + $3::bigint) % $3::bigint, 0)
    + coalesce((r.t3 - coalesce(p.t3, 0) + $3::bigint) % $3::bigint, 0))
from (
    select taken_on as day, (
        select max(taken_on) from reading b where b.account_id = $1::bigint and b.taken_on < a.taken_on) as day_before
    from reading a
    where a.account_id = $1::bigint and a.taken_on >= $2::text::date
    order by taken_on limit 2) pair
join reading p on p.account_id = $1::bigint and p.taken_on = pair.day_before
where r.account_id = $1::bigint and r.taken_on = pair.day";

pub const INSERT_REQUEST: &str = "
insert into request (id, customer_id, account_id, call_id, form, status, opened_at, due_at, opened_by, fields, comment)
select id, customer, account, call, form, status, to_timestamp(opened_at / 1000.0), to_timestamp(due_at / 1000.0),
    opened_by, fields, comment
from json_to_recordset($1::text::json) as r (
    id bigint, customer bigint, account bigint, call bigint, form text, status text, opened_at bigint, due_at bigint,
    opened_by bigint, fields json, comment text)";
