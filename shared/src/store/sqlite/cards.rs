//! The card in one question; [`crate::store::cards`] says what for.

/// The card of the customer `c` with `$2` lines of history. What a subquery makes is JSON and stays it; read once more
/// by `json()` it would take a quarter of the whole question's time.
macro_rules! card {
    () => {
        r#"
json_object(
    'customer', json_object(
        'id', c.id, 'kind', c.kind, 'name', c.name, 'address', c.address, 'email', c.email,
        'customer_since_year', c.since_year, 'flags', (
            select json_group_array(value)
            from json_each('["e_bill","benefit","restriction_risk","electric_stove","loyal","no_calls"]')
            where c.flags >> key & 1),
        'debt', c.debt,
        'updated_at', c.updated_at, 'rev', c.rev),
    'contact_points', (
        select json_group_array(json_object('phone', e164, 'kind', kind))
        from (select e164, kind from contact_point where customer_id = c.id order by e164 limit 20)),
    'accounts', (
        select json_group_array(json_object(
            'id', a.id, 'number', a.number, 'address', a.address, 'status', a.status, 'debt', a.debt,
            'months_overdue', a.months_overdue,
            'meter', case when m.id is null then null else json_object(
                'id', m.id, 'serial', m.serial, 'zones', m.zones, 'digits', m.digits, 'phases', m.phases,
                'max_ampere', m.max_ampere, 'ratio', m.ratio, 'verified_until', m.verified_until) end))
        from (select * from account where customer_id = c.id order by id limit 20) a
        left join meter m on m.account_id = a.id),
    'readings', (
        select json_group_array(json_object(
            'account', account_id, 'taken_on', taken_on, 'source', source, 'consumed', consumed,
            'values', case
                when t3 is not null then json_array(t1, t2, t3)
                when t2 is not null then json_array(t1, t2)
                else json_array(t1) end))
        from (
            select r.* from account a join reading r on r.account_id = a.id
            where a.customer_id = c.id order by r.taken_on desc, r.account_id limit 36)),
    'payments', (
        select json_group_array(json_object(
            'id', id, 'account', account_id, 'paid_at', paid_at, 'amount', amount, 'channel', channel,
            'status', status))
        from (
            select p.* from account a join payment p on p.account_id = a.id
            where a.customer_id = c.id order by p.paid_at desc, p.id desc limit 24)),
    'payments_total', (
        select count(*) from account a join payment p on p.account_id = a.id where a.customer_id = c.id),
    'corrective_invoices', (
        select json_group_array(json_object(
            'id', id, 'account', account_id, 'number', number, 'issued_on', issued_on, 'amount', amount,
            'corrects', corrects, 'ground', ground, 'status', status))
        from (
            select i.* from account a join invoice i on i.account_id = a.id and i.corrects is not null
            where a.customer_id = c.id order by i.issued_on desc, i.id desc limit 24)),
    'requests', (
        select json_group_array(json_object(
            'id', id, 'customer', customer_id, 'account', account_id, 'form', form, 'status', status,
            'opened_at', opened_at, 'due_at', due_at, 'opened_by', opened_by, 'fields', json(fields),
            'comment', comment, 'rev', rev))
        from (
            select * from request
            where customer_id = c.id
                and status in ('draft', 'registered', 'in_work', 'waiting_customer', 'waiting_field_crew')
            order by due_at is null, due_at, id limit 50)),
    'consumption', (
        select json_group_array(json_object(
            'year', cast(substr(month, 1, 4) as integer), 'month', cast(substr(month, 6, 2) as integer), 'kwh', kwh))
        from (
            select * from (
                select substr(r.taken_on, 1, 7) as month, sum(r.consumed) as kwh
                from account a join reading r on r.account_id = a.id
                where a.customer_id = c.id group by 1 order by 1 desc limit 24)
            order by month)),
    'history', (
        select json_object(
            'total', counted.total,
            'lines', (
                select json_group_array(json_object(
                    'id', id, 'customer', customer_id, 'account', account_id, 'call', call_id,
                    'started_at', started_at, 'duration_s', duration_s, 'channel', channel, 'direction', direction,
                    'agent', agent_id, 'agent_name', agent_name, 'topic', topic, 'result', result, 'summary', summary))
                from (
                    select * from interaction where customer_id = c.id
                    order by started_at desc, id desc limit (select $2))),
            'next', case when counted.total > $2 then (
                select json_object('started_at', started_at, 'id', id)
                from interaction where customer_id = c.id
                order by started_at desc, id desc limit 1 offset $2 - 1) end)
        from (select count(*) as total from interaction where customer_id = c.id) counted))"#
    };
}

pub const LOOK_UP: &str = concat!(
    "
with owner as materialized (
    select customer_id from contact_point where e164 = $1 order by customer_id limit 20)
select c.id, c.name, case when (select count(*) from owner) = 1 then ",
    card!(),
    " else json_object(
    'id', c.id, 'kind', c.kind, 'name', c.name, 'address', c.address, 'debt', c.debt,
    'account', (select number from account where customer_id = c.id order by id limit 1)) end
from owner o join customer c on c.id = o.customer_id
order by c.name_key, c.id"
);

/// A number that somebody has, to warm up with.
pub const ANY_PHONE: &str = "select cast(e164 as text) from contact_point limit 1";

pub const CARD: &str = concat!("select c.id, c.name, ", card!(), " from customer c where c.id = $1");
