//! The settings: look, language, notifications, keys of the whole system, and one's own password.

use egui::{Margin, Rect, Ui, vec2};
use shared::pii::Secret;

use super::login::{Typed, password_field};
use super::operator::rail_ui;
use crate::command::{Action, Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::{self, Tone, space};
use crate::kit::widgets::{self, Button, Field, Look, Tab, region, tabs};
use crate::lang::{SHORTEST_PASSWORD, Tr};
use crate::panels::words;
use crate::settings::{Chord, ChordError, Language, SystemKey, SystemKeys, Theme};
use crate::state::Scene;
use crate::state::grab::{Grab, action_of};
use crate::state::saves::{SaveKind, SaveState};

const WIDTH: f32 = 560.0;
const FIELD: f32 = 300.0;

pub fn settings_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut Typed, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.canvas);
    let rest = rail_ui(ui, scene, requests);
    region(ui, "settings", rest, tokens.canvas, Margin::symmetric(28, 20), |ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            let whole = ui.available_rect_before_wrap();
            let column = Rect::from_min_size(whole.min, vec2(WIDTH.min(whole.width()), whole.height()));
            ui.scope_builder(egui::UiBuilder::new().max_rect(column), |ui| {
                ui.spacing_mut().item_spacing.y = space::GAP;
                widgets::label(ui, tr.session.settings, tokens::title(), tokens.value);
                who_ui(ui, scene, requests);
                look_ui(ui, scene, requests);
                calls_ui(ui, scene, requests);
                system_keys_ui(ui, scene, requests);
                password_ui(ui, scene, typed, requests);
            });
        });
    });
}

fn who_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let Some(session) = &scene.desk.session else { return };
    widgets::card(ui, 0.0, |ui| {
        widgets::section(ui, icons::USER_CIRCLE, tr.session.signed_in_as, "");
        widgets::label(ui, &session.profile.name, tokens::body(), tokens.value);
        let place = format!("{} · {}", session.profile.login, session.gateway);
        widgets::label(ui, &place, tokens::secondary(), tokens.text);
        let free = scene.desk.call.is_none();
        if Button::new(icons::SIGN_OUT, tr.session.sign_out).enabled(free).show(ui).clicked() {
            requests.push(Command::SignOut);
        }
    });
}

fn look_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    widgets::card(ui, 0.0, |ui| {
        widgets::section(ui, icons::SUN, tr.session.look, "");
        let themes = [Tab::new(Theme::Dark, tr.session.dark), Tab::new(Theme::Light, tr.session.light)];
        widgets::label(ui, tr.session.theme, tokens::secondary(), tokens.text);
        if let Some(theme) = tabs(ui, tr.session.theme, scene.settings.theme, &themes) {
            requests.push(Command::Theme(theme));
        }
        let languages = [Tab::new(Language::Ru, "Русский"), Tab::new(Language::En, "English")];
        widgets::label(ui, tr.session.language, tokens::secondary(), tokens.text);
        if let Some(language) = tabs(ui, tr.session.language, scene.settings.language, &languages) {
            requests.push(Command::Language(language));
        }
        widgets::label(ui, tr.session.zoom, tokens::secondary(), tokens.text);
        ui.horizontal(|ui| {
            for (action, icon) in [(Action::ZoomOut, icons::MINUS), (Action::ZoomIn, icons::PLUS)] {
                let key = action.shortcut().map(|key| key.to_string()).unwrap_or_default();
                if Button::new(icon, "").key(&key).name(tr.action(action)).show(ui).clicked() {
                    requests.push(action);
                }
            }
            let percent = format!("{:.0} %", scene.settings.zoom * 100.0);
            widgets::label(ui, &percent, tokens::strong(), tokens.value);
        });
    });
}

fn calls_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    widgets::card(ui, 0.0, |ui| {
        widgets::section(ui, icons::BELL, tr.session.calls, "");
        let mut notify = scene.settings.notify;
        let text = egui::RichText::new(tr.session.notify).font(tokens::body()).color(tokens.value);
        if ui.checkbox(&mut notify, text).changed() {
            requests.push(Command::Notify(notify));
        }
        widgets::label(ui, tr.session.notify_meaning, tokens::secondary(), tokens.text);
    });
}

