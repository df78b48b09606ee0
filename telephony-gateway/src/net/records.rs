//! What the desks' door asks of the database, and nothing more. Tests stand in for it; the store is behind it.

use futures_util::future::BoxFuture;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::HistoryPage;
use shared::ids::{AgentId, CustomerId};
use shared::store::{AuditRow, UserRow};
use shared::wire::card::Card;
use shared::wire::http::HistoryQuery;

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It may be back in a moment.
    #[error("the database is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the database refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, RecordsError>>;

pub trait Records: Send + Sync + 'static {
    fn user_by_login<'a>(&'a self, login: &'a str) -> Answer<'a, Option<UserRow>>;
    fn users(&self) -> Answer<'_, Vec<UserRow>>;
    fn set_password(&self, agent: AgentId, password_hash: String) -> Answer<'_, ()>;
    fn search_customers<'a>(&'a self, typed: &'a str, limit: u16) -> Answer<'a, Vec<CustomerLine>>;
    fn card(&self, customer: CustomerId) -> Answer<'_, Option<Card>>;
    fn history<'a>(&'a self, customer: CustomerId, query: &'a HistoryQuery) -> Answer<'a, HistoryPage>;
    /// Written before the answer leaves: what cannot be audited is not shown.
    fn audit(&self, row: AuditRow) -> Answer<'_, ()>;
}
