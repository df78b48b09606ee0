//! What a customer pays for: accounts, meters with their readings, payments, invoices.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, InvoiceId, MeterId, PaymentId};
use crate::money::Money;
use crate::pii::Personal;
use crate::time::UtcMs;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// The number on the bill.
    pub number: Personal,
    pub address: Personal,
    pub status: AccountStatus,
    pub debt: Money,
    /// Months in a row that are unpaid.
    pub months_overdue: i16,
    pub meter: Option<Meter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    Active,
    Restricted,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    pub id: MeterId,
    pub serial: Personal,
    /// Tariff zones: 1 (single), 2 (day, night) or 3 (peak, night, half-peak).
    pub zones: u8,
    /// Whole kilowatt-hours the register shows before it rolls over.
    pub digits: u8,
    pub phases: u8,
    pub max_ampere: i16,
    /// Transformer ratio, 1 without one.
    pub ratio: i16,
    pub verified_until: Option<NaiveDate>,
}

/// Register values T1, T2, T3 in kilowatt-hours; as many as the meter has zones.
pub type ZoneValues = smallvec::SmallVec<[i64; 3]>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub account: AccountId,
    pub taken_on: NaiveDate,
    pub values: ZoneValues,
    /// Consumption since the previous reading over all zones, kilowatt-hours.
    pub consumed: i64,
    pub source: ReadingSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingSource {
    Operator,
    WebAccount,
    Ivr,
    Inspector,
    SmartMeter,
    Estimated,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub account: AccountId,
    pub paid_at: UtcMs,
    pub amount: Money,
    pub channel: PaymentChannel,
    pub status: PaymentStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentChannel {
    Sbp,
    Card,
    Bank,
    Post,
    Terminal,
    AutoPay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Credited,
    InTransit,
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub id: InvoiceId,
    pub account: AccountId,
    pub number: Personal,
    pub issued_on: NaiveDate,
    /// Negative when a corrective invoice lowers what is owed.
    pub amount: Money,
    /// The invoice which this one corrects.
    pub corrects: Option<InvoiceId>,
    /// Why it was corrected, in words.
    pub ground: String,
    pub status: InvoiceStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Issued,
    Paid,
    Overdue,
    Cancelled,
}
