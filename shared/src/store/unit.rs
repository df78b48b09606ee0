//! One unit of work: what is written together or not at all. Plain data, so that the areas say *what* once and each
//! backend says *how*.

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::AgentId;
use crate::time::UtcMs;

/// A parameter of a statement. Rows travel as one JSON array in a text.
#[derive(Clone)]
pub(crate) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<UtcMs> for Arg {
    fn from(at: UtcMs) -> Self {
        Self::Int(Some(at.0))
    }
}

/// One statement with its parameters.
pub(crate) struct Step {
    pub sql: &'static str,
    pub args: Vec<Arg>,
    /// What is missing when the statement finds no row; `None` when that is no fault.
    pub needs: Option<&'static str>,
}

/// A save that happens once however often it is sent.
#[derive(Clone)]
pub(crate) struct Once {
    pub key: String,
    pub body_hash: String,
    pub at: UtcMs,
}

impl Once {
    /// `what` keeps a key from serving two kinds of saves; the agent keeps it from serving two people.
    pub fn new<T: Serialize>(
        key: Uuid,
        what: &str,
        agent: AgentId,
        body: &T,
        at: UtcMs,
    ) -> Result<Self, serde_json::Error> {
        let mut hash = Sha256::new();
        hash.update(what.as_bytes());
        hash.update(agent.0.to_be_bytes());
        hash.update(serde_json::to_vec(body)?);
        Ok(Self { key: key.to_string(), body_hash: hex::encode(hash.finalize()), at })
    }
}

#[derive(Default)]
pub(crate) struct Unit {
    pub once: Option<Once>,
    pub steps: Vec<Step>,
    /// The id that the save answers with, now and whenever it is sent again.
    pub result: i64,
}

impl Unit {
    pub fn once(once: Once, result: i64) -> Self {
        Self { once: Some(once), steps: Vec::new(), result }
    }

    pub fn then<const N: usize>(mut self, sql: &'static str, args: [Arg; N]) -> Self {
        self.steps.push(Step { sql, args: args.into(), needs: None });
        self
    }

    pub fn must<const N: usize>(mut self, what: &'static str, sql: &'static str, args: [Arg; N]) -> Self {
        self.steps.push(Step { sql, args: args.into(), needs: Some(what) });
        self
    }
}

/// What a key has been used for.
#[derive(serde::Deserialize)]
pub(crate) struct UsedKey {
    pub body_hash: String,
    pub result_id: i64,
}
