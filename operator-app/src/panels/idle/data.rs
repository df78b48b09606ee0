use shared::domain::agent::Presence;

use crate::lang::format;
use crate::panels::{cards, today, words};
use crate::state::Scene;
use crate::state::drafts::Draft;
use crate::state::saves::SaveState;
use crate::state::tab::TabKey;

/// A draft that waits to be finished.
#[derive(Debug, PartialEq, Eq)]
pub struct DraftRow {
    pub key: TabKey,
    pub who: String,
    /// What stands in it, as far as one line goes.
    pub what: String,
    /// When the call came.
    pub when: String,
    /// It was saved and waits for the gateway.
    pub waits: bool,
}

pub fn draft_rows(scene: &Scene<'_>) -> Vec<DraftRow> {
    let desk = scene.desk;
    desk.past_drafts()
        .map(|(tab, draft)| DraftRow {
            key: tab.key,
            who: tab.known().map_or_else(|| cards::tab_name(scene, tab), |card| card.customer.name.reveal().to_owned()),
            what: what(scene, draft),
            when: draft.of.arrived_at.map_or_else(String::new, |at| {
                let is_today = format::local(at).date_naive() == today(scene);
                if is_today { format::time_of(at) } else { format::date_time_of(at) }
            }),
            waits: desk.saves.latest_of(tab.key).is_some_and(|save| save.state == SaveState::Waiting),
        })
        .collect()
}

/// Whether nobody rings here because the operator has not said to be ready. Somebody without a telephone takes no calls.
pub fn could_be_ready(scene: &Scene<'_>) -> bool {
    let state = scene.desk.state.as_ref();
    state.is_some_and(|state| matches!(state.presence, Presence::NotReady { .. }) && state.phone_registered.is_some())
}

/// The topic and the first words of what was typed.
fn what(scene: &Scene<'_>, draft: &Draft) -> String {
    let (tr, catalogue) = (words(scene), &scene.desk.catalogue);
    let form = draft.form.as_ref().and_then(|form| catalogue.form(&form.form)).map(|form| tr.of(&form.name));
    let topic = draft.topic.as_deref().and_then(|code| catalogue.topic(code)).map(|(_, topic)| tr.of(&topic.name));
    let entry = draft.manual.as_ref().map(|entry| entry.summary.reveal().trim());
    let entry = entry.map(|summary| if summary.is_empty() { tr.manual.title } else { summary });
    let newcomer = draft.newcomer.as_ref().map(|newcomer| newcomer.name.reveal().trim());
    let parts = [form, topic, Some(draft.summary.reveal().trim()), entry, newcomer, Some(draft.line.reveal().trim())];
    let said: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    said.join(" · ")
}
