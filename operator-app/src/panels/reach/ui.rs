use egui::{Align2, Area, Id, Key, Margin, Order, Rect, Response, Sense, Stroke, Ui, pos2, vec2};
use shared::domain::call::Target;

use super::data::{ReachRow, reach_rows};
use super::tones::tones_ui;
use crate::command::{Action, Command, Reason, Requests};
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{
    self, Button, Field, Look, PickRows, Picked, inside, line, line_right, pick_rows, picked, region,
};
use crate::kit::{fonts, icons};
use crate::panels::{key_of, words};
use crate::state::Scene;
use crate::state::reach::{Chosen, Purpose, Reach, ReachEdit};
use crate::state::screen::Region;

/// As wide as the panel is, beside the card or over its right part.
pub const WIDTH: f32 = 388.0;
const ROW: f32 = 46.0;

/// Whether the panel has something to show, and its place with it.
pub fn is_open(scene: &Scene<'_>) -> bool {
    scene.desk.reach.is_some()
}

/// Draws into the place of the history.
pub fn reach_ui(ui: &mut Ui, rect: Rect, scene: &Scene<'_>, requests: &mut Requests) {
    let Some(reach) = &scene.desk.reach else { return };
    let margin = Margin { left: 14, right: 14, top: 10, bottom: 10 };
    region(ui, "reach", rect, tokens::of(ui).panel, margin, |ui| panel_ui(ui, scene, reach, requests));
}

/// Lies over the right part of the card where the history has no column of its own.
pub fn reach_over_ui(ui: &Ui, rect: Rect, scene: &Scene<'_>, requests: &mut Requests) {
    if !is_open(scene) {
        return;
    }
    let area = Area::new(Id::unique("reach over")).order(Order::Middle).fixed_pos(rect.min).constrain(false);
    area.show(ui.ctx(), |ui| {
        let (rect, _) = ui.allocate_exact_size(rect.size(), Sense::click());
        reach_ui(ui, rect, scene, requests);
        let border = Stroke::new(1.0, tokens::of(ui).border);
        ui.painter().vline(rect.left() + 0.5, rect.y_range(), border);
        ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, border);
    });
}

fn panel_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, requests: &mut Requests) {
    ui.spacing_mut().item_spacing = vec2(space::GAP, space::TIGHT);
    head_ui(ui, scene, reach, requests);
    let asked = scene.desk.screen.focus == Some(Region::Reach);
    let leaves = match (reach.purpose, &reach.chosen) {
        (Purpose::Tones, _) => tones_ui(ui, scene, reach, asked, requests),
        (Purpose::Transfer | Purpose::Consult, Some(chosen)) => {
            chosen_ui(ui, scene, reach, chosen, asked, requests);
            false
        }
        (Purpose::Transfer | Purpose::Consult | Purpose::Dial, _) => choose_ui(ui, scene, reach, asked, requests),
    };
    if leaves {
        requests.push(Command::CloseReach);
    }
}

fn head_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let action = action_of(reach.purpose);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let painter = ui.painter();
    let icon_at = rect.left_center() + vec2(10.0, 0.0);
    painter.text(icon_at, Align2::CENTER_CENTER, icons::of(action.icon()), fonts::icon(18.0), tokens.accent());
    let title = tr.purpose(reach.purpose);
    line(painter, rect.left_center() + vec2(28.0, 0.0), title, tokens::strong(), tokens.value, rect.width() - 110.0);
    let key_at = rect.right_center() - vec2(38.0, 0.0);
    line_right(painter, key_at, &key_of(action), tokens::caption(), tokens.caption, 60.0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
    let place = Rect::from_min_max(pos2(rect.right() - 30.0, rect.top()), rect.max);
    inside(ui, "close reach", place, |ui| {
        let close = Button::new(icons::X, "").look(Look::Quiet).name(tr.call.close).show(ui);
        if close.on_hover_text(tr.call.close).clicked() {
            requests.push(Command::CloseReach);
        }
    });
}

const fn action_of(purpose: Purpose) -> Action {
    match purpose {
        Purpose::Transfer => Action::Transfer,
        Purpose::Consult => Action::Conference,
        Purpose::Dial => Action::Dial,
        Purpose::Tones => Action::Tones,
    }
}

