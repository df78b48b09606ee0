//! A caller whom the number does not tell: choose among several, search by hand, or create.

use egui::{Id, Ui};
use shared::domain::customer::{CustomerKind, CustomerLine, NewCustomer};
use shared::ids::CustomerId;
use shared::phone::Phone;

use crate::command::{Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::{self, height, space};
use crate::kit::widgets::{self, Button, Field, Look, RowList, section};
use crate::lang::Tr;
use crate::panels::search::{Choice, FoundList, found_ui, paint_customer};
use crate::panels::{number_ui, target_of, words};
use crate::state::Scene;
use crate::state::drafts::{Edit, NewcomerDraft};
use crate::state::reach::Dialled;
use crate::state::screen::Region;
use crate::state::tab::Tab;

/// More customers than this scroll.
const SEEN: usize = 6;

/// Several customers have the number: arrows and Enter, never a guess.
pub fn several_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, lines: &[CustomerLine], requests: &mut Requests) {
    let tr = words(scene);
    widgets::card(ui, 0.0, |ui| {
        let tokens = tokens::of(ui);
        section(ui, icons::USERS, &(tr.card.several)(lines.len()), "");
        widgets::words(ui, tr.card.several_hint, tokens::secondary(), tokens.text);
        ui.add_space(space::GAP);
        if let Some(customer) = lines_ui(ui, scene, lines, "candidates", scene.desk.screen.focus == Some(Region::Card))
        {
            link(tab, customer, false, requests);
        }
    });
    widgets::card(ui, 0.0, |ui| {
        search_ui(ui, scene, tab, requests);
    });
}

/// Nobody is known for the call: search, then link or create.
pub fn unknown_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, title: &str, hint: &str, requests: &mut Requests) {
    let tr = words(scene);
    let number = tab.caller.as_ref().map_or_else(String::new, |caller| crate::lang::format::caller(caller, ""));
    widgets::card(ui, 0.0, |ui| {
        let tokens = tokens::of(ui);
        section(ui, icons::USER, title, "");
        widgets::words(ui, hint, tokens::secondary(), tokens.text);
        if let Some(to) = tab.caller.as_ref().and_then(target_of) {
            ui.add_space(space::HAIR);
            number_ui(ui, scene, requests, &number, Dialled { to, customer: None, callback: None });
        }
    });
    let newcomer = scene.desk.drafts.get(tab.key).and_then(|draft| draft.newcomer.as_ref());
    widgets::card(ui, 0.0, |ui| match newcomer {
        Some(draft) => newcomer_ui(ui, tab, draft, tr, requests),
        None => {
            search_ui(ui, scene, tab, requests);
            ui.add_space(space::GAP);
            if Button::new(icons::PLUS, tr.card.create).show(ui).clicked() {
                let phone = tab.caller.as_ref().and_then(|caller| caller.phone()).map(Phone::pretty);
                let draft = NewcomerDraft { phone: phone.unwrap_or_default().into(), ..NewcomerDraft::default() };
                requests.push(Command::Edit { tab: tab.key, edit: Edit::Newcomer(Some(draft)) });
            }
        }
    });
}

fn search_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) {
    let tr = words(scene);
    let mut text = tab.search.text.clone();
    let field = Field {
        id: Id::unique(("customer search", tab.key)),
        label: tr.search.title,
        hint: tr.search.hint,
        fault: None,
        width: ui.available_width(),
    };
    let typing = widgets::text_field(ui, field, &mut text);
    if scene.desk.screen.focus == Some(Region::Card) && tab.card_is_nobodys() {
        typing.request_focus();
    }
    if typing.changed() {
        requests.push(Command::Search { tab: tab.key, text: text.clone() });
    }
    // Of a call that is over nothing is remembered but what was typed.
    let has_number = tab.caller.as_ref().is_some_and(|caller| caller.phone().is_some());
    let can_remember = has_number && !scene.desk.is_past_call(tab.key);
    let remember_id = Id::unique(("remember number", tab.key));
    let mut remember = ui.data(|data| data.get_temp(remember_id)).unwrap_or(true);
    if can_remember && ui.checkbox(&mut remember, tr.card.link_number).changed() {
        ui.data_mut(|data| data.insert_temp(remember_id, remember));
    }
    ui.add_space(space::HAIR);
    let id = Id::unique(("found customers", tab.key));
    let list =
        FoundList { id, search: &tab.search, hint: tr.card.link_hint, height: SEEN as f32 * (height::LIST_ROW + 2.0) };
    match found_ui(ui, scene, list, &typing) {
        Some(Choice::Customer(customer)) => link(tab, customer, can_remember && remember, requests),
        Some(Choice::Again) => requests.push(Command::Search { tab: tab.key, text }),
        None => {}
    }
}

