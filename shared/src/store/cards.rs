//! The card: everything that the operator sees before saying hello.

use serde::Deserialize;

use crate::domain::account::{Account, Invoice, Payment, Reading};
use crate::domain::customer::{ContactPoint, Customer, CustomerFlag, CustomerKind, CustomerLine};
use crate::domain::request::Request;
use crate::ids::CustomerId;
use crate::money::Money;
use crate::phone::Phone;
use crate::pii::Personal;
use crate::time::UtcMs;
use crate::wire::card::{Card, MonthConsumption};

use super::interactions::HistoryRow;
use super::{Lane, Store, StoreError};

/// Whose number it is.
#[derive(Clone, Debug)]
pub enum CallerLookup {
    Nobody,
    One(Box<Card>),
    /// Several customers share the number: offer a choice, open none.
    Several(Vec<CustomerLine>),
}

impl Store {
    /// Finds the caller: the number's customers, and the card when there is exactly one.
    ///
    /// # Errors
    /// When the database does not answer in the time a ringing call has.
    pub async fn look_up(&self, phone: Phone, history_limit: u16) -> Result<CallerLookup, StoreError> {
        let sql = self.sql().customers_of_phone;
        let owners: Vec<CustomerId> = self.fetch(Lane::Pop, sql, [phone.e164().into()]).await?.unwrap_or_default();
        match owners.as_slice() {
            [] => Ok(CallerLookup::Nobody),
            [only] => {
                let card = self.fetch_card(Lane::Pop, *only, history_limit).await?;
                Ok(card.map_or(CallerLookup::Nobody, |card| CallerLookup::One(Box::new(card))))
            }
            several => {
                let ids = serde_json::to_string(several)?;
                let lines = self.fetch(Lane::Pop, self.sql().customer_lines, [ids.into()]).await?;
                Ok(CallerLookup::Several(lines.unwrap_or_default()))
            }
        }
    }

    /// One customer's card, `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn card(&self, customer: CustomerId, history_limit: u16) -> Result<Option<Card>, StoreError> {
        self.fetch_card(Lane::Records, customer, history_limit).await
    }

    async fn fetch_card(&self, lane: Lane, customer: CustomerId, limit: u16) -> Result<Option<Card>, StoreError> {
        // One line more than is shown tells whether there is a next page.
        let one_more = i64::from(limit) + 1;
        let row: Option<CardRow> = self.fetch(lane, self.sql().card, [customer.0.into(), one_more.into()]).await?;
        Ok(row.map(|row| row.into_card(limit)))
    }
}

#[derive(Deserialize)]
struct CardRow {
    customer: CustomerRow,
    contact_points: Vec<ContactPoint>,
    accounts: Vec<Account>,
    readings: Vec<Reading>,
    payments: Vec<Payment>,
    payments_total: i64,
    corrective_invoices: Vec<Invoice>,
    requests: Vec<Request>,
    consumption: Vec<MonthConsumption>,
    history: HistoryRow,
}

#[derive(Deserialize)]
struct CustomerRow {
    id: CustomerId,
    kind: CustomerKind,
    name: Personal,
    address: Personal,
    email: Option<Personal>,
    customer_since_year: Option<i16>,
    flags: i32,
    debt: Money,
    updated_at: UtcMs,
    rev: i32,
}

impl CardRow {
    fn into_card(self, history_limit: u16) -> Card {
        let mut consumption = self.consumption;
        consumption.reverse();
        Card {
            customer: self.customer.into(),
            contact_points: self.contact_points,
            accounts: self.accounts,
            readings: self.readings,
            payments: self.payments,
            payments_total: self.payments_total,
            corrective_invoices: self.corrective_invoices,
            requests: self.requests,
            consumption,
            history: self.history.into_page(history_limit),
        }
    }
}

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            address: row.address,
            email: row.email,
            customer_since_year: row.customer_since_year,
            flags: CustomerFlag::from_bits(row.flags),
            debt: row.debt,
            updated_at: row.updated_at,
            rev: row.rev,
        }
    }
}