/// The field and the list under it. Returns whether Esc leaves.
fn choose_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, asked: bool, requests: &mut Requests) -> bool {
    let tr = words(scene);
    let is_dial = reach.purpose == Purpose::Dial;
    let mut text = reach.text.reveal().to_owned();
    let hint = if is_dial { tr.reach.dial_hint } else { tr.reach.field_hint };
    let width = ui.available_width();
    let field = Field { id: Id::unique("reach line"), label: "", hint, fault: None, width };
    let typing = widgets::text_field(ui, field, &mut text);
    if asked || taken_mark(ui, BACK_TO_LINE) {
        typing.request_focus();
    }
    if typing.changed() {
        requests.push(Command::Reach(ReachEdit::Text(text)));
    }
    outcome_ui(ui, scene, reach);
    let rows = reach_rows(scene, reach);
    if rows.is_empty() {
        let said = match (scene.desk.colleagues.is_known(), reach.text.is_empty()) {
            (false, true) => tr.reach.reading,
            (true, true) => tr.reach.nobody,
            (_, false) => tr.reach.nothing_fits,
        };
        widgets::words(ui, said, tokens::body(), tokens::of(ui).text);
    }
    let foot = 24.0;
    let list = PickRows {
        id: Id::unique("reach rows"),
        n_rows: rows.len(),
        row_height: ROW,
        height: (ui.available_height() - foot).max(ROW),
    };
    let shown = pick_rows(ui, list, &typing, |ui, rect, response, at, on| paint_row(ui, rect, response, &rows[at], on));
    ui.add_space(space::HAIR);
    widgets::words(ui, tr.reach.choose_hint, tokens::secondary(), tokens::of(ui).caption);
    if let Some(row) = shown.and_then(|at| rows.get(at)) {
        if is_dial {
            requests.push(Command::ReachTo { purpose: Purpose::Dial, to: row.chosen.to.clone() });
            typing.request_focus();
        } else {
            requests.push(Command::Reach(ReachEdit::Choose(row.chosen.clone())));
            leave_mark(ui, ON_TO_NOTE);
        }
    }
    typing.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape))
}

/// Where the keyboard goes in the next frame: what it goes to is not drawn in this one.
const ON_TO_NOTE: &str = "reach: on to the note";
const BACK_TO_LINE: &str = "reach: back to the line";

fn leave_mark(ui: &Ui, name: &'static str) {
    ui.data_mut(|data| data.insert_temp(Id::unique(name), true));
}

fn taken_mark(ui: &Ui, name: &'static str) -> bool {
    ui.data_mut(|data| data.remove_temp::<bool>(Id::unique(name))).unwrap_or(false)
}

/// Who was picked, the note, and what can be done.
fn chosen_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, chosen: &Chosen, asked: bool, requests: &mut Requests) {
    let tr = words(scene);
    let width = ui.available_width();
    let state = state_of(scene, chosen);
    let icon = match chosen.to {
        Target::Agent { .. } => icons::USER,
        Target::Queue { .. } => icons::USERS_THREE,
        Target::Number { .. } => icons::PHONE_OUTGOING,
    };
    let tile =
        Picked { icon, kind: tr.reach.chosen, words: chosen.name.reveal(), note: &state, clear: tr.reach.unchoose };
    let mut back = picked(ui, width, tile);
    ui.add_space(space::HAIR);
    let mut note = reach.note.reveal().to_owned();
    let field =
        Field { id: Id::unique("reach note"), label: tr.reach.note, hint: tr.reach.note_hint, fault: None, width };
    let typing = widgets::text_field(ui, field, &mut note);
    if asked || taken_mark(ui, ON_TO_NOTE) {
        typing.request_focus();
    }
    if typing.changed() {
        requests.push(Command::Reach(ReachEdit::Note(note)));
    }
    if typing.lost_focus() {
        let (enter, escape) = ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
        back |= escape;
        if enter {
            requests.push(Command::ReachTo { purpose: reach.purpose, to: chosen.to.clone() });
            // A refusal is read where it was asked for.
            typing.request_focus();
        }
    }
    outcome_ui(ui, scene, reach);
    ui.add_space(space::HAIR);
    for purpose in [Purpose::Transfer, Purpose::Consult] {
        verb_ui(ui, scene, reach, chosen, purpose, requests);
    }
    if back {
        requests.push(Command::Reach(ReachEdit::Unchoose));
        leave_mark(ui, BACK_TO_LINE);
    }
}

