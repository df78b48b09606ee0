use egui::{Align2, Id, Rect, Response, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::data::{DraftRow, could_be_ready, draft_rows};
use crate::command::{Action, Command, Requests};
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Look, RowList, line, line_right, section};
use crate::kit::{fonts, icons};
use crate::panels::{action_button, words};
use crate::state::Scene;
use crate::state::screen::Region;
use crate::state::tab::TabKey;

const WIDTH: f32 = 460.0;
/// More drafts than this scroll.
const DRAFTS_SEEN: usize = 4;

pub fn idle_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let rows = draft_rows(scene);
    let drafts_height =
        if rows.is_empty() { 0.0 } else { 76.0 + rows.len().min(DRAFTS_SEEN) as f32 * height::LIST_ROW };
    let area = ui.available_rect_before_wrap();
    let size = vec2(WIDTH.min(area.width()), (160.0 + drafts_height).min(area.height()));
    let place = Rect::from_center_size(area.center(), size);
    widgets::inside(ui, "nobody calls", place, |ui| {
        ScrollArea::vertical().id_salt("nobody calls").show(ui, |ui| middle_ui(ui, scene, &rows, requests));
    });
}

fn middle_ui(ui: &mut Ui, scene: &Scene<'_>, rows: &[DraftRow], requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    ui.spacing_mut().item_spacing.y = space::GAP;
    let could_be_ready = could_be_ready(scene);
    let said = if could_be_ready { tr.card.idle_not_ready } else { tr.card.idle };
    ui.vertical_centered(|ui| {
        widgets::words(ui, said, tokens::body(), tokens.text);
    });
    ui.add_space(space::HAIR);
    let half = (ui.available_width() - space::GAP) / 2.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::GAP;
        for action in [Action::FindCustomer, Action::Palette] {
            action_button(ui, scene, requests, action, true, |button| {
                button.height(height::CALL_CONTROL).min_width(half)
            });
        }
    });
    // Below the others, so that these stay where they are.
    if could_be_ready {
        let width = ui.available_width();
        action_button(ui, scene, requests, Action::Ready, true, |button| {
            button.look(Look::Primary).height(height::CALL_CONTROL).min_width(width)
        });
    }
    if !rows.is_empty() {
        ui.add_space(space::GAP);
        drafts_ui(ui, scene, rows, requests);
    }
}

fn drafts_ui(ui: &mut Ui, scene: &Scene<'_>, rows: &[DraftRow], requests: &mut Requests) {
    let tr = words(scene);
    widgets::card(ui, 0.0, |ui| {
        section(ui, icons::NOTE_PENCIL, tr.card.unfinished, &rows.len().to_string());
        ui.add_space(space::HAIR);
        let keys: Vec<TabKey> = rows.iter().map(|row| row.key).collect();
        let chosen_id = Id::unique("chosen draft");
        let chosen = ui.data(|data| data.get_temp::<TabKey>(chosen_id)).filter(|key| keys.contains(key));
        let chosen = chosen.or(keys.first().copied());
        let list_height = rows.len().min(DRAFTS_SEEN) as f32 * height::LIST_ROW;
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), list_height), egui::Sense::hover());
        let mut inner = ui.new_child(UiBuilder::new().id_salt("drafts").max_rect(rect));
        if scene.desk.screen.focus == Some(Region::Card) {
            let id = inner.scope_id().with("unfinished");
            inner.memory_mut(|memory| memory.request_focus(id));
        }
        let list = RowList {
            name: "unfinished",
            label: tr.card.unfinished,
            row_height: height::LIST_ROW,
            keys: &keys,
            selected: chosen,
        };
        let seen = list.show(&mut inner, false, |ui, rect, response, at| {
            paint_row(ui, rect, response, &rows[at], chosen == Some(keys[at]), tr.card.waits)
        });
        if let Some(key) = seen.selected {
            ui.data_mut(|data| data.insert_temp(chosen_id, key));
        }
        let clicked = seen.selected.filter(|_| ui.input(|input| input.pointer.any_click()));
        if let Some(key) = seen.opened.or(clicked) {
            requests.push(Command::BringForward(key));
        }
    });
}

fn paint_row(ui: &Ui, rect: Rect, response: &Response, row: &DraftRow, on: bool, waits: &str) -> String {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let rect = rect.shrink2(vec2(0.0, 1.0));
    if on || response.hovered() {
        painter.rect_filled(rect, 8.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let icon = if row.waits { icons::HOURGLASS } else { icons::NOTE_PENCIL };
    let icon_at = pos2(rect.left() + 20.0, rect.center().y);
    painter.text(icon_at, Align2::CENTER_CENTER, icon, fonts::icon(17.0), tokens.tone(Tone::Legal));
    let (x, end) = (rect.left() + 42.0, rect.right() - 12.0);
    let (upper, lower) = (rect.center().y - 10.0, rect.center().y + 10.0);
    let right = if row.waits { waits } else { row.when.as_str() };
    let (taken, _) = line_right(painter, pos2(end, upper), right, tokens::secondary(), tokens.caption, 140.0);
    let cuts = [
        line(painter, pos2(x, upper), &row.who, tokens::strong(), tokens.value, end - x - taken - 8.0).1,
        line(painter, pos2(x, lower), &row.what, tokens::secondary(), tokens.text, end - x).1,
    ];
    let said =
        [row.who.as_str(), &row.what, right].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    if cuts.contains(&true) {
        response.clone().on_hover_text(&said);
    }
    said
}
