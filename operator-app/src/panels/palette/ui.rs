use egui::{Id, Modal, Ui};

use super::data::palette_rows;
use crate::command::{Command, Requests};
use crate::kit::tokens;
use crate::kit::widgets::{self, Field, PickList, PickRow, pick_list};
use crate::panels::words;
use crate::state::Scene;

/// Ctrl+K: type, arrows, Enter. It was asked for by the person, so it may take the keyboard.
pub fn palette_ui(ui: &Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let typed_id = Id::unique("palette typed");
    let shown = Modal::new(Id::unique("palette")).frame(egui::Frame::popup(ui.style()).inner_margin(16.0)).show(
        ui.ctx(),
        |ui| {
            ui.set_width(520.0);
            let mut typed = ui.data(|data| data.get_temp::<String>(typed_id)).unwrap_or_default();
            let field = Field {
                id: Id::unique("palette line"),
                label: tr.commands.palette,
                hint: tr.commands.palette_hint,
                fault: None,
                width: 520.0,
            };
            let response = widgets::text_field(ui, field, &mut typed);
            if !response.has_focus() {
                response.request_focus();
            }
            let rows = palette_rows(scene, &typed);
            ui.data_mut(|data| data.insert_temp(typed_id, typed));
            ui.add_space(tokens::space::HAIR);
            let painted: Vec<PickRow> = rows
                .iter()
                .map(|row| {
                    let mut painted = row.row.clone();
                    if let Some(reason) = row.why_not {
                        painted.note = tr.why_not(reason).to_owned();
                    }
                    painted
                })
                .collect();
            let room = (ui.ctx().content_rect().height() - 160.0).min(380.0);
            ui.set_min_height(room);
            if painted.is_empty() {
                widgets::words(ui, tr.commands.nothing, tokens::body(), tokens::of(ui).text);
            }
            let list = PickList {
                id: Id::unique("palette rows"),
                name: tr.commands.palette,
                rows: &painted,
                key: "Enter",
                height: room,
            };
            let picked = pick_list(ui, list, &response).and_then(|at| rows.get(at));
            picked.filter(|row| row.why_not.is_none()).map(|row| row.action)
        },
    );
    if let Some(action) = shown.inner {
        requests.push(Command::CloseOverlay);
        requests.push(action);
    } else if shown.should_close() {
        requests.push(Command::CloseOverlay);
    }
    if shown.inner.is_some() || shown.should_close() {
        ui.data_mut(|data| data.remove::<String>(typed_id));
    }
}
