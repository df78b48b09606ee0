use egui::{Align2, Color32, Frame, Margin, Rect, Response, Sense, Stroke, StrokeKind, Ui, UiBuilder, vec2};

use super::text::{line, line_right};
use crate::kit::fonts;
use crate::kit::tokens::{self, radius, space};

/// A part of the screen with a place of its own: what is drawn in it cannot move its neighbours.
pub fn region<R>(
    ui: &mut Ui,
    name: &'static str,
    rect: Rect,
    fill: Color32,
    margin: Margin,
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    ui.painter().rect_filled(rect, 0.0, fill);
    let mut inner = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect - margin));
    inner.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut inner)
}

/// Draws into `rect` without moving the cursor of `ui`.
pub fn inside<R>(
    ui: &mut Ui,
    name: impl std::hash::Hash + std::fmt::Debug,
    rect: Rect,
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let mut inner = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
    add(&mut inner)
}

/// Takes `height` of the full width and draws into it.
pub fn child<R>(
    ui: &mut Ui,
    name: impl std::hash::Hash + std::fmt::Debug,
    height: f32,
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    inside(ui, name, rect, add)
}

/// One surface: never put a card into a card.
pub fn card<R>(ui: &mut Ui, min_height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let tokens = tokens::of(ui);
    Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.hairline))
        .corner_radius(radius::CARD)
        .inner_margin(Margin::same(space::CARD as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.set_min_height(min_height);
            add(ui)
        })
        .inner
}

/// The head of a card: icon, title, and a figure at the right.
pub fn section(ui: &mut Ui, icon: &str, title: &str, right: &str) {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    let painter = ui.painter();
    let middle = rect.left_center();
    painter.text(middle + vec2(8.0, 0.0), Align2::CENTER_CENTER, icon, fonts::icon(16.0), tokens.caption);
    let (taken, _) =
        line_right(painter, rect.right_center(), right, tokens::secondary(), tokens.caption, rect.width() * 0.5);
    line(painter, middle + vec2(23.0, 0.0), title, tokens::strong(), tokens.value, rect.width() - 31.0 - taken);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, format!("{title} {right}").trim()));
}

/// Two pixels of accent around what has the keyboard.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, corner: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, tokens::of(ui).accent());
        ui.painter().rect_stroke(rect.expand(2.0), f32::from(corner) + 2.0, stroke, StrokeKind::Inside);
    }
}

/// Nothing to show: one line in words, and one line of what to do.
pub fn empty(ui: &mut Ui, words: &str, hint: &str) {
    let tokens = tokens::of(ui);
    let rect = ui.available_rect_before_wrap();
    let painter = ui.painter();
    let width = (rect.width() - 2.0 * space::REGION).max(40.0);
    let said = painter.layout(words.to_owned(), tokens::body(), tokens.text, width);
    let hinted = painter.layout(hint.to_owned(), tokens::secondary(), tokens.caption, width);
    let top = rect.center().y - (said.size().y + hinted.size().y + space::GAP) / 2.0;
    let place =
        |galley: &egui::Galley, y: f32| egui::pos2((rect.center().x - galley.size().x / 2.0).round(), y.round());
    let second = top + said.size().y + space::GAP;
    painter.galley(place(&said, top), said.clone(), tokens.text);
    painter.galley(place(&hinted, second), hinted.clone(), tokens.caption);
    let response = ui.interact(rect, ui.scope_id().with("empty"), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{words} {hint}").trim()));
}

/// Grey bars where lines of text will stand.
pub fn loading_bars(ui: &mut Ui, words: &str, n_bars: usize) {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), n_bars as f32 * 22.0), Sense::hover());
    for bar in 0..n_bars {
        let width = rect.width() * [0.62, 0.86, 0.74, 0.5][bar % 4];
        let place = Rect::from_min_size(rect.left_top() + vec2(0.0, bar as f32 * 22.0 + 5.0), vec2(width, 12.0));
        ui.painter().rect_filled(place, 6.0, tokens.control);
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Status, true, words));
}
