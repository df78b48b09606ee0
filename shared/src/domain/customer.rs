//! Who calls: a person or an organisation, and how to reach them.

use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;
use crate::money::Money;
use crate::phone::Phone;
use crate::pii::Personal;
use crate::time::UtcMs;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerKind {
    Person,
    Organisation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub kind: CustomerKind,
    pub name: Personal,
    pub address: Personal,
    pub email: Option<Personal>,
    pub customer_since_year: Option<i16>,
    pub flags: Vec<CustomerFlag>,
    /// What is owed over all accounts; zero or positive.
    pub debt: Money,
    pub updated_at: UtcMs,
    /// Rises by one with every change; a save names the revision it was made from.
    pub rev: i32,
}

/// What an operator should know before saying hello. Kept as a bit set in this order, travels as codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerFlag {
    /// Receives the bill electronically.
    EBill,
    /// Pays by a benefit by law.
    Benefit,
    /// Supply may be restricted for debt.
    RestrictionRisk,
    /// Cooks on electricity: another tariff band.
    ElectricStove,
    /// Long-standing customer who pays on time.
    Loyal,
    /// Asked not to be called.
    NoCalls,
}

impl CustomerFlag {
    pub const ALL: [Self; 6] =
        [Self::EBill, Self::Benefit, Self::RestrictionRisk, Self::ElectricStove, Self::Loyal, Self::NoCalls];
}

/// A phone number of a customer. Several customers may share one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    pub phone: Phone,
    pub kind: ContactKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    Mobile,
    Home,
    Work,
    /// Linked by an operator during a call.
    Linked,
}

/// Enough of a customer to choose among several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerLine {
    pub id: CustomerId,
    pub kind: CustomerKind,
    pub name: Personal,
    pub address: Personal,
    /// The first account's number.
    pub account: Option<Personal>,
    pub debt: Money,
}

/// A customer made by an operator during a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCustomer {
    pub kind: CustomerKind,
    pub name: Personal,
    pub phone: Option<Phone>,
    pub address: Personal,
}
