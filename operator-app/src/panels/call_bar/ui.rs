use egui::{
    Align2, Area, Color32, Frame, Id, Key, Margin, Mesh, Order, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use super::data::{AgentData, CallBarData, state_choices};
use crate::command::{Action, Command, Requests};
use crate::kit::tokens::{self, Tone, height, radius};
use crate::kit::widgets::{Look, focus_ring, line};
use crate::kit::{fonts, icons};
use crate::panels::{action_button, words};
use crate::state::Scene;
use crate::state::screen::Region;

/// As high as the bar is in every state.
pub const HEIGHT: f32 = 72.0;
/// Below this width the buttons that have no words to lose show their icon and key alone …
const NARROW: f32 = 1380.0;
/// … below this one, in a small window drawn large, what cannot be pressed yet is an icon …
const TIGHT: f32 = 1120.0;
/// … and below this one answering and hanging up show icon and key too.
const TIGHTEST: f32 = 900.0;

/// How much room the bar has for its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    Tightest,
    Tight,
    Narrow,
    Wide,
}

impl Room {
    fn of(width: f32) -> Self {
        match width {
            ..TIGHTEST => Self::Tightest,
            TIGHTEST..TIGHT => Self::Tight,
            TIGHT..NARROW => Self::Narrow,
            _ => Self::Wide,
        }
    }

    const fn buttons(self) -> f32 {
        match self {
            Self::Tightest => 400.0,
            Self::Tight => 522.0,
            Self::Narrow => 644.0,
            Self::Wide => 860.0,
        }
    }

    const fn agent(self) -> f32 {
        match self {
            Self::Tightest => 44.0,
            Self::Tight => 132.0,
            Self::Narrow => 168.0,
            Self::Wide => 190.0,
        }
    }
}

pub fn call_bar_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let data = CallBarData::of(scene);
    let bar = ui.max_rect();
    let room = Room::of(bar.width());
    backdrop(ui, bar, &data);
    let (agent_width, buttons_width) = (room.agent(), room.buttons());
    let right = 16.0 + agent_width + 8.0 + 56.0;
    let left_width = (bar.width() - right - buttons_width - 76.0 - 16.0 - 20.0).clamp(130.0, 380.0);
    let caller = Rect::from_min_size(bar.left_top() + vec2(16.0, 8.0), vec2(left_width, 56.0));
    caller_ui(ui, caller, &data);
    let timer = Rect::from_min_size(pos2(caller.right(), caller.top()), vec2(76.0, 56.0));
    timer_ui(ui, timer, &data, words(scene).call.timer);
    let buttons = Rect::from_min_size(pos2(timer.right() + 12.0, bar.top()), vec2(buttons_width, HEIGHT));
    crate::kit::widgets::inside(ui, "call buttons", buttons, |ui| {
        ui.horizontal_centered(|ui| buttons_ui(ui, bar, &data, scene, room, requests));
    });
    let link = Rect::from_min_size(pos2(bar.right() - right, bar.top()), vec2(56.0, HEIGHT));
    link_ui(ui, link, &data, scene);
    let agent = Rect::from_min_size(pos2(link.right() + 4.0, bar.top() + 14.0), vec2(agent_width, 44.0));
    if agent_ui(ui, agent, &data.agent, words(scene).call.agent_state).clicked() {
        requests.push(Action::StateMenu);
    }
}

fn backdrop(ui: &Ui, bar: Rect, data: &CallBarData) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let edge = Rect::from_min_size(bar.left_top(), vec2(3.0, bar.height()));
    painter.rect_filled(edge, 0.0, tokens.tone(data.tone));
    if data.rings {
        let (from, to) = (tokens.tinted(Tone::Ok), Color32::TRANSPARENT);
        let (left, right) = (bar.left(), bar.left() + 620.0);
        let mut wash = Mesh::default();
        wash.colored_vertex(pos2(left, bar.top()), from);
        wash.colored_vertex(pos2(right, bar.top()), to);
        wash.colored_vertex(pos2(right, bar.bottom()), to);
        wash.colored_vertex(pos2(left, bar.bottom()), from);
        wash.add_triangle(0, 1, 2);
        wash.add_triangle(0, 2, 3);
        painter.add(wash);
    }
    painter.hline(bar.x_range(), bar.bottom() - 0.5, Stroke::new(1.0, tokens.hairline));
}

