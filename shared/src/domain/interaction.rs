//! What is left of every contact, in every channel: one line of the history.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AgentId, CallId, CustomerId, InteractionId};
use crate::pii::Personal;
use crate::time::UtcMs;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    pub id: InteractionId,
    /// `None` while nobody has been found for the call.
    pub customer: Option<CustomerId>,
    pub account: Option<AccountId>,
    pub call: Option<CallId>,
    pub started_at: UtcMs,
    pub duration_s: i32,
    pub channel: Channel,
    pub direction: Direction,
    pub agent: Option<AgentId>,
    /// The agent's name when it was written, for the screen.
    pub agent_name: String,
    /// A code of the catalogue of topics, for example `BIL.RECALC`.
    pub topic: Option<String>,
    /// A code of the catalogue of results, for example `I.RESOLVED`.
    pub result: Option<String>,
    pub summary: Personal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Call,
    Email,
    Letter,
    Meeting,
    /// An inspector or a crew at the customer's place.
    Visit,
    Chat,
    WebAccount,
    Sms,
}

impl Channel {
    pub const ALL: [Self; 8] =
        [Self::Call, Self::Email, Self::Letter, Self::Meeting, Self::Visit, Self::Chat, Self::WebAccount, Self::Sms];

    /// What an operator may enter by hand.
    pub const MANUAL: [Self; 3] = [Self::Meeting, Self::Letter, Self::Visit];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// Where a page of history begins: older than this moment and id. Serves as the cursor of the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryCursor {
    pub started_at: UtcMs,
    pub id: InteractionId,
}

/// One page of a customer's history, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    pub lines: Vec<Interaction>,
    /// How many there are in all that match.
    pub total: i64,
    /// `None` when this page is the last.
    pub next: Option<HistoryCursor>,
}
