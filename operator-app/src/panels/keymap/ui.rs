use egui::{Id, Modal, Role, Sense, Ui, WidgetInfo, vec2};

use super::data::keymap_rows;
use crate::command::{Command, Requests};
use crate::kit::tokens::{self, space};
use crate::kit::widgets::{Button, line};
use crate::kit::{icons, widgets::section};
use crate::panels::words;
use crate::state::Scene;

const COLUMN: f32 = 372.0;

pub fn keymap_ui(ui: &Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let rows = keymap_rows(scene);
    let shown = Modal::new(Id::unique("key map")).frame(egui::Frame::popup(ui.style()).inner_margin(16.0)).show(
        ui.ctx(),
        |ui| {
            ui.set_width(2.0 * COLUMN + space::GAP);
            section(ui, icons::KEYBOARD, tr.commands.keymap, tr.commands.keymap_hint);
            ui.add_space(space::GAP);
            let half = rows.len().div_ceil(2);
            // In a small window drawn large the keys scroll, and the way out stays in sight.
            let room = ui.ctx().content_rect().height() - 150.0;
            egui::ScrollArea::vertical().id_salt("keys").max_height(room).show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = space::GAP;
                    for column in rows.chunks(half.max(1)) {
                        ui.vertical(|ui| {
                            ui.set_width(COLUMN);
                            ui.spacing_mut().item_spacing.y = 0.0;
                            for (key, name) in column {
                                row_ui(ui, key, name);
                            }
                        });
                    }
                });
            });
            ui.add_space(space::GAP);
            let close = Button::new(icons::X, tr.call.close).show(ui);
            if ui.memory(|memory| memory.focused()).is_none() {
                close.request_focus();
            }
            close.clicked()
        },
    );
    if shown.inner || shown.should_close() {
        requests.push(Command::CloseOverlay);
    }
}

fn row_ui(ui: &mut Ui, key: &str, name: &str) {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(COLUMN, 26.0), Sense::hover());
    let painter = ui.painter();
    let (width, _) = line(painter, rect.left_center() + vec2(8.0, 0.0), key, tokens::caption(), tokens.value, 84.0);
    let cap = egui::Rect::from_min_size(rect.left_top() + vec2(2.0, 4.0), vec2(width + 12.0, 18.0));
    let edge = egui::Stroke::new(1.0, tokens.border);
    painter.rect_stroke(cap, 4.0, edge, egui::StrokeKind::Inside);
    let (_, cut) =
        line(painter, rect.left_center() + vec2(98.0, 0.0), name, tokens::body(), tokens.text, COLUMN - 106.0);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{key}: {name}")));
    if cut {
        response.on_hover_text(name);
    }
}