fn caller_ui(ui: &Ui, rect: Rect, data: &CallBarData) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let ink = tokens.tone(data.tone);
    let disc = pos2(rect.left() + 22.0, rect.center().y);
    painter.circle_filled(disc, 22.0, tokens.tinted(data.tone));
    painter.circle_stroke(disc, 22.0, Stroke::new(1.0, ink.gamma_multiply(0.5)));
    painter.text(disc, Align2::CENTER_CENTER, data.icon, fonts::icon_filled(22.0), ink);
    let x = rect.left() + 58.0;
    let room = rect.right() - x - 6.0;
    // Two lines stand in the middle, three fill the height.
    let [first, second, third] = if data.number.is_empty() { [18.0, 38.0, 0.0] } else { [9.0, 28.0, 47.0] };
    let (state_width, _) = line(painter, pos2(x, rect.top() + first), data.state, tokens::secondary(), ink, room);
    let queue_room = room - state_width - 8.0;
    if queue_room > 40.0 {
        let at = pos2(x + state_width + 8.0, rect.top() + first);
        line(painter, at, &data.queue, tokens::secondary(), tokens.caption, queue_room);
    }
    let (_, cut) = line(painter, pos2(x, rect.top() + second), &data.who, tokens::caller(), tokens.value, room);
    if third > 0.0 {
        line(painter, pos2(x, rect.top() + third), &data.number, tokens::body(), tokens.text, room);
    }
    let response = ui.interact(rect, Id::unique("call state"), Sense::hover());
    response.widget_info(|| {
        let parts = [data.state, &data.queue, &data.who, &data.number];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        WidgetInfo::labeled(Role::Status, true, said.join(", "))
    });
    if cut {
        response.on_hover_text(&data.who);
    }
}

fn timer_ui(ui: &Ui, rect: Rect, data: &CallBarData, name: &str) {
    let tokens = tokens::of(ui);
    let ink = if data.too_long { tokens.tone(Tone::Bad) } else { tokens.value };
    let painter = ui.painter();
    let middle = rect.center();
    painter.text(middle - vec2(0.0, 6.0), Align2::CENTER_CENTER, &data.timer, tokens::timer(), ink);
    let note_ink = if data.somebody_waits { tokens.tone(Tone::Warn) } else { tokens.caption };
    painter.text(middle + vec2(0.0, 15.0), Align2::CENTER_CENTER, &data.timer_note, tokens::caption(), note_ink);
    let response = ui.interact(rect, Id::unique("call timer"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Timer, true, name));
}

