//! What an operator saves during and after a call, each exactly once however often it is sent.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::account::{Meter, ReadingSource, ZoneValues};
use crate::domain::agent::AgentProfile;
use crate::domain::fold::fold;
use crate::domain::interaction::{Channel, Direction};
use crate::domain::queue::QueueCode;
use crate::domain::reading::{ReadingContext, ReadingRules, judge, ratio, register_size};
use crate::domain::request::RequestStatus;
use crate::ids::{InteractionId, RequestId};
use crate::phone::CallerNumber;
use crate::time::UtcMs;
use crate::wire::command::{ManualEntry, NewReading, NewRequest, Wrapup};

use super::unit::{Once, Unit, UsedKey};
use super::{Lane, SaveError, Store, StoreError};

/// What the gateway knows of the call that a wrap-up belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFacts {
    pub started_at: UtcMs,
    pub duration_s: i32,
    pub queue: QueueCode,
    pub caller: CallerNumber,
    pub direction: Direction,
    /// The entry of the history. `None` for the first agent, whose entry is named like the call; each further agent
    /// of the same call writes one of their own.
    pub entry: Option<InteractionId>,
}

impl Store {
    /// Keeps the facts of a call. A second wrap-up of the same agent under a new key corrects the first.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn save_wrapup(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        wrapup: &Wrapup,
        call: CallFacts,
        now: UtcMs,
    ) -> Result<InteractionId, SaveError> {
        let once = Once::new(key, "save_wrapup", agent.id, wrapup, now).map_err(StoreError::from)?;
        let id = call.entry.unwrap_or(InteractionId(wrapup.call.0));
        let row = json!([{
            "id": id, "customer": wrapup.customer, "account": wrapup.account, "call": wrapup.call,
            "started_at": call.started_at, "duration_s": call.duration_s,
            "channel": Channel::Call, "direction": call.direction,
            "agent": agent.id, "agent_name": agent.name,
            "topic": wrapup.topic, "result": wrapup.result,
            "summary": wrapup.summary, "search_key": fold(wrapup.summary.reveal()),
        }]);
        let unit = Unit::once(once, id.0)
            .then(self.sql().drop_moved_interaction, [id.0.into(), call.started_at.into()])
            .then(self.sql().upsert_interaction, [row.to_string().into()]);
        self.commit(unit).await.map(InteractionId)
    }

    /// A meeting, letter or visit, entered by hand.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn save_interaction(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        entry: &ManualEntry,
        now: UtcMs,
    ) -> Result<InteractionId, SaveError> {
        let once = Once::new(key, "save_interaction", agent.id, entry, now).map_err(StoreError::from)?;
        let id: InteractionId = self.mint(now);
        let row = json!([{
            "id": id, "customer": entry.customer, "account": entry.account, "call": Value::Null,
            "started_at": entry.started_at, "duration_s": 0,
            "channel": entry.channel, "direction": entry.direction,
            "agent": agent.id, "agent_name": agent.name,
            "topic": entry.topic, "result": entry.result,
            "summary": entry.summary, "search_key": fold(entry.summary.reveal()),
        }]);
        let unit = Unit::once(once, id.0).then(self.sql().upsert_interaction, [row.to_string().into()]);
        self.commit(unit).await.map(InteractionId)
    }

    /// Registers work that outlives the call.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn register_request(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        request: &NewRequest,
        due_at: Option<UtcMs>,
        now: UtcMs,
    ) -> Result<RequestId, SaveError> {
        let once = Once::new(key, "register_request", agent.id, request, now).map_err(StoreError::from)?;
        let id: RequestId = self.mint(now);
        let row = json!([{
            "id": id, "customer": request.customer, "account": request.account, "call": request.call,
            "form": request.form, "status": RequestStatus::Registered, "opened_at": now, "due_at": due_at,
            "opened_by": agent.id, "fields": request.fields, "comment": request.comment,
        }]);
        let unit = Unit::once(once, id.0).then(self.sql().insert_request, [row.to_string().into()]);
        self.commit(unit).await.map(RequestId)
    }

    /// Keeps a meter reading after judging it once more; a second one of the same day replaces the first. Where a
    /// later reading is known, what it has consumed is counted again from this one.
    ///
    /// # Errors
    /// When the reading cannot be right, when a doubtful one was not confirmed, or when it was not saved.
    pub async fn save_reading(
        &self,
        key: Uuid,
        agent: &AgentProfile,
        reading: &NewReading,
        today: NaiveDate,
        rules: &ReadingRules,
    ) -> Result<(), SaveError> {
        let at = UtcMs::from_chrono(today.and_time(chrono::NaiveTime::MIN).and_utc());
        let once = Once::new(key, "save_reading", agent.id, reading, at).map_err(StoreError::from)?;
        // A resend is answered before it is judged: the reading that it left behind would count against it.
        if self.was_saved(&once).await? {
            return Ok(());
        }
        let (meter, consumed) = self.judge_reading(reading, today, rules).await?;
        let row = json!([{
            "account": reading.account, "taken_on": reading.taken_on, "source": ReadingSource::Operator,
            "t1": reading.values.first(), "t2": reading.values.get(1), "t3": reading.values.get(2),
            "consumed": consumed, "agent": agent.id, "call": reading.call,
        }]);
        let account = reading.account.0;
        let counted_again =
            [account.into(), reading.taken_on.to_string().into(), register_size(&meter).into(), ratio(&meter).into()];
        let unit = Unit::once(once, account)
            .then(self.sql().lock_meter, [account.into()])
            .then(self.sql().upsert_reading, [row.to_string().into()])
            .then(self.sql().count_consumption_again, counted_again);
        self.commit(unit).await.map(|_| ())
    }

    /// The meter, and what the reading has consumed over all zones, when it may be saved.
    async fn judge_reading(
        &self,
        reading: &NewReading,
        today: NaiveDate,
        rules: &ReadingRules,
    ) -> Result<(Meter, i64), SaveError> {
        let args = [reading.account.0.into(), reading.taken_on.to_string().into()];
        let known: Option<MeterRow> = self.fetch(Lane::Records, self.sql().reading_context, args).await?;
        let known = known.ok_or(SaveError::NotFound { what: "account with a meter" })?;
        let context = ReadingContext {
            meter: &known.meter,
            previous: known.previous.as_ref().map(|previous| (previous.taken_on, &previous.values)),
            next: known.next.as_ref().map(|next| (next.taken_on, &next.values)),
            mean_kwh_per_day: known.kwh_of_twelve_months as f64 / 365.0,
            given_this_period: known.given_this_period,
            today,
        };
        let judgement = judge(&context, &reading.values, reading.taken_on, rules);
        if let Some(fault) = judgement.error {
            return Err(SaveError::Reading(fault));
        }
        if judgement.needs_confirmation() && !reading.confirmed {
            return Err(SaveError::Unconfirmed(judgement.warnings));
        }
        Ok((known.meter, judgement.consumed_in_all()))
    }

    async fn was_saved(&self, once: &Once) -> Result<bool, SaveError> {
        let used: Option<UsedKey> = self.fetch(Lane::Records, self.sql().read_key, [once.key.as_str().into()]).await?;
        match used {
            None => Ok(false),
            Some(used) if used.body_hash == once.body_hash => Ok(true),
            Some(_) => Err(SaveError::KeyReused),
        }
    }
}

/// What is known of a meter around the day of a reading.
#[derive(Deserialize)]
struct MeterRow {
    meter: Meter,
    previous: Option<NeighbourReading>,
    next: Option<NeighbourReading>,
    kwh_of_twelve_months: i64,
    given_this_period: bool,
}

#[derive(Deserialize)]
struct NeighbourReading {
    taken_on: NaiveDate,
    values: ZoneValues,
}
