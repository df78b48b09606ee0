//! The customer's card: everything that the operator sees before saying hello.

use serde::{Deserialize, Serialize};

use crate::domain::account::{Account, Invoice, Payment, Reading};
use crate::domain::customer::{ContactPoint, Customer, CustomerLine};
use crate::domain::interaction::HistoryPage;
use crate::domain::request::Request;

use super::Sealed;

/// What is known of a caller when the offer leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "caller_is", rename_all = "snake_case")]
pub enum CardState {
    /// The look-up is late; an event of its own follows.
    Pending,
    /// One customer has this number.
    Known { card: Box<Card> },
    /// Several have it: offer a choice, open none.
    Several { candidates: Vec<CustomerLine> },
    /// Nobody has it.
    Unknown,
    /// The caller keeps the number to themselves.
    Withheld,
    /// The customer base cannot be reached; the call can be answered all the same.
    Unavailable,
}

impl Sealed<CardState> {
    /// [`CardState::Known`] around a card that is JSON already.
    ///
    /// # Errors
    /// When it is no JSON. Whether it is a card is seen by whoever opens it.
    pub fn known(card: &str) -> Result<Self, serde_json::Error> {
        Self::from_json([r#"{"caller_is":"known","card":"#, card, "}"].concat())
    }

    /// [`CardState::Several`] around lines that are JSON already.
    ///
    /// # Errors
    /// When they are no JSON.
    pub fn several(candidates: &[&str]) -> Result<Self, serde_json::Error> {
        Self::from_json([r#"{"caller_is":"several","candidates":["#, &candidates.join(","), "]}"].concat())
    }
}

/// One customer with what a call is usually about. Rows are capped; the rest is paged in from the records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    pub customer: Customer,
    pub contact_points: Vec<ContactPoint>,
    pub accounts: Vec<Account>,
    /// Newest first, over all accounts.
    pub readings: Vec<Reading>,
    pub payments: Vec<Payment>,
    pub payments_total: i64,
    /// Corrective invoices, newest first.
    pub corrective_invoices: Vec<Invoice>,
    /// Open requests, oldest due first.
    pub requests: Vec<Request>,
    /// Consumption a month over all accounts, oldest first, up to 24 months.
    pub consumption: Vec<MonthConsumption>,
    pub history: HistoryPage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthConsumption {
    pub year: i16,
    pub month: u8,
    pub kwh: i64,
}
