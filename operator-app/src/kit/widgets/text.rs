use std::sync::Arc;

use egui::{Color32, FontId, Galley, Label, Painter, Pos2, Response, RichText, TextWrapMode, Ui, pos2, text};

/// Lays out one line, cut with an ellipsis where `width` ends.
pub(super) fn galley(painter: &Painter, words: &str, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    // Inter draws the narrow no-break space as a hair, and `3 150` would read as `3150`.
    let words = words.replace('\u{202f}', "\u{a0}");
    let mut job = text::LayoutJob::simple_singleline(words, font, colour);
    job.wrap = text::TextWrapping::truncate_at_width(width.max(0.0));
    painter.layout_job(job)
}

/// Paints one line from `at` (left edge, middle of the line) and returns its width, and whether it was cut.
pub fn line(painter: &Painter, at: Pos2, words: &str, font: FontId, colour: Color32, width: f32) -> (f32, bool) {
    let galley = galley(painter, words, font, colour, width);
    let (size, cut) = (galley.size(), galley.elided);
    painter.galley(pos2(at.x, (at.y - size.y / 2.0).round()), galley, colour);
    (size.x, cut)
}

/// The same, ending at `at` (right edge).
pub fn line_right(painter: &Painter, at: Pos2, words: &str, font: FontId, colour: Color32, width: f32) -> (f32, bool) {
    let galley = galley(painter, words, font, colour, width);
    let (size, cut) = (galley.size(), galley.elided);
    painter.galley(pos2((at.x - size.x).round(), (at.y - size.y / 2.0).round()), galley, colour);
    (size.x, cut)
}

/// A short label that is never cut.
pub fn label(ui: &mut Ui, words: &str, font: FontId, colour: Color32) -> Response {
    ui.add(Label::new(RichText::new(words).font(font).color(colour)).wrap_mode(TextWrapMode::Extend))
}

/// A sentence that takes as many lines as it needs.
pub fn words(ui: &mut Ui, words: &str, font: FontId, colour: Color32) -> Response {
    ui.add(Label::new(RichText::new(words).font(font).color(colour)).wrap_mode(TextWrapMode::Wrap))
}

/// A value which operators copy: an account, a phone.
pub fn copyable(ui: &mut Ui, words: &str, font: FontId, colour: Color32) -> Response {
    ui.add(Label::new(RichText::new(words).font(font).color(colour)).selectable(true).truncate())
}
