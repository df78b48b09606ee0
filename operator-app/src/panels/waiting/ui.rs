use egui::{Align2, Id, Rect, Response, Sense, Ui, WidgetInfo, pos2, vec2};

use super::data::{List, Waiter, WaitingRow, dial_missed, dial_waiter, missed_row, waiters, waiting_row};
use crate::command::{Command, Reason, Requests, can_dial};
use crate::kit::tokens::{self, Tone, height};
use crate::kit::widgets::{self, Look, RowList, Tab, avatar, initials, line, line_right, tabs};
use crate::kit::{fonts, icons};
use crate::panels::words;
use crate::state::Scene;
use crate::state::reach::Dialled;
use crate::state::screen::Region;

/// What is remembered of the list from frame to frame; nothing of it leaves the screen.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    list: List,
    call: Option<shared::ids::CallId>,
    missed: Option<shared::ids::CallbackId>,
}

/// `narrow` leaves initials and the waiting time.
pub fn waiting_ui(ui: &mut Ui, scene: &Scene<'_>, narrow: bool, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let id = Id::unique("waiting list");
    let mut kept = ui.data(|data| data.get_temp::<Remembered>(id)).unwrap_or_default();
    if narrow {
        narrow_tabs_ui(ui, scene, &mut kept.list);
    } else {
        let open = desk.missed.iter().filter(|missed| missed.handled_at.is_none()).count();
        let items = [
            Tab::counted(List::Queue, tr.waiting.queue, desk.waiting.len() + desk.parked.len()),
            Tab::counted(List::Missed, tr.waiting.missed, open),
        ];
        if let Some(list) = tabs(ui, tr.waiting.lists, kept.list, &items) {
            kept.list = list;
        }
    }
    ui.add_space(4.0);
    let list_id = ui.scope_id().with(match kept.list {
        List::Queue => "queue rows",
        List::Missed => "missed rows",
    });
    if desk.screen.focus == Some(Region::Waiting) {
        ui.memory_mut(|memory| memory.request_focus(list_id));
    }
    match kept.list {
        List::Queue if desk.waiting.is_empty() && desk.parked.is_empty() => {
            empty_ui(ui, narrow, tr.waiting.nobody_waits, tr.waiting.nobody_waits_hint);
        }
        List::Queue => queue_ui(ui, scene, narrow, &mut kept, requests),
        List::Missed if desk.missed.is_empty() => {
            empty_ui(ui, narrow, tr.waiting.nobody_missed, tr.waiting.nobody_missed_hint);
        }
        List::Missed => missed_ui(ui, scene, narrow, &mut kept, requests),
    }
    ui.data_mut(|data| data.insert_temp(id, kept));
}

/// The parked first, then the queue, and under both what can be done with the chosen one.
fn queue_ui(ui: &mut Ui, scene: &Scene<'_>, narrow: bool, kept: &mut Remembered, requests: &mut Requests) {
    let tr = words(scene);
    let waiters = waiters(scene);
    let keys: Vec<_> = waiters.iter().map(Waiter::call).collect();
    let (list_rect, foot_rect) = with_foot(ui, 1);
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(list_rect).scope_id(ui.scope_id()));
    let rows = RowList {
        name: "queue rows",
        label: tr.waiting.queue,
        row_height: height::LIST_ROW,
        keys: &keys,
        selected: kept.call,
    };
    let seen = rows.show(&mut inner, false, |ui, rect, response, at| {
        let row = waiting_row(scene, &waiters[at]);
        paint_row(ui, rect, response, kept.call == Some(row.call), &row, narrow);
        match waiters[at] {
            Waiter::Parked(parked) => (tr.reach.waits_parked)(&row.who, &parked.parked_by_name, &row.waited),
            Waiter::Queued(_) => (tr.waiting.waits)(&row.who, &row.queue, &row.waited),
        }
    });
    kept.call = seen.selected.or(kept.call);
    // A click on a parked call picks it up, as Enter does: everybody who sees it has been asked to.
    let clicked = seen.selected.filter(|_| ui.input(|input| input.pointer.any_click()));
    let opened = seen.opened.or(clicked);
    if let Some(call) = opened.filter(|call| scene.desk.parked.iter().any(|parked| parked.call == *call)) {
        requests.push(Command::PickUp(call));
    }
    let chosen = kept.call.and_then(|call| waiters.iter().find(|waiter| waiter.call() == call));
    widgets::inside(ui, "queue foot", foot_rect, |ui| match chosen {
        Some(Waiter::Parked(parked)) => {
            let look = FootLook { icon: icons::PHONE, name: tr.reach.pick_up, narrow, loud: true };
            if foot_button(ui, scene, look, can_dial(scene.desk)) {
                requests.push(Command::PickUp(parked.call));
            }
        }
        other => {
            let dialled = other.map(dial_waiter);
            let look = FootLook { icon: icons::PHONE_OUTGOING, name: tr.reach.call_them, narrow, loud: false };
            if foot_button(ui, scene, look, may_dial(scene, dialled.as_ref()))
                && let Some(dialled) = dialled.flatten()
            {
                requests.push(Command::Dial(dialled));
            }
        }
    });
}

