//! Calls, the ledger's copy, and who is owed a call back. Everything here may be sent again: what is there stays.

use serde_json::json;
use uuid::Uuid;

use crate::domain::call::{CallRecord, MissedCall};
use crate::ids::{AgentId, CallId, CallbackId};
use crate::time::UtcMs;

use super::unit::{Once, Unit};
use super::{Lane, SaveError, Store, StoreError};

/// One line of a gateway's ledger. Node, epoch and number name it for ever.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerRow {
    pub node: u8,
    pub epoch: i64,
    pub seq: i64,
    pub at: UtcMs,
    pub kind: String,
    pub call: Option<CallId>,
    pub agent: Option<AgentId>,
    /// The whole event as JSON.
    pub body: String,
}

impl Store {
    /// Copies lines of the ledger; lines that are there already stay as they are.
    ///
    /// # Errors
    /// When they were not written.
    pub async fn write_ledger(&self, rows: &[LedgerRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(rows)?;
        self.commit_rows(Unit::default().then(self.sql().insert_ledger, [rows.into()])).await
    }

    /// Keeps the records of ended calls.
    ///
    /// # Errors
    /// When they were not written.
    pub async fn save_calls(&self, calls: &[CallRecord]) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(calls)?;
        self.commit_rows(Unit::default().then(self.sql().insert_calls, [rows.into()])).await
    }

    /// How long the card took, when the desk has told it after the call was written.
    ///
    /// # Errors
    /// When it was not written.
    pub async fn set_pop_time(&self, call: CallId, invite_to_pop_us: i64) -> Result<(), StoreError> {
        let args = [call.0.into(), invite_to_pop_us.into()];
        self.commit_rows(Unit::default().then(self.sql().set_pop_time, args)).await
    }

    /// Adds calls that are owed a call back.
    ///
    /// # Errors
    /// When they were not written.
    pub async fn add_missed(&self, calls: &[MissedCall]) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(calls)?;
        self.commit_rows(Unit::default().then(self.sql().insert_missed, [rows.into()])).await
    }

    /// Missed calls, newest first, handled ones among them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn missed_calls(&self, limit: u16) -> Result<Vec<MissedCall>, StoreError> {
        Ok(self.fetch(Lane::Records, self.sql().missed_calls, [i64::from(limit).into()]).await?.unwrap_or_default())
    }

    /// Somebody has dealt with it, or (`None`) has not after all.
    ///
    /// # Errors
    /// When there is no such missed call, or it was not saved.
    pub async fn mark_missed(
        &self,
        key: Uuid,
        id: CallbackId,
        handled_by: Option<AgentId>,
        now: UtcMs,
    ) -> Result<(), SaveError> {
        let whose = handled_by.unwrap_or(AgentId(0));
        let once = Once::new(key, "mark_missed", whose, &json!([id, handled_by]), now).map_err(StoreError::from)?;
        let handled_at = handled_by.map(|_| now.0);
        let args = [id.0.into(), handled_by.map(|agent| agent.0).into(), handled_at.into()];
        let unit = Unit::once(once, id.0).must("missed call", self.sql().mark_missed, args);
        self.commit(unit).await.map(|_| ())
    }
}
