use egui::{Align2, Id, Rect, Response, Stroke, Ui, pos2, vec2};
use shared::domain::call::Target;
use shared::domain::interaction::{Channel, Interaction};

use super::data::{line_data, numbers_in};
use crate::command::{Action, Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Button, Field, Look, RowList, Tab as TabItem, line, paint_chip, tabs};
use crate::kit::{fonts, widgets::copyable};
use crate::panels::{key_of, manual, number_ui, words};
use crate::state::Scene;
use crate::state::history::HistoryFilter;
use crate::state::reach::Dialled;
use crate::state::screen::Region;
use crate::state::tab::Tab;

/// A page is asked for when fewer rows than this lie below the last one seen.
const AHEAD: usize = 20;

pub fn history_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let Some(tab) = desk.front_tab().filter(|tab| tab.known().is_some()) else {
        widgets::empty(ui, tr.history.no_customer, tr.history.no_customer_hint);
        return;
    };
    if manual::manual_ui(ui, scene, tab, requests) {
        return;
    }
    channels_ui(ui, scene, tab, requests);
    search_ui(ui, scene, tab, requests);
    ui.add_space(space::HAIR);
    let history = &tab.history;
    if let Some(failure) = &history.failed {
        let tokens = tokens::of(ui);
        let said = format!("{}: {}", tr.history.failed, tr.failure(failure));
        widgets::words(ui, &said, tokens::secondary(), tokens.tone(Tone::Bad));
        if Button::new(icons::ARROWS_CLOCKWISE, tr.card.retry).show(ui).clicked() {
            requests.push(Command::MoreHistory(tab.key));
        }
    }
    if history.lines.is_empty() {
        let (said, hint) = match (history.underway.is_some(), history.filter.is_empty()) {
            (true, _) => (tr.history.loading, ""),
            (false, true) => (tr.history.nothing, tr.history.nothing_hint),
            (false, false) => (tr.history.nothing_found, tr.history.nothing_found_hint),
        };
        widgets::empty(ui, said, hint);
        return;
    }
    list_ui(ui, scene, tab, requests);
}

fn channels_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) {
    let tr = words(scene);
    let total = crate::lang::format::number(tab.history.total);
    let chosen = tab.history.filter.channel;
    let count = |channel| if chosen == channel { total.clone() } else { String::new() };
    let items = [
        TabItem::counted(None, tr.history.history, count(None)),
        TabItem::counted(Some(Channel::Call), tr.history.calls, count(Some(Channel::Call))),
        TabItem::counted(Some(Channel::Email), tr.history.letters, count(Some(Channel::Email))),
        TabItem::counted(Some(Channel::Meeting), tr.history.meetings, count(Some(Channel::Meeting))),
    ];
    if let Some(channel) = tabs(ui, tr.history.channels, chosen, &items) {
        let filter = HistoryFilter { text: tab.history.filter.text.clone(), channel };
        requests.push(Command::FilterHistory { tab: tab.key, filter });
    }
}

fn search_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) {
    let tr = words(scene);
    let mut text = tab.history.filter.text.clone();
    let add_width = 112.0;
    let width = ui.available_width() - add_width - space::GAP;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::GAP;
        let field = Field {
            id: Id::unique(("history search", tab.key)),
            label: "",
            hint: tr.history.search,
            fault: None,
            width,
        };
        let response = widgets::text_field(ui, field, &mut text);
        if scene.desk.screen.focus == Some(Region::HistorySearch) {
            response.request_focus();
        }
        // Esc gives the keyboard back and the whole history.
        if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            text.clear();
        }
        if text != tab.history.filter.text {
            let filter = HistoryFilter { text, channel: tab.history.filter.channel };
            requests.push(Command::FilterHistory { tab: tab.key, filter });
        }
        let add = Button::new(icons::PLUS, tr.history.add).height(height::FIELD).min_width(add_width);
        let name = tr.action(Action::AddInteraction);
        let hint = format!("{name}  {}", key_of(Action::AddInteraction));
        if add.name(name).show(ui).on_hover_text(hint).clicked() {
            requests.push(Action::AddInteraction);
        }
    });
}

fn list_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let history = &tab.history;
    let keys: Vec<_> = history.lines.iter().map(|line| line.id).collect();
    let area = ui.available_rect_before_wrap();
    let detail = history.selected.and_then(|id| history.lines.iter().find(|line| line.id == id));
    let detail_height = if detail.is_some() { 150.0 } else { 0.0 };
    let list_rect = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() - detail_height));
    let to_top_id = Id::unique(("history to top", tab.key));
    let to_top = ui.data_mut(|data| data.remove_temp::<bool>(to_top_id)).unwrap_or(false);
    let seen = widgets::inside(ui, ("history rows", tab.key), list_rect, |ui| {
        if desk.screen.focus == Some(Region::History) {
            let id = ui.scope_id().with("contacts");
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        let rows = RowList {
            name: "contacts",
            label: tr.history.history,
            row_height: height::TIMELINE_ROW,
            keys: &keys,
            selected: history.selected,
        };
        rows.show(ui, to_top, |ui, rect, response, at| {
            paint_line(ui, rect, response, &history.lines[at], history.selected == Some(keys[at]), scene)
        })
    });
    if let Some(selected) = seen.selected {
        let again = history.selected == Some(selected) && ui.input(|input| input.pointer.any_click());
        requests.push(Command::SelectHistory { tab: tab.key, line: (!again).then_some(selected) });
    }
    if history.next.is_some()
        && history.underway.is_none()
        && history.failed.is_none()
        && seen.visible.end + AHEAD > history.lines.len()
    {
        requests.push(Command::MoreHistory(tab.key));
    }
    if seen.new_above > 0 {
        let place = Rect::from_center_size(pos2(list_rect.center().x, list_rect.top() + 20.0), vec2(130.0, 30.0));
        let said = (tr.history.n_new)(seen.new_above);
        widgets::inside(ui, "new lines", place, |ui| {
            let button = Button::new(icons::CARET_UP, &said).look(Look::Primary).min_width(130.0);
            if button.show(ui).clicked() {
                ui.data_mut(|data| data.insert_temp(to_top_id, true));
            }
        });
    }
    if let Some(one) = detail {
        let rect = Rect::from_min_max(pos2(area.left(), list_rect.bottom() + 1.0), area.max);
        detail_ui(ui, rect, one, scene, tab, requests);
    }
}

