use shared::domain::catalogue::{Catalogue, Form};

use crate::forms::route::{self, Match, Target};
use crate::kit::icons;
use crate::kit::widgets::PickRow;
use crate::lang::{Tr, format};
use crate::panels::words;
use crate::state::Scene;
use crate::state::drafts::{Draft, FormDraft};
use crate::state::saves::{SaveKind, SaveState};
use crate::state::tab::{Tab, TabKey};

/// Everything that the dock shows for the card in front.
#[derive(Debug)]
pub struct WrapupData<'a> {
    pub tab: &'a Tab,
    pub line: &'a str,
    pub matches: Vec<Match<'a>>,
    pub rows: Vec<PickRow>,
    /// Group and topic.
    pub topic: Option<(&'a str, &'a str)>,
    pub result: Option<&'a str>,
    pub summary: &'a str,
    pub form: Option<(&'a Form, &'a FormDraft)>,
    /// What the mark over the dock says of the draft.
    pub mark: &'static str,
    pub mark_is_done: bool,
    pub of: ContactOf,
    /// A form of this card was sent and has not been answered: it is not changed meanwhile.
    pub form_is_sent: bool,
}

/// Whose contact the dock writes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactOf {
    /// The call at this desk.
    Call,
    /// A call that has left the desk with its contact unsaved; when it came, as far as that is known.
    PastCall(String),
    /// A card opened by hand: forms, and entries of what happened apart from any call.
    Nobody,
}

/// The dock of a card; `None` when no card is in front.
pub fn wrapup_data<'a>(scene: &Scene<'a>) -> Option<WrapupData<'a>> {
    let (tr, desk) = (words(scene), scene.desk);
    let tab = desk.front_tab()?;
    let catalogue: &'a Catalogue = &desk.catalogue;
    let draft: Option<&'a Draft> = desk.drafts.get(tab.key);
    let line = draft.map_or("", |draft| draft.line.reveal());
    let topic = draft.and_then(|draft| draft.topic.as_deref()).and_then(|code| catalogue.topic(code));
    let matches = if line.trim().is_empty() { browse(catalogue) } else { route::route(catalogue, line) };
    let rows = matches.iter().map(|found| row(found, tr)).collect();
    let waits = desk.saves.latest_of(tab.key).is_some_and(|save| save.state == SaveState::Waiting);
    let unwritten = desk.drafts.next_due().is_some();
    let typed = draft.is_some_and(|draft| !draft.is_empty());
    let form = draft.and_then(|draft| draft.form.as_ref());
    Some(WrapupData {
        tab,
        line,
        matches,
        rows,
        topic: topic.map(|(group, topic)| (tr.of(&group.name), tr.of(&topic.name))),
        result: draft.and_then(|draft| draft.result.as_deref()),
        summary: draft.map_or("", |draft| draft.summary.reveal()),
        form: form.and_then(|open| catalogue.form(&open.form).map(|form| (form, open))),
        mark: match (waits, typed) {
            (true, _) => tr.wrapup.draft_waits,
            (false, true) if unwritten => tr.wrapup.draft_writing,
            (false, true) => tr.wrapup.draft_saved,
            (false, false) => "",
        },
        mark_is_done: !waits && !unwritten,
        of: match tab.key {
            TabKey::Customer(_) => ContactOf::Nobody,
            TabKey::Call(_) if desk.is_past_call(tab.key) => {
                let at = draft.and_then(|draft| draft.of.arrived_at);
                ContactOf::PastCall(at.map_or_else(String::new, format::date_time_of))
            }
            TabKey::Call(_) => ContactOf::Call,
        },
        form_is_sent: desk.saves.is_open_of(tab.key, SaveKind::Reading)
            || desk.saves.is_open_of(tab.key, SaveKind::Request),
    })
}

/// With nothing typed: the forms, then every topic.
fn browse(catalogue: &Catalogue) -> Vec<Match<'_>> {
    let forms = catalogue.forms.iter().map(Target::Form);
    let topics = catalogue
        .all_topics()
        .filter(|(_, topic)| topic.form.is_none())
        .map(|(group, topic)| Target::Topic(group, topic));
    forms.chain(topics).map(Match::plain).collect()
}

fn row(found: &Match<'_>, tr: &Tr) -> PickRow {
    match found.target {
        Target::Form(form) => {
            let numbers =
                if found.numbers.is_empty() { String::new() } else { format!(" · {}", found.numbers.join(" / ")) };
            PickRow {
                icon: icons::ARROW_BEND_UP_RIGHT,
                words: format!("{}{numbers}", tr.of(&form.name)),
                note: tr.wrapup.form.to_owned(),
            }
        }
        Target::Topic(group, topic) => {
            PickRow { icon: icons::TAG, words: tr.of(&topic.name).to_owned(), note: tr.of(&group.name).to_owned() }
        }
    }
}
