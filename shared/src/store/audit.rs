//! Who looked at whose data, when, and for which call (152-FZ).

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, CallId, CustomerId};
use crate::time::UtcMs;

use super::unit::Unit;
use super::{Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    CardOpened,
    HistoryRead,
    Searched,
    CustomerCreated,
    PhoneLinked,
    SignedIn,
    SignInFailed,
    SignedOut,
    PasswordChanged,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub at: UtcMs,
    pub agent: AgentId,
    pub what: AuditAction,
    pub customer: Option<CustomerId>,
    pub call: Option<CallId>,
}

impl Store {
    /// Adds lines to the audit; none of them is ever changed.
    ///
    /// # Errors
    /// When they were not written.
    pub async fn audit(&self, rows: &[AuditRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(rows)?;
        self.commit_rows(Unit::default().then(self.sql().insert_audit, [rows.into()])).await
    }
}
