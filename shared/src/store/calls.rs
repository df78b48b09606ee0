//! The ledger's copy, the calls in it, and who is owed a call back. Everything here may be sent again: what is there
//! stays.

use serde_json::json;
use uuid::Uuid;

use crate::domain::call::{CallRecord, MissedCall};
use crate::ids::{AgentId, CallId, CallbackId};
use crate::time::UtcMs;

use super::audit::AuditRow;
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

/// A stretch of a gateway's ledger with what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerBatch {
    pub lines: Vec<LedgerRow>,
    /// Calls that ended in it.
    pub calls: Vec<CallRecord>,
    /// Calls that are owed a call back since.
    pub missed: Vec<MissedCall>,
    pub audit: Vec<LedgerAudit>,
}

/// A line of the audit with the line of the ledger that it was made from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerAudit {
    pub node: u8,
    pub epoch: i64,
    pub seq: i64,
    #[serde(flatten)]
    pub row: AuditRow,
}

impl Store {
    /// Copies a batch of the ledger, all of it or nothing. What is there already stays as it is.
    ///
    /// # Errors
    /// When it was not written.
    pub async fn copy_ledger(&self, batch: &LedgerBatch) -> Result<(), StoreError> {
        let sql = self.sql();
        let mut unit = Unit::default();
        if !batch.calls.is_empty() {
            let calls = serde_json::to_string(&batch.calls)?;
            if batch.calls.iter().any(|call| !call.talks.is_empty()) {
                unit = unit.then(sql.insert_talks, [calls.clone().into()]);
            }
            unit = unit.then(sql.insert_calls, [calls.into()]);
        }
        if !batch.missed.is_empty() {
            unit = unit.then(sql.insert_missed, [serde_json::to_string(&batch.missed)?.into()]);
        }
        // Before the lines: the audit takes what comes from a line that is not there yet.
        if !batch.audit.is_empty() {
            unit = unit.then(sql.insert_ledger_audit, [serde_json::to_string(&batch.audit)?.into()]);
        }
        if !batch.lines.is_empty() {
            unit = unit.then(sql.insert_ledger, [serde_json::to_string(&batch.lines)?.into()]);
        }
        if unit.steps.is_empty() { Ok(()) } else { self.commit_rows(unit).await }
    }

    /// How long the card took, when the desk has told it after the call was written.
    ///
    /// # Errors
    /// When it was not written.
    pub async fn set_pop_time(&self, call: CallId, invite_to_pop_us: i64) -> Result<(), StoreError> {
        let args = [call.0.into(), invite_to_pop_us.into()];
        self.commit_rows(Unit::default().then(self.sql().set_pop_time, args)).await
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
