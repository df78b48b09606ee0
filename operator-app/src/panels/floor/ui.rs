use egui::{Rect, Response, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::data::{Doing, FloorTile, PersonData, floor_tiles, people, queue_rows};
use crate::kit::icons;
use crate::kit::tokens::{self, Tone, radius, space};
use crate::kit::widgets::{self, Column, Tile, avatar, chip, figure_tile, line, line_right, section, table};
use crate::lang::format;
use crate::panels::{gateway_now, words};
use crate::state::Scene;

const PERSON_HEIGHT: f32 = 66.0;
const PERSON_MIN_WIDTH: f32 = 226.0;
const PERSON_GAP: f32 = 10.0;
/// Below this width the figures stand in two rows, so that none is cut.
const SIX_TILES_FROM: f32 = 1060.0;

pub fn floor_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let (tr, desk) = (words(scene), scene.desk);
    let tokens = tokens::of(ui);
    let now = gateway_now(scene);
    ui.spacing_mut().item_spacing = vec2(space::WIDE, space::WIDE);
    ui.horizontal(|ui| {
        widgets::label(ui, tr.floor.title, tokens::title(), tokens.value);
        if desk.connection.is_online() {
            chip(ui, icons::RECORD, &(tr.floor.live)(&format::time_of(now)), Tone::Ok);
        } else {
            chip(ui, icons::WIFI_SLASH, tr.floor.stale, Tone::Warn);
        }
        if let Some(floor) = &desk.floor {
            let from = (tr.floor.counted_from)(&format::time_of(floor.counted_from));
            widgets::label(ui, &from, tokens::secondary(), tokens.caption);
        }
    });
    let Some(floor) = &desk.floor else {
        widgets::empty(ui, tr.floor.no_floor, tr.floor.no_floor_hint);
        return;
    };
    let tiles = floor_tiles(floor, now, &desk.catalogue, tr);
    let in_a_row = if ui.available_width() < SIX_TILES_FROM { 3 } else { 6 };
    let width = (ui.available_width() - (in_a_row - 1) as f32 * space::WIDE) / in_a_row as f32;
    for row in tiles.chunks(in_a_row) {
        ui.horizontal(|ui| {
            for one in row {
                let FloorTile { icon, name, value, note, tone } = one;
                figure_tile(ui, width, &Tile { icon, name, value, note, tone: *tone, curve: &[] });
            }
        });
    }
    let rows = queue_rows(floor, now, &desk.catalogue, tr);
    widgets::card(ui, 60.0, |ui| {
        section(ui, icons::LIST, tr.floor.queues, "");
        if rows.is_empty() {
            widgets::words(ui, tr.floor.no_queues, tokens::body(), tokens.text);
            widgets::words(ui, tr.floor.no_queues_hint, tokens::secondary(), tokens.caption);
            return;
        }
        let columns = [
            Column::left(tr.floor.col_queue, 0.28),
            Column::right(tr.floor.col_service_level, 0.09),
            Column::right(tr.floor.col_waiting, 0.08),
            Column::right(tr.floor.col_longest, 0.11),
            Column::right(tr.floor.col_busy_free, 0.11),
            Column::right(tr.floor.col_arrived, 0.09),
            Column::right(tr.floor.col_answered, 0.08),
            Column::right(tr.floor.col_abandoned, 0.08),
            Column::right(tr.floor.col_aht, 0.08),
        ];
        let shown = rows.len().min(8);
        ScrollArea::vertical().id_salt("queues").max_height(22.0 + shown as f32 * 26.0).show(ui, |ui| {
            table(ui, columns, &rows);
        });
    });
    let people = people(floor, now, &desk.catalogue, tr);
    ui.horizontal(|ui| {
        widgets::label(ui, tr.floor.people, tokens::caller(), tokens.value);
        widgets::label(ui, &people.len().to_string(), tokens::body(), tokens.caption);
        for doing in Doing::ALL {
            let n = people.iter().filter(|(one, _)| *one == doing).count();
            if n > 0 {
                chip(ui, "", &format!("{} {n}", doing.words(tr)), doing.tone());
            }
        }
    });
    if people.is_empty() {
        widgets::empty(ui, tr.floor.nobody, tr.floor.nobody_hint);
        return;
    }
    people_ui(ui, &people);
}

fn people_ui(ui: &mut Ui, people: &[(Doing, PersonData)]) {
    let room = ui.available_width();
    let columns = ((room + PERSON_GAP) / (PERSON_MIN_WIDTH + PERSON_GAP)).floor().max(1.0) as usize;
    let width = (room - PERSON_GAP * (columns - 1) as f32) / columns as f32;
    ui.spacing_mut().item_spacing.y = PERSON_GAP;
    let n_rows = people.len().div_ceil(columns);
    ScrollArea::vertical().id_salt("people").auto_shrink(false).show_rows(ui, PERSON_HEIGHT, n_rows, |ui, rows| {
        for row in rows {
            let (line, _) = ui.allocate_exact_size(vec2(room, PERSON_HEIGHT), Sense::hover());
            for (column, (_, person)) in people.iter().skip(row * columns).take(columns).enumerate() {
                let left = line.left() + column as f32 * (width + PERSON_GAP);
                let rect = Rect::from_min_size(pos2(left, line.top()), vec2(width, PERSON_HEIGHT));
                let response = ui.interact(rect, ui.scope_id().with(("person", person.agent)), Sense::hover());
                person_ui(ui, rect, &response, person);
            }
        }
    });
}

fn person_ui(ui: &Ui, rect: Rect, response: &Response, person: &PersonData) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let bad = tokens.tone(Tone::Bad);
    let (fill, edge) = (
        if response.hovered() { tokens.control } else { tokens.card },
        if person.too_long { bad.gamma_multiply(0.5) } else { tokens.hairline },
    );
    painter.rect(rect, f32::from(radius::CARD), fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let tone = if person.too_long { Tone::Bad } else { person.tone };
    let disc = pos2(rect.left() + 28.0, rect.center().y);
    avatar(painter, tokens, disc, 17.0, &person.initials, tokens::strong(), tone);
    let (upper, lower) = (rect.center().y - 11.0, rect.center().y + 9.0);
    let (x, end) = (rect.left() + 54.0, rect.right() - 12.0);
    let time_ink = if person.too_long { bad } else { tokens.text };
    let (taken, _) = line_right(painter, pos2(end, upper), &person.since, tokens::strong(), time_ink, 70.0);
    let cut = [line(painter, pos2(x, upper), &person.name, tokens::strong(), tokens.value, end - x - taken - 8.0).1, {
        let (state, cut) =
            line(painter, pos2(x, lower), &person.state, tokens::secondary(), tokens.tone(tone), end - x);
        let room = end - x - state - 8.0;
        cut | line_right(painter, pos2(end, lower), &person.queue, tokens::secondary(), tokens.caption, room).1
    }];
    let said = || {
        let parts = [&person.name, &person.state, &person.queue];
        parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
    };
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, said()));
    if cut.contains(&true) {
        response.clone().on_hover_text(said());
    }
}
