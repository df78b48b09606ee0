use egui::{Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::text::line;
use super::{Button, Look};
use crate::kit::tokens::{self, Tone};
use crate::kit::{fonts, icons};

/// What was picked out of a list, and the place it has in it.
#[derive(Clone, Copy, Debug)]
pub struct Picked<'a> {
    pub icon: &'a str,
    /// What kind of thing it is, for a screen reader.
    pub kind: &'a str,
    pub words: &'a str,
    pub note: &'a str,
    /// What the button says that takes it away.
    pub clear: &'a str,
}

/// A tile with what was picked. Returns whether it is to be taken away.
pub fn picked(ui: &mut Ui, width: f32, data: Picked<'_>) -> bool {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 52.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, 8.0, tokens.tinted(Tone::Accent));
    let icon_at = rect.left_center() + vec2(18.0, 0.0);
    painter.text(icon_at, Align2::CENTER_CENTER, data.icon, fonts::icon_filled(16.0), tokens.accent());
    let (x, room) = (rect.left() + 36.0, width - 36.0 - 44.0);
    let cuts = [
        line(painter, pos2(x, rect.top() + 17.0), data.words, tokens::strong(), tokens.value, room).1,
        line(painter, pos2(x, rect.top() + 36.0), data.note, tokens::secondary(), tokens.text, room).1,
    ];
    let said = format!("{}: {}, {}", data.kind, data.words, data.note);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
    if cuts.contains(&true) {
        response.on_hover_text(format!("{} · {}", data.note, data.words));
    }
    let place = Rect::from_center_size(pos2(rect.right() - 24.0, rect.center().y), vec2(30.0, 30.0));
    super::inside(ui, ("clear", data.kind), place, |ui| {
        let clear = Button::new(icons::X, "").look(Look::Quiet).name(data.clear);
        clear.show(ui).on_hover_text(data.clear).clicked()
    })
}
