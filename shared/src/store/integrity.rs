//! Whether the tables hold together: what a customer base is asked after it was brought back.

use super::{Backend, Store, StoreError};

/// What an examination has found, each in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// What is wrong.
    pub faults: Vec<String>,
    /// What could not be examined, and what would help.
    pub unexamined: Vec<String>,
}

impl Store {
    /// Examines the whole customer base. It reads every table, so it takes its time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_integrity(&self) -> Result<Integrity, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.check_integrity().await,
            Backend::Postgres(postgres) => postgres.check_integrity().await,
        }
    }
}

/// Customers whom nobody would find by name.
pub(super) const CUSTOMERS_WITHOUT_WORDS: &str = "
select count(*) from customer
where name_key <> '' and id not in (select customer_id from customer_word)";

/// The fault that so many of these are, when there are any.
pub(super) fn unfindable(n_customers: i64) -> Option<String> {
    (n_customers > 0)
        .then(|| format!("{n_customers} customers cannot be found by name: `customer_word` has no words of them"))
}
