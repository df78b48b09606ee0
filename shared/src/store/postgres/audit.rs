//! Statements of the audit; [`crate::store::audit`] says what for.

pub const INSERT_AUDIT: &str = "
insert into audit (at, agent_id, what, customer_id, call_id)
select to_timestamp(at / 1000.0), agent, what, customer, call
from json_to_recordset($1::text::json) as r (at bigint, agent bigint, what text, customer bigint, call bigint)";

pub const INSERT_LEDGER_AUDIT: &str = "
insert into audit (at, agent_id, what, customer_id, call_id)
select to_timestamp(at / 1000.0), agent, what, customer, call
from json_to_recordset($1::text::json) as r (
    node smallint, epoch bigint, seq bigint, at bigint, agent bigint, what text, customer bigint, call bigint)
where not exists (select 1 from ledger l where l.node = r.node and l.epoch = r.epoch and l.seq = r.seq)";
