use egui::{Align2, Id, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::data::{PeerData, peer_data};
use crate::command::{Action, Requests};
use crate::kit::fonts;
use crate::kit::tokens::{self, Tone, height};
use crate::kit::widgets::{Button, inside, line};
use crate::panels::{action_button, key_of};
use crate::state::Scene;

/// As high as the strip is.
pub const HEIGHT: f32 = 56.0;
/// From this width on the verbs have their words.
const WORDS_FROM: f32 = 820.0;
const GAP: f32 = 8.0;
/// As wide as what the customer does is in words.
const WHOLE_STATE: f32 = 160.0;

/// Lies over `rect` and moves nothing; draws nothing while nobody but the customer is in the call.
pub fn peer_ui(ui: &mut Ui, rect: Rect, scene: &Scene<'_>, requests: &mut Requests) {
    let Some(data) = peer_data(scene) else { return };
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, tokens.card);
    painter.rect_filled(rect, 0.0, tokens.tinted(data.tone));
    painter.hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, tokens.border));
    // Nothing under the strip is pressed through it.
    ui.interact(rect, Id::unique("peer ground"), Sense::click());
    let has_words = rect.width() >= WORDS_FROM;
    let widths = if has_words { [136.0, 132.0, 152.0, 166.0] } else { [90.0, 70.0, 70.0, 106.0] };
    let verbs_width = widths.iter().sum::<f32>() + 3.0 * GAP;
    let verbs = Rect::from_min_max(
        pos2(rect.right() - verbs_width - 14.0, rect.center().y - height::FIELD / 2.0),
        pos2(rect.right() - 14.0, rect.center().y + height::FIELD / 2.0),
    );
    who_ui(ui, Rect::from_min_max(rect.min, pos2(verbs.left() - GAP, rect.bottom())), &data);
    inside(ui, "peer verbs", verbs, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            let actions = [Action::Swap, Action::Transfer, Action::Conference, Action::DropPeer];
            for (action, width) in actions.into_iter().zip(widths) {
                verb_ui(ui, scene, requests, action, has_words, width);
            }
        });
    });
}

fn verb_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests, action: Action, has_words: bool, width: f32) {
    let tr = crate::panels::words(scene);
    let key = key_of(action);
    if has_words {
        // The short word on it, the whole one for who cannot see it and under the mouse.
        let allowed = action.enabled(scene.desk);
        let whole = tr.action_now(action, scene.desk);
        let button = Button::new("", tr.verb(action, scene.desk)).name(whole).key(&key).enabled(allowed.is_ok());
        let response = button.height(height::FIELD).min_width(width).show(ui);
        if response.clicked() {
            requests.push(action);
        }
        response.on_hover_text(allowed.err().map_or(whole, |reason| tr.why_not(reason)));
    } else {
        action_button(ui, scene, requests, action, false, |button| button.height(height::FIELD).min_width(width));
    }
}

fn who_ui(ui: &Ui, rect: Rect, data: &PeerData) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let ink = tokens.tone(data.tone);
    let disc = pos2(rect.left() + 30.0, rect.center().y);
    painter.text(disc, Align2::CENTER_CENTER, data.icon, fonts::icon_filled(20.0), ink);
    let x = rect.left() + 54.0;
    let room = rect.right() - x;
    let (upper, lower) = (pos2(x, rect.center().y - 10.0), pos2(x, rect.center().y + 10.0));
    let (_, cut) = line(painter, upper, &data.who, tokens::strong(), tokens.value, room);
    // The time has a place of its own, so that nothing behind it dances.
    let (taken, _) = line(painter, lower, data.state, tokens::secondary(), ink, room);
    line(painter, lower + vec2(taken + 6.0, 0.0), &data.since, tokens::secondary(), tokens.value, 48.0);
    let rest = taken + 62.0;
    // Cut to its half it would say nothing; the call bar says it too.
    if room - rest > WHOLE_STATE {
        let at = lower + vec2(rest, 0.0);
        line(painter, at, &data.customer, tokens::secondary(), tokens.text, room - rest);
    }
    let response = ui.interact(rect, Id::unique("peer"), Sense::hover());
    // The time is left out of what is said, or it would be said anew each second.
    let said = || format!("{}, {}. {}", data.who, data.state, data.customer);
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, said()));
    if cut {
        response.on_hover_text(said());
    }
    if data.tone == Tone::Warn {
        let edge = Rect::from_min_size(rect.left_top(), vec2(3.0, rect.height()));
        ui.painter().rect_filled(edge, 0.0, ink);
    }
}
