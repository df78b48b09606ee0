//! What a desk asks for. Each command is answered once; sent again with the same id it is answered the same.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::account::ZoneValues;
use crate::domain::agent::{Presence, Wish, Work};
use crate::domain::call::{DialRule, PartyFailure, PartyRole, Target};
use crate::domain::customer::NewCustomer;
use crate::domain::interaction::{Channel, Direction};
use crate::domain::request::FieldValue;
use crate::ids::{AccountId, AgentId, CallId, CallbackId, CustomerId, InteractionId, RequestId};
use crate::pii::{Personal, Secret};
use crate::time::UtcMs;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Lift the telephone.
    Answer {
        call: CallId,
    },
    /// Say no to an offer; the caller goes back to the head of the queue.
    Reject {
        call: CallId,
    },
    HangUp {
        call: CallId,
    },
    /// The customer hears music, and this agent nobody.
    Hold {
        call: CallId,
    },
    Retrieve {
        call: CallId,
    },
    /// What this agent says reaches nobody; the agent still hears.
    Mute {
        call: CallId,
        muted: bool,
    },
    /// Tones to whom this agent speaks with: `0`-`9`, `*`, `#`, `A`-`D`.
    SendDigits {
        call: CallId,
        digits: String,
    },
    /// Hands the call over without a word; this agent is out of it at once.
    Transfer {
        call: CallId,
        to: Target,
        /// What the next one should know.
        note: Option<Personal>,
    },
    /// Holds the customer and calls somebody else.
    Consult {
        call: CallId,
        to: Target,
        note: Option<Personal>,
    },
    /// Speaks with the one who is on hold, and holds the other.
    Swap {
        call: CallId,
    },
    /// The customer and the one consulted go on without this agent.
    CompleteTransfer {
        call: CallId,
    },
    /// All three hear each other.
    Conference {
        call: CallId,
    },
    /// One party leaves; the others go on. The one consulted, ringing or not, or the customer.
    DropParty {
        call: CallId,
        party: PartyRole,
    },
    /// The caller waits with music until somebody picks the call up.
    Park {
        call: CallId,
        note: Option<Personal>,
    },
    PickUp {
        call: CallId,
    },
    /// Calls somebody: a customer, a colleague, or a number of the dial plan.
    Dial {
        to: Target,
        /// Whose number it is, when that is known; the card comes with the call.
        customer: Option<CustomerId>,
        /// The missed call that this answers.
        callback: Option<CallbackId>,
    },
    /// Who is there to be called. Answered with [`Done::Colleagues`].
    ListColleagues,
    SetState {
        wish: Wish,
    },
    SaveWrapup {
        wrapup: Wrapup,
    },
    /// Who it is, found by hand or chosen among several. Binds the call; with `remember_number` the caller's
    /// number becomes one of the customer's.
    LinkCustomer {
        call: CallId,
        customer: CustomerId,
        remember_number: bool,
    },
    CreateCustomer {
        call: Option<CallId>,
        customer: NewCustomer,
    },
    SaveReading {
        reading: NewReading,
    },
    RegisterRequest {
        request: NewRequest,
    },
    /// A meeting, letter or visit, entered by hand.
    SaveInteraction {
        entry: ManualEntry,
    },
    /// A missed call has been dealt with, or has not after all.
    MarkMissed {
        callback: CallbackId,
        handled: bool,
    },
    ChangePassword {
        old: Secret,
        new: Secret,
    },
}

/// The facts of a call. Exactly one is kept for each call; the operator may correct it under a new command id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapup {
    pub call: CallId,
    pub customer: Option<CustomerId>,
    pub account: Option<AccountId>,
    pub topic: String,
    pub result: String,
    pub summary: Personal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReading {
    pub call: Option<CallId>,
    pub account: AccountId,
    pub taken_on: NaiveDate,
    pub values: ZoneValues,
    /// The operator has seen the warnings and confirmed them.
    pub confirmed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRequest {
    pub call: Option<CallId>,
    pub customer: CustomerId,
    pub account: Option<AccountId>,
    pub form: String,
    pub fields: Vec<FieldValue>,
    pub comment: Personal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualEntry {
    pub customer: CustomerId,
    pub account: Option<AccountId>,
    pub channel: Channel,
    pub direction: Direction,
    pub started_at: UtcMs,
    pub topic: Option<String>,
    pub result: Option<String>,
    pub summary: Personal,
}

/// What came of a command that worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    Ok,
    Interaction {
        id: InteractionId,
    },
    Customer {
        id: CustomerId,
    },
    Request {
        id: RequestId,
    },
    Reading,
    /// A call was begun; its events follow.
    Call {
        id: CallId,
    },
    Colleagues {
        people: Vec<Colleague>,
    },
}

/// Somebody who is signed in and can perhaps be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleague {
    pub agent: AgentId,
    pub name: String,
    /// The number of the telephone, where one is assigned.
    pub phone: Option<String>,
    pub presence: Presence,
    pub work: Work,
    /// Would ring if it were called now.
    pub reachable: bool,
}

/// Why a command did not work, as a code; the screen has the words and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum CommandError {
    #[error("the call is no longer in a state for this")]
    TooLate,
    #[error("this role may not do that")]
    NotAllowed,
    #[error("`{field}`: {rule}")]
    Invalid { field: String, rule: String },
    #[error("the same id came with another content")]
    KeyReused,
    #[error("there is no such {what}")]
    NotFound { what: String },
    /// The desk keeps it and sends it again.
    #[error("the database is away")]
    DatabaseAway,
    #[error("the telephone cannot be reached")]
    PhoneLost,
    #[error("the dial plan does not allow this number: {rule:?}")]
    NumberRefused { rule: DialRule },
    #[error("the other party cannot be called: {why:?}")]
    PartyFailed { why: PartyFailure },
    #[error("the old password is wrong")]
    WrongPassword,
    #[error("too many commands at once")]
    Busy,
}

impl CommandError {
    /// Whether the same command may work later as it is.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::DatabaseAway | Self::Busy)
    }
}
