//! The operator's screen: rail, call bar, waiting list, card, history, and the dock under the card.

use egui::{Id, Key, Margin, Modal, Rect, Stroke, Ui, pos2, vec2};

use crate::command::{Action, Command, Requests};
use crate::kit::tokens::{self, space};
use crate::kit::widgets::{self, Button, Look, Tab, region, tabs};
use crate::kit::{fonts, icons};
use crate::panels::{
    HISTORY_BESIDE_FROM, call_bar, cards, customer_card, history, idle, keymap, palette, peer, reach, search, strip,
    toasts, waiting, words, wrapup,
};
use crate::state::Scene;
use crate::state::reach::Purpose;
use crate::state::screen::{Overlay, Page, Region};

const RAIL: f32 = 56.0;
const WAITING: f32 = 292.0;
const WAITING_NARROW: f32 = 64.0;
const HISTORY: f32 = 388.0;
/// Below this width the waiting list shows initials.
const NAMES_FROM: f32 = 1360.0;

/// From this height on the dock keeps its place also without a card.
const DOCK_ALWAYS_FROM: f32 = 640.0;

/// What stands where the card is, when the history has no column of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Centre {
    #[default]
    Card,
    History,
}

pub fn operator_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tokens = tokens::of(ui);
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, tokens.canvas);
    let rest = rail_ui(ui, scene, requests);
    let bar = Rect::from_min_size(rest.min, vec2(rest.width(), call_bar::HEIGHT));
    region(ui, "call bar", bar, tokens.panel, Margin::ZERO, |ui| call_bar::call_bar_ui(ui, scene, requests));

    let below = Rect::from_min_max(pos2(rest.left(), bar.bottom()), rest.max);
    let names = whole.width() >= NAMES_FROM;
    let beside = whole.width() >= HISTORY_BESIDE_FROM;
    let left_width = if names { WAITING } else { WAITING_NARROW };
    let left = Rect::from_min_size(below.min, vec2(left_width, below.height()));
    let margin = if names { Margin { left: 12, right: 12, top: 6, bottom: 12 } } else { Margin::symmetric(5, 8) };
    region(ui, "waiting", left, tokens.panel, margin, |ui| waiting::waiting_ui(ui, scene, !names, requests));

    let right_width = if beside { HISTORY } else { 0.0 };
    let centre = Rect::from_min_max(pos2(left.right(), below.top()), pos2(below.right() - right_width, below.bottom()));
    let small = whole.height() < DOCK_ALWAYS_FROM;
    let no_dock = small && yields_the_dock(ui, scene, beside);
    let dock_height = if no_dock { 0.0 } else { wrapup::HEIGHT };
    let dock = Rect::from_min_max(pos2(centre.left(), centre.bottom() - dock_height), centre.max);
    let card = Rect::from_min_max(centre.min, pos2(centre.right(), dock.top()));
    region(ui, "card", card, tokens.canvas, Margin::symmetric(14, 8), |ui| centre_ui(ui, scene, beside, requests));
    if beside {
        let right = Rect::from_min_max(pos2(centre.right(), below.top()), below.max);
        let margin = Margin { left: 14, right: 6, top: 6, bottom: 0 };
        // Whom to reach stands in the place of the history, as an entry does that is written by hand.
        if reach::is_open(scene) {
            reach::reach_ui(ui, right, scene, requests);
        } else {
            region(ui, "history", right, tokens.panel, margin, |ui| history::history_ui(ui, scene, requests));
        }
        ui.painter().vline(right.left() + 0.5, right.y_range(), Stroke::new(1.0, tokens.hairline));
    }
    if !no_dock {
        let margin = Margin { left: 16, right: 16, top: 2, bottom: 14 };
        region(ui, "dock", dock, tokens.panel, margin, |ui| wrapup::wrapup_ui(ui, scene, requests));
    }
    let hairline = Stroke::new(1.0, tokens.hairline);
    ui.painter().vline(left.right() - 0.5, left.y_range(), hairline);
    ui.painter().hline(dock.x_range(), dock.top() + 0.5, hairline);

    // Over the foot of the card: the caller's name and the history stay in sight, and nothing moves.
    let notice = Rect::from_min_max(pos2(card.left(), card.bottom() - strip::HEIGHT), card.max);
    strip::strip_ui(ui, notice, scene);
    let lift = if strip::strip_data(scene).is_some() { strip::HEIGHT } else { 0.0 };
    let foot = pos2(card.right(), card.bottom() - lift);
    peer::peer_ui(ui, Rect::from_min_max(pos2(card.left(), foot.y - peer::HEIGHT), foot), scene, requests);
    if !beside {
        // The dock keeps its place, but in a window that is too small for both.
        let bottom = if small { centre.bottom() } else { dock.top() };
        let left = (centre.right() - reach::WIDTH).max(centre.left());
        reach::reach_over_ui(
            ui,
            Rect::from_min_max(pos2(left, centre.top()), pos2(centre.right(), bottom)),
            scene,
            requests,
        );
    }
}

