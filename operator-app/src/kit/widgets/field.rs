use egui::{Id, Label, Margin, Response, RichText, TextBuffer, TextEdit, Ui, vec2};

use super::text::words;
use crate::kit::tokens::{self, Tone, height};

/// What a field with a label shows around its text.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Stable, so that caret and focus stay with it.
    pub id: Id,
    pub label: &'a str,
    pub hint: &'a str,
    /// Why the text cannot stay so.
    pub fault: Option<&'a str>,
    pub width: f32,
}

/// A line to type into, with its label above it and its fault below.
pub fn text_field(ui: &mut Ui, field: Field<'_>, text: &mut dyn TextBuffer) -> Response {
    framed(ui, field, |ui, field| {
        let edit = TextEdit::singleline(text)
            .id(field.id)
            .hint_text(hint(ui, field.hint))
            .desired_width(field.width - 20.0)
            .margin(Margin::symmetric(10, 8))
            .font(tokens::input());
        ui.add_sized(vec2(field.width, height::FIELD), edit)
    })
}

/// Several lines to type into, `rect_height` high; longer text scrolls inside it.
pub fn note_field(ui: &mut Ui, field: Field<'_>, rect_height: f32, text: &mut dyn TextBuffer) -> Response {
    framed(ui, field, |ui, field| {
        egui::ScrollArea::vertical()
            .id_salt(field.id)
            .max_height(rect_height)
            .min_scrolled_height(rect_height)
            .show(ui, |ui| {
                let edit = TextEdit::multiline(text)
                    .id(field.id)
                    .hint_text(hint(ui, field.hint))
                    .desired_width(field.width - 20.0)
                    .min_size(vec2(field.width, rect_height))
                    .margin(Margin::symmetric(10, 8))
                    .font(tokens::input());
                ui.add(edit)
            })
            .inner
    })
}

fn hint(ui: &Ui, words: &str) -> egui::RichText {
    egui::RichText::new(words).color(tokens::of(ui).caption)
}

fn framed(ui: &mut Ui, field: Field<'_>, edit: impl FnOnce(&mut Ui, Field<'_>) -> Response) -> Response {
    let tokens = tokens::of(ui);
    ui.vertical(|ui| {
        ui.set_width(field.width);
        ui.spacing_mut().item_spacing.y = 5.0;
        // A name longer than its field is cut: it would make the field's neighbours believe in more room.
        let name = || RichText::new(field.label).font(tokens::secondary()).color(tokens.text);
        let label = (!field.label.is_empty()).then(|| ui.add(Label::new(name()).truncate()));
        if field.fault.is_some() {
            let stroke = egui::Stroke::new(1.0, tokens.tone(Tone::Bad));
            ui.visuals_mut().widgets.inactive.bg_stroke = stroke;
            ui.visuals_mut().widgets.hovered.bg_stroke = stroke;
        }
        let response = edit(ui, field);
        if let Some(fault) = field.fault {
            words(ui, fault, tokens::secondary(), tokens.tone(Tone::Bad));
        }
        match label {
            Some(label) => response.labelled_by(label.id),
            None => response.accessible_name(field.hint),
        }
    })
    .inner
}
