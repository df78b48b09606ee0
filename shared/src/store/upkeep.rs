//! What a command asks of the database as a whole, before and after it was changed as a whole.

use super::{Backend, Lane, Store, StoreError};

impl Store {
    /// Whether there is anything in the database that could be lost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_tables(&self) -> Result<bool, StoreError> {
        Ok(self.fetch::<i64>(Lane::Records, self.sql().n_tables, []).await?.unwrap_or(0) > 0)
    }

    /// How many connections Pult has to the database, this store's own among them; none where there is no server.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn users_of_database(&self) -> Result<i64, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(0),
            Backend::Postgres(postgres) => postgres.users().await,
        }
    }

    /// The server's major version; `None` where there is no server.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn server_version(&self) -> Result<Option<i64>, StoreError> {
        self.fetch(Lane::Records, self.sql().server_version, []).await
    }

    /// Lets the database look through what is new in it, so that questions are planned by it.
    ///
    /// # Errors
    /// When it does not.
    pub async fn gather_statistics(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.gather_statistics().await,
            Backend::Postgres(postgres) => postgres.gather_statistics().await,
        }
    }
}