/// Keys that work while another program is in front.
fn system_keys_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let keys = &scene.settings.system_keys;
    widgets::card(ui, 0.0, |ui| {
        widgets::section(ui, icons::KEYBOARD, tr.session.system_keys, "");
        let mut on = keys.on;
        let text = egui::RichText::new(tr.session.system_keys_on).font(tokens::body()).color(tokens.value);
        if ui.checkbox(&mut on, text).changed() {
            requests.push(Command::SystemKeys(SystemKeys { on, ..keys.clone() }));
        }
        widgets::words(ui, tr.session.system_keys_meaning, tokens::secondary(), tokens.text);
        if !keys.on {
            return;
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::WIDE;
            let width = (ui.available_width() - 2.0 * space::WIDE) / 3.0;
            for key in SystemKey::ALL {
                chord_ui(ui, scene, key, width, requests);
            }
        });
        let tone = match &scene.desk.grab {
            Grab::Off => Tone::Plain,
            Grab::Held { refused } if refused.is_empty() => Tone::Ok,
            Grab::Held { .. } | Grab::NotHere => Tone::Warn,
        };
        widgets::words(ui, &tr.grab(&scene.desk.grab), tokens::body(), tokens.tone(tone));
    });
}

/// A key as one writes it; it is in force as soon as it can be read.
fn chord_ui(ui: &mut Ui, scene: &Scene<'_>, key: SystemKey, width: f32, requests: &mut Requests) {
    let tr = words(scene);
    let keys = &scene.settings.system_keys;
    let id = egui::Id::unique(("system key", key));
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| keys.chord(key).to_string());
    let read = text.parse::<Chord>();
    let taken = |chord: &Chord| SystemKey::ALL.into_iter().any(|other| other != key && keys.chord(other) == *chord);
    let fault = match &read {
        Ok(chord) if taken(chord) => Some(tr.session.chord_taken),
        Ok(_) => None,
        Err(ChordError::Unknown) => Some(tr.session.chord_unknown),
        Err(ChordError::TooPlain) => Some(tr.session.chord_too_plain),
    };
    let field = Field { id, label: tr.action(action_of(key)), hint: "Ctrl+Shift+F2", fault, width };
    let response = widgets::text_field(ui, field, &mut text);
    if response.changed() {
        if let Ok(chord) = text.parse::<Chord>()
            && !taken(&chord)
        {
            let mut fresh = keys.clone();
            fresh.set(key, chord);
            requests.push(Command::SystemKeys(fresh));
        }
        ui.data_mut(|data| data.insert_temp(id, text));
    } else if response.lost_focus() && fault.is_none() {
        ui.data_mut(|data| data.remove::<String>(id));
    }
}

fn password_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut Typed, requests: &mut Requests) {
    let tr = words(scene);
    widgets::card(ui, 0.0, |ui| {
        widgets::section(ui, icons::KEY, tr.session.own_password, "");
        password_field(ui, "old password", tr.session.old_password, FIELD, None, &mut typed.old_password);
        let fault = new_password_fault(tr, &typed.new_password);
        password_field(ui, "new password", tr.session.new_password, FIELD, fault, &mut typed.new_password);
        let differ = !typed.again.is_empty() && *typed.again != *typed.new_password;
        let fault = differ.then_some(tr.session.not_the_same);
        password_field(ui, "again", tr.session.again, FIELD, fault, &mut typed.again);
        let long_enough = typed.new_password.chars().count() >= SHORTEST_PASSWORD;
        let complete = !typed.old_password.is_empty() && long_enough && *typed.again == *typed.new_password;
        let online = scene.desk.connection.is_online();
        let button = Button::new("", tr.session.change).look(Look::Primary).enabled(complete && online);
        if button.height(tokens::height::FIELD).show(ui).clicked() {
            let old = Secret::new(std::mem::take(&mut *typed.old_password));
            let new = Secret::new(std::mem::take(&mut *typed.new_password));
            typed.again.clear();
            requests.push(Command::ChangePassword { old, new });
        }
        outcome_ui(ui, scene);
    });
}

fn new_password_fault(tr: &'static Tr, typed: &str) -> Option<&'static str> {
    (!typed.is_empty() && typed.chars().count() < SHORTEST_PASSWORD).then_some(tr.session.too_short)
}

fn outcome_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let (said, tone) = match scene.desk.saves.latest(SaveKind::Password).map(|save| &save.state) {
        Some(SaveState::Saved { .. }) => (tr.session.changed, Tone::Ok),
        Some(SaveState::Refused { .. }) => (tr.session.not_changed, Tone::Bad),
        Some(SaveState::Underway | SaveState::Waiting) | None => return,
    };
    widgets::label(ui, said, tokens::body(), tokens.tone(tone));
}