/// The chosen contact whole, to read and to copy.
fn detail_ui(ui: &mut Ui, rect: Rect, one: &Interaction, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let data = line_data(one, &scene.desk.catalogue, tr);
    ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, tokens.hairline));
    let inner = rect.shrink2(vec2(4.0, 10.0));
    let close = Rect::from_min_size(pos2(inner.right() - 30.0, inner.top() - 4.0), vec2(30.0, 30.0));
    widgets::inside(ui, "close contact", close, |ui| {
        let button = Button::new(icons::X, "").look(Look::Quiet).name(tr.call.close);
        if button.show(ui).clicked() {
            requests.push(Command::SelectHistory { tab: tab.key, line: None });
        }
    });
    let text = Rect::from_min_max(inner.min, pos2(close.left() - 4.0, inner.bottom()));
    widgets::inside(ui, ("contact", one.id), text, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let topic = one.topic.as_deref().and_then(|code| scene.desk.catalogue.topic(code));
        let title = topic.map_or(data.title.as_str(), |(_, topic)| tr.of(&topic.name));
        copyable(ui, title, tokens::strong(), tokens.value);
        copyable(ui, &format!("{} · {}", data.when, data.who), tokens::secondary(), tokens.caption);
        let numbers = numbers_in(&data.summary);
        if !numbers.is_empty() {
            ui.horizontal(|ui| {
                for phone in numbers {
                    let to = Target::Number { number: format!("+{}", phone.digits()) };
                    let dialled = Dialled { to, customer: tab.customer(), callback: None };
                    number_ui(ui, scene, requests, &phone.pretty(), dialled);
                }
            });
        }
        egui::ScrollArea::vertical().id_salt("contact text").auto_shrink(false).show(ui, |ui| {
            let words = egui::RichText::new(&data.summary).font(tokens::body()).color(tokens.text);
            ui.add(egui::Label::new(words).selectable(true).wrap());
        });
    });
}

fn paint_line(ui: &Ui, rect: Rect, response: &Response, one: &Interaction, on: bool, scene: &Scene<'_>) -> String {
    let tokens = tokens::of(ui);
    let data = line_data(one, &scene.desk.catalogue, words(scene));
    let painter = ui.painter();
    let ground = rect.shrink2(vec2(0.0, 2.0));
    if on || response.hovered() {
        painter.rect_filled(ground, 8.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let ink = tokens.tone(data.tone);
    let disc = pos2(rect.left() + 20.0, rect.top() + 24.0);
    painter.vline(disc.x, rect.top()..=rect.bottom(), Stroke::new(1.5, tokens.hairline));
    painter.circle_filled(disc, 15.0, if response.hovered() { tokens.control } else { tokens.panel });
    painter.circle_filled(disc, 13.0, tokens.tinted(data.tone));
    painter.text(disc, Align2::CENTER_CENTER, data.icon, fonts::icon(14.0), ink);
    let x = rect.left() + 44.0;
    let end = rect.right() - 12.0;
    let room = end - x;
    let first = pos2(x, rect.top() + 17.0);
    let (_, title_cut) = line(painter, first, &data.title, tokens::strong(), tokens.value, room);
    let second = pos2(x, rect.top() + 37.0);
    let (_, cut) = line(painter, second, &data.summary, tokens::body(), tokens.text, room);
    let third = pos2(x, rect.top() + 56.0);
    let (taken, _) = line(painter, third, &data.when, tokens::secondary(), tokens.caption, room);
    let chip_room = (room - taken - 18.0).min(150.0);
    let chip = if data.result.is_empty() {
        0.0
    } else {
        paint_chip(painter, tokens, pos2(end, third.y), &data.result, data.result_tone, chip_room) + 8.0
    };
    let who_room = room - taken - 10.0 - chip;
    let who = third + vec2(taken + 10.0, 0.0);
    line(painter, who, &data.who, tokens::secondary(), tokens.caption, who_room);
    if cut || title_cut {
        response.clone().on_hover_text(format!("{} · {}\n{}", data.title, data.result, data.summary));
    }
    let parts = [&data.when, &data.title, &data.result, &data.summary, &data.who];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}
