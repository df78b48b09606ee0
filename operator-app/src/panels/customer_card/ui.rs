use egui::{Align, Id, Layout, Rect, ScrollArea, Sense, Ui, pos2, vec2};
use shared::domain::call::Target;
use shared::phone::Phone;

use super::came::came_ui;
use super::data::KnownData;
use super::search;
use crate::command::{Command, Requests};
use crate::kit::tokens::{self, Tone, space};
use crate::kit::widgets::{self, Button, Cell, Column, Tile, avatar, chip, line, table, tile};
use crate::kit::{icons, widgets::section};
use crate::lang::Tr;
use crate::panels::{number_ui, peer, strip, today, words};
use crate::state::Scene;
use crate::state::call::CardView;
use crate::state::reach::Dialled;
use crate::state::tab::Tab;

/// Bars stand for a card that has been on its way for this long.
const BARS_AFTER_MS: i64 = 150;
/// A number that can be called, beside the name.
const PHONE_WIDTH: f32 = 164.0;
/// The switcher of a customer with several accounts.
const ACCOUNTS_WIDTH: f32 = 190.0;

pub fn customer_card_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let Some(tab) = desk.front_tab() else { return };
    ScrollArea::vertical().id_salt(("card", tab.key)).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::WIDE, space::GAP);
        came_ui(ui, scene, tab);
        match &tab.card {
            CardView::Known(card) => {
                let data = KnownData::of(card, tab.chosen_account(), today(scene), tr);
                known_ui(ui, tab, &data, tr, scene, requests);
            }
            CardView::Pending => pending_ui(ui, scene, tab, tr),
            CardView::Several(candidates) => search::several_ui(ui, scene, tab, candidates, requests),
            CardView::Unknown => search::unknown_ui(ui, scene, tab, tr.card.unknown, tr.card.unknown_hint, requests),
            CardView::Withheld => search::unknown_ui(ui, scene, tab, tr.card.withheld, tr.card.withheld_hint, requests),
            CardView::Unavailable => unavailable_ui(ui, scene, tab, tr, requests),
        }
        // What the notice lies over can be scrolled out from under it.
        if strip::strip_data(scene).is_some() {
            ui.add_space(strip::HEIGHT);
        }
        if peer::peer_data(scene).is_some() {
            ui.add_space(peer::HEIGHT);
        }
    });
}

fn pending_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, tr: &Tr) {
    let desk = scene.desk;
    let waited_ms = match (&desk.call, tab.call()) {
        (Some(call), Some(id)) if call.id() == id => scene.now.since(call.pop.taken_at).as_millis() as i64,
        _ => BARS_AFTER_MS,
    };
    if waited_ms < BARS_AFTER_MS {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis((BARS_AFTER_MS - waited_ms) as u64));
        return;
    }
    for bars in [4, 3, 5] {
        widgets::card(ui, 0.0, |ui| widgets::loading_bars(ui, tr.card.loading, bars));
    }
}

fn unavailable_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, tr: &Tr, requests: &mut Requests) {
    let tokens = tokens::of(ui);
    widgets::card(ui, 84.0, |ui| {
        section(ui, icons::WARNING, tr.card.unavailable, "");
        ui.add_space(space::HAIR);
        let rings = scene.desk.call_tab().is_some_and(|of_call| of_call.key == tab.key);
        let hint = if rings { tr.card.unavailable_hint } else { tr.card.unavailable_retry };
        widgets::words(ui, hint, tokens::body(), tokens.text);
        // Of a caller whom nobody has looked up there is nothing to ask for again.
        if scene.desk.customer_of(tab.key).is_none() {
            return;
        }
        ui.add_space(space::GAP);
        if Button::new(icons::ARROWS_CLOCKWISE, tr.card.retry).key("F5").show(ui).clicked() {
            requests.push(Command::RefreshCard(tab.key));
        }
    });
}

