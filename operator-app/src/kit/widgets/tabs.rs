use egui::{Key, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::text::galley;
use crate::kit::tokens::{self, Tone};

/// One tab with a counter, which may be empty.
#[derive(Clone, Debug)]
pub struct Tab<'a, K> {
    pub key: K,
    pub words: &'a str,
    pub count: String,
}

impl<'a, K> Tab<'a, K> {
    pub fn new(key: K, words: &'a str) -> Self {
        Self { key, words, count: String::new() }
    }

    pub fn counted(key: K, words: &'a str, count: impl std::fmt::Display) -> Self {
        Self { key, words, count: count.to_string() }
    }
}

/// A row of tabs, one stop of the Tab key; arrows move inside. Returns the tab that was chosen now.
pub fn tabs<K: Copy + PartialEq>(ui: &mut Ui, name: &'static str, selected: K, items: &[Tab<'_, K>]) -> Option<K> {
    tabs_in(ui, name, selected, items, f32::INFINITY)
}

/// The same in no more than `width`: the words of many tabs are cut, and shown whole under the mouse.
pub fn tabs_in<K: Copy + PartialEq>(
    ui: &mut Ui,
    name: &'static str,
    selected: K,
    items: &[Tab<'_, K>],
    width: f32,
) -> Option<K> {
    let tokens = tokens::of(ui);
    let mut chosen = None;
    let (strip, _) = ui.allocate_exact_size(vec2(ui.available_width(), 34.0), Sense::hover());
    let row = ui.interact(strip, ui.scope_id().with(name), Sense::focusable_noninteractive());
    row.widget_info(|| WidgetInfo::labeled(Role::TabList, true, name));
    if row.has_focus() {
        let filter = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(row.id, filter));
        let at = items.iter().position(|tab| tab.key == selected).unwrap_or(0);
        let (left, right) = ui.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (input.consume_key(none, Key::ArrowLeft), input.consume_key(none, Key::ArrowRight))
        });
        if right {
            chosen = items.get(at + 1).map(|tab| tab.key);
        } else if left {
            chosen = at.checked_sub(1).and_then(|at| items.get(at)).map(|tab| tab.key);
        }
    }
    let each = width / items.len().max(1) as f32;
    let mut x = strip.left();
    for (at, tab) in items.iter().enumerate() {
        let on = tab.key == selected;
        let (ink, count_ink) = if on { (tokens.value, tokens.accent()) } else { (tokens.text, tokens.caption) };
        let count = galley(ui.painter(), &tab.count, tokens::caption(), count_ink, 70.0);
        let count_width = if tab.count.is_empty() { 0.0 } else { count.size().x + 6.0 };
        let room = (each - count_width - 22.0).clamp(24.0, 200.0);
        let words = galley(ui.painter(), tab.words, tokens::strong(), ink, room);
        let rect = Rect::from_min_size(pos2(x, strip.top()), vec2(words.size().x + count_width + 20.0, 34.0));
        let response = ui.interact(rect, row.id.with(at), Sense::CLICK | Sense::HOVER);
        let painter = ui.painter();
        if response.hovered() && !on {
            painter.rect_filled(rect.shrink2(vec2(0.0, 4.0)), 6.0, tokens.control);
        }
        let y = |height: f32| (rect.center().y - height / 2.0).round();
        painter.galley(pos2(rect.left() + 10.0, y(words.size().y)), words.clone(), ink);
        if !tab.count.is_empty() {
            painter.galley(pos2(rect.left() + 16.0 + words.size().x, y(count.size().y)), count.clone(), count_ink);
        }
        if on {
            let underline = Rect::from_min_max(
                pos2(rect.left() + 8.0, rect.bottom() - 2.0),
                pos2(rect.right() - 8.0, rect.bottom()),
            );
            painter.rect_filled(underline, 1.0, tokens.tone(Tone::Accent));
            if row.has_focus() {
                let stroke = egui::Stroke::new(2.0, tokens.accent());
                painter.rect_stroke(rect.shrink2(vec2(0.0, 3.0)), 6.0, stroke, egui::StrokeKind::Inside);
            }
        }
        let said = || format!("{} {}", tab.words, tab.count).trim().to_owned();
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, on, said()));
        if response.clicked() {
            chosen = Some(tab.key);
        }
        if words.elided {
            response.on_hover_text(said());
        }
        x = rect.right() + 2.0;
    }
    chosen.filter(|key| *key != selected)
}
