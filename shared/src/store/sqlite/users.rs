//! Statements about people and their phones; [`crate::store::users`] says what for.

pub const USERS: &str = "
select json_group_array(json_object(
    'id', id, 'login', login, 'name', name, 'role', role, 'phone', phone, 'password_hash', password_hash,
    'disabled', json(iif(disabled, 'true', 'false'))))
from (select * from agent order by login)";

pub const USER_BY_LOGIN: &str = "
select json_object(
    'id', id, 'login', login, 'name', name, 'role', role, 'phone', phone, 'password_hash', password_hash,
    'disabled', json(iif(disabled, 'true', 'false')))
from agent where login = $1";

pub const INSERT_USER: &str = "
insert into agent (id, login, name, role, phone, password_hash)
select value ->> 'id', value ->> 'login', value ->> 'name', value ->> 'role', value ->> 'phone',
    value ->> 'password_hash'
from json_each($1)";

pub const SET_PASSWORD_HASH: &str = "update agent set password_hash = $2 where id = $1";
pub const SET_USER_DISABLED: &str = "update agent set disabled = $2 where login = $1";
pub const SET_USER_PHONE: &str = "update agent set phone = $2 where login = $1";

pub const PHONES: &str = "
select json_group_array(json_object(
    'number', number, 'ha1_md5', ha1_md5, 'ha1_sha256', ha1_sha256,
    'md5_only', json(iif(md5_only, 'true', 'false')), 'agent', agent_id))
from (select * from sip_phone order by number)";

pub const UPSERT_PHONE: &str = "
insert into sip_phone (number, ha1_md5, ha1_sha256, md5_only, agent_id)
select value ->> 'number', value ->> 'ha1_md5', value ->> 'ha1_sha256', value ->> 'md5_only', value ->> 'agent'
from json_each($1) where true
on conflict (number) do update set ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256,
    md5_only = excluded.md5_only, agent_id = excluded.agent_id";

pub const DELETE_PHONE: &str = "delete from sip_phone where number = $1";
