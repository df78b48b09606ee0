//! What stands in front of the desk: the locked workplace, and a gateway that will not have this desk.

use egui::{Align2, Key, Sense, Ui, vec2};

use super::login::{Typed, middle_ui, password_field};
use crate::command::{Command, Requests};
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Button, Look};
use crate::kit::{fonts, icons};
use crate::panels::words;
use crate::state::Scene;
use crate::state::session::Refused;

const WIDTH: f32 = 380.0;

/// F12: nothing of a customer can be seen until the own password is typed.
pub fn locked_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut Typed, requests: &mut Requests) {
    let tr = words(scene);
    middle_ui(ui, "locked", 300.0, |ui| {
        let tokens = tokens::of(ui);
        sign_ui(ui, icons::LOCK, Tone::Accent);
        widgets::label(ui, tr.session.locked, tokens::title(), tokens.value);
        if let Some(profile) = scene.desk.profile() {
            widgets::label(ui, &profile.name, tokens::body(), tokens.text);
        }
        widgets::words(ui, tr.session.locked_hint, tokens::body(), tokens.text);
        let fault = scene.desk.screen.lock_error.then_some(tr.session.wrong_password);
        let field = password_field(ui, "unlock", tr.session.password, WIDTH, fault, &mut typed.password);
        if ui.memory(|memory| memory.focused()).is_none() {
            field.request_focus();
        }
        let complete = !typed.password.is_empty();
        let button = Button::new("", tr.session.unlock).look(Look::Primary).height(height::CALL_CONTROL);
        let clicked = button.min_width(WIDTH).key("Enter").enabled(complete).show(ui).clicked();
        if clicked || (complete && ui.input(|input| input.key_pressed(Key::Enter))) {
            requests.push(Command::Unlock { password: typed.take_password() });
        }
    });
}

pub fn refused_ui(ui: &mut Ui, scene: &Scene<'_>, why: &Refused, requests: &mut Requests) {
    let tr = words(scene);
    let (what, meaning) = tr.session.refused(why);
    middle_ui(ui, "refused", 280.0, |ui| {
        let tokens = tokens::of(ui);
        sign_ui(ui, icons::PLUG, Tone::Warn);
        widgets::words(ui, what, tokens::title(), tokens.value);
        widgets::words(ui, &meaning, tokens::body(), tokens.text);
        ui.add_space(space::GAP);
        if matches!(why, Refused::DeskElsewhere | Refused::TakenOver) {
            let here = Button::new(icons::ARROW_RIGHT, tr.session.continue_here).look(Look::Primary);
            let here = here.height(height::CALL_CONTROL).min_width(WIDTH).show(ui);
            if ui.memory(|memory| memory.focused()).is_none() {
                here.request_focus();
            }
            if here.clicked() {
                requests.push(Command::TakeOver);
            }
        }
        let leave = Button::new(icons::SIGN_OUT, tr.session.sign_out).height(height::CALL_CONTROL);
        if leave.min_width(WIDTH).show(ui).clicked() {
            requests.push(Command::SignOut);
        }
    });
}

fn sign_ui(ui: &mut Ui, icon: &str, tone: Tone) {
    let tokens = tokens::of(ui);
    let (place, _) = ui.allocate_exact_size(vec2(44.0, 44.0), Sense::hover());
    ui.painter().rect_filled(place, 11.0, tokens.tinted(tone));
    ui.painter().text(place.center(), Align2::CENTER_CENTER, icon, fonts::icon_filled(24.0), tokens.tone(tone));
}
