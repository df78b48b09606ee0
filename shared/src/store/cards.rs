//! The card: everything that the operator sees before saying hello.
//!
//! It leaves the database in the spelling of the wire and is passed on as it is: nobody between the database and the
//! screen takes it apart.

use smallvec::SmallVec;

use crate::ids::CustomerId;
use crate::phone::Phone;
use crate::pii::Personal;
use crate::wire::Sealed;
use crate::wire::card::{Card, CardState};

use super::unit::Arg;
use super::{Lane, Store, StoreError};

/// What a look-up has brought.
#[derive(Clone, Debug)]
pub struct Found {
    pub card: Sealed<CardState>,
    /// When exactly one customer was found.
    pub customer: Option<(CustomerId, Personal)>,
    /// Everybody whose data is on the card.
    pub shown: SmallVec<[CustomerId; 1]>,
}

/// One customer who was found: the card when it is the only one, else a line to choose by.
pub(super) struct FoundRow {
    pub id: i64,
    pub name: String,
    pub json: String,
}

impl Store {
    /// Finds the caller: the number's customers, and the card when there is exactly one. Several customers may share
    /// the number: then there is a choice, and no card.
    ///
    /// # Errors
    /// When the database does not answer in the time a ringing call has.
    pub async fn look_up(&self, phone: Phone, history_limit: u16) -> Result<Found, StoreError> {
        let args = [phone.e164().into(), i64::from(history_limit).into()];
        found(self.find(Lane::Pop, self.sql().look_up, args).await?)
    }

    /// The card of a customer who has been found by hand, as a look-up brings it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_card(&self, customer: CustomerId, history_limit: u16) -> Result<Found, StoreError> {
        let args = [customer.0.into(), i64::from(history_limit).into()];
        found(self.find(Lane::Records, self.sql().card, args).await?)
    }

    /// One customer's card, `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn card(&self, customer: CustomerId, history_limit: u16) -> Result<Option<Card>, StoreError> {
        let args = [customer.0.into(), i64::from(history_limit).into()];
        let rows = self.find(Lane::Records, self.sql().card, args).await?;
        Ok(rows.first().map(|row| serde_json::from_str(&row.json)).transpose()?)
    }

    async fn find(&self, lane: Lane, sql: &'static str, args: [Arg; 2]) -> Result<Vec<FoundRow>, StoreError> {
        match &self.backend {
            super::Backend::Sqlite(sqlite) => sqlite.find(lane, sql, args).await,
            super::Backend::Postgres(postgres) => postgres.find(lane, sql, args).await,
        }
    }
}

fn found(mut rows: Vec<FoundRow>) -> Result<Found, StoreError> {
    let shown = rows.iter().map(|row| CustomerId(row.id)).collect();
    if rows.len() > 1 {
        let lines: Vec<&str> = rows.iter().map(|row| row.json.as_str()).collect();
        return Ok(Found { card: Sealed::several(&lines)?, customer: None, shown });
    }
    match rows.pop() {
        None => Ok(Found { card: Sealed::pack(&CardState::Unknown)?, customer: None, shown }),
        Some(FoundRow { id, name, json }) => {
            Ok(Found { card: Sealed::known(&json)?, customer: Some((CustomerId(id), name.into())), shown })
        }
    }
}
