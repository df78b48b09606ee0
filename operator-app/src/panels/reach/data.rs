use shared::domain::call::Target;
use shared::domain::fold;
use shared::phone::Phone;
use shared::wire::command::Colleague;

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::panels::words;
use crate::state::Scene;
use crate::state::reach::{Chosen, Purpose, Reach};

/// Somebody or something to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachRow {
    pub icon: &'static str,
    pub tone: Tone,
    pub words: String,
    /// What a colleague does, or how many wait.
    pub note: String,
    /// The short number.
    pub right: String,
    pub chosen: Chosen,
}

/// Digits alone make a number from this many on.
const SHORTEST_NUMBER: usize = 2;

/// What fits to what was typed: a telephone of the house by its number, the number as typed, colleagues (those who
/// would ring first), and for a transfer the queues. A Russian name typed in the Latin layout is found too.
pub fn reach_rows(scene: &Scene<'_>, reach: &Reach) -> Vec<ReachRow> {
    let typed = reach.text.reveal().trim();
    let found = rows_for(scene, reach, typed);
    if found.is_empty() {
        return fold::repair_layout(typed).map(|typed| rows_for(scene, reach, &typed)).unwrap_or_default();
    }
    found
}

fn rows_for(scene: &Scene<'_>, reach: &Reach, typed: &str) -> Vec<ReachRow> {
    let mut rows: Vec<ReachRow> = Vec::new();
    let number = number_typed(typed);
    let people = colleagues(scene, typed);
    let is_of_the_house = number.as_ref().is_some_and(|number| {
        let exactly = |one: &&Colleague| one.phone.as_deref() == Some(number.as_str());
        people.iter().any(exactly)
    });
    if let Some(number) = number.filter(|_| !is_of_the_house) {
        rows.push(number_row(scene, number));
    }
    rows.extend(people.into_iter().map(|one| colleague_row(scene, one)));
    if reach.purpose == Purpose::Transfer {
        rows.extend(queues(scene, typed));
    }
    rows
}

/// The number in what was typed, without what people write between the digits.
pub fn number_typed(typed: &str) -> Option<String> {
    let is_number = typed.chars().all(|c| c.is_ascii_digit() || "+*# ()-./".contains(c));
    let number: String = typed.chars().filter(|c| c.is_ascii_digit() || "+*#".contains(*c)).collect();
    let n_digits = number.chars().filter(char::is_ascii_digit).count();
    (is_number && n_digits >= SHORTEST_NUMBER).then_some(number)
}

/// As one reads a number: a public one in groups.
pub fn pretty(number: &str) -> String {
    Phone::parse(number).map_or_else(|| number.to_owned(), Phone::pretty)
}

fn number_row(scene: &Scene<'_>, number: String) -> ReachRow {
    let shown = pretty(&number);
    ReachRow {
        icon: icons::PHONE_OUTGOING,
        tone: Tone::Plain,
        words: shown.clone(),
        note: words(scene).reach.number_as_typed.to_owned(),
        right: String::new(),
        chosen: Chosen { to: Target::Number { number }, name: shown.into() },
    }
}

/// The others who are signed in, in the order in which they are shown.
fn colleagues<'a>(scene: &Scene<'a>, typed: &str) -> Vec<&'a Colleague> {
    let me = scene.desk.profile().map(|profile| profile.id);
    let wanted = fold::fold(typed);
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let fits = |one: &&Colleague| {
        let key = fold::fold(&one.name);
        let by_name = fold::words(&wanted).all(|word| fold::words(&key).any(|part| part.starts_with(word)));
        let by_phone = !digits.is_empty() && one.phone.as_ref().is_some_and(|phone| phone.starts_with(&digits));
        Some(one.agent) != me && (by_name || by_phone)
    };
    let mut people: Vec<&Colleague> = scene.desk.colleagues.people().iter().filter(fits).collect();
    people.sort_by(|one, other| (!one.reachable, &one.name).cmp(&(!other.reachable, &other.name)));
    people
}

fn colleague_row(scene: &Scene<'_>, one: &Colleague) -> ReachRow {
    let tr = words(scene);
    ReachRow {
        icon: icons::USER,
        tone: if one.reachable { Tone::Ok } else { Tone::Warn },
        words: one.name.clone(),
        note: tr.colleague(&one.presence, &one.work, &scene.desk.catalogue),
        right: one.phone.clone().unwrap_or_default(),
        chosen: Chosen { to: Target::Agent { agent: one.agent }, name: one.name.as_str().into() },
    }
}

fn queues<'a>(scene: &'a Scene<'_>, typed: &str) -> impl Iterator<Item = ReachRow> + use<'a> {
    let (tr, desk) = (words(scene), scene.desk);
    let wanted = fold::fold(typed);
    desk.catalogue.queues.iter().filter_map(move |queue| {
        let name = tr.queue_name(&queue.code, &desk.catalogue);
        let key = fold::fold(name);
        let fits = fold::words(&wanted).all(|word| fold::words(&key).any(|part| part.starts_with(word)));
        let n_waiting = desk.waiting.iter().filter(|caller| caller.queue == queue.code).count();
        fits.then(|| ReachRow {
            icon: icons::USERS_THREE,
            tone: if n_waiting == 0 { Tone::Ok } else { Tone::Warn },
            words: name.to_owned(),
            note: format!("{} · {}", tr.reach.queue, (tr.reach.n_waiting)(n_waiting)),
            right: String::new(),
            chosen: Chosen { to: Target::Queue { queue: queue.code.clone() }, name: name.into() },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_can_be_dialled_and_a_name_is_not() {
        assert_eq!(number_typed("8 (916) 204-00-00").as_deref(), Some("89162040000"));
        assert_eq!(number_typed("+7 916 204 00 00").as_deref(), Some("+79162040000"));
        assert_eq!(number_typed("*72").as_deref(), Some("*72"));
        assert_eq!(number_typed("101").as_deref(), Some("101"));
        for typed in ["", "1", "Пет", "101 Пет", "+"] {
            assert_eq!(number_typed(typed), None, "{typed}");
        }
    }
}
