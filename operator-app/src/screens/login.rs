//! Signing in: server, login, password; at the first time the certificate's fingerprint.

use egui::{Align2, Id, Key, Rect, TextEdit, Ui, vec2};
use shared::pii::Secret;
use zeroize::Zeroizing;

use crate::command::{Command, Requests};
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Button, Field, Look};
use crate::kit::{fonts, icons};
use crate::panels::words;
use crate::settings::Settings;
use crate::state::Scene;
use crate::state::session::SignInStep;

/// What stands in fields that are no draft and never reach the disk. The window owns it; it is wiped when dropped.
#[derive(Debug, Default)]
pub struct Typed {
    pub gateway: String,
    pub login: String,
    pub password: Zeroizing<String>,
    pub old_password: Zeroizing<String>,
    pub new_password: Zeroizing<String>,
    pub again: Zeroizing<String>,
}

impl Typed {
    pub fn remembered(settings: &Settings) -> Self {
        Self { gateway: settings.gateway.clone(), login: settings.login.clone(), ..Self::default() }
    }

    /// The password leaves the field for good.
    pub fn take_password(&mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.password))
    }
}

const WIDTH: f32 = 380.0;

pub fn login_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut Typed, requests: &mut Requests) {
    middle_ui(ui, "sign in", 470.0, |ui| {
        head_ui(ui, scene);
        ui.add_space(space::REGION);
        match &scene.desk.sign_in.step {
            SignInStep::ConfirmFingerprint { gateway, fingerprint } => {
                confirm_ui(ui, scene, gateway, fingerprint, requests);
            }
            SignInStep::Asking | SignInStep::Underway => form_ui(ui, scene, typed, requests),
        }
    });
}

/// A column of the width of a form, in the middle of an empty screen.
pub(super) fn middle_ui(ui: &mut Ui, name: &'static str, height: f32, add: impl FnOnce(&mut Ui)) {
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, tokens::of(ui).canvas);
    let size = vec2(WIDTH, height.min(whole.height() - 2.0 * space::REGION));
    let place = Rect::from_center_size(whole.center(), size);
    widgets::inside(ui, name, place, |ui| {
        ui.spacing_mut().item_spacing.y = space::GAP;
        add(ui);
    });
}

fn head_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    ui.horizontal(|ui| {
        let (mark, _) = ui.allocate_exact_size(vec2(44.0, 44.0), egui::Sense::hover());
        ui.painter().rect_filled(mark, 11.0, tokens.save_fill);
        let font = fonts::icon_filled(24.0);
        ui.painter().text(mark.center(), Align2::CENTER_CENTER, icons::LIGHTNING, font, egui::Color32::WHITE);
        ui.add_space(space::HAIR);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            widgets::label(ui, tr.session.program, tokens::title(), tokens.value);
            widgets::label(ui, tr.session.what_it_is, tokens::body(), tokens.text);
        });
    });
}

fn form_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut Typed, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let busy = scene.desk.sign_in.step == SignInStep::Underway;
    let gateway = Field {
        id: Id::unique("gateway"),
        label: tr.session.gateway,
        hint: tr.session.gateway_hint,
        fault: None,
        width: WIDTH,
    };
    widgets::text_field(ui, gateway, &mut typed.gateway);
    let login = Field { id: Id::unique("login"), label: tr.session.login, hint: "", ..gateway };
    let login = widgets::text_field(ui, login, &mut typed.login);
    let password = password_field(ui, "password", tr.session.password, WIDTH, None, &mut typed.password);
    if ui.memory(|memory| memory.focused()).is_none() && !busy {
        let empty = typed.login.is_empty();
        if empty { login.request_focus() } else { password.request_focus() }
    }
    ui.add_space(space::HAIR);
    let complete = !(typed.gateway.trim().is_empty() || typed.login.trim().is_empty() || typed.password.is_empty());
    let label = if busy { tr.session.signing_in } else { tr.session.sign_in };
    let button = Button::new("", label).look(Look::Primary).height(height::CALL_CONTROL).min_width(WIDTH);
    let clicked = button.key("Enter").enabled(complete && !busy).show(ui).clicked();
    let entered = complete && !busy && ui.input(|input| input.key_pressed(Key::Enter));
    if clicked || entered {
        let (gateway, login) = (typed.gateway.clone(), typed.login.clone());
        requests.push(Command::SignIn { gateway, login, password: typed.take_password() });
    }
    // The place of the error is kept, so that nothing moves when it comes.
    let (place, _) = ui.allocate_exact_size(vec2(WIDTH, 84.0), egui::Sense::hover());
    if let Some(error) = &scene.desk.sign_in.error {
        widgets::inside(ui, "sign-in error", place, |ui| {
            ui.add_space(space::HAIR);
            widgets::words(ui, &tr.session.error(error, scene.now), tokens::body(), tokens.tone(Tone::Bad));
        });
    }
}

fn confirm_ui(ui: &mut Ui, scene: &Scene<'_>, gateway: &str, fingerprint: &str, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    widgets::label(ui, tr.session.first_time, tokens::caller(), tokens.value);
    widgets::label(ui, gateway, tokens::body(), tokens.text);
    widgets::words(ui, tr.session.compare, tokens::body(), tokens.text);
    widgets::card(ui, 0.0, |ui| {
        widgets::label(ui, tr.session.fingerprint, tokens::caption(), tokens.caption);
        for part in in_lines(fingerprint) {
            widgets::copyable(ui, &part, tokens::input(), tokens.value);
        }
    });
    ui.add_space(space::HAIR);
    let trust = Button::new(icons::SHIELD_CHECK, tr.session.trust).look(Look::Primary).height(height::CALL_CONTROL);
    if trust.min_width(WIDTH).show(ui).clicked() {
        requests.push(Command::ConfirmFingerprint { yes: true });
    }
    let stop = Button::new("", tr.session.do_not_trust).height(height::CALL_CONTROL).min_width(WIDTH).show(ui);
    if stop.clicked() || ui.input(|input| input.key_pressed(Key::Escape)) {
        requests.push(Command::ConfirmFingerprint { yes: false });
    }
}

/// Eight pairs a line, as people read them to each other.
fn in_lines(fingerprint: &str) -> Vec<String> {
    let pairs: Vec<&str> = fingerprint.split(':').collect();
    pairs.chunks(8).map(|line| line.join(" ")).collect()
}

/// A field whose letters are dots.
pub(super) fn password_field(
    ui: &mut Ui,
    id: &'static str,
    label: &str,
    width: f32,
    fault: Option<&str>,
    text: &mut String,
) -> egui::Response {
    let tokens = tokens::of(ui);
    let name = widgets::label(ui, label, tokens::secondary(), tokens.text);
    let edit = TextEdit::singleline(text)
        .id(Id::unique(id))
        .password(true)
        .desired_width(width - 20.0)
        .margin(egui::Margin::symmetric(10, 8))
        .font(tokens::input());
    let response = ui.add_sized(vec2(width, height::FIELD), edit).labelled_by(name.id);
    if let Some(fault) = fault {
        widgets::label(ui, fault, tokens::secondary(), tokens.tone(Tone::Bad));
    }
    response
}
