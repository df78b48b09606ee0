//! A request (заявка): work that outlives the call.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AgentId, CustomerId, RequestId};
use crate::pii::Personal;
use crate::time::UtcMs;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub id: RequestId,
    pub customer: CustomerId,
    pub account: Option<AccountId>,
    /// A form's code of the catalogue, for example `recalculation`.
    pub form: String,
    pub status: RequestStatus,
    pub opened_at: UtcMs,
    pub due_at: Option<UtcMs>,
    pub opened_by: Option<AgentId>,
    /// What was filled in, as field code and value in the form's canonical spelling.
    pub fields: Vec<FieldValue>,
    pub comment: Personal,
    pub rev: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldValue {
    pub field: String,
    pub value: Personal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    Draft,
    Registered,
    InWork,
    WaitingCustomer,
    WaitingFieldCrew,
    Resolved,
    Closed,
    Rejected,
    Cancelled,
}

impl RequestStatus {
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Registered,
        Self::InWork,
        Self::WaitingCustomer,
        Self::WaitingFieldCrew,
        Self::Resolved,
        Self::Closed,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Registered | Self::InWork | Self::WaitingCustomer | Self::WaitingFieldCrew)
    }
}
