//! Statements of the audit; [`crate::store::audit`] says what for.

pub const INSERT_AUDIT: &str = "
insert into audit (at, agent_id, what, customer_id, call_id)
select value ->> 'at', value ->> 'agent', value ->> 'what', value ->> 'customer', value ->> 'call'
from json_each($1)";

pub const INSERT_LEDGER_AUDIT: &str = "
insert into audit (at, agent_id, what, customer_id, call_id)
select value ->> 'at', value ->> 'agent', value ->> 'what', value ->> 'customer', value ->> 'call'
from json_each($1)
where not exists (
    select 1 from ledger
    where node = value ->> 'node' and epoch = value ->> 'epoch' and seq = value ->> 'seq')";
