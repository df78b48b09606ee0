use chrono::NaiveDate;
use shared::domain::catalogue::Catalogue;
use shared::domain::interaction::{Channel, Direction, Interaction};
use shared::time::UtcMs;
use shared::wire::command::ManualEntry;

use crate::forms::field;
use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::lang::{Tr, format};
use crate::state::drafts::ManualDraft;
use crate::state::tab::Tab;

/// One line of the history.
#[derive(Debug)]
pub struct LineData {
    pub icon: &'static str,
    pub tone: Tone,
    pub title: String,
    pub result: String,
    pub result_tone: Tone,
    pub summary: String,
    pub when: String,
    pub who: String,
}

/// Makes one line; lines that are not seen are never made.
pub fn line_data(line: &Interaction, catalogue: &Catalogue, tr: &Tr) -> LineData {
    let (icon, tone) = look(line.channel, line.direction);
    let contact = tr.contact(line.channel, line.direction);
    let topic = line.topic.as_deref().and_then(|code| catalogue.topic(code));
    let result = line.result.as_deref().and_then(|code| catalogue.result(code));
    LineData {
        icon,
        tone,
        title: match topic {
            Some((group, _)) => format!("{contact} · {}", tr.of(&group.name)),
            None => contact.to_owned(),
        },
        result: result.map_or_else(String::new, |result| tr.of(&result.name).to_owned()),
        result_tone: match result {
            Some(result) if result.first_contact_resolution => Tone::Ok,
            Some(_) => Tone::Warn,
            None => Tone::Plain,
        },
        summary: match (line.summary.reveal().trim(), topic) {
            ("", Some((_, topic))) => tr.of(&topic.name).to_owned(),
            (summary, _) => summary.to_owned(),
        },
        when: format::date_time_of(line.started_at),
        who: line.agent_name.clone(),
    }
}

fn look(channel: Channel, direction: Direction) -> (&'static str, Tone) {
    match (channel, direction) {
        (Channel::Call, Direction::Inbound) => (icons::PHONE_INCOMING, Tone::Accent),
        (Channel::Call, Direction::Outbound) => (icons::PHONE_OUTGOING, Tone::Warn),
        (Channel::Email | Channel::Letter, _) => (icons::ENVELOPE_SIMPLE, Tone::Legal),
        (Channel::Meeting, _) => (icons::HANDSHAKE, Tone::Ok),
        (Channel::Visit, _) => (icons::HOUSE_LINE, Tone::Ok),
        (Channel::Chat, _) => (icons::CHAT_DOTS, Tone::Message),
        (Channel::WebAccount, _) => (icons::GLOBE, Tone::Message),
        (Channel::Sms, _) => (icons::DEVICE_MOBILE, Tone::Message),
    }
}

/// What is missing in an entry by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFault {
    Summary,
    Date,
}

/// The entry as it would be saved.
///
/// # Errors
/// What is missing or cannot be read.
pub fn entry(tab: &Tab, draft: &ManualDraft, today: NaiveDate, now: UtcMs) -> Result<ManualEntry, EntryFault> {
    let summary = draft.summary.reveal().trim();
    if summary.is_empty() {
        return Err(EntryFault::Summary);
    }
    let day = if draft.date.trim().is_empty() { Some(today) } else { field::date(&draft.date, today) };
    let day = day.filter(|day| *day <= today).ok_or(EntryFault::Date)?;
    let time = match draft.time.trim() {
        "" => format::local(now).time(),
        typed => chrono::NaiveTime::parse_from_str(typed, "%H:%M").map_err(|_| EntryFault::Date)?,
    };
    let local = day.and_time(time).and_local_timezone(chrono::Local).earliest().ok_or(EntryFault::Date)?;
    Ok(ManualEntry {
        customer: tab.customer().ok_or(EntryFault::Summary)?,
        account: tab.account,
        channel: draft.channel,
        direction: draft.direction,
        started_at: UtcMs(local.timestamp_millis()),
        topic: draft.topic.clone(),
        result: None,
        summary: summary.into(),
    })
}
