//! Work that reaches the database, beside the loop. Each job comes back as an event.

use std::sync::Arc;

use chrono::{Datelike, TimeDelta, Weekday};
use shared::domain::agent::AgentProfile;
use shared::ids::{CallId, CustomerId};
use shared::phone::Phone;
pub use shared::store::Found;
use shared::store::{CallFacts, SaveError, Store, StoreError};
use shared::time::{Clock, UtcMs};
use shared::wire::Sealed;
use shared::wire::card::CardState;
use shared::wire::command::{Command, CommandError, Done};
use smallvec::SmallVec;
use uuid::Uuid;

use super::event::Event;
use crate::config::Config;

/// How many lines of history travel with a card.
const HISTORY_LINES: u16 = 50;

#[derive(Debug)]
pub enum Job {
    /// Who calls?
    LookUp {
        call: CallId,
        phone: Phone,
    },
    /// The card of a customer who has been found by hand.
    OpenCard {
        call: CallId,
        customer: CustomerId,
    },
    Save(Box<Save>),
    /// The pop's time, when the record was written before the desk had measured.
    PopTime {
        call: CallId,
        invite_to_pop_us: i64,
    },
}

#[derive(Debug)]
pub struct Save {
    pub id: Uuid,
    pub profile: AgentProfile,
    pub command: Command,
    /// For a wrap-up: the facts of its call.
    pub facts: Option<CallFacts>,
    /// For a customer who is linked or made during a call: the caller's number.
    pub phone: Option<Phone>,
}

impl Job {
    /// Whether a pop waits for it.
    pub const fn is_urgent(&self) -> bool {
        match self {
            Self::LookUp { .. } | Self::OpenCard { .. } => true,
            Self::Save(_) | Self::PopTime { .. } => false,
        }
    }

    /// Does the work and says what came of it.
    pub async fn run(self, store: Store, config: Arc<Config>) -> Option<Event> {
        match self {
            Self::LookUp { call, phone } => {
                let looked_up = store.look_up(phone, HISTORY_LINES).await;
                Some(Event::LookedUp { call, found: found(looked_up)? })
            }
            Self::OpenCard { call, customer } => {
                let opened = store.open_card(customer, HISTORY_LINES).await;
                Some(Event::LookedUp { call, found: found(opened)? })
            }
            Self::Save(save) => {
                let outcome = save.run(&store, &config).await;
                Some(Event::Saved { agent: save.profile.id, id: save.id, command: Box::new(save.command), outcome })
            }
            Self::PopTime { call, invite_to_pop_us } => {
                // A figure for reports: when the database is away it is missing there, and nothing else is lost.
                if let Err(error) = store.set_pop_time(call, invite_to_pop_us).await {
                    tracing::warn!(call.id = %call, %error, "the time of a pop was not kept");
                }
                None
            }
        }
    }
}

/// A card that could not be looked up is one that says so.
fn found(looked_up: Result<Found, StoreError>) -> Option<Found> {
    let error = match looked_up {
        Ok(found) => return Some(found),
        Err(error) => error,
    };
    tracing::warn!(%error, "a card could not be looked up");
    match Sealed::pack(&CardState::Unavailable) {
        Ok(card) => Some(Found { card, customer: None, shown: SmallVec::new() }),
        Err(error) => {
            tracing::error!(%error, "a card cannot travel");
            None
        }
    }
}

impl Save {
    async fn run(&self, store: &Store, config: &Config) -> Result<Done, CommandError> {
        let now = Clock::utc();
        let (key, agent) = (self.id, &self.profile);
        let done = match &self.command {
            Command::SaveWrapup { wrapup } => {
                let facts = self.facts.clone().ok_or_else(|| not_found("call"))?;
                store.save_wrapup(key, agent, wrapup, facts, now).await.map(|id| Done::Interaction { id })
            }
            Command::LinkCustomer { customer, remember_number: true, .. } => match self.phone {
                Some(phone) => store.link_phone(key, agent, *customer, phone, now).await.map(|()| Done::Ok),
                None => Ok(Done::Ok),
            },
            Command::LinkCustomer { .. } => Ok(Done::Ok),
            Command::CreateCustomer { customer, .. } => {
                let linked = self.phone.or(customer.phone);
                store.create_customer(key, agent, customer, linked, now).await.map(|id| Done::Customer { id })
            }
            Command::SaveReading { reading } => {
                let today = chrono::Local::now().date_naive();
                store.save_reading(key, agent, reading, today, &config.catalogue.readings).await.map(|()| Done::Reading)
            }
            Command::RegisterRequest { request } => {
                let form = config.catalogue.form(&request.form).ok_or_else(|| not_found("form"))?;
                let due = form.due_days.map(|days| due_at(now, days));
                store.register_request(key, agent, request, due, now).await.map(|id| Done::Request { id })
            }
            Command::SaveInteraction { entry } => {
                store.save_interaction(key, agent, entry, now).await.map(|id| Done::Interaction { id })
            }
            Command::MarkMissed { callback, handled } => {
                let by = handled.then_some(agent.id);
                store.mark_missed(key, *callback, by, now).await.map(|()| Done::Ok)
            }
            // `World::begin_save` lets nothing else through.
            _ => return Err(CommandError::NotAllowed),
        };
        done.map_err(refusal)
    }
}

/// The same moment of the day so many working days later.
fn due_at(now: UtcMs, working_days: u16) -> UtcMs {
    let mut due = now.to_chrono();
    let mut left = working_days;
    while left > 0 {
        due += TimeDelta::days(1);
        if !matches!(due.weekday(), Weekday::Sat | Weekday::Sun) {
            left -= 1;
        }
    }
    UtcMs::from_chrono(due)
}

fn not_found(what: &str) -> CommandError {
    CommandError::NotFound { what: what.to_owned() }
}

fn refusal(error: SaveError) -> CommandError {
    match error {
        SaveError::KeyReused => CommandError::KeyReused,
        SaveError::NotFound { what } => not_found(what),
        SaveError::Taken => CommandError::Invalid { field: String::new(), rule: "taken".into() },
        SaveError::Reading(fault) => CommandError::Invalid { field: "values".into(), rule: code(&fault) },
        SaveError::Unconfirmed(warnings) => CommandError::Invalid {
            field: "confirmed".into(),
            rule: warnings.iter().map(code).collect::<Vec<_>>().join(","),
        },
        SaveError::Store(error) if error.is_passing() => {
            tracing::warn!(%error, "a save waits");
            CommandError::DatabaseAway
        }
        SaveError::Store(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a save was refused by the customer base");
            CommandError::Invalid { field: String::new(), rule: "refused".into() }
        }
    }
}

/// The word of a code as it travels.
fn code(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(code)) => code,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_due_in_five_days_is_not_due_on_a_weekend() {
        let thursday = UtcMs::from_chrono("2026-11-26T10:00:00Z".parse().unwrap());
        assert_eq!(due_at(thursday, 5).to_chrono().to_rfc3339(), "2026-12-03T10:00:00+00:00");
        assert_eq!(due_at(thursday, 2).to_chrono().to_rfc3339(), "2026-11-30T10:00:00+00:00");
    }
}
