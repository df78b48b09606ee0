//! Statements about customers; [`crate::store::customers`] says what for.

pub const SEARCH_BY_DIGITS: &str = "
select json_agg(line)::text
from (
    select c.id, c.kind, c.name, c.address, c.debt,
        (select a.number from account a where a.customer_id = c.id order by a.id limit 1) as account
    from customer c
    where c.id in (
        (select customer_id from account where number >= $1::text and number < $2::text limit $5::bigint)
        union
        (select customer_id from contact_point where e164 between $3::bigint and $4::bigint limit $5::bigint))
    order by c.name_key, c.id limit $5::bigint) line";

pub const SEARCH_BY_WORDS: &str = "
select json_agg(line order by name_key, id)::text
from (
    select c.id, c.kind, c.name, c.address, c.debt, c.name_key,
        (select a.number from account a where a.customer_id = c.id order by a.id limit 1) as account
    from (select distinct customer_id from customer_word where word >= $1::text and word < $2::text) found
    join customer c on c.id = found.customer_id
    where not exists (
        select 1 from json_array_elements_text($3::text::json) wanted
        where position(' ' || wanted.value in ' ' || c.name_key) = 0)
    limit $4::bigint) line";

pub const INSERT_CUSTOMER: &str = "
insert into customer (id, kind, name, name_key, address, updated_at)
select id, kind, name, name_key, address, to_timestamp(updated_at / 1000.0)
from json_to_recordset($1::text::json)
    as r (id bigint, kind text, name text, name_key text, address text, updated_at bigint)";

pub const INSERT_WORDS: &str = "
insert into customer_word (word, customer_id)
select word, customer from json_to_recordset($1::text::json) as r (word text, customer bigint)";

pub const TOUCH_CUSTOMER: &str = "
update customer set rev = rev + 1, updated_at = to_timestamp($2::bigint / 1000.0) where id = $1";

pub const LINK_PHONE: &str = "
insert into contact_point (customer_id, e164, kind) values ($1, $2, $3) on conflict do nothing";
