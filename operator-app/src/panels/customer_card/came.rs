//! Where the call has been before it came here, and what those who had it have noted.

use egui::Ui;
use shared::domain::call::Stop;
use shared::wire::event::Offer;

use crate::kit::icons;
use crate::kit::tokens::{self, Tone, space};
use crate::kit::widgets::{self, section};
use crate::lang::format;
use crate::panels::words;
use crate::state::Scene;
use crate::state::tab::Tab;

/// What is shown of a call's way.
#[derive(Debug, PartialEq, Eq)]
pub struct CameData {
    pub title: String,
    /// What it means for the one who answers.
    pub meaning: &'static str,
    /// The notes, latest first.
    pub notes: Vec<String>,
    pub path: String,
}

/// So many notes are read while it rings; the path names everybody.
const NOTES: usize = 2;

/// `None` for a call that comes straight out of its queue.
pub fn came_data(scene: &Scene<'_>, offer: &Offer) -> Option<CameData> {
    let tr = words(scene);
    let has_been_elsewhere = offer.path.iter().any(|step| !matches!(step.stop, Stop::Queue { .. }));
    if offer.from.is_none() && !has_been_elsewhere {
        return None;
    }
    let notes = offer.path.iter().rev().filter_map(|step| match &step.stop {
        Stop::Agent { name, note: Some(note), .. } if !note.reveal().trim().is_empty() => {
            Some((tr.reach.note_of)(name, note.reveal().trim()))
        }
        Stop::Agent { .. } | Stop::Queue { .. } | Stop::Parked { .. } => None,
    });
    let stops = offer.path.iter().map(|step| {
        let stop = tr.stop(&step.stop, &scene.desk.catalogue);
        format!("{} {stop}", format::time_of(step.at))
    });
    Some(CameData {
        title: offer.from.as_ref().map_or_else(|| tr.reach.path.to_owned(), |by| tr.offered_by(by)),
        meaning: offer.from.as_ref().map_or("", |by| tr.offered_meaning(by.how)),
        notes: notes.take(NOTES).collect(),
        path: stops.collect::<Vec<_>>().join("  →  "),
    })
}

/// Over the card of a call that somebody else has had; it comes with the card and stays with it.
pub(super) fn came_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab) {
    let call = scene.desk.call.as_ref().filter(|call| tab.call() == Some(call.id()));
    let Some(data) = call.and_then(|call| came_data(scene, &call.offer)) else { return };
    let (tr, tokens) = (words(scene), tokens::of(ui));
    // What it means has to be known until one has answered.
    let meaning = if call.is_some_and(|call| call.is_ringing()) { data.meaning } else { "" };
    widgets::card(ui, 0.0, |ui| {
        ui.spacing_mut().item_spacing.y = space::HAIR;
        section(ui, icons::PHONE_TRANSFER, &data.title, meaning);
        for note in &data.notes {
            ui.horizontal_top(|ui| {
                widgets::label(ui, tr.reach.note_title, tokens::body(), tokens.caption);
                widgets::words(ui, note, tokens::strong(), tokens.tone(Tone::Accent));
            });
        }
        if !data.path.is_empty() {
            ui.horizontal_top(|ui| {
                widgets::label(ui, tr.reach.path, tokens::secondary(), tokens.caption);
                widgets::words(ui, &data.path, tokens::secondary(), tokens.text);
            });
        }
    });
}
