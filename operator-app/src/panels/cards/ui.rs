use egui::{Rect, Ui, pos2, vec2};

use super::data::card_tabs;
use crate::command::{Action, Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::space;
use crate::kit::widgets::{self, Button, Look, Tab as TabItem, tabs_in};
use crate::panels::{key_of, words};
use crate::state::Scene;
use crate::state::tab::TabKey;

/// A card that opens, with the search last; the one in front has a way to close it, unless it is the call's own.
pub fn cards_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let data = card_tabs(scene);
    if data.is_empty() {
        return;
    }
    let items: Vec<TabItem<'_, Option<TabKey>>> = data
        .iter()
        .map(|tab| TabItem::counted(tab.key, &tab.words, if tab.draft { tr.card.draft } else { "" }))
        .collect();
    let area = ui.available_rect_before_wrap();
    // Without a card in front no tab is chosen, unless it is the search.
    let front = if desk.front.is_none() && !desk.search_open { Some(NOBODY) } else { desk.front };
    match tabs_in(ui, tr.card.open_cards, front, &items, area.width() - 40.0) {
        Some(Some(key)) => requests.push(Command::BringForward(key)),
        Some(None) => requests.push(Command::ShowSearch),
        None => {}
    }
    if Action::CloseTab.enabled(desk).is_ok() {
        let place = Rect::from_min_size(pos2(area.right() - 32.0, area.top() + 2.0), vec2(30.0, 30.0));
        widgets::inside(ui, "close card", place, |ui| {
            let close = Button::new(icons::X, "").look(Look::Quiet).name(tr.action(Action::CloseTab)).show(ui);
            let hint = format!("{}  {}", tr.action(Action::CloseTab), key_of(Action::CloseTab));
            if close.on_hover_text(hint).clicked() {
                requests.push(Action::CloseTab);
            }
        });
    }
    ui.add_space(space::TIGHT);
}

/// A key that no tab has.
const NOBODY: TabKey = TabKey::Customer(shared::ids::CustomerId(i64::MIN));
