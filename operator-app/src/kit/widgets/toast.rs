use egui::{Align2, Frame, Margin, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use super::text::words;
use super::{Button, Look};
use crate::kit::tokens::{self, Tone, radius};
use crate::kit::{fonts, icons};

/// The room for the button that takes a deed back.
const UNDO: f32 = 146.0;

/// What a toast says and how.
#[derive(Clone, Copy, Debug)]
pub struct ToastLook<'a> {
    pub words: &'a str,
    pub tone: Tone,
    /// What the button that takes it away says; `None` when it goes by itself.
    pub dismiss: Option<&'a str>,
    /// What the button says that takes the deed back, and its key.
    pub undo: Option<(&'a str, &'a str)>,
}

/// A button of a toast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Dismiss,
    Undo,
}

/// One toast; returns the button that was pressed.
pub fn toast(ui: &mut Ui, look: ToastLook<'_>) -> Option<Pressed> {
    let tokens = tokens::of(ui);
    let icon = match look.tone {
        Tone::Bad => icons::WARNING_CIRCLE,
        Tone::Warn => icons::WARNING,
        Tone::Ok => icons::CHECK_CIRCLE,
        Tone::Plain | Tone::Accent | Tone::Legal | Tone::Message => icons::INFO,
    };
    let frame = Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.tone(look.tone).gamma_multiply(0.6)))
        .corner_radius(radius::CARD)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::symmetric(12, 10));
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut pressed = None;
        ui.horizontal(|ui| {
            let (place, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
            let ink = tokens.tone(look.tone);
            ui.painter().text(place.center(), Align2::CENTER_CENTER, icon, fonts::icon_filled(17.0), ink);
            let buttons =
                if look.undo.is_some() { UNDO } else { 0.0 } + if look.dismiss.is_some() { 36.0 } else { 0.0 };
            let room = ui.available_width() - buttons;
            ui.vertical(|ui| {
                ui.set_width(room);
                words(ui, look.words, tokens::body(), tokens.value);
            });
            if let Some((name, key)) = look.undo
                && Button::new("", name).key(key).min_width(UNDO - 8.0).show(ui).clicked()
            {
                pressed = Some(Pressed::Undo);
            }
            if let Some(name) = look.dismiss
                && Button::new(icons::X, "").look(Look::Quiet).name(name).show(ui).clicked()
            {
                pressed = Some(Pressed::Dismiss);
            }
        });
        pressed
    });
    inner.response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, look.words));
    inner.inner
}
