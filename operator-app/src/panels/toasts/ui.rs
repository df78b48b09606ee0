use egui::{Align2, Area, Id, Order, Ui, vec2};

use super::data::toasts_data;
use crate::command::{Action, Command, Requests};
use crate::kit::widgets::{Pressed, ToastLook, toast};
use crate::panels::{key_of, words, wrapup};
use crate::state::Scene;

/// Over the foot of the history: never over the call bar or the dock.
pub fn toasts_ui(ui: &Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let data = toasts_data(scene);
    if data.is_empty() {
        return;
    }
    // Without a history column of its own there is the dock at the foot.
    let beside = ui.ctx().content_rect().width() >= crate::panels::HISTORY_BESIDE_FROM;
    let lift = if beside { 0.0 } else { wrapup::HEIGHT };
    let tr = words(scene);
    let (dismiss, undo, key) = (tr.call.dismiss, tr.action(Action::Undo), key_of(Action::Undo));
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-14.0, -14.0 - lift))
        .show(ui.ctx(), |ui| {
            ui.set_width(352.0);
            ui.spacing_mut().item_spacing.y = 8.0;
            for one in &data {
                ui.push_id(one.id, |ui| {
                    let look = ToastLook {
                        words: &one.words,
                        tone: one.tone,
                        dismiss: one.stays.then_some(dismiss),
                        undo: one.undo.then_some((undo, key.as_str())),
                    };
                    match toast(ui, look) {
                        Some(Pressed::Dismiss) => requests.push(Command::DismissToast(one.id)),
                        Some(Pressed::Undo) => requests.push(Command::Undo(one.id)),
                        None => {}
                    }
                });
            }
        });
}