/// Binds the customer to the call of the tab; opens the card when there is no call.
fn link(tab: &Tab, customer: CustomerId, remember_number: bool, requests: &mut Requests) {
    match tab.call() {
        Some(call) => requests.push(Command::LinkCustomer { call, customer, remember_number }),
        None => requests.push(Command::OpenCustomer(customer)),
    }
}

/// Customers to choose from; returns the one that was opened.
fn lines_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    lines: &[CustomerLine],
    name: &'static str,
    focus: bool,
) -> Option<CustomerId> {
    let tr = words(scene);
    let chosen_id = ui.scope_id().with((name, "chosen"));
    let keys: Vec<CustomerId> = lines.iter().map(|line| line.id).collect();
    let chosen = ui.data(|data| data.get_temp::<CustomerId>(chosen_id)).filter(|id| keys.contains(id));
    let chosen = chosen.or(keys.first().copied());
    let shown = lines.len().min(SEEN);
    let rect_height = shown as f32 * height::LIST_ROW;
    let seen = widgets::child(ui, name, rect_height, |ui| {
        if focus {
            let id = ui.scope_id().with("customers");
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        let rows = RowList {
            name: "customers",
            label: tr.card.candidates,
            row_height: height::LIST_ROW,
            keys: &keys,
            selected: chosen,
        };
        rows.show(ui, false, |ui, rect, response, at| {
            paint_customer(ui, rect, response, &lines[at], chosen == Some(keys[at]), tr)
        })
    });
    if let Some(id) = seen.selected {
        ui.data_mut(|data| data.insert_temp(chosen_id, id));
    }
    ui.add_space(space::TIGHT);
    let linked = Button::new(icons::LINK, tr.card.link).key("Enter").enabled(chosen.is_some()).show(ui).clicked();
    seen.opened.or(if linked { chosen } else { None })
}

fn newcomer_ui(ui: &mut Ui, tab: &Tab, draft: &NewcomerDraft, tr: &Tr, requests: &mut Requests) {
    section(ui, icons::PLUS, tr.card.create_title, "");
    ui.add_space(space::HAIR);
    let mut edited = draft.clone();
    let tried_id = Id::unique(("newcomer tried", tab.key));
    let tried = ui.data(|data| data.get_temp::<bool>(tried_id)).unwrap_or(false);
    ui.horizontal(|ui| {
        for (kind, name) in [(CustomerKind::Person, tr.card.person), (CustomerKind::Organisation, tr.card.organisation)]
        {
            if ui.radio(edited.kind == kind, name).clicked() {
                edited.kind = kind;
            }
        }
    });
    let phone = Phone::parse(edited.phone.reveal());
    let phone_wrong = !edited.phone.reveal().trim().is_empty() && phone.is_none();
    let name_missing = edited.name.reveal().trim().is_empty();
    let half = (ui.available_width() - space::WIDE) / 2.0;
    let full = ui.available_width();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for (what, label, value, fault) in [
            ("name", tr.card.name, &mut edited.name, (tried && name_missing).then_some(tr.card.name_missing)),
            ("phone", tr.card.phone, &mut edited.phone, phone_wrong.then_some(tr.card.phone_wrong)),
        ] {
            let mut text = value.reveal().to_owned();
            let field = Field { id: Id::unique(("newcomer", what, tab.key)), label, hint: "", fault, width: half };
            if widgets::text_field(ui, field, &mut text).changed() {
                *value = text.into();
            }
        }
    });
    let mut address = edited.address.reveal().to_owned();
    let id = Id::unique(("newcomer", "address", tab.key));
    let field = Field { id, label: tr.card.address, hint: "", fault: None, width: full };
    if widgets::text_field(ui, field, &mut address).changed() {
        edited.address = address.into();
    }
    ui.add_space(space::HAIR);
    ui.horizontal(|ui| {
        if Button::new(icons::CHECK_CIRCLE, tr.card.create).look(Look::Primary).height(36.0).show(ui).clicked() {
            ui.data_mut(|data| data.insert_temp(tried_id, true));
            if !name_missing && !phone_wrong {
                requests.push(Command::CreateCustomer {
                    call: tab.call(),
                    customer: NewCustomer {
                        kind: edited.kind,
                        name: edited.name.reveal().trim().into(),
                        phone,
                        address: edited.address.reveal().trim().into(),
                    },
                });
            }
        }
        if Button::new("", tr.card.cancel).height(36.0).show(ui).clicked() {
            requests.push(Command::Edit { tab: tab.key, edit: Edit::Newcomer(None) });
        }
    });
    if edited != *draft {
        requests.push(Command::Edit { tab: tab.key, edit: Edit::Newcomer(Some(edited)) });
    }
}
