//! The screens. Each is one function `<name>_ui(ui, scene, requests)` in a module of its own; [`screen_ui`] chooses.
//! [`operator::overlays_ui`] draws what lies on top, with the same arguments.

pub mod gate;
pub mod login;
pub mod operator;
pub mod settings;
pub mod supervisor;

use egui::Ui;

use crate::command::Requests;
use crate::state::Scene;
use crate::state::screen::Page;
use crate::state::session::Connection;

/// Draws what the desk is at: signing in, locked, refused, or one of its pages.
pub fn screen_ui(ui: &mut Ui, scene: &Scene<'_>, typed: &mut login::Typed, requests: &mut Requests) {
    let desk = scene.desk;
    if desk.session.is_none() {
        return login::login_ui(ui, scene, typed, requests);
    }
    if desk.screen.locked {
        return gate::locked_ui(ui, scene, typed, requests);
    }
    if let Connection::Refused { why } = &desk.connection {
        return gate::refused_ui(ui, scene, why, requests);
    }
    match desk.screen.page {
        Page::Operator => operator::operator_ui(ui, scene, requests),
        Page::Supervisor => supervisor::supervisor_ui(ui, scene, requests),
        Page::Settings => settings::settings_ui(ui, scene, typed, requests),
    }
    operator::overlays_ui(ui, scene, requests);
}
