use std::ops::Range;

use egui::{EventFilter, Key, Modifiers, Rect, Response, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::surface::focus_ring;

/// A list of rows of one height of which only the seen ones are drawn. Place and selection belong to a row's key,
/// so rows that arrive above push nothing away under the reader's eyes.
#[derive(Clone, Copy, Debug)]
pub struct RowList<'a, K> {
    pub name: &'static str,
    /// What a screen reader calls the list.
    pub label: &'a str,
    pub row_height: f32,
    pub keys: &'a [K],
    pub selected: Option<K>,
}

/// What a person did with the list.
#[derive(Clone, Debug)]
pub struct RowsSeen<K> {
    /// Selected now, by mouse or arrows.
    pub selected: Option<K>,
    /// Opened by Enter or a double click.
    pub opened: Option<K>,
    /// The rows that are on the screen.
    pub visible: Range<usize>,
    /// How many rows arrived above since the reader scrolled away from the top.
    pub new_above: usize,
}

#[derive(Clone, Debug)]
struct Place<K> {
    offset: f32,
    first_visible: usize,
    anchor: K,
    /// The row that was at the top when the reader last stood there.
    seen_top: K,
    selected: Option<K>,
}

impl<K: Copy + PartialEq + Send + Sync + 'static> RowList<'_, K> {
    /// Draws the list; `row` paints one row into its rectangle and says its words.
    pub fn show(
        self,
        ui: &mut Ui,
        to_top: bool,
        mut row: impl FnMut(&mut Ui, Rect, &Response, usize) -> String,
    ) -> RowsSeen<K> {
        let id = ui.scope_id().with(self.name);
        let area_rect = ui.available_rect_before_wrap();
        let list = ui.interact(area_rect, id, Sense::focusable_noninteractive());
        list.widget_info(|| WidgetInfo::labeled(Role::List, true, self.label));
        let mut seen = RowsSeen { selected: None, opened: None, visible: 0..0, new_above: 0 };
        let place = ui.data(|data| data.get_temp::<Place<K>>(id));
        let mut area = ScrollArea::vertical().id_salt(id).auto_shrink(false);
        if to_top {
            area = area.vertical_scroll_offset(0.0);
        } else if let Some(offset) = place.as_ref().and_then(|place| self.offset_after_arrivals(place)) {
            area = area.vertical_scroll_offset(offset);
        }
        let was_selected = place.as_ref().and_then(|place| place.selected);
        let target = self.keyboard(ui, &list, &mut seen).or_else(|| self.selected_elsewhere(was_selected));
        ui.spacing_mut().item_spacing.y = 0.0;
        let output = area.show_rows(ui, self.row_height, self.keys.len(), |ui, range| {
            seen.visible = range.clone();
            let (left, width) = (ui.max_rect().left(), ui.max_rect().width());
            let top = ui.min_rect().top();
            for at in range.clone() {
                let y = top + (at - range.start) as f32 * self.row_height;
                let rect = Rect::from_min_size(pos2(left, y), vec2(width, self.row_height));
                let response = ui.interact(rect, id.with(at - range.start), Sense::CLICK | Sense::HOVER);
                let words = row(ui, rect, &response, at);
                let on = self.selected == Some(self.keys[at]);
                response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, on, words.as_str()));
                if response.clicked() {
                    seen.selected = Some(self.keys[at]);
                }
                if response.double_clicked() {
                    seen.opened = Some(self.keys[at]);
                }
            }
            if let Some(at) = target {
                let whole = Rect::from_min_size(
                    pos2(left, top + (at as f32 - range.start as f32) * self.row_height),
                    vec2(width, self.row_height),
                );
                ui.scroll_to_rect(whole, None);
            }
        });
        focus_ring(ui, &list, area_rect.shrink(2.0), 8);
        let offset = output.state.clamped_offset().y;
        let first_visible = (offset / self.row_height) as usize;
        match (self.keys.first(), self.keys.get(first_visible)) {
            (Some(&top), Some(&anchor)) => {
                let seen_top = if offset < 1.0 { top } else { place.map_or(top, |place| place.seen_top) };
                seen.new_above = self.keys.iter().take(200).position(|key| *key == seen_top).unwrap_or(0);
                let place =
                    Place { offset, first_visible, anchor, seen_top, selected: seen.selected.or(self.selected) };
                ui.data_mut(|data| data.insert_temp(id, place));
            }
            _ => ui.data_mut(|data| data.remove::<Place<K>>(id)),
        }
        seen
    }

    /// Where to scroll so that the first row in sight stays where it was, when rows came or went above it.
    fn offset_after_arrivals(&self, place: &Place<K>) -> Option<f32> {
        if place.offset < 1.0 || self.keys.get(place.first_visible) == Some(&place.anchor) {
            return None;
        }
        let now_at = self.keys.iter().position(|key| *key == place.anchor)?;
        Some(place.offset + (now_at as f32 - place.first_visible as f32) * self.row_height)
    }

    /// The row that something else than this list has selected, to be brought into sight.
    fn selected_elsewhere(&self, was: Option<K>) -> Option<usize> {
        let now = self.selected.filter(|now| was != Some(*now))?;
        self.keys.iter().position(|key| *key == now)
    }

    fn keyboard(&self, ui: &Ui, list: &Response, seen: &mut RowsSeen<K>) -> Option<usize> {
        if !list.has_focus() || self.keys.is_empty() {
            return None;
        }
        ui.memory_mut(|memory| {
            memory.set_focus_lock_filter(list.id, EventFilter { vertical_arrows: true, ..Default::default() });
        });
        let at = self.selected.and_then(|key| self.keys.iter().position(|one| *one == key));
        let last = self.keys.len() - 1;
        let target = ui.input_mut(|input| {
            let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
            if pressed(Key::ArrowDown) {
                Some(at.map_or(0, |at| (at + 1).min(last)))
            } else if pressed(Key::ArrowUp) {
                Some(at.map_or(0, |at| at.saturating_sub(1)))
            } else if pressed(Key::PageDown) {
                Some(at.map_or(0, |at| (at + 8).min(last)))
            } else if pressed(Key::PageUp) {
                Some(at.map_or(0, |at| at.saturating_sub(8)))
            } else if pressed(Key::Home) {
                Some(0)
            } else if pressed(Key::End) {
                Some(last)
            } else {
                if pressed(Key::Enter) {
                    seen.opened = at.map(|at| self.keys[at]);
                }
                None
            }
        });
        seen.selected = target.map(|at| self.keys[at]);
        target
    }
}
