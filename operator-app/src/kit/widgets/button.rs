use egui::{Align2, Color32, Response, Role, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::surface::focus_ring;
use super::text::galley;
use crate::kit::fonts;
use crate::kit::tokens::{self, Tone, height, radius};

/// How loud a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Answer,
    HangUp,
    Primary,
    Soft,
    /// What it does is in force: held, muted.
    On(Tone),
    /// No surface until the mouse is over it.
    Quiet,
}

/// A button with icon, words and the key that does the same. It keeps its rectangle in every state.
#[derive(Debug)]
pub struct Button<'a> {
    icon: &'a str,
    words: &'a str,
    key: &'a str,
    look: Look,
    enabled: bool,
    height: f32,
    min_width: f32,
    name: Option<&'a str>,
}

impl<'a> Button<'a> {
    pub fn new(icon: &'a str, words: &'a str) -> Self {
        let look = Look::Soft;
        Self { icon, words, key: "", look, enabled: true, height: height::CONTROL, min_width: 0.0, name: None }
    }

    pub fn key(mut self, key: &'a str) -> Self {
        self.key = key;
        self
    }

    pub fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    pub fn min_width(mut self, width: f32) -> Self {
        self.min_width = width;
        self
    }

    /// What a screen reader says; needed where there are no words on the button.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    pub fn show(self, ui: &mut Ui) -> Response {
        let tokens = tokens::of(ui);
        let solid = matches!(self.look, Look::Answer | Look::HangUp | Look::Primary);
        let is_on = matches!(self.look, Look::On(_));
        let (fill, over, ink) = match self.look {
            Look::Answer => (tokens.answer_fill, tokens.answer_fill.gamma_multiply(1.15), Color32::WHITE),
            Look::HangUp => (tokens.hang_up_fill, tokens.hang_up_fill.gamma_multiply(1.15), Color32::WHITE),
            Look::Primary => (tokens.save_fill, tokens.save_fill.gamma_multiply(1.15), Color32::WHITE),
            Look::Soft => (tokens.control, tokens.hovered, tokens.value),
            Look::On(tone) => (tokens.tinted(tone), tokens.tinted(tone).gamma_multiply(1.6), tokens.tone(tone)),
            Look::Quiet => (Color32::TRANSPARENT, tokens.control, tokens.text),
        };
        let ink = if self.enabled { ink } else { tokens.caption };
        let fill = match (self.enabled, self.look) {
            (true, _) | (false, Look::Quiet) => fill,
            (false, _) => tokens.control.gamma_multiply(0.6),
        };
        let words = galley(ui.painter(), self.words, tokens::strong(), ink, 320.0);
        let key = galley(ui.painter(), self.key, tokens::caption(), ink, 90.0);
        let icon_width = if self.icon.is_empty() { 0.0 } else { 20.0 };
        let words_width =
            if self.words.is_empty() { 0.0 } else { words.size().x + if icon_width > 0.0 { 4.0 } else { 0.0 } };
        let key_width = if self.key.is_empty() { 0.0 } else { key.size().x + 18.0 };
        let bare = self.words.is_empty() && self.key.is_empty();
        let padding = match (bare, self.words.is_empty()) {
            (true, _) => (self.height - icon_width) / 2.0,
            (false, true) => 8.0,
            (false, false) => 12.0,
        };
        let content = icon_width + words_width + key_width;
        let width = (padding * 2.0 + content).round().max(self.min_width);
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), sense);

        let painter = ui.painter();
        let lit = self.enabled && (response.hovered() || response.has_focus());
        painter.rect_filled(rect, f32::from(radius::BUTTON), if lit { over } else { fill });
        let mut x = rect.center().x - content / 2.0;
        let middle = rect.center().y;
        if !self.icon.is_empty() {
            let font = if solid || is_on { fonts::icon_filled(17.0) } else { fonts::icon(17.0) };
            painter.text(egui::pos2(x + 9.0, middle), Align2::CENTER_CENTER, self.icon, font, ink);
            x += icon_width + if self.words.is_empty() { 0.0 } else { 4.0 };
        }
        let y_of = |size: Vec2| (middle - size.y / 2.0).round();
        if !self.words.is_empty() {
            painter.galley(egui::pos2(x.round(), y_of(words.size())), words.clone(), ink);
            x += words.size().x;
        }
        if !self.key.is_empty() {
            let cap = egui::Rect::from_min_size(egui::pos2(x + 8.0, middle - 8.0), vec2(key.size().x + 10.0, 16.0));
            let light_cap = !(ui.visuals().dark_mode || solid && self.enabled);
            painter.rect_filled(cap, 4.0, Color32::from_white_alpha(if light_cap { 150 } else { 26 }));
            painter.galley(egui::pos2((cap.left() + 5.0).round(), y_of(key.size())), key, ink);
        }
        focus_ring(ui, &response, rect, radius::BUTTON);
        let (name, key) = (self.name.unwrap_or(self.words), self.key);
        response.widget_info(|| {
            let said = if key.is_empty() { name.to_owned() } else { format!("{name}, {key}") };
            WidgetInfo::labeled(Role::Button, self.enabled, said)
        });
        response
    }
}

/// A square button of one icon; `name` is what it says to a screen reader and under the mouse.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str, on: bool) -> Response {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(36.0), Sense::click());
    let painter = ui.painter();
    if on || response.hovered() || response.has_focus() {
        let fill = if on { tokens.tinted(Tone::Accent) } else { tokens.control };
        painter.rect_filled(rect, f32::from(radius::BUTTON), fill);
    }
    let font = if on { fonts::icon_filled(20.0) } else { fonts::icon(20.0) };
    let ink = if on { tokens.accent() } else { tokens.text };
    painter.text(rect.center(), Align2::CENTER_CENTER, icon, font, ink);
    focus_ring(ui, &response, rect, radius::BUTTON);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, name));
    response.on_hover_text(name)
}
