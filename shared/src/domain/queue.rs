//! A queue: where a call waits for the person who can help.

use serde::{Deserialize, Serialize};

/// The stable key of a queue in configuration, tables, wire and logs, for example `billing`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueCode(pub std::sync::Arc<str>);

impl QueueCode {
    pub fn new(code: &str) -> Self {
        Self(code.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for QueueCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What every screen needs to know of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueInfo {
    pub code: QueueCode,
    pub name_ru: String,
    pub name_en: String,
}
