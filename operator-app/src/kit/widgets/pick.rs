use egui::{Align2, Id, Key, Rect, Response, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::text::{line, line_right};
use crate::kit::fonts;
use crate::kit::tokens::{self, Tone};

/// One thing to pick.
#[derive(Clone, Debug, Default)]
pub struct PickRow {
    pub icon: &'static str,
    pub words: String,
    /// What it belongs to, smaller, at the right.
    pub note: String,
}

/// A list that is picked from by typing in a field above it: arrows move, Enter picks, the field keeps the focus.
#[derive(Clone, Copy, Debug)]
pub struct PickList<'a> {
    pub id: Id,
    pub name: &'a str,
    pub rows: &'a [PickRow],
    /// The key that picks the marked row, shown on it.
    pub key: &'a str,
    pub height: f32,
}

/// Draws the list; `typing` is the field whose arrows and Enter it listens to. Returns what was picked.
pub fn pick_list(ui: &mut Ui, list: PickList<'_>, typing: &Response) -> Option<usize> {
    let rows = PickRows { id: list.id, n_rows: list.rows.len(), row_height: 30.0, height: list.height };
    pick_rows(ui, rows, typing, |ui, rect, response, at, on| {
        let row = &list.rows[at];
        paint(ui, rect, row, on, response.hovered(), if on { list.key } else { "" });
        format!("{} {}", row.words, row.note).trim().to_owned()
    })
}

/// The same with rows of any look.
#[derive(Clone, Copy, Debug)]
pub struct PickRows {
    pub id: Id,
    pub n_rows: usize,
    pub row_height: f32,
    pub height: f32,
}

/// Draws the rows; `row` paints one, which may be the marked one, and says its words. Returns what was picked.
pub fn pick_rows(
    ui: &mut Ui,
    list: PickRows,
    typing: &Response,
    mut row: impl FnMut(&Ui, Rect, &Response, usize, bool) -> String,
) -> Option<usize> {
    let marked_id = list.id.with("marked");
    let last = list.n_rows.saturating_sub(1);
    if typing.changed() {
        ui.data_mut(|data| data.remove::<usize>(marked_id));
    }
    let before = ui.data(|data| data.get_temp::<usize>(marked_id)).unwrap_or(0).min(last);
    let mut marked = before;
    let mut picked = None;
    if typing.has_focus() || typing.lost_focus() {
        let (up, down, enter) = ui.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            let up = input.count_and_consume_key(none, Key::ArrowUp);
            let down = input.count_and_consume_key(none, Key::ArrowDown);
            // The Enter that picks does nothing else, wherever the keyboard goes next.
            (up, down, input.modifiers.is_none() && input.consume_key(none, Key::Enter))
        });
        marked = (marked + down).min(last).saturating_sub(up);
        if enter && list.n_rows > 0 {
            picked = Some(marked);
        }
    }
    let moved = marked != before;
    ui.spacing_mut().item_spacing.y = 2.0;
    ScrollArea::vertical().id_salt(list.id).max_height(list.height).auto_shrink([false, true]).show(ui, |ui| {
        for at in 0..list.n_rows {
            let size = vec2(ui.available_width(), list.row_height);
            let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK | Sense::HOVER);
            let on = at == marked;
            let said = row(ui, rect, &response, at, on);
            response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, on, said.as_str()));
            if on && moved {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                picked = Some(at);
            }
        }
    });
    ui.data_mut(|data| data.insert_temp(marked_id, marked));
    picked
}

fn paint(ui: &Ui, rect: Rect, row: &PickRow, on: bool, hovered: bool, key: &str) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    if on || hovered {
        painter.rect_filled(rect, 7.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let ink = if on { tokens.accent() } else { tokens.caption };
    painter.text(rect.left_center() + vec2(16.0, 0.0), Align2::CENTER_CENTER, row.icon, fonts::icon(15.0), ink);
    let end = rect.right_center() - vec2(10.0, 0.0);
    let (key_width, _) = line_right(painter, end, key, tokens::caption(), tokens.caption, 60.0);
    let end = end - vec2(if key_width > 0.0 { key_width + 10.0 } else { 0.0 }, 0.0);
    let font = if on { tokens::strong() } else { tokens::body() };
    let room = end.x - rect.left() - 36.0;
    let (taken, _) = line(painter, rect.left_center() + vec2(32.0, 0.0), &row.words, font, tokens.value, room);
    if room - taken > 60.0 {
        line_right(painter, end, &row.note, tokens::secondary(), tokens.caption, room - taken - 12.0);
    }
}