/// Whether somebody chosen can be called.
fn may_dial(scene: &Scene<'_>, chosen: Option<&Option<Dialled>>) -> Result<(), Reason> {
    match chosen {
        None => Err(Reason::NobodyChosen),
        Some(None) => Err(Reason::NoNumber),
        Some(Some(_)) => can_dial(scene.desk),
    }
}

#[derive(Clone, Copy, Debug)]
struct FootLook<'a> {
    icon: &'a str,
    name: &'a str,
    narrow: bool,
    loud: bool,
}

/// A button under a list, as wide as it; disabled it says why.
fn foot_button(ui: &mut Ui, scene: &Scene<'_>, look: FootLook<'_>, allowed: Result<(), Reason>) -> bool {
    let tr = words(scene);
    let shown = if look.narrow { "" } else { look.name };
    let width = if look.narrow { height::CONTROL } else { ui.available_width() };
    let loud = if look.loud { Look::Answer } else { Look::Soft };
    let button = widgets::Button::new(look.icon, shown).name(look.name).look(loud).enabled(allowed.is_ok());
    let response = button.min_width(width).show(ui);
    let pressed = response.clicked();
    match allowed {
        Err(reason) => _ = response.on_hover_text(format!("{}. {}", look.name, tr.why_not(reason))),
        Ok(()) if look.narrow => _ = response.on_hover_text(look.name),
        Ok(()) => {}
    }
    pressed
}

/// The place of the list and that of `n_buttons` under it, which keep it whether a row is chosen or not.
fn with_foot(ui: &Ui, n_buttons: u8) -> (Rect, Rect) {
    let area = ui.available_rect_before_wrap();
    let foot = f32::from(n_buttons) * (height::CONTROL + 6.0) + 6.0;
    let list = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() - foot));
    (list, Rect::from_min_max(pos2(area.left(), list.bottom() + 8.0), area.max))
}

fn empty_ui(ui: &mut Ui, narrow: bool, said: &str, hint: &str) {
    if !narrow {
        return widgets::empty(ui, said, hint);
    }
    // A column of initials has no room for words: the figure says it, the words stand on hover.
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height::LIST_ROW), Sense::hover());
    let (font, color) = (tokens::body(), tokens::of(ui).caption);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "0", font, color);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, said));
    response.on_hover_text(said);
}

/// Two icons in place of the tabs, with the number of callers under them.
fn narrow_tabs_ui(ui: &mut Ui, scene: &Scene<'_>, list: &mut List) {
    let tr = words(scene);
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for (one, icon, name) in
            [(List::Queue, icons::USERS_THREE, tr.waiting.queue), (List::Missed, icons::PHONE_X, tr.waiting.missed)]
        {
            if widgets::icon_button(ui, icon, name, *list == one).clicked() {
                *list = one;
            }
        }
    });
}

