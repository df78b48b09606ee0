use egui::{Align2, Color32, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::text::{line, line_right};
use crate::kit::fonts;
use crate::kit::tokens::{self, Tone};

/// A notice laid over the top of a region: nothing below it moves.
pub fn strip(ui: &Ui, rect: Rect, id: &'static str, icon: &str, words: &str, right: &str, tone: Tone) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, tokens.card);
    painter.rect_filled(rect, 0.0, tokens.tinted(tone));
    let middle = rect.left_center();
    let icon_at = middle + vec2(24.0, 0.0);
    painter.text(icon_at, Align2::CENTER_CENTER, icon, fonts::icon(16.0), tokens.tone(tone));
    let end = rect.right_center() - vec2(16.0, 0.0);
    let (taken, _) = line_right(painter, end, right, tokens::secondary(), tokens.text, rect.width() * 0.4);
    let room = rect.width() - taken - 72.0;
    let (_, cut) = line(painter, middle + vec2(40.0, 0.0), words, tokens::body(), tokens.value, room);
    painter.hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, Color32::from_black_alpha(40)));
    let response = ui.interact(rect, egui::Id::unique(id), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, format!("{words} {right}").trim()));
    if cut {
        response.on_hover_text(words);
    }
}
