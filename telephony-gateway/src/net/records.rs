//! What the desks' door asks of the database, and nothing more. Tests stand in for it; the store is behind it.

use futures_util::future::BoxFuture;
use shared::domain::agent::AgentProfile;
use shared::domain::customer::CustomerLine;
use shared::domain::interaction::HistoryPage;
use shared::ids::{AgentId, CallId, CustomerId};
use shared::time::UtcMs;
use shared::wire::card::Card;
use shared::wire::http::HistoryQuery;

/// A user's row as signing in needs it.
#[derive(Clone, Debug)]
pub struct User {
    pub profile: AgentProfile,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    pub disabled: bool,
}

/// One look at a customer, for the audit: who, which, for which call, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub agent: AgentId,
    pub what: LookedAt,
    pub customer: Option<CustomerId>,
    pub call: Option<CallId>,
    pub at: UtcMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedAt {
    Card,
    History,
    Search,
}

impl LookedAt {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::History => "history",
            Self::Search => "search",
        }
    }
}

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It may be back in a moment.
    #[error("the database is away")]
    Away,
    #[error("the database refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, RecordsError>>;

pub trait Records: Send + Sync + 'static {
    fn user_by_login<'a>(&'a self, login: &'a str) -> Answer<'a, Option<User>>;
    fn user_by_id(&self, agent: AgentId) -> Answer<'_, Option<User>>;
    fn set_password(&self, agent: AgentId, password_hash: String) -> Answer<'_, ()>;
    fn search_customers<'a>(&'a self, query: &'a str, limit: u16) -> Answer<'a, Vec<CustomerLine>>;
    fn card(&self, customer: CustomerId) -> Answer<'_, Option<Card>>;
    fn history<'a>(&'a self, customer: CustomerId, query: &'a HistoryQuery) -> Answer<'a, Option<HistoryPage>>;
    /// Written before the answer leaves: what cannot be audited is not shown.
    fn audit(&self, look: Look) -> Answer<'_, ()>;
}