fn missed_ui(ui: &mut Ui, scene: &Scene<'_>, narrow: bool, kept: &mut Remembered, requests: &mut Requests) {
    let (tr, desk) = (words(scene), scene.desk);
    let keys: Vec<_> = desk.missed.iter().map(|missed| missed.id).collect();
    let chosen = kept.missed.and_then(|id| desk.missed.iter().find(|missed| missed.id == id));
    let (list_rect, foot_rect) = with_foot(ui, 2);
    let list_parent = ui.scope_id();
    let seen = {
        let builder = egui::UiBuilder::new().max_rect(list_rect).scope_id(list_parent);
        let mut inner = ui.new_child(builder);
        let rows = RowList {
            name: "missed rows",
            label: tr.waiting.missed,
            row_height: height::LIST_ROW,
            keys: &keys,
            selected: kept.missed,
        };
        rows.show(&mut inner, false, |ui, rect, response, at| {
            let missed = missed_row(scene, &desk.missed[at]);
            let said = (tr.waiting.was_lost)(&missed.who, &missed.note, &missed.lost_at);
            let row = WaitingRow {
                call: desk.missed[at].call,
                icon: if missed.handled { icons::CHECK } else { icons::PHONE_X },
                who: missed.who,
                queue: missed.note,
                waited: missed.lost_at,
                tone: if missed.handled { Tone::Ok } else { Tone::Bad },
            };
            paint_row(ui, rect, response, kept.missed == Some(missed.callback), &row, narrow);
            said
        })
    };
    kept.missed = seen.selected.or(kept.missed);
    if let Some(customer) =
        seen.opened.and_then(|id| desk.missed.iter().find(|missed| missed.id == id)).and_then(|missed| missed.customer)
    {
        requests.push(Command::OpenCustomer(customer));
    }
    widgets::inside(ui, "missed foot", foot_rect, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let dialled = chosen.map(dial_missed);
        let look = FootLook { icon: icons::PHONE_OUTGOING, name: tr.reach.call_back, narrow, loud: false };
        if foot_button(ui, scene, look, may_dial(scene, dialled.as_ref()))
            && let Some(dialled) = dialled.flatten()
        {
            requests.push(Command::Dial(dialled));
        }
        let handled = chosen.is_some_and(|missed| missed.handled_at.is_some());
        let name = if handled { tr.waiting.mark_open } else { tr.waiting.mark_handled };
        let look = FootLook { icon: icons::CHECK, name, narrow, loud: false };
        if foot_button(ui, scene, look, chosen.map(|_| ()).ok_or(Reason::NobodyChosen))
            && let Some(missed) = chosen
        {
            requests.push(Command::MarkMissed { callback: missed.id, handled: !handled });
        }
    });
}

fn paint_row(ui: &Ui, rect: Rect, response: &Response, selected: bool, row: &WaitingRow, narrow: bool) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    let rect = rect.shrink2(vec2(0.0, 1.0));
    if selected || response.hovered() {
        painter.rect_filled(rect, 8.0, if selected { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let time_ink = if row.tone == Tone::Bad { tokens.tone(Tone::Bad) } else { tokens.text };
    if narrow {
        let disc = pos2(rect.center().x, rect.top() + 19.0);
        avatar(painter, tokens, disc, 14.0, &letters(&row.who), tokens::caption(), row.tone);
        let at = pos2(rect.center().x, rect.bottom() - 11.0);
        painter.text(at, Align2::CENTER_CENTER, &row.waited, tokens::caption(), time_ink);
        response.clone().on_hover_text(format!("{}\n{}", row.who, row.queue));
        return;
    }
    let bar = Rect::from_center_size(pos2(rect.left() + 7.0, rect.center().y), vec2(3.0, 30.0));
    painter.rect_filled(bar, 2.0, tokens.tone(row.tone));
    let x = rect.left() + 18.0;
    let (upper, lower) = (rect.center().y - 10.0, rect.center().y + 10.0);
    let end = rect.right() - 10.0;
    let (taken, _) = line_right(painter, pos2(end, upper), &row.waited, tokens::strong(), time_ink, 64.0);
    let room = end - x - taken - 8.0;
    let (_, cut) = line(painter, pos2(x, upper), &row.who, tokens::strong(), tokens.value, room);
    let (_, note_cut) = line(painter, pos2(x, lower), &row.queue, tokens::secondary(), tokens.caption, end - x - 24.0);
    // Whoever can be picked up is told apart by more than the words.
    let icon_ink = if row.icon == icons::PHONE_PAUSE { tokens.tone(row.tone) } else { tokens.caption };
    painter.text(pos2(end - 7.0, lower), Align2::CENTER_CENTER, row.icon, fonts::icon(13.0), icon_ink);
    if cut || note_cut {
        response.clone().on_hover_text(format!("{}\n{}", row.who, row.queue));
    }
}

/// The initials of a name, the last digits of a number.
fn letters(who: &str) -> String {
    if who.starts_with('+') {
        return who.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
    }
    initials(who)
}