fn known_ui(ui: &mut Ui, tab: &Tab, data: &KnownData, tr: &Tr, scene: &Scene<'_>, requests: &mut Requests) {
    widgets::card(ui, 0.0, |ui| head_ui(ui, tab, data, scene, requests));
    tiles_ui(ui, data, tr);
    let half = (ui.available_width() - space::WIDE) / 2.0;
    pair_ui(
        ui,
        half,
        136.0,
        |ui| readings_ui(ui, data, tr),
        |ui| {
            section(ui, icons::WALLET, tr.card.payments, &data.payments_total);
            let columns = [
                Column::left(tr.card.col_date, 0.24),
                Column::right(tr.card.col_amount, 0.28),
                Column::left(tr.card.col_channel, 0.24),
                Column::left(tr.card.col_status, 0.24),
            ];
            rows_or(ui, columns, &data.payments, tr.card.no_payments);
        },
    );
    let named: Vec<[Cell; 4]> = data
        .requests
        .iter()
        .map(|row| {
            let mut row = row.clone();
            if let Some(form) = scene.desk.catalogue.form(&row[1].words) {
                row[1].words = tr.of(&form.name).to_owned();
            }
            row
        })
        .collect();
    pair_ui(
        ui,
        half,
        84.0,
        |ui| {
            let count = if data.corrective.is_empty() { String::new() } else { data.corrective.len().to_string() };
            section(ui, icons::RECEIPT, tr.card.corrective, &count);
            let columns = [
                Column::left(tr.card.col_number, 0.28),
                Column::right(tr.card.col_amount, 0.22),
                Column::left(tr.card.col_ground, 0.29),
                Column::left(tr.card.col_status, 0.21),
            ];
            rows_or(ui, columns, &data.corrective, tr.card.no_corrective);
        },
        |ui| {
            let count = if named.is_empty() { String::new() } else { named.len().to_string() };
            section(ui, icons::CLIPBOARD_TEXT, tr.card.requests, &count);
            let columns = [
                Column::left("№", 0.2),
                Column::left(tr.card.col_request, 0.3),
                Column::left(tr.card.col_due, 0.23),
                Column::left(tr.card.col_status, 0.27),
            ];
            rows_or(ui, columns, &named, tr.card.no_requests);
        },
    );
}

fn head_ui(ui: &mut Ui, tab: &Tab, data: &KnownData, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 52.0), Sense::hover());
    let painter = ui.painter();
    let disc = pos2(rect.left() + 26.0, rect.center().y);
    avatar(painter, tokens, disc, 26.0, &data.initials, tokens::title(), Tone::Legal);
    let x = rect.left() + 66.0;
    let switcher = if data.accounts.len() > 1 { ACCOUNTS_WIDTH } else { 0.0 };
    let room = rect.right() - x - if switcher > 0.0 { switcher + space::WIDE } else { 0.0 };
    let phone_room = if data.phones.is_empty() { 0.0 } else { PHONE_WIDTH + space::WIDE };
    let name_room = (room - phone_room).max(120.0);
    let (taken, cut) = line(painter, pos2(x, rect.top() + 14.0), &data.name, tokens::title(), tokens.value, name_room);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, data.name.as_str()));
    if cut {
        response.on_hover_text(&data.name);
    }
    // The first number stands beside the name; others follow the flags.
    let (beside_name, others) = data.phones.split_at(data.phones.len().min(1));
    let place = Rect::from_min_size(pos2(x + taken + space::WIDE, rect.top() + 2.0), vec2(PHONE_WIDTH, 24.0));
    widgets::inside(ui, "first number", place, |ui| phones_ui(ui, beside_name, tab, scene, requests));
    let line_rect = Rect::from_min_size(pos2(x, rect.top() + 30.0), vec2(room, 22.0));
    widgets::inside(ui, "account line", line_rect, |ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.horizontal_centered(|ui| {
            if !data.account_number.is_empty() {
                widgets::label(ui, tr.card.account, tokens::body(), tokens.caption);
                widgets::copyable(ui, &data.account_number, tokens::strong(), tokens.value);
                widgets::label(ui, "·", tokens::body(), tokens.caption);
            }
            widgets::copyable(ui, &data.address, tokens::body(), tokens.text);
        });
    });
    if switcher > 0.0 {
        let place = Rect::from_min_max(pos2(rect.right() - switcher, rect.top() - 2.0), rect.max);
        widgets::inside(ui, "accounts", place, |ui| {
            let numbers: Vec<String> = data.accounts.iter().map(|(_, number)| number.clone()).collect();
            let selected = data.accounts.iter().position(|(id, _)| Some(*id) == data.account);
            let name = format!("{}: {}", tr.card.accounts, numbers.len());
            let id = Id::unique(("card accounts", tab.key));
            if let Some(at) = widgets::combo(ui, id, &name, "", switcher, selected, &numbers) {
                requests.push(Command::SelectAccount { tab: tab.key, account: data.accounts[at].0 });
            }
        });
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for (icon, words, tone) in &data.flags {
            chip(ui, icon, words, *tone);
        }
        phones_ui(ui, others, tab, scene, requests);
        ui.add_space(2.0);
        let facts = egui::RichText::new(&data.facts).font(tokens::secondary()).color(tokens.caption);
        ui.add(egui::Label::new(facts).truncate());
    });
}

