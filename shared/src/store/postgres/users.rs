//! Statements about people and their phones; [`crate::store::users`] says what for.

pub const USERS: &str = "
select json_agg(line)::text
from (select id, login, name, role, phone, password_hash, disabled from agent order by login) line";

pub const USER_BY_LOGIN: &str = "
select row_to_json(line)::text
from (select id, login, name, role, phone, password_hash, disabled from agent where login = $1) line";

pub const INSERT_USER: &str = "
insert into agent (id, login, name, role, phone, password_hash)
select id, login, name, role, phone, password_hash
from json_to_recordset($1::text::json) as r (
    id bigint, login text, name text, role text, phone text, password_hash text)";

pub const SET_PASSWORD_HASH: &str = "update agent set password_hash = $2 where id = $1";
pub const SET_USER_DISABLED: &str = "update agent set disabled = ($2::bigint = 1) where login = $1";
pub const SET_USER_PHONE: &str = "update agent set phone = $2 where login = $1";

pub const PHONES: &str = "
select json_agg(line)::text
from (select number, ha1_md5, ha1_sha256, md5_only, agent_id as agent from sip_phone order by number) line";

pub const UPSERT_PHONE: &str = "
insert into sip_phone (number, ha1_md5, ha1_sha256, md5_only, agent_id)
select number, ha1_md5, ha1_sha256, md5_only, agent
from json_to_recordset($1::text::json) as r (
    number text, ha1_md5 text, ha1_sha256 text, md5_only boolean, agent bigint)
on conflict (number) do update set ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256,
    md5_only = excluded.md5_only, agent_id = excluded.agent_id";

pub const DELETE_PHONE: &str = "delete from sip_phone where number = $1";
