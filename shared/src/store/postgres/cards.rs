//! The card in one question; [`crate::store::cards`] says what for.

/// The card of the customer `c` with `$2` lines of history. `date_part` counts in floats, which hold a millisecond of
/// our days exactly; `extract` counts in decimals and takes a tenth of the whole question's time.
macro_rules! card {
    () => {
        "
json_build_object(
    'customer', json_build_object(
        'id', c.id, 'kind', c.kind, 'name', c.name, 'address', c.address, 'email', c.email,
        'customer_since_year', c.since_year, 'flags', array_remove(array[
            case when c.flags & 1 > 0 then 'e_bill' end, case when c.flags & 2 > 0 then 'benefit' end,
            case when c.flags & 4 > 0 then 'restriction_risk' end, case when c.flags & 8 > 0 then 'electric_stove' end,
            case when c.flags & 16 > 0 then 'loyal' end, case when c.flags & 32 > 0 then 'no_calls' end], null),
        'debt', c.debt,
        'updated_at', (date_part('epoch', c.updated_at) * 1000)::bigint, 'rev', c.rev),
    'contact_points', (
        select coalesce(json_agg(line), '[]')
        from (
            select e164 as phone, kind from contact_point
            where customer_id = c.id order by e164 limit 20) line),
    'accounts', (
        select coalesce(json_agg(line), '[]')
        from (
            select a.id, a.number, a.address, a.status, a.debt, a.months_overdue,
                case when m.id is not null then json_build_object(
                    'id', m.id, 'serial', m.serial, 'zones', m.zones, 'digits', m.digits, 'phases', m.phases,
                    'max_ampere', m.max_ampere, 'ratio', m.ratio, 'verified_until', m.verified_until) end as meter
            from account a left join meter m on m.account_id = a.id
            where a.customer_id = c.id order by a.id limit 20) line),
    'readings', (
        select coalesce(json_agg(line), '[]')
        from (
            select r.account_id as account, r.taken_on, r.source, r.consumed,
                array_remove(array[r.t1, r.t2, r.t3], null) as values
            from account a join reading r on r.account_id = a.id
            where a.customer_id = c.id order by r.taken_on desc, r.account_id limit 36) line),
    'payments', (
        select coalesce(json_agg(line), '[]')
        from (
            select p.id, p.account_id as account, (date_part('epoch', p.paid_at) * 1000)::bigint as paid_at, p.amount,
                p.channel, p.status
            from account a join payment p on p.account_id = a.id
            where a.customer_id = c.id order by p.paid_at desc, p.id desc limit 24) line),
    'payments_total', (
        select count(*) from account a join payment p on p.account_id = a.id where a.customer_id = c.id),
    'corrective_invoices', (
        select coalesce(json_agg(line), '[]')
        from (
            select i.id, i.account_id as account, i.number, i.issued_on, i.amount, i.corrects, i.ground, i.status
            from account a join invoice i on i.account_id = a.id and i.corrects is not null
            where a.customer_id = c.id order by i.issued_on desc, i.id desc limit 24) line),
    'requests', (
        select coalesce(json_agg(line), '[]')
        from (
            select id, customer_id as customer, account_id as account, form, status,
                (date_part('epoch', opened_at) * 1000)::bigint as opened_at,
                (date_part('epoch', due_at) * 1000)::bigint as due_at, opened_by, fields, comment, rev
            from request q
            where customer_id = c.id
                and status in ('draft', 'registered', 'in_work', 'waiting_customer', 'waiting_field_crew')
            order by q.due_at nulls last, id limit 50) line),
    'consumption', (
        select coalesce(json_agg(line order by year, month), '[]')
        from (
            select date_part('year', taken_on)::int as year, date_part('month', taken_on)::int as month,
                sum(r.consumed)::bigint as kwh
            from account a join reading r on r.account_id = a.id
            where a.customer_id = c.id group by 1, 2 order by 1 desc, 2 desc limit 24) line),
    'history', (
        select json_build_object(
            'total', counted.total, 'lines', shown.lines,
            'next', case when counted.total > shown.n then
                json_build_object('started_at', shown.oldest, 'id', shown.last_id) end)
        from (select count(*) as total from interaction where customer_id = c.id) counted, (
            select coalesce(json_agg(line), '[]') as lines, count(*) as n, min(line.started_at) as oldest,
                (array_agg(line.id))[count(*)] as last_id
            from (
                select id, customer_id as customer, account_id as account, call_id as call,
                    (date_part('epoch', i.started_at) * 1000)::bigint as started_at, duration_s, channel, direction,
                    agent_id as agent, agent_name, topic, result, summary
                from interaction i where customer_id = c.id
                order by i.started_at desc, id desc limit $2::bigint) line) shown))"
    };
}

pub const LOOK_UP: &str = concat!(
    "
with owner as materialized (
    select customer_id from contact_point where e164 = $1::bigint order by customer_id limit 20)
select c.id, c.name, (case when (select count(*) from owner) = 1 then ",
    card!(),
    " else json_build_object(
    'id', c.id, 'kind', c.kind, 'name', c.name, 'address', c.address, 'debt', c.debt,
    'account', (select a.number from account a where a.customer_id = c.id order by a.id limit 1)) end)::text
from owner o join customer c on c.id = o.customer_id
order by c.name_key, c.id"
);

/// A number that somebody has, to warm up with.
pub const ANY_PHONE: &str = "select e164::text from contact_point limit 1";

pub const CARD: &str = concat!("select c.id, c.name, (", card!(), ")::text from customer c where c.id = $1::bigint");
