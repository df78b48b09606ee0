use shared::domain::catalogue::Catalogue;
use shared::domain::interaction::{Channel, Direction, Interaction};

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::lang::{Tr, format};

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
