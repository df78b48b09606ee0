//! What the ledger says: one fact a line, with the words of the event catalogue.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::domain::agent::{AgentProfile, AgentState, Cause};
use shared::domain::call::{CallEnding, CallKind, CallRecord, MissedCall, Target};
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId, CustomerId, InteractionId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};
use shared::wire::event::WithdrawnBecause;

use crate::routing::toll::Spent;

/// One line of the ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: UtcMs,
    pub call: Option<CallId>,
    pub agent: Option<AgentId>,
    pub fact: Fact,
}

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident = $kind:literal { $($field:ident : $type:ty),* $(,)? }),+ $(,)?) => {
        /// Something that has happened. The kind is the catalogue's word, the body its fields.
        #[derive(Clone, Debug, Serialize)]
        #[serde(untagged)]
        pub enum Fact {
            $($(#[$doc])* $variant { $($field: $type),* }),+
        }

        impl Fact {
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $kind),+ }
            }

            /// Reads a fact back. `None` for a kind that this program does not know; a newer one may have written it.
            ///
            /// # Errors
            /// When the body is not what the kind says.
            pub fn read(kind: &str, body: &RawValue) -> Result<Option<Self>, serde_json::Error> {
                match kind {
                    $($kind => {
                        #[derive(Deserialize)]
                        struct Body { $($field: $type),* }
                        let Body { $($field),* } = serde_json::from_str(body.get())?;
                        Ok(Some(Self::$variant { $($field),* }))
                    })+
                    _ => Ok(None),
                }
            }
        }
    };
}

facts! {
    Arrived = "call.arrived" {
        queue: QueueCode,
        trunk: String,
        dialled: String,
        caller: CallerNumber,
        display_name: Option<Personal>,
        arrived: Moment,
    },
    Identified = "call.identified" { customer: CustomerId },
    QueueJoined = "queue.joined" {},
    Offered = "call.offered" { until: UtcMs },
    Withdrawn = "offer.withdrawn" { why: WithdrawnBecause },
    Answered = "call.answered" {},
    /// The talk with one agent is over. `entry` names the agent's entry in the history when it is not the call's own.
    TalkEnded = "talk.ended" { ending: CallEnding, entry: Option<InteractionId> },
    /// An agent is out of the call, with nothing to write.
    Released = "talk.released" {},
    /// An agent has dialled.
    Dialled = "call.dialled" { kind: CallKind, queue: QueueCode, dialled: String, at: Moment },
    ConsultStarted = "consult.started" { to: Target },
    Transferred = "call.transferred" { to: Target },
    Parked = "call.parked" {},
    Fetched = "call.fetched" {},
    /// A new process speaks on where a killed one stopped.
    Restored = "call.restored" {},
    /// What a call to outside has cost.
    TollSpent = "toll.spent" { spent: Spent },
    /// The record of a call that is over.
    Ended = "call.ended" { record: CallRecord },
    CallbackCreated = "callback.created" { missed: MissedCall },
    /// A card was shown to an agent.
    CardOpened = "card.opened" { customer: CustomerId },
    ResultSet = "result.set" { topic: String, result: String },
    /// Both regions after a change, with who the agent is, so that the floor can be rebuilt without the database.
    AgentMoved = "agent.state" { cause: Cause, actor: AgentId, profile: AgentProfile, state: AgentState },
    PopShown = "pop.shown" { invite_to_pop_us: i64 },
}

/// A line as it stands in the file: the body is left closed until somebody wants it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    pub at: UtcMs,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub call: Option<CallId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentId>,
    #[serde(borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    pub body: &'a RawValue,
}

impl Entry {
    /// Appends the JSON of this entry, without a line end.
    ///
    /// # Errors
    /// When a fact cannot be JSON, which none of the kinds can bring about.
    pub fn write(&self, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            at: UtcMs,
            #[serde(skip_serializing_if = "Option::is_none")]
            call: Option<CallId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            agent: Option<AgentId>,
            kind: &'a str,
            body: &'a Fact,
        }
        let written =
            Written { at: self.at, call: self.call, agent: self.agent, kind: self.fact.kind(), body: &self.fact };
        serde_json::to_writer(line, &written)
    }
}

impl Line<'_> {
    /// The whole entry; `None` for a kind that this program does not know.
    ///
    /// # Errors
    /// When the body is not what the kind says.
    pub fn open(&self) -> Result<Option<Entry>, serde_json::Error> {
        let fact = Fact::read(&self.kind, self.body)?;
        Ok(fact.map(|fact| Entry { at: self.at, call: self.call, agent: self.agent, fact }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_read_back_as_it_was_written() {
        let entry = Entry {
            at: UtcMs(7),
            call: Some(CallId(1)),
            agent: None,
            fact: Fact::Arrived {
                queue: QueueCode::new("billing"),
                trunk: "city".into(),
                dialled: "74952040000".into(),
                caller: CallerNumber::Withheld,
                display_name: None,
                arrived: Moment::at_ms(7),
            },
        };
        let mut written = Vec::new();
        entry.write(&mut written).unwrap();
        let line: Line<'_> = serde_json::from_slice(&written).unwrap();
        assert_eq!(line.kind, "call.arrived");
        let mut again = Vec::new();
        line.open().unwrap().unwrap().write(&mut again).unwrap();
        assert_eq!(again, written);
    }

    #[test]
    fn an_empty_fact_is_a_fact_too() {
        let entry = Entry { at: UtcMs(7), call: Some(CallId(1)), agent: None, fact: Fact::QueueJoined {} };
        let mut written = Vec::new();
        entry.write(&mut written).unwrap();
        let line: Line<'_> = serde_json::from_slice(&written).unwrap();
        assert!(matches!(line.open().unwrap().unwrap().fact, Fact::QueueJoined {}));
    }

    #[test]
    fn a_kind_of_a_newer_program_is_passed_over() {
        let line: Line<'_> = serde_json::from_str(r#"{"at":1,"kind":"call.teleported","body":{}}"#).unwrap();
        assert!(line.open().unwrap().is_none());
    }
}
