use egui::{Align2, FontId, Painter, Pos2, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::surface::focus_ring;
use super::text::galley;
use crate::kit::fonts;
use crate::kit::tokens::{self, Tokens, Tone};

/// A small word on its own tint, with an icon.
pub fn chip(ui: &mut Ui, icon: &str, words: &str, tone: Tone) -> Response {
    let tokens = tokens::of(ui);
    let ink = tokens.tone(tone);
    let text = galley(ui.painter(), words, tokens::caption(), ink, 260.0);
    let icon_width = if icon.is_empty() { 0.0 } else { 18.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(text.size().x + 18.0 + icon_width, 24.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, 12.0, tokens.tinted(tone));
    if !icon.is_empty() {
        let at = rect.left_center() + vec2(16.0, 0.0);
        painter.text(at, Align2::CENTER_CENTER, icon, fonts::icon_filled(13.0), ink);
    }
    let at = pos2(rect.left() + 9.0 + icon_width, (rect.center().y - text.size().y / 2.0).round());
    painter.galley(at, text, ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    response
}

/// A chip that can be pressed, a little taller for the pointer than it looks. `name` is what a screen reader says.
pub fn chip_button(ui: &mut Ui, icon: &str, words: &str, name: &str, enabled: bool) -> Response {
    let tokens = tokens::of(ui);
    let ink = if enabled { tokens.accent() } else { tokens.text };
    let text = galley(ui.painter(), words, tokens::strong(), ink, 260.0);
    let (rect, place) = ui.allocate_exact_size(vec2(text.size().x + 40.0, 24.0), Sense::hover());
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect.expand2(vec2(0.0, 3.0)), place.id.with("press"), sense);
    let painter = ui.painter();
    let fill = if enabled && (response.hovered() || response.has_focus()) { tokens.hovered } else { tokens.control };
    painter.rect_filled(rect, 12.0, fill);
    let at = rect.left_center() + vec2(16.0, 0.0);
    painter.text(at, Align2::CENTER_CENTER, icon, fonts::icon_filled(14.0), ink);
    painter.galley(pos2(rect.left() + 28.0, (rect.center().y - text.size().y / 2.0).round()), text, ink);
    focus_ring(ui, &response, rect, 12);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    response
}

/// A chip inside a painted row, ending at `right`; returns its width.
pub fn paint_chip(painter: &Painter, tokens: &Tokens, right: Pos2, words: &str, tone: Tone, max_width: f32) -> f32 {
    let ink = tokens.tone(tone);
    let text = galley(painter, words, tokens::caption(), ink, max_width - 14.0);
    let width = text.size().x + 14.0;
    let rect = Rect::from_min_size(pos2((right.x - width).round(), right.y - 9.0), vec2(width, 18.0));
    painter.rect_filled(rect, 9.0, tokens.tinted(tone));
    painter.galley(pos2(rect.left() + 7.0, (right.y - text.size().y / 2.0).round()), text, ink);
    width
}

/// The first letters of the first two words.
pub fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect()
}

/// A disc with initials or an icon in it.
pub fn avatar(painter: &Painter, tokens: &Tokens, centre: Pos2, radius: f32, letters: &str, font: FontId, tone: Tone) {
    painter.circle_filled(centre, radius, tokens.tinted(tone));
    painter.text(centre, Align2::CENTER_CENTER, letters, font, tokens.tone(tone));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_skip_quotation_marks() {
        assert_eq!(initials("Соколова Марина Андреевна"), "СМ");
        assert_eq!(initials("ООО «Тёплый дом-2»"), "ОТ");
        assert_eq!(initials(""), "");
    }
}