/// One of the two verbs, each in its place; Enter does the one that the panel was opened for.
fn verb_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, chosen: &Chosen, purpose: Purpose, requests: &mut Requests) {
    let tr = words(scene);
    let action = action_of(purpose);
    let cannot_talk = purpose == Purpose::Consult && matches!(chosen.to, Target::Queue { .. });
    let why_not = match action.enabled(scene.desk) {
        _ if cannot_talk => Some(Reason::QueueCannotTalk),
        allowed => allowed.err(),
    };
    let is_first = reach.purpose == purpose;
    let key = if is_first { "Enter".to_owned() } else { key_of(action) };
    let name = if purpose == Purpose::Transfer { tr.reach.hand_over } else { tr.reach.ask };
    let button = Button::new(icons::of(action.icon()), name)
        .key(&key)
        .look(if is_first { Look::Primary } else { Look::Soft })
        .height(height::FIELD)
        .min_width(ui.available_width())
        .enabled(why_not.is_none() && reach.sent.is_none());
    let response = button.show(ui);
    if response.clicked() {
        requests.push(Command::ReachTo { purpose, to: chosen.to.clone() });
    }
    if let Some(reason) = why_not {
        response.on_hover_text(tr.why_not(reason));
    }
}

/// That it is under way, or why it came to nothing.
fn outcome_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    if reach.sent.is_some() {
        widgets::words(ui, tr.reach.underway, tokens::body(), tokens.text);
    } else if let Some(error) = &reach.refused {
        let who = reach.chosen.as_ref().map_or_else(|| reach.text.reveal(), |chosen| chosen.name.reveal());
        let said = (tr.reach.refused)(who, &tr.error(error));
        let response = widgets::words(ui, &said, tokens::body(), tokens.tone(Tone::Bad));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Alert, true, &said));
    } else if let Some(reason) = why_not(scene, reach) {
        widgets::words(ui, tr.why_not(reason), tokens::body(), tokens.tone(Tone::Warn));
    }
}

/// Why Enter would do nothing now.
fn why_not(scene: &Scene<'_>, reach: &Reach) -> Option<Reason> {
    let is_queue = reach.chosen.as_ref().is_some_and(|chosen| matches!(chosen.to, Target::Queue { .. }));
    if reach.purpose == Purpose::Consult && is_queue {
        return Some(Reason::QueueCannotTalk);
    }
    action_of(reach.purpose).enabled(scene.desk).err()
}

/// What whoever was picked does now: the list goes on being read.
fn state_of(scene: &Scene<'_>, chosen: &Chosen) -> String {
    let tr = words(scene);
    match &chosen.to {
        Target::Agent { agent } => {
            let known = scene.desk.colleagues.people().iter().find(|one| one.agent == *agent);
            let state = known.map(|one| tr.colleague(&one.presence, &one.work, &scene.desk.catalogue));
            state.unwrap_or_else(|| tr.call.logged_out.to_owned())
        }
        Target::Queue { queue } => {
            let n_waiting = scene.desk.waiting.iter().filter(|caller| caller.queue == *queue).count();
            format!("{} · {}", tr.reach.queue, (tr.reach.n_waiting)(n_waiting))
        }
        Target::Number { .. } => tr.reach.number_as_typed.to_owned(),
    }
}

fn paint_row(ui: &Ui, rect: Rect, response: &Response, row: &ReachRow, on: bool) -> String {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    if on || response.hovered() {
        painter.rect_filled(rect, 8.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let disc = rect.left_center() + vec2(22.0, 0.0);
    painter.circle_filled(disc, 14.0, tokens.tinted(row.tone));
    painter.text(disc, Align2::CENTER_CENTER, row.icon, fonts::icon(15.0), tokens.tone(row.tone));
    let (x, end) = (rect.left() + 46.0, rect.right() - 10.0);
    let (upper, lower) = (rect.center().y - 9.0, rect.center().y + 10.0);
    let (taken, _) = line_right(painter, pos2(end, upper), &row.right, tokens::body(), tokens.text, 70.0);
    let enter = if on { "Enter" } else { "" };
    let (key, _) = line_right(painter, pos2(end, lower), enter, tokens::caption(), tokens.caption, 60.0);
    let room = end - x;
    let cuts = [
        line(painter, pos2(x, upper), &row.words, tokens::strong(), tokens.value, room - taken - 8.0).1,
        line(painter, pos2(x, lower), &row.note, tokens::secondary(), tokens.tone(row.tone), room - key - 8.0).1,
    ];
    let said = [row.words.as_str(), &row.note, &row.right];
    let said = said.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    if cuts.contains(&true) {
        response.clone().on_hover_text(&said);
    }
    said
}
