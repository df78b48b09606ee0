use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Id, Key, Rect, Response, Ui, pos2, vec2};
use shared::domain::customer::CustomerLine;
use shared::ids::CustomerId;

use super::data::{Found, customer_row, found};
use crate::command::{Action, Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Button, Field, PickRows, avatar, initials, line, line_right, pick_rows, section};
use crate::lang::Tr;
use crate::panels::{key_of, words};
use crate::state::Scene;
use crate::state::screen::Region;
use crate::state::search::Search;

/// The line, and under it who was found: arrows move, Enter opens the card, Esc leaves.
pub fn search_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let id = Id::unique("search line");
    widgets::card(ui, ui.available_height() - 2.0 * space::CARD, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::GAP, space::TIGHT);
        section(ui, icons::MAGNIFYING_GLASS, tr.search.title, &key_of(Action::FindCustomer));
        ui.add_space(space::HAIR);
        let mut text = scene.desk.search.text.clone();
        let width = ui.available_width();
        let field = Field { id, label: "", hint: tr.search.hint, fault: None, width };
        let typing = widgets::text_field(ui, field, &mut text);
        if scene.desk.screen.focus == Some(Region::CustomerSearch) {
            typing.request_focus();
            choose_all(ui, id, &text);
        }
        if typing.changed() {
            requests.push(Command::SearchBase { text });
        }
        if typing.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
            requests.push(Command::CloseSearch);
        }
        ui.add_space(space::HAIR);
        let id = Id::unique("search rows");
        let (search, hint) = (&scene.desk.search, tr.search.start_hint);
        let list = FoundList { id, search, hint, height: ui.available_height() - 24.0 };
        match found_ui(ui, scene, list, &typing) {
            Some(Choice::Customer(customer)) => requests.push(Command::OpenCustomer(customer)),
            Some(Choice::Again) => requests.push(Command::SearchBase { text: scene.desk.search.text.clone() }),
            None => {}
        }
    });
}

/// What is typed next replaces what was looked for before.
fn choose_all(ui: &Ui, id: Id, text: &str) {
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), id);
}

/// What to draw of a search, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct FoundList<'a> {
    pub id: Id,
    pub search: &'a Search,
    /// Which keys do what, while nothing is typed.
    pub hint: &'a str,
    /// As high as the list may be.
    pub height: f32,
}

/// What a person did with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Customer(CustomerId),
    /// The search failed and is to be tried again.
    Again,
}

/// Draws what was found for the text in `typing`, whose arrows and Enter it listens to.
pub fn found_ui(ui: &mut Ui, scene: &Scene<'_>, list: FoundList<'_>, typing: &Response) -> Option<Choice> {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let say = |ui: &mut Ui, said: &str, hint: &str| {
        widgets::words(ui, said, tokens::body(), tokens.text);
        if !hint.is_empty() {
            widgets::words(ui, hint, tokens::secondary(), tokens.caption);
        }
    };
    match found(list.search, tr) {
        Found::Start(said) => say(ui, said, list.hint),
        Found::TooShort(said) | Found::Underway(said) => say(ui, said, ""),
        Found::Nobody(said, hint) => say(ui, said, hint),
        Found::Failed(said) => {
            widgets::words(ui, &said, tokens::body(), tokens.tone(Tone::Bad));
            ui.add_space(space::HAIR);
            let again = Button::new(icons::ARROWS_CLOCKWISE, tr.search.again).key("Enter").show(ui).clicked();
            if again || entered(ui, typing) {
                typing.request_focus();
                return Some(Choice::Again);
            }
        }
        Found::Lines { lines, count, answered } => {
            widgets::label(ui, &count, tokens::secondary(), tokens.caption);
            let row_height = height::LIST_ROW;
            let rows = PickRows { id: list.id, n_rows: lines.len(), row_height, height: list.height };
            let picked = pick_rows(ui, rows, typing, |ui, rect, response, at, on| {
                paint_customer(ui, rect, response, &lines[at], on, tr)
            });
            if picked.is_some() && !answered {
                // Another letter was typed since these were found.
                typing.request_focus();
            }
            let customer = picked.filter(|_| answered).and_then(|at| lines.get(at)).map(|line| line.id);
            return customer.map(Choice::Customer);
        }
    }
    None
}

fn entered(ui: &Ui, typing: &Response) -> bool {
    typing.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// Paints one customer to choose; returns the row's words.
pub fn paint_customer(ui: &Ui, rect: Rect, response: &Response, one: &CustomerLine, on: bool, tr: &Tr) -> String {
    let tokens = tokens::of(ui);
    let row = customer_row(one, tr);
    let painter = ui.painter();
    let rect = rect.shrink2(vec2(0.0, 1.0));
    if on || response.hovered() {
        painter.rect_filled(rect, 8.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let disc = pos2(rect.left() + 26.0, rect.center().y);
    avatar(painter, tokens, disc, 16.0, &initials(&row.name), tokens::caption(), Tone::Legal);
    let x = rect.left() + 52.0;
    let end = pos2(rect.right() - 12.0, rect.center().y - 10.0);
    let (taken, _) = line_right(painter, end, &row.debt, tokens::strong(), tokens.tone(Tone::Bad), 140.0);
    let room = rect.right() - 12.0 - x;
    let cuts = [
        line(painter, pos2(x, rect.center().y - 10.0), &row.name, tokens::strong(), tokens.value, room - taken - 8.0).1,
        line(painter, pos2(x, rect.center().y + 10.0), &row.note, tokens::secondary(), tokens.text, room).1,
    ];
    let debt = if row.debt.is_empty() { String::new() } else { format!("{} {}", tr.card.debt, row.debt) };
    let parts = [row.name, row.note, debt];
    let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    if cuts.contains(&true) {
        response.clone().on_hover_text(&said);
    }
    said
}