fn buttons_ui(ui: &mut Ui, bar: Rect, data: &CallBarData, scene: &Scene<'_>, room: Room, requests: &mut Requests) {
    let is_wide = room == Room::Wide;
    let gap = if is_wide { 8.0 } else { 6.0 };
    ui.spacing_mut().item_spacing.x = gap;
    let tall = height::CALL_CONTROL;
    let has_words = room > Room::Tightest;
    // Answering and hanging up never share a place.
    let answer = action_button(ui, scene, requests, Action::Answer, has_words, |button| {
        button.look(Look::Answer).height(tall).min_width(if has_words { 136.0 } else { 76.0 })
    });
    if scene.desk.screen.focus == Some(Region::CallBar) {
        answer.request_focus();
    }
    // Each is as wide as the longer word of its pair.
    for (action, width) in
        [(Action::Hold, 132.0), (Action::Mute, 0.0), (Action::Transfer, 158.0), (Action::Conference, 0.0)]
    {
        let has_words = is_wide && width > 0.0;
        let response = action_button(ui, scene, requests, action, has_words, |button| {
            let button = button.look(match action {
                Action::Hold if data.held => Look::On(Tone::Warn),
                Action::Mute if data.muted => Look::On(Tone::Bad),
                _ => Look::Soft,
            });
            match (has_words, room) {
                (true, _) => button.height(tall).min_width(width),
                (false, Room::Tight | Room::Tightest) => button.key("").height(tall),
                (false, _) => button.height(tall).min_width(68.0),
            }
        });
        match action {
            Action::Mute if data.muted => {
                let at = pos2(response.rect.left(), bar.bottom() - 9.0);
                mark_ui(ui, "muted", at, words(scene).reach.muted, Tone::Bad);
            }
            Action::Hold => {
                if let Some(heard) = &data.heard {
                    mark_ui(ui, "heard", pos2(response.rect.left(), bar.top() + 9.0), heard, Tone::Message);
                }
            }
            _ => {}
        }
    }
    let width = if is_wide { 94.0 } else { height::CONTROL };
    let stack = ui.allocate_exact_size(vec2(width, 2.0 * height::CONTROL + 4.0), Sense::hover()).0;
    for (action, top) in [(Action::Park, stack.top()), (Action::Tones, stack.bottom() - height::CONTROL)] {
        let place = Rect::from_min_size(pos2(stack.left(), top), vec2(width, height::CONTROL));
        crate::kit::widgets::inside(ui, ("stacked", action), place, |ui| {
            action_button(ui, scene, requests, action, false, |button| {
                if is_wide { button.min_width(width) } else { button.key("") }
            });
        });
    }
    ui.add_space(if is_wide { 10.0 } else { 4.0 });
    action_button(ui, scene, requests, Action::HangUp, has_words, |button| {
        button.look(Look::HangUp).height(tall).min_width(if has_words { 146.0 } else { 76.0 })
    });
}

/// A few words over or under the buttons, where nothing else stands.
fn mark_ui(ui: &Ui, name: &'static str, at: egui::Pos2, said: &str, tone: Tone) {
    let (width, _) = line(ui.painter(), at, said, tokens::caption(), tokens::of(ui).tone(tone), 240.0);
    let rect = Rect::from_min_size(pos2(at.x, at.y - 8.0), vec2(width, 16.0));
    let response = ui.interact(rect, Id::unique(("call mark", name)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, said));
}

fn link_ui(ui: &Ui, rect: Rect, data: &CallBarData, scene: &Scene<'_>) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let (icon, tone, said) = match (data.linked, data.phone_lost) {
        (false, _) => (icons::WIFI_SLASH, Tone::Warn, tr.call.not_linked),
        (true, true) => (icons::PHONE_SLASH, Tone::Bad, tr.call.phone_lost),
        (true, false) => (icons::PLUGS_CONNECTED, Tone::Ok, tr.call.linked),
    };
    let lift = if data.pop_ms.is_some() { 8.0 } else { 0.0 };
    let at = rect.center() - vec2(0.0, lift);
    ui.painter().text(at, Align2::CENTER_CENTER, icon, fonts::icon(19.0), tokens.tone(tone));
    let mut whole = said.to_owned();
    if let Some(ms) = data.pop_ms {
        let at = rect.center() + vec2(0.0, 13.0);
        let latency = (tr.call.pop_latency)(ms);
        ui.painter().text(at, Align2::CENTER_CENTER, &latency, tokens::caption(), tokens.caption);
        whole = format!("{said}. {}: {latency}", tr.call.pop_latency_hint);
    }
    let response = ui.interact(rect, Id::unique("link state"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &whole));
    response.on_hover_text(whole);
}

