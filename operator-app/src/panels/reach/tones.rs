use egui::{Id, Ui, vec2};

use crate::command::{Command, Requests};
use crate::kit::tokens::{self, height, space};
use crate::kit::widgets::{self, Button, Field};
use crate::panels::words;
use crate::perform::is_tone;
use crate::state::Scene;
use crate::state::reach::{Reach, ReachEdit};

const KEYS: [[char; 3]; 4] = [['1', '2', '3'], ['4', '5', '6'], ['7', '8', '9'], ['*', '0', '#']];
const COLUMNS: f32 = 3.0;

/// The keys of a telephone: typed in the field or pressed under it, each goes out at once.
pub(super) fn tones_ui(ui: &mut Ui, scene: &Scene<'_>, reach: &Reach, focus: bool, requests: &mut Requests) -> bool {
    let tr = words(scene);
    let width = ui.available_width();
    let before = reach.text.reveal();
    let mut text = before.to_owned();
    let field = Field { id: Id::unique("tones line"), label: "", hint: tr.reach.tones_hint, fault: None, width };
    let typing = widgets::text_field(ui, field, &mut text);
    if focus {
        typing.request_focus();
    }
    if typing.changed() {
        // What was typed behind the rest goes out; what was taken away has been heard already.
        let fresh: String = text.strip_prefix(before).unwrap_or_default().chars().filter(|key| is_tone(*key)).collect();
        let shown: String = text.chars().filter(|key| is_tone(*key)).collect();
        requests.push(Command::Reach(ReachEdit::Text(shown)));
        if !fresh.is_empty() {
            requests.push(Command::SendDigits(fresh));
        }
    }
    ui.add_space(space::HAIR);
    let each = ((width - (COLUMNS - 1.0) * space::GAP) / COLUMNS).floor();
    for row in KEYS {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::GAP, space::GAP);
            for key in row {
                let (said, name) = (key.to_string(), (tr.reach.key_name)(key));
                let button = Button::new("", &said).name(&name).height(height::CALL_CONTROL).min_width(each);
                if button.show(ui).clicked() {
                    requests.push(Command::Reach(ReachEdit::Text(format!("{before}{key}"))));
                    requests.push(Command::SendDigits(said));
                }
            }
        });
    }
    ui.add_space(space::HAIR);
    widgets::words(ui, tr.reach.tones_meaning, tokens::secondary(), tokens::of(ui).text);
    typing.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape))
}
