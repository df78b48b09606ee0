use shared::domain::catalogue::Catalogue;
use shared::domain::interaction::{Channel, Direction, Interaction};
use shared::phone::Phone;

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

/// The telephone numbers in what somebody has written, each once, at most [`MOST_NUMBERS`].
pub fn numbers_in(text: &str) -> Vec<Phone> {
    let is_part = |c: char| c.is_ascii_digit() || "+()-. \u{a0}\u{202f}".contains(c);
    let mut found = Vec::new();
    for run in text.split(|c: char| !is_part(c)) {
        let n_digits = run.chars().filter(char::is_ascii_digit).count();
        // Shorter runs are readings, sums and dates; longer ones are accounts.
        if !(10..=12).contains(&n_digits) {
            continue;
        }
        if let Some(phone) = Phone::parse(run).filter(|phone| !found.contains(phone)) {
            found.push(phone);
        }
        if found.len() == MOST_NUMBERS {
            break;
        }
    }
    found
}

/// As many numbers of one note can be called.
pub const MOST_NUMBERS: usize = 2;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_note_can_be_called_and_a_reading_is_none() {
        let text = "Просит перезвонить на 8 (916) 204-00-00 после 18:00, показания 15482 / 7903, л/с 41276 000 00. \
                    Второй номер +7 495 204-00-10; тот же 89162040000.";
        let found: Vec<String> = numbers_in(text).into_iter().map(Phone::pretty).collect();
        assert_eq!(found, ["+7 916 204-00-00", "+7 495 204-00-10"]);
        assert!(numbers_in("счёт 3 150,00 ₽ от 12.09.2026").is_empty());
    }
}
