//! Statements about customers; [`crate::store::customers`] says what for.

pub const SEARCH_BY_DIGITS: &str = "
select json_group_array(json_object(
    'id', id, 'kind', kind, 'name', name, 'address', address, 'debt', debt,
    'account', (select number from account where customer_id = c.id order by id limit 1)))
from (
    select * from customer where id in (
        select customer_id from (select customer_id from account where number >= $1 and number < $2 limit (select $5))
        union
        select customer_id from (select customer_id from contact_point where e164 between $3 and $4 limit (select $5)))
    order by name_key, id limit (select $5)) c";

pub const SEARCH_BY_WORDS: &str = "
select json_group_array(json_object(
    'id', id, 'kind', kind, 'name', name, 'address', address, 'debt', debt,
    'account', (select number from account where customer_id = c.id order by id limit 1)))
from (
    select customer.* from (
        select distinct customer_id from customer_word where word >= $1 and word < $2) found
    join customer on customer.id = found.customer_id
    where not exists (
        select 1 from json_each($3) wanted where instr(' ' || customer.name_key, ' ' || wanted.value) = 0)
    limit (select $4)) c
order by name_key, id";

pub const INSERT_CUSTOMER: &str = "
insert into customer (id, kind, name, name_key, address, updated_at)
select value ->> 'id', value ->> 'kind', value ->> 'name', value ->> 'name_key', value ->> 'address',
    value ->> 'updated_at'
from json_each($1)";

pub const INSERT_WORDS: &str = "
insert into customer_word (word, customer_id)
select value ->> 'word', value ->> 'customer' from json_each($1)";

pub const TOUCH_CUSTOMER: &str = "update customer set rev = rev + 1, updated_at = $2 where id = $1";

pub const LINK_PHONE: &str = "
insert into contact_point (customer_id, e164, kind) values ($1, $2, $3) on conflict do nothing";