fn phones_ui(ui: &mut Ui, phones: &[Phone], tab: &Tab, scene: &Scene<'_>, requests: &mut Requests) {
    for phone in phones {
        let to = Target::Number { number: format!("+{}", phone.digits()) };
        let dialled = Dialled { to, customer: tab.customer(), callback: None };
        number_ui(ui, scene, requests, &phone.pretty(), dialled);
    }
}

fn tiles_ui(ui: &mut Ui, data: &KnownData, tr: &Tr) {
    let width = (ui.available_width() - 3.0 * space::WIDE) / 4.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for (name, figure, curve) in [
            (tr.card.debt, &data.debt, &[][..]),
            (tr.card.last_readings, &data.reading, &[]),
            (tr.card.last_payment, &data.payment, &[]),
            (tr.card.consumption, &data.consumption, data.curve.as_slice()),
        ] {
            let look = Tile { icon: "", name, value: &figure.value, note: &figure.note, tone: figure.tone, curve };
            tile(ui, width, &look);
        }
    });
}

fn readings_ui(ui: &mut Ui, data: &KnownData, tr: &Tr) {
    section(ui, icons::GAUGE, tr.card.readings, &data.meter);
    let zone = tr.card.col_zone;
    let kwh = Column::right(tr.card.col_kwh, 0.16);
    let rows = |n: usize| data.readings.iter().filter(move |row| row.len() == n);
    match data.zones {
        1 => {
            let columns = [
                Column::left(tr.card.col_date, 0.26),
                Column::right(zone[0], 0.24),
                kwh,
                Column::left(tr.card.col_source, 0.34),
            ];
            rows_or(ui, columns, &fixed(rows(4)), tr.card.no_readings);
        }
        2 => {
            let columns = [
                Column::left(tr.card.col_date, 0.24),
                Column::right(zone[0], 0.17),
                Column::right(zone[1], 0.16),
                Column::right(tr.card.col_kwh, 0.14),
                Column::left(tr.card.col_source, 0.29),
            ];
            rows_or(ui, columns, &fixed(rows(5)), tr.card.no_readings);
        }
        _ => {
            let columns = [
                Column::left(tr.card.col_date, 0.22),
                Column::right(zone[0], 0.14),
                Column::right(zone[1], 0.14),
                Column::right(zone[2], 0.14),
                Column::right(tr.card.col_kwh, 0.13),
                Column::left(tr.card.col_source, 0.23),
            ];
            rows_or(ui, columns, &fixed(rows(6)), tr.card.no_readings);
        }
    }
}

fn fixed<'r, const N: usize>(rows: impl Iterator<Item = &'r Vec<Cell>>) -> Vec<[Cell; N]> {
    rows.filter_map(|row| row.clone().try_into().ok()).collect()
}

fn rows_or<const N: usize>(ui: &mut Ui, columns: [Column<'_>; N], rows: &[[Cell; N]], nothing: &str) {
    if rows.is_empty() {
        ui.add_space(space::GAP);
        widgets::words(ui, nothing, tokens::body(), tokens::of(ui).caption);
    } else {
        table(ui, columns, rows);
    }
}

/// Two cards beside each other, of the same height.
fn pair_ui(ui: &mut Ui, half: f32, min_height: f32, left: impl FnOnce(&mut Ui), right: impl FnOnce(&mut Ui)) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for draw in [Box::new(left) as Box<dyn FnOnce(&mut Ui)>, Box::new(right)] {
            ui.allocate_ui_with_layout(vec2(half, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(half);
                widgets::card(ui, min_height, draw);
            });
        }
    });
}
