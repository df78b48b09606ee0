//! The parts of the screens. Each is a folder: `data` is what the panel shows, worked out from the desk and free of
//! egui; `ui` draws it and pushes [`Command`](crate::command::Command)s.

pub mod call_bar;
pub mod cards;
pub mod customer_card;
pub mod floor;
pub mod history;
pub mod idle;
pub mod keymap;
pub mod manual;
pub mod palette;
pub mod peer;
pub mod reach;
pub mod search;
pub mod strip;
pub mod toasts;
pub mod waiting;
pub mod wrapup;

use chrono::NaiveDate;
use egui::{Response, Ui};
use shared::domain::call::Target;
use shared::phone::CallerNumber;
use shared::time::UtcMs;

use crate::command::{Action, Command, Requests, can_dial};
use crate::kit::icons;
use crate::kit::widgets::{Button, chip_button};
use crate::lang::{self, Tr, format};
use crate::state::Scene;
use crate::state::reach::Dialled;

/// Below this width the history is a tab of the card.
pub const HISTORY_BESIDE_FROM: f32 = 1440.0;

/// The words of the scene's language.
pub fn words(scene: &Scene<'_>) -> &'static Tr {
    lang::of(scene.settings.language)
}

/// The gateway's time of day.
pub fn gateway_now(scene: &Scene<'_>) -> UtcMs {
    scene.desk.clock.at(scene.now)
}

/// Today where the operator sits.
pub fn today(scene: &Scene<'_>) -> NaiveDate {
    format::local(gateway_now(scene)).date_naive()
}

/// The key of an action as it stands on its button.
pub fn key_of(action: Action) -> String {
    action.shortcut().map(|shortcut| shortcut.to_string()).unwrap_or_default()
}

/// A number that can be called by a click or from the keyboard; while it cannot be, it says why not.
pub fn number_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests, shown: &str, dialled: Dialled) -> Response {
    let tr = words(scene);
    let allowed = can_dial(scene.desk);
    let name = (tr.reach.call_to)(shown);
    let response = chip_button(ui, icons::PHONE, shown, &name, allowed.is_ok());
    if response.clicked() {
        requests.push(Command::Dial(dialled));
    }
    response.on_hover_text(allowed.err().map_or(name.as_str(), |reason| tr.why_not(reason)))
}

/// Where a number leads that is shown; a withheld one leads nowhere.
pub fn target_of(number: &CallerNumber) -> Option<Target> {
    let number = match number {
        CallerNumber::Public(phone) => format!("+{}", phone.digits()),
        CallerNumber::Short(digits) => digits.clone(),
        CallerNumber::Withheld => return None,
    };
    Some(Target::Number { number })
}

/// The button of an action: its words, key and icon; disabled with the reason under the mouse. `shape` may change
/// how it looks, never what it does.
pub fn action_button(
    ui: &mut Ui,
    scene: &Scene<'_>,
    requests: &mut Requests,
    action: Action,
    with_words: bool,
    shape: impl FnOnce(Button<'_>) -> Button<'_>,
) -> Response {
    let tr = words(scene);
    let name = tr.action_now(action, scene.desk);
    let allowed = action.enabled(scene.desk);
    let key = key_of(action);
    let button = Button::new(icons::of(action.icon()), if with_words { name } else { "" }).name(name).key(&key);
    let response = shape(button).enabled(allowed.is_ok()).show(ui);
    if response.clicked() {
        requests.push(action);
    }
    match allowed {
        Ok(()) if with_words => response,
        Ok(()) => response.on_hover_text(name),
        Err(reason) => {
            let why = tr.why_not(reason);
            response.on_hover_text(if with_words { why.to_owned() } else { format!("{name}. {why}") })
        }
    }
}
