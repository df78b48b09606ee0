//! The history: every contact in every channel, newest first.

use serde::Deserialize;
use serde_json::json;

use crate::domain::fold::{fold, repair_layout, words};
use crate::domain::interaction::{HistoryCursor, HistoryPage, Interaction};
use crate::ids::CustomerId;
use crate::wire::http::HistoryQuery;

use super::unit::Arg;
use super::{Lane, Store, StoreError};

/// A page without a wish for its size.
const USUAL_PAGE: u16 = 50;
const LARGEST_PAGE: u16 = 500;

impl Store {
    /// One page of a customer's history. The words are searched over all of it, wherever the page begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn history(&self, customer: CustomerId, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let limit = query.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
        let typed = query.q.as_deref().unwrap_or_default();
        let channel = query.channel.map(|channel| code(&channel)).transpose()?;
        let args: [Arg; 7] = [
            customer.0.into(),
            query.before_at.map(|at| at.0).into(),
            query.before_id.map(|id| id.0).into(),
            channel.into(),
            word_list(typed).into(),
            repair_layout(typed).and_then(|repaired| word_list(&repaired)).into(),
            (i64::from(limit) + 1).into(),
        ];
        let row: Option<HistoryRow> = self.fetch(Lane::Records, self.sql().history, args).await?;
        Ok(row.map(|row| row.into_page(limit)).unwrap_or_default())
    }
}

/// One line more than the page holds, when there is a next page.
#[derive(Deserialize)]
pub(super) struct HistoryRow {
    lines: Vec<Interaction>,
    total: i64,
}

impl HistoryRow {
    pub fn into_page(mut self, limit: u16) -> HistoryPage {
        let more = self.lines.len() > usize::from(limit);
        self.lines.truncate(usize::from(limit));
        let last = self.lines.last().filter(|_| more);
        let next = last.map(|line| HistoryCursor { started_at: line.started_at, id: line.id });
        HistoryPage { lines: self.lines, total: self.total, next }
    }
}

/// The folded words of what was typed as a JSON array; `None` when there are none.
fn word_list(typed: &str) -> Option<String> {
    let folded = fold(typed);
    let list: Vec<&str> = words(&folded).collect();
    (!list.is_empty()).then(|| json!(list).to_string())
}

/// An enum's code, as it travels and as it is kept.
pub(super) fn code<T: serde::Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    Ok(json.trim_matches('"').to_owned())
}
