//! What the desks' door asks of the database, and nothing more. Tests stand in for it; the store is behind it.

use futures_util::future::BoxFuture;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::HistoryPage;
use shared::ids::{AgentId, CustomerId};
use shared::store::{AuditRow, SaveError, Store, StoreError, UserRow};
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

/// How many lines of history a card brings along.
const CARD_HISTORY: u16 = 50;

impl Records for Store {
    fn user_by_login<'a>(&'a self, login: &'a str) -> Answer<'a, Option<UserRow>> {
        Box::pin(async move { Ok(Self::user_by_login(self, login).await?) })
    }

    fn users(&self) -> Answer<'_, Vec<UserRow>> {
        Box::pin(async move { Ok(Self::users(self).await?) })
    }

    fn set_password(&self, agent: AgentId, password_hash: String) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.set_password_hash(agent, &password_hash).await?) })
    }

    fn search_customers<'a>(&'a self, typed: &'a str, limit: u16) -> Answer<'a, Vec<CustomerLine>> {
        Box::pin(async move { Ok(Self::search_customers(self, typed, limit).await?) })
    }

    fn card(&self, customer: CustomerId) -> Answer<'_, Option<Card>> {
        Box::pin(async move { Ok(Self::card(self, customer, CARD_HISTORY).await?) })
    }

    fn history<'a>(&'a self, customer: CustomerId, query: &'a HistoryQuery) -> Answer<'a, HistoryPage> {
        Box::pin(async move { Ok(Self::history(self, customer, query).await?) })
    }

    fn audit(&self, row: AuditRow) -> Answer<'_, ()> {
        Box::pin(async move { Ok(Self::audit(self, &[row]).await?) })
    }
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::Away(Box::new(error)) } else { Self::Refused(Box::new(error)) }
    }
}

impl From<SaveError> for RecordsError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Store(error) => error.into(),
            other => Self::Refused(Box::new(other)),
        }
    }
}