fn agent_ui(ui: &Ui, rect: Rect, data: &AgentData, name: &str) -> Response {
    let tokens = tokens::of(ui);
    let response = ui.interact(rect, Id::unique("agent state"), Sense::click());
    let painter = ui.painter();
    let fill = if response.hovered() { tokens.hovered } else { tokens.control };
    let stroke = Stroke::new(1.0, tokens.border);
    painter.rect(rect, f32::from(radius::CARD), fill, stroke, StrokeKind::Inside);
    let disc = pos2(rect.left() + 22.0, rect.center().y);
    painter.circle_filled(disc, 14.0, tokens.save_fill);
    painter.text(disc, Align2::CENTER_CENTER, &data.initials, tokens::caption(), Color32::WHITE);
    painter.circle_filled(disc + vec2(10.0, 10.0), 6.0, fill);
    painter.circle_filled(disc + vec2(10.0, 10.0), 4.0, tokens.tone(data.tone));
    let x = rect.left() + 44.0;
    let room = rect.width() - 44.0 - 24.0;
    let (mut cut, mut note_cut) = (true, true);
    // In the smallest bar the disc and its point stand alone, and the words are under the mouse.
    if room > 0.0 {
        let note_ink = if data.pending { tokens.tone(Tone::Warn) } else { tokens.caption };
        let (upper, lower) = (pos2(x, rect.center().y - 9.0), pos2(x, rect.center().y + 9.0));
        cut = line(painter, upper, &data.state, tokens::strong(), tokens.value, room).1;
        note_cut = line(painter, lower, &data.note, tokens::caption(), note_ink, room).1;
        let caret = pos2(rect.right() - 14.0, rect.center().y);
        painter.text(caret, Align2::CENTER_CENTER, icons::CARET_DOWN, fonts::icon(12.0), tokens.caption);
    }
    focus_ring(ui, &response, rect, radius::CARD);
    // The time since is left out of what is said, or it would be said anew each second.
    response.widget_info(|| {
        let said = if data.pending {
            format!("{name}: {}. {}", data.state, data.note)
        } else {
            format!("{name}: {}", data.state)
        };
        WidgetInfo::labeled(Role::Button, true, said)
    });
    if cut || note_cut { response.on_hover_text(format!("{}\n{}", data.state, data.note)) } else { response }
}

/// The menu under the operator's state (F10): arrows, Enter, Esc.
pub fn state_menu_ui(ui: &Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let choices = state_choices(scene);
    let screen = ui.ctx().content_rect();
    let tokens = tokens::of(ui);
    let name = words(scene).call.agent_state;
    let area = Area::new(Id::unique("state menu"))
        .order(Order::Foreground)
        .fixed_pos(pos2(screen.right() - 256.0, screen.top() + HEIGHT - 8.0))
        .accessible_name(name)
        .show(ui.ctx(), |ui| {
            Frame::popup(ui.style()).inner_margin(Margin::same(6)).show(ui, |ui| {
                ui.set_width(228.0);
                ui.spacing_mut().item_spacing.y = 2.0;
                let mut first = None;
                for choice in &choices {
                    let (rect, _) = ui.allocate_exact_size(vec2(228.0, 34.0), Sense::hover());
                    let response = ui.interact(rect, Id::unique(("state choice", &choice.words)), Sense::click());
                    let painter = ui.painter();
                    if choice.current || response.hovered() || response.has_focus() {
                        let fill = if choice.current { tokens.tinted(Tone::Accent) } else { tokens.hovered };
                        painter.rect_filled(rect, 7.0, fill);
                    }
                    painter.circle_filled(rect.left_center() + vec2(14.0, 0.0), 4.0, tokens.tone(choice.tone));
                    let at = rect.left_center() + vec2(28.0, 0.0);
                    line(painter, at, &choice.words, tokens::body(), tokens.value, 180.0);
                    focus_ring(ui, &response, rect.shrink(2.0), 6);
                    response.widget_info(|| {
                        WidgetInfo::selected(Role::MenuItemRadio, true, choice.current, choice.words.as_str())
                    });
                    if response.clicked() {
                        requests.push(Command::SetState(choice.wish.clone()));
                        requests.push(Command::CloseOverlay);
                    }
                    if first.is_none() || choice.current {
                        first = Some(response);
                    }
                }
                if let Some(first) = first
                    && !choices
                        .iter()
                        .any(|choice| ui.memory(|memory| memory.has_focus(Id::unique(("state choice", &choice.words)))))
                {
                    first.request_focus();
                }
            });
        });
    let outside = area.response.clicked_elsewhere() && ui.input(|input| input.pointer.any_click());
    if outside || ui.input(|input| input.key_pressed(Key::Escape)) {
        requests.push(Command::CloseOverlay);
    }
}