/// The open cards, and what is in front of them: a card, the search, or that nobody calls.
fn centre_ui(ui: &mut Ui, scene: &Scene<'_>, beside: bool, requests: &mut Requests) {
    cards::cards_ui(ui, scene, requests);
    if scene.desk.search_in_front() {
        search::search_ui(ui, scene, requests);
    } else if scene.desk.front_tab().is_none() {
        idle::idle_ui(ui, scene, requests);
    } else if beside {
        customer_card::customer_card_ui(ui, scene, requests);
    } else {
        card_or_history_ui(ui, scene, requests);
    }
}

/// In a small window drawn large the middle has the whole height while there is nothing to write down under it: with
/// no card in front, or while an entry stands in the place of the history.
fn yields_the_dock(ui: &Ui, scene: &Scene<'_>, beside: bool) -> bool {
    let Some(tab) = scene.desk.front_tab() else { return true };
    let shows = ui.data(|data| data.get_temp::<Centre>(centre_id())).unwrap_or_default();
    let leaves = matches!(scene.desk.screen.focus, Some(Region::Dock | Region::Card));
    !beside && has_entry(scene, tab) && shows == Centre::History && !leaves
}

fn has_entry(scene: &Scene<'_>, tab: &crate::state::tab::Tab) -> bool {
    scene.desk.drafts.get(tab.key).is_some_and(|draft| draft.manual.is_some())
}

fn centre_id() -> Id {
    Id::unique("centre shows")
}

fn card_or_history_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let id = centre_id();
    let mut shows = ui.data(|data| data.get_temp::<Centre>(id)).unwrap_or_default();
    match scene.desk.screen.focus {
        Some(Region::History | Region::HistorySearch | Region::Manual) => shows = Centre::History,
        Some(Region::Card) => shows = Centre::Card,
        // The dock has given its place to the entry: the key that leads to it leads back to the card.
        Some(Region::Dock) if ui.ctx().content_rect().height() < DOCK_ALWAYS_FROM => shows = Centre::Card,
        _ => {}
    }
    let known = scene.desk.front_tab().filter(|tab| tab.known().is_some());
    if let Some(tab) = known {
        // An entry that is open stands in the place of the history, and says so.
        let history = if has_entry(scene, tab) {
            Tab::counted(Centre::History, tr.manual.title, tr.card.draft)
        } else {
            Tab::counted(Centre::History, tr.history.history, crate::lang::format::number(tab.history.total))
        };
        let items = [Tab::new(Centre::Card, tr.card.tab), history];
        if let Some(chosen) = tabs(ui, tr.card.tabs, shows, &items) {
            shows = chosen;
        }
        ui.add_space(space::HAIR);
    }
    ui.data_mut(|data| data.insert_temp(id, shows));
    if shows == Centre::History && known.is_some() {
        let rect = ui.available_rect_before_wrap();
        let tokens = tokens::of(ui);
        ui.painter().rect_filled(rect, 10.0, tokens.panel);
        widgets::inside(ui, "history tab", rect.shrink(8.0), |ui| history::history_ui(ui, scene, requests));
    } else {
        customer_card::customer_card_ui(ui, scene, requests);
    }
}

