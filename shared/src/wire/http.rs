//! The records beside the socket: plain HTTP with a bearer token, JSON bodies.
//!
//! | | | |
//! |---|---|---|
//! | `POST /v1/sign-in` | [`SignIn`] → [`SignedIn`] | 401 wrong, 429 with `Retry-After` |
//! | `POST /v1/sign-out` | | 204 |
//! | `GET /v1/desk` | the WebSocket | |
//! | `GET /v1/customers?q=…` | → `Vec<CustomerLine>` | search as one types, at most 20 |
//! | `GET /v1/customers/{id}/card?call=…` | → `Card` | audited |
//! | `GET /v1/customers/{id}/history?…` | [`HistoryQuery`] → `HistoryPage` | audited |
//! | `GET /healthz`, `/readyz`, `/metrics` | | without a token |

use serde::{Deserialize, Serialize};

use crate::domain::agent::AgentProfile;
use crate::domain::interaction::Channel;
use crate::ids::InteractionId;
use crate::pii::Secret;
use crate::time::UtcMs;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    pub login: String,
    pub password: Secret,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    pub token: Secret,
    pub profile: AgentProfile,
    /// The token dies then, however much it is used.
    pub expires_at: UtcMs,
}

/// One page of a customer's history: older than the cursor, and only what matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_at: Option<UtcMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_id: Option<InteractionId>,
    /// Words in any order, searched in the store over the whole history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code, for example `wrong_password`.
    pub code: String,
    /// One sentence for a person.
    pub text: String,
    /// Seconds until it makes sense to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}
