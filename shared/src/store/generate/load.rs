//! The way of many rows into either database; each tells in its `bulk.rs` what a load that breaks off leaves behind.

use crate::store::{Backend, Store, StoreError, postgres, sqlite};

use super::N_TABLES;

/// A load that has begun.
pub enum Load {
    Sqlite(sqlite::Load),
    Postgres(Box<postgres::Load>),
}

impl Store {
    pub(super) async fn begin_load(&self) -> Result<Load, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.begin_load().await.map(Load::Sqlite),
            Backend::Postgres(postgres) => postgres.begin_load().await.map(|load| Load::Postgres(Box::new(load))),
        }
    }

    /// Whether rows of a load are here that never ended. PostgreSQL takes all of them back by itself.
    pub(super) async fn load_broke_off(&self) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.load_broke_off().await,
            Backend::Postgres(_) => Ok(false),
        }
    }
}

impl Load {
    pub async fn write(&mut self, texts: [String; N_TABLES]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(load) => load.write(texts).await,
            Self::Postgres(load) => Ok(load.write(texts).await?),
        }
    }

    /// Makes the indexes that were put off, and tells how many of how many are there.
    pub async fn rebuild(&mut self, tell: impl FnMut(u32, u32)) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(load) => Ok(load.rebuild(tell).await?),
        }
    }

    pub async fn finish(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(load) => load.finish().await,
            Self::Postgres(load) => Ok(load.finish().await?),
        }
    }
}