/// The rail at the left edge; returns the place that is left.
pub fn rail_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) -> Rect {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let whole = ui.max_rect();
    let rail = Rect::from_min_size(whole.min, vec2(RAIL, whole.height()));
    region(ui, "rail", rail, tokens.panel, Margin::symmetric(10, 12), |ui| {
        ui.spacing_mut().item_spacing.y = space::GAP;
        let (mark, _) = ui.allocate_exact_size(vec2(36.0, 36.0), egui::Sense::hover());
        ui.painter().rect_filled(mark, 9.0, tokens.save_fill);
        let font = fonts::icon_filled(20.0);
        ui.painter().text(mark.center(), egui::Align2::CENTER_CENTER, icons::LIGHTNING, font, egui::Color32::WHITE);
        ui.add_space(10.0);
        let page = scene.desk.screen.page;
        let mut pages = vec![(Page::Operator, icons::HEADSET, tr.call.operator_page)];
        if scene.desk.role() >= Action::SwitchScreen.role() {
            pages.push((Page::Supervisor, icons::SQUARES_FOUR, tr.call.supervisor_page));
        }
        for (one, icon, name) in pages {
            if widgets::icon_button(ui, icon, name, page == one).clicked() {
                requests.push(Command::Go(one));
            }
        }
        ui.with_layout(egui::Layout::bottom_up(egui::Align::Center), |ui| {
            let theme = if ui.visuals().dark_mode { icons::SUN } else { icons::MOON };
            for (action, icon) in [
                (Action::Settings, icons::GEAR),
                (Action::SwitchTheme, theme),
                (Action::KeyMap, icons::KEYBOARD),
                (Action::Palette, icons::LIST),
                (Action::FindCustomer, icons::MAGNIFYING_GLASS),
                (Action::Dial, icons::PHONE_PLUS),
            ] {
                let is_dialling = scene.desk.reach.as_ref().is_some_and(|reach| reach.purpose == Purpose::Dial);
                let on = match action {
                    Action::Settings => page == Page::Settings,
                    Action::Dial => is_dialling,
                    _ => false,
                };
                let hint = match action.enabled(scene.desk) {
                    Ok(()) => tr.action(action).to_owned(),
                    Err(reason) => format!("{}. {}", tr.action(action), tr.why_not(reason)),
                };
                if widgets::icon_button(ui, icon, &hint, on).clicked() {
                    requests.push(action);
                }
            }
        });
    });
    ui.painter().vline(rail.right() - 0.5, rail.y_range(), Stroke::new(1.0, tokens.hairline));
    Rect::from_min_max(pos2(rail.right(), whole.top()), whole.max)
}

/// What lies on top of any screen: palette, key map, state menu, the question before closing, short messages.
pub fn overlays_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    match scene.desk.screen.overlay {
        Some(Overlay::KeyMap) => keymap::keymap_ui(ui, scene, requests),
        Some(Overlay::Palette) => palette::palette_ui(ui, scene, requests),
        Some(Overlay::StateMenu) => call_bar::state_menu_ui(ui, scene, requests),
        Some(Overlay::ConfirmClose) => confirm_close_ui(ui, scene, requests),
        None => {}
    }
    toasts::toasts_ui(ui, scene, requests);
}

fn confirm_close_ui(ui: &Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let shown = Modal::new(Id::unique("confirm close")).frame(egui::Frame::popup(ui.style()).inner_margin(16.0)).show(
        ui.ctx(),
        |ui| {
            ui.set_width(420.0);
            let tokens = tokens::of(ui);
            widgets::words(ui, tr.call.close_question, tokens::caller(), tokens.value);
            widgets::words(ui, tr.call.close_meaning, tokens::body(), tokens.text);
            ui.add_space(space::GAP);
            ui.horizontal(|ui| {
                let stay = Button::new("", tr.call.close_stay).look(Look::Primary).height(36.0).show(ui);
                if ui.memory(|memory| memory.focused()).is_none() {
                    stay.request_focus();
                }
                if stay.clicked() || ui.input(|input| input.key_pressed(Key::Escape)) {
                    requests.push(Command::CloseOverlay);
                }
                if Button::new("", tr.call.close_leave).height(36.0).show(ui).clicked() {
                    requests.push(Command::Close);
                }
            });
        },
    );
    if shown.should_close() {
        requests.push(Command::CloseOverlay);
    }
}
