//! Many rows at once, in the order of [`crate::store::generate`]'s tables.
//!
//! Each batch is a transaction, because the log of a single one would outgrow the file. While a load is on its way
//! the file bears a mark, which stays when the load breaks off.

use crate::store::generate::N_TABLES;
use crate::store::unit::Unit;
use crate::store::{StoreError, as_refusal};

use super::writer::Writer;

/// The file's `user_version` while a load is on its way.
pub const LOADING: i64 = 1;
const SET_MARK: &str = "pragma user_version = 1";
const TAKE_MARK: &str = "pragma user_version = 0";

/// A load that has begun.
pub struct Load {
    writer: Writer,
}

impl Load {
    pub(super) async fn begin(writer: Writer) -> Result<Self, StoreError> {
        let load = Self { writer };
        load.commit(Unit::default().then(SET_MARK, [])).await?;
        Ok(load)
    }

    /// Writes the rows of a batch, each text into its table.
    pub async fn write(&mut self, texts: [String; N_TABLES]) -> Result<(), StoreError> {
        let mut unit = Unit::default();
        for (sql, rows) in INSERTS.into_iter().zip(texts).filter(|(_, rows)| !rows.is_empty()) {
            unit = unit.then(sql, [rows.into()]);
        }
        self.commit(unit).await
    }

    /// Takes the mark away.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.commit(Unit::default().then(TAKE_MARK, [])).await
    }

    async fn commit(&self, unit: Unit) -> Result<(), StoreError> {
        self.writer.commit(unit).await.map(|_| ()).map_err(as_refusal)
    }
}

const INSERTS: [&str; N_TABLES] =
    [CUSTOMER, CUSTOMER_WORD, CONTACT_POINT, ACCOUNT, METER, READING, PAYMENT, INVOICE, REQUEST, INTERACTION];

const CUSTOMER: &str = "
insert into customer (
    id, kind, name, name_key, address, email, since_year, flags, debt, updated_at)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9
from json_each($1)";

const CUSTOMER_WORD: &str = "
insert into customer_word (
    word, customer_id)
select
    value ->> 0, value ->> 1
from json_each($1)";

const CONTACT_POINT: &str = "
insert into contact_point (
    e164, customer_id, kind)
select
    value ->> 0, value ->> 1, value ->> 2
from json_each($1)";

const ACCOUNT: &str = "
insert into account (
    id, customer_id, number, address, status, debt, months_overdue)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
from json_each($1)";

const METER: &str = "
insert into meter (
    id, account_id, serial, zones, digits, phases, max_ampere, ratio, verified_until)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8
from json_each($1)";

const READING: &str = "
insert into reading (
    account_id, taken_on, source, t1, t2, t3, consumed)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
from json_each($1)";

const PAYMENT: &str = "
insert into payment (
    id, account_id, paid_at, amount, channel, status)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
from json_each($1)";

const INVOICE: &str = "
insert into invoice (
    id, account_id, number, issued_on, amount, corrects, ground, status)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
from json_each($1)";

const REQUEST: &str = "
insert into request (
    id, customer_id, account_id, form, status, opened_at, due_at, fields, comment)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8
from json_each($1)";

const INTERACTION: &str = "
insert into interaction (
    id, customer_id, account_id, started_at, duration_s, channel, direction, agent_name, topic, result,
    summary, search_key)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9, value ->> 10, value ->> 11
from json_each($1)";
