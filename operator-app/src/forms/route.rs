//! Which form or topic a typed line means.
//!
//! Beginnings of words in any order find it: `пер нач` finds «Перерасчёт» under «Начисления». Numbers are meter
//! readings: `показания 12345` opens the reading's form filled in. A forgotten keyboard layout is repaired.

use chrono::NaiveDate;
use shared::domain::account::Account;
use shared::domain::catalogue::{Catalogue, FieldKind, Form, FormKind, Topic, TopicGroup};
use shared::domain::fold;

use crate::state::drafts::FormDraft;

/// Where a line leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'c> {
    Form(&'c Form),
    Topic(&'c TopicGroup, &'c Topic),
}

/// One place where the line may lead, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'c> {
    pub target: Target<'c>,
    /// The numbers in the line, for the fields of readings.
    pub numbers: Vec<String>,
    score: u32,
}

impl<'c> Match<'c> {
    /// A place that is offered without being asked for.
    pub const fn plain(target: Target<'c>) -> Self {
        Self { target, numbers: Vec::new(), score: 0 }
    }

    fn is_form(&self, code: &str) -> bool {
        matches!(self.target, Target::Form(form) if form.code == code)
    }
}

/// How many places are worth offering.
const AT_MOST: usize = 12;

/// Everything the line may mean, the best first; nothing for an empty line.
pub fn route<'c>(catalogue: &'c Catalogue, line: &str) -> Vec<Match<'c>> {
    let found = matches_of(catalogue, line);
    if !found.is_empty() {
        return found;
    }
    fold::repair_layout(line).map(|repaired| matches_of(catalogue, &repaired)).unwrap_or_default()
}

/// Every topic that the line may mean, the best first; of an empty line all of them.
pub fn topics<'c>(catalogue: &'c Catalogue, line: &str) -> Vec<(&'c TopicGroup, &'c Topic)> {
    if line.trim().is_empty() {
        return catalogue.all_topics().collect();
    }
    let mut found: Vec<(&TopicGroup, &Topic)> = Vec::new();
    for one in route(catalogue, line) {
        let topic = match one.target {
            Target::Form(form) => catalogue.topic(&form.topic),
            Target::Topic(group, topic) => Some((group, topic)),
        };
        if let Some(topic) = topic.filter(|(_, topic)| found.iter().all(|(_, known)| known.code != topic.code)) {
            found.push(topic);
        }
    }
    found
}

/// The form as it opens: the current account chosen, the typed numbers where readings go, and today where a date has
/// to stand.
pub fn prefilled(form: &Form, numbers: &[String], account: Option<&Account>, today: NaiveDate) -> FormDraft {
    let mut draft = FormDraft { form: form.code.clone(), ..FormDraft::default() };
    for field in &form.fields {
        let value = match field.kind {
            FieldKind::Account => account.map(|account| account.id.to_string()),
            FieldKind::ZoneReadings => {
                let zones = account.and_then(|account| account.meter.as_ref()).map_or(1, |meter| meter.zones);
                let given: Vec<&str> = numbers.iter().map(String::as_str).take(usize::from(zones)).collect();
                (!given.is_empty()).then(|| given.join(";"))
            }
            FieldKind::Date if field.required => Some(today.format("%d.%m.%Y").to_string()),
            _ => None,
        };
        if let Some(value) = value {
            draft.fields.insert(field.code.clone(), value.into());
        }
    }
    draft
}

struct Line {
    words: Vec<String>,
    numbers: Vec<String>,
}

fn read(line: &str) -> Line {
    let folded = fold::fold(&without_fractions(line));
    let (numbers, words) =
        fold::words(&folded).map(str::to_owned).partition(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    Line { words, numbers }
}

/// `12345,6` → `12345`: registers are read in whole kilowatt-hours.
fn without_fractions(line: &str) -> String {
    let letters: Vec<char> = line.chars().collect();
    let digit_at = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let mut kept = String::with_capacity(line.len());
    let mut at = 0;
    while at < letters.len() {
        let n_after = letters[at + 1..].iter().take_while(|letter| letter.is_ascii_digit()).count();
        let fraction = matches!(letters[at], ',' | '.') && at > 0 && digit_at(at - 1) && (1..=2).contains(&n_after);
        if fraction {
            at += 1;
            while digit_at(at) {
                at += 1;
            }
        } else {
            kept.push(letters[at]);
            at += 1;
        }
    }
    kept
}

fn matches_of<'c>(catalogue: &'c Catalogue, line: &str) -> Vec<Match<'c>> {
    let line = read(line);
    if line.words.is_empty() && line.numbers.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for form in &catalogue.forms {
        let also = form.also.iter().map(String::as_str);
        let names = [form.name.ru.as_str(), form.name.en.as_str()];
        let takes_readings =
            form.kind == FormKind::MeterReading && form.fields.iter().any(|f| f.kind == FieldKind::ZoneReadings);
        let score = match (line.words.is_empty(), takes_readings) {
            (true, true) => Some(1),
            (true, false) => None,
            // A form beats the topic of the same words; a number beside the words speaks for readings.
            (false, takes) => score(&line.words, names, also, [])
                .map(|score| score + 5 + if takes && !line.numbers.is_empty() { 4 } else { 0 }),
        };
        if let Some(score) = score {
            found.push(Match { target: Target::Form(form), numbers: line.numbers.clone(), score });
        }
    }
    if !line.words.is_empty() {
        for (group, topic) in catalogue.all_topics() {
            // The form of a topic stands for it.
            if topic.form.as_deref().is_some_and(|form| found.iter().any(|one| one.is_form(form))) {
                continue;
            }
            let also = topic.also.iter().map(String::as_str);
            let names = [topic.name.ru.as_str(), topic.name.en.as_str()];
            if let Some(score) = score(&line.words, names, also, [group.name.ru.as_str(), group.name.en.as_str()]) {
                found.push(Match { target: Target::Topic(group, topic), numbers: Vec::new(), score });
            }
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.score));
    found.truncate(AT_MOST);
    found
}

/// How well the typed words fit; `None` when they do not. In a longer line one word may fit nothing.
fn score<'k>(
    typed: &[String],
    names: impl IntoIterator<Item = &'k str>,
    also: impl IntoIterator<Item = &'k str>,
    group: impl IntoIterator<Item = &'k str>,
) -> Option<u32> {
    let keys: Vec<(String, u32)> = names
        .into_iter()
        .map(|name| (fold::fold(name), 3))
        .chain(also.into_iter().map(|word| (fold::fold(word), 2)))
        .chain(group.into_iter().map(|name| (fold::fold(name), 1)))
        .collect();
    let mut total = 0;
    let mut misses = 0;
    for word in typed {
        let best = keys
            .iter()
            .flat_map(|(key, weight)| fold::words(key).map(move |key_word| fit(word, key_word) * weight))
            .max()
            .unwrap_or(0);
        total += best;
        misses += usize::from(best == 0 && word.chars().count() > 2);
    }
    let forgiven = usize::from(typed.len() >= 3);
    (total > 0 && misses <= forgiven).then_some(total)
}

/// 4 for the word itself, 3 for its beginning, 2 for the same word in another case of the noun, 0 for another word.
fn fit(typed: &str, key: &str) -> u32 {
    if typed == key {
        return 4;
    }
    if key.starts_with(typed) {
        return 3;
    }
    let shared = typed.chars().zip(key.chars()).take_while(|(one, other)| one == other).count();
    let (typed_rest, key_rest) = (typed.chars().count() - shared, key.chars().count() - shared);
    if shared >= 4 && typed_rest <= 3 && key_rest <= 3 { 2 } else { 0 }
}
