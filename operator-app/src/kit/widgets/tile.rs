use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::curve::curve;
use super::text::line;
use crate::kit::fonts;
use crate::kit::tokens::{self, Tone, radius};

/// One figure with its name and a note.
#[derive(Clone, Debug, Default)]
pub struct Tile<'a> {
    pub icon: &'a str,
    pub name: &'a str,
    pub value: &'a str,
    pub note: &'a str,
    pub tone: Tone,
    /// Oldest first; drawn when there are at least two.
    pub curve: &'a [f32],
}

/// A tile of the customer's card, 84 high.
pub fn tile(ui: &mut Ui, width: f32, data: &Tile<'_>) {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 84.0), Sense::hover());
    let painter = ui.painter();
    let edge = if data.tone == Tone::Bad { tokens.tone(Tone::Bad).gamma_multiply(0.45) } else { tokens.hairline };
    painter.rect(rect, f32::from(radius::CARD), tokens.card, Stroke::new(1.0, edge), StrokeKind::Inside);
    let ink = if data.tone == Tone::Plain { tokens.value } else { tokens.tone(data.tone) };
    let x = rect.left() + 14.0;
    let room = width - 26.0;
    let has_curve = data.curve.len() > 1;
    let value_room = if has_curve { width * 0.5 - 14.0 } else { room };
    let cut = [
        line(painter, pos2(x, rect.top() + 18.0), data.name, tokens::secondary(), tokens.caption, room).1,
        line(painter, pos2(x, rect.top() + 42.0), data.value, tokens::title(), ink, value_room).1,
        line(painter, pos2(x, rect.top() + 66.0), data.note, tokens::secondary(), tokens.caption, room).1,
    ];
    if has_curve {
        let place = Rect::from_min_max(
            pos2(rect.left() + width * 0.5, rect.top() + 32.0),
            pos2(rect.right() - 14.0, rect.top() + 54.0),
        );
        curve(painter, place, data.curve, if data.tone == Tone::Plain { tokens.accent() } else { ink });
    }
    tell(response, data, cut.contains(&true));
}

/// A tile of the supervisor's screen, 112 high, with a bar at its edge when it asks for attention.
pub fn figure_tile(ui: &mut Ui, width: f32, data: &Tile<'_>) {
    let tokens = tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 112.0), Sense::hover());
    let painter = ui.painter();
    painter.rect(rect, f32::from(radius::CARD), tokens.card, Stroke::new(1.0, tokens.hairline), StrokeKind::Inside);
    let ink = if data.tone == Tone::Plain { tokens.value } else { tokens.tone(data.tone) };
    if matches!(data.tone, Tone::Bad | Tone::Warn) {
        let bar = Rect::from_min_size(rect.left_top() + vec2(1.0, 12.0), vec2(3.0, rect.height() - 24.0));
        painter.rect_filled(bar, 2.0, ink);
    }
    let corner = pos2(rect.right() - 20.0, rect.top() + 21.0);
    painter.text(corner, Align2::CENTER_CENTER, data.icon, fonts::icon(18.0), tokens.caption);
    let x = rect.left() + 16.0;
    let cut = [
        line(painter, pos2(x, rect.top() + 21.0), data.name, tokens::secondary(), tokens.text, width - 52.0).1,
        line(painter, pos2(x, rect.top() + 56.0), data.value, tokens::figure(), ink, width - 28.0).1,
        line(painter, pos2(x, rect.top() + 90.0), data.note, tokens::secondary(), tokens.caption, width - 28.0).1,
    ];
    tell(response, data, cut.contains(&true));
}

fn tell(response: egui::Response, data: &Tile<'_>, cut: bool) {
    let said = || format!("{}: {}. {}", data.name, data.value, data.note);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, said()));
    if cut {
        response.on_hover_text(said());
    }
}
