use egui::{Align, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::text::{line, line_right};
use crate::kit::tokens::{self, Tone, height};

/// A column: its head, its part of the width, its alignment.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    pub head: &'a str,
    pub part: f32,
    pub align: Align,
}

impl<'a> Column<'a> {
    pub const fn left(head: &'a str, part: f32) -> Self {
        Self { head, part, align: Align::Min }
    }

    /// For numbers.
    pub const fn right(head: &'a str, part: f32) -> Self {
        Self { head, part, align: Align::Max }
    }
}

/// What stands in one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub words: String,
    pub tone: Tone,
    /// Read first in its row.
    pub strong: bool,
}

impl Cell {
    pub fn plain(words: impl Into<String>) -> Self {
        Self { words: words.into(), ..Self::default() }
    }

    pub fn strong(words: impl Into<String>) -> Self {
        Self { words: words.into(), tone: Tone::Plain, strong: true }
    }

    pub fn toned(words: impl Into<String>, tone: Tone) -> Self {
        Self { words: words.into(), tone, strong: false }
    }
}

/// A dense table to read: painted, one line for a screen reader in each row.
pub fn table<const N: usize>(ui: &mut Ui, columns: [Column<'_>; N], rows: &[[Cell; N]]) {
    let tokens = tokens::of(ui);
    let width = ui.available_width();
    ui.spacing_mut().item_spacing.y = 0.0;
    let (head, _) = ui.allocate_exact_size(vec2(width, 22.0), Sense::hover());
    paint_row(ui, head, &columns, |at| (columns[at].head, tokens::caption(), tokens.caption));
    for row in rows {
        let (rect, response) = ui.allocate_exact_size(vec2(width, height::TABLE_ROW), Sense::hover());
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, tokens.hairline));
        let cut = paint_row(ui, rect, &columns, |at| {
            let cell = &row[at];
            let font = if cell.strong { tokens::strong() } else { tokens::body() };
            let ink = match (cell.tone, cell.strong) {
                (Tone::Plain, true) => tokens.value,
                (Tone::Plain, false) => tokens.text,
                (tone, _) => tokens.tone(tone),
            };
            (cell.words.as_str(), font, ink)
        });
        let said = || {
            let parts = columns.iter().zip(row).filter(|(_, cell)| !cell.words.is_empty());
            parts.map(|(column, cell)| format!("{} {}", column.head, cell.words)).collect::<Vec<_>>().join(", ")
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, said()));
        if cut {
            response.on_hover_text(said());
        }
    }
}

fn paint_row<'c>(
    ui: &Ui,
    rect: egui::Rect,
    columns: &[Column<'_>],
    cell: impl Fn(usize) -> (&'c str, egui::FontId, egui::Color32),
) -> bool {
    let mut x = rect.left();
    let mut any_cut = false;
    for (at, column) in columns.iter().enumerate() {
        let width = column.part * rect.width();
        let (words, font, ink) = cell(at);
        let room = width - 10.0;
        let (_, cut) = match column.align {
            Align::Max => line_right(ui.painter(), pos2(x + room, rect.center().y), words, font, ink, room),
            Align::Min | Align::Center => line(ui.painter(), pos2(x, rect.center().y), words, font, ink, room),
        };
        any_cut |= cut;
        x += width;
    }
    any_cut
}
