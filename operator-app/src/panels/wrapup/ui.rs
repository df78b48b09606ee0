use egui::{Id, Rect, Response, Stroke, Ui, pos2, vec2};

use super::data::{ContactOf, WrapupData, wrapup_data};
use crate::command::{Action, Command, Requests};
use crate::forms::check;
use crate::forms::route::{Match, Target, prefilled};
use crate::forms::ui::{OpenForm, form_ui};
use crate::kit::tokens::{self, Tone, space};
use crate::kit::widgets::{self, Button, Field, Look, PickList, Picked, RowList, line, line_right, pick_list, picked};
use crate::kit::{fonts, icons};
use crate::panels::{action_button, gateway_now, key_of, today, words};
use crate::state::Scene;
use crate::state::drafts::{Edit, ManualDraft};
use crate::state::screen::{Region, Submit};

/// As high as the dock is, whatever stands in it.
pub const HEIGHT: f32 = 252.0;
const HEAD: f32 = 34.0;
const RESULT_ROW: f32 = 26.0;
/// At most so wide is the button that drops a draft.
const DROP: f32 = 260.0;

pub fn wrapup_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let Some(data) = wrapup_data(scene) else {
        widgets::empty(ui, tr.wrapup.no_call, "");
        return;
    };
    let area = ui.max_rect();
    let head = Rect::from_min_size(area.min, vec2(area.width(), HEAD));
    head_ui(ui, head, &data, scene, requests);
    let body = Rect::from_min_max(pos2(area.left(), head.bottom() + space::HAIR), area.max);
    match (data.form, data.tab.known()) {
        (Some((form, draft)), Some(card)) => widgets::inside(ui, ("form", data.tab.key), body, |ui| {
            if data.form_is_sent {
                ui.disable();
            }
            let fresh_id = Id::unique(("form is open", data.tab.key));
            let fresh = ui.data(|data| data.get_temp::<String>(fresh_id)).as_deref() != Some(form.code.as_str());
            ui.data_mut(|data| data.insert_temp(fresh_id, form.code.clone()));
            let desk = check::Desk {
                catalogue: &scene.desk.catalogue,
                card,
                account: data.tab.account,
                call: data.tab.call(),
                today: today(scene),
            };
            let submit = scene.desk.screen.submit == Some(Submit::Form);
            form_ui(ui, &OpenForm { tab: data.tab.key, form, draft, desk, tr, submit, fresh }, requests);
        }),
        _ => {
            ui.data_mut(|kept| kept.remove::<String>(Id::unique(("form is open", data.tab.key))));
            columns_ui(ui, body, &data, scene, requests);
        }
    }
}

fn head_ui(ui: &mut Ui, rect: Rect, data: &WrapupData<'_>, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    let title = match (data.form, &data.of) {
        (Some((form, _)), _) => tr.of(&form.name),
        (None, ContactOf::Nobody) => tr.wrapup.title_by_hand,
        (None, ContactOf::Call | ContactOf::PastCall(_)) => tr.wrapup.title,
    };
    let painter = ui.painter();
    let (width, _) = line(painter, rect.left_center(), title, tokens::strong(), tokens.value, rect.width() * 0.6);
    let mut past = String::new();
    if let (ContactOf::PastCall(when), None) = (&data.of, data.form) {
        let said = (tr.wrapup.past_call)(when);
        past = format!("{said}. ");
        let at = rect.left_center() + vec2(width + space::REGION, 0.0);
        line(painter, at, &said, tokens::secondary(), tokens.tone(Tone::Warn), rect.width() * 0.4);
    }
    let underline = Rect::from_min_size(pos2(rect.left(), rect.bottom() - 2.0), vec2(width, 2.0));
    painter.rect_filled(underline, 1.0, tokens.accent());
    let mut end = rect.right_center();
    if data.form.is_some() {
        let place = Rect::from_min_max(pos2(rect.right() - 30.0, rect.top() + 2.0), rect.max);
        widgets::inside(ui, "close form", place, |ui| {
            let close = Button::new(icons::X, "").look(Look::Quiet).name(tr.forms.close);
            if close.show(ui).on_hover_text(tr.forms.close).clicked() {
                requests.push(Command::Edit { tab: data.tab.key, edit: Edit::CloseForm });
            }
        });
        end.x -= 38.0;
    } else if matches!(data.of, ContactOf::PastCall(_)) {
        let place = Rect::from_min_max(pos2(rect.right() - DROP, rect.top() + 2.0), rect.max);
        widgets::inside(ui, "drop draft", place, |ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                let key = key_of(Action::CloseTab);
                let drop = Button::new(icons::TRASH, tr.wrapup.drop_draft).look(Look::Quiet).key(&key).show(ui);
                end.x -= drop.rect.width() + space::GAP;
                if drop.clicked() {
                    requests.push(Command::CloseTab(data.tab.key));
                }
            });
        });
    }
    let (taken, _) = line_right(ui.painter(), end, data.mark, tokens::secondary(), tokens.caption, 300.0);
    if taken > 0.0 {
        let at = end - vec2(taken + 14.0, 0.0);
        let (icon, tone) = if data.mark_is_done { (icons::CHECK, Tone::Ok) } else { (icons::HOURGLASS, Tone::Warn) };
        let ink = tokens.tone(tone);
        ui.painter().text(at, egui::Align2::CENTER_CENTER, icon, fonts::icon(13.0), ink);
    }
    let response = ui.interact(rect, Id::unique("dock head"), egui::Sense::hover());
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, format!("{title}. {past}{}", data.mark)));
}

fn columns_ui(ui: &mut Ui, body: Rect, data: &WrapupData<'_>, scene: &Scene<'_>, requests: &mut Requests) {
    let side = 252.0;
    let column = (body.width() - side - 2.0 * space::CARD) / 2.0;
    let place = |left: f32, width: f32| Rect::from_min_size(pos2(left, body.top()), vec2(width, body.height()));
    let about = place(body.left(), column);
    widgets::inside(ui, ("about", data.tab.key), about, |ui| about_ui(ui, column, data, scene, requests));
    if data.of == ContactOf::Nobody {
        let rest = Rect::from_min_max(pos2(about.right() + space::REGION * 2.0, body.top()), body.max);
        widgets::inside(ui, ("by hand", data.tab.key), rest, |ui| by_hand_ui(ui, scene, requests));
        return;
    }
    let comment = place(about.right() + space::CARD, column);
    widgets::inside(ui, ("comment", data.tab.key), comment, |ui| {
        let tr = words(scene);
        let mut text = data.summary.to_owned();
        let field = Field {
            id: Id::unique(("summary", data.tab.key)),
            label: tr.wrapup.summary,
            hint: tr.wrapup.summary_hint,
            fault: None,
            width: column,
        };
        let response = widgets::note_field(ui, field, body.height() - 24.0, &mut text);
        if response.changed() {
            requests.push(Command::Edit { tab: data.tab.key, edit: Edit::Summary(text) });
        }
    });
    let result = place(comment.right() + space::CARD, side);
    widgets::inside(ui, ("result", data.tab.key), result, |ui| result_ui(ui, side, data, scene, requests));
}

/// A card without a call: what can be written down for it.
fn by_hand_ui(ui: &mut Ui, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    ui.spacing_mut().item_spacing.y = space::GAP;
    ui.add_space(22.0);
    widgets::words(ui, tr.wrapup.by_hand, tokens::body(), tokens.text);
    action_button(ui, scene, requests, Action::AddInteraction, true, |button| button.height(36.0));
}

/// The one line, and under it what it may mean, or the topic that was chosen.
fn about_ui(ui: &mut Ui, width: f32, data: &WrapupData<'_>, scene: &Scene<'_>, requests: &mut Requests) {
    let tr = words(scene);
    let mut text = data.line.to_owned();
    let field = Field {
        id: Id::unique(("one line", data.tab.key)),
        label: if data.of == ContactOf::Nobody { tr.wrapup.about_by_hand } else { tr.wrapup.about },
        hint: tr.wrapup.about_hint,
        fault: None,
        width,
    };
    ui.spacing_mut().item_spacing.y = space::TIGHT;
    let response = widgets::text_field(ui, field, &mut text);
    if scene.desk.screen.focus == Some(Region::Dock) {
        response.request_focus();
    }
    if response.changed() {
        requests.push(Command::Edit { tab: data.tab.key, edit: Edit::Line(text) });
    }
    let browsing = data.line.trim().is_empty();
    if browsing && let Some((group, topic)) = data.topic {
        let tile =
            Picked { icon: icons::TAG, kind: tr.wrapup.topic, words: topic, note: group, clear: tr.wrapup.clear_topic };
        if picked(ui, width, tile) {
            requests.push(Command::Edit { tab: data.tab.key, edit: Edit::Topic(None) });
        }
        return;
    }
    if data.rows.is_empty() {
        widgets::words(ui, tr.wrapup.nothing_fits, tokens::secondary(), tokens::of(ui).text);
        return;
    }
    let list = PickList {
        id: Id::unique(("line matches", data.tab.key)),
        name: tr.wrapup.topics,
        rows: &data.rows,
        key: "Enter",
        height: ui.available_height(),
    };
    if let Some(at) = pick_list(ui, list, &response)
        && let Some(found) = data.matches.get(at)
    {
        take(data, found, scene, requests);
    }
}

fn take(data: &WrapupData<'_>, found: &Match<'_>, scene: &Scene<'_>, requests: &mut Requests) {
    let tab = data.tab.key;
    let mut edit = |edit| requests.push(Command::Edit { tab, edit });
    let topic_of_call = data.of != ContactOf::Nobody;
    match found.target {
        // A form needs a customer; without one its topic is still what the call is about.
        Target::Form(form) if data.tab.known().is_none() => edit(Edit::Topic(Some(form.topic.clone()))),
        Target::Form(form) => {
            edit(Edit::OpenForm(prefilled(form, &found.numbers, data.tab.chosen_account(), today(scene))));
            if topic_of_call {
                edit(Edit::Topic(Some(form.topic.clone())));
            }
        }
        Target::Topic(_, topic) if topic_of_call => edit(Edit::Topic(Some(topic.code.clone()))),
        // Without a call a topic is that of a meeting, a letter or a visit.
        Target::Topic(_, topic) => {
            let open = scene.desk.drafts.get(tab).and_then(|draft| draft.manual.clone());
            let entry = open.unwrap_or_else(|| ManualDraft::at(gateway_now(scene)));
            edit(Edit::Manual(Some(ManualDraft { topic: Some(topic.code.clone()), ..entry })));
        }
    }
    edit(Edit::Line(String::new()));
    if !topic_of_call && matches!(found.target, Target::Topic(..)) {
        requests.push(Action::AddInteraction);
    }
}

/// The results with their keys, and the save.
fn result_ui(ui: &mut Ui, width: f32, data: &WrapupData<'_>, scene: &Scene<'_>, requests: &mut Requests) {
    let (tr, tokens) = (words(scene), tokens::of(ui));
    widgets::label(ui, tr.wrapup.result, tokens::secondary(), tokens.text);
    let results = &scene.desk.catalogue.results;
    let keys: Vec<usize> = (0..results.len()).collect();
    let selected = data.result.and_then(|code| results.iter().position(|result| result.code == code));
    let save_height = 38.0;
    let list_height = ui.available_height() - save_height - space::GAP - 6.0;
    let seen = widgets::child(ui, "results", list_height, |ui| {
        let rows =
            RowList { name: "result rows", label: tr.wrapup.result, row_height: RESULT_ROW, keys: &keys, selected };
        rows.show(ui, false, |ui, rect, response, at| {
            let name = tr.of(&results[at].name);
            let key = if at < 9 { key_of(Action::QuickResult(at as u8 + 1)) } else { String::new() };
            paint_result(ui, rect, response, name, &key, selected == Some(at));
            format!("{name} {key}").trim().to_owned()
        })
    });
    if let Some(at) = seen.selected {
        let code = results[at].code.clone();
        requests.push(Command::Edit { tab: data.tab.key, edit: Edit::Result(Some(code)) });
    }
    ui.add_space(space::HAIR);
    action_button(ui, scene, requests, Action::Save, true, |button| {
        button.look(Look::Primary).height(save_height).min_width(width)
    });
}

fn paint_result(ui: &Ui, rect: Rect, response: &Response, name: &str, key: &str, on: bool) {
    let tokens = tokens::of(ui);
    let painter = ui.painter();
    if on || response.hovered() {
        painter.rect_filled(rect, 6.0, if on { tokens.tinted(Tone::Accent) } else { tokens.control });
    }
    let dot = rect.left_center() + vec2(12.0, 0.0);
    let ring = if on { tokens.accent() } else { tokens.caption };
    painter.circle_stroke(dot, 6.0, Stroke::new(1.5, ring));
    if on {
        painter.circle_filled(dot, 3.0, tokens.accent());
    }
    let end = rect.right_center() - vec2(12.0, 0.0);
    let (taken, _) = line_right(painter, end, key, tokens::caption(), tokens.caption, 60.0);
    let font = if on { tokens::strong() } else { tokens::body() };
    let room = end.x - taken - 8.0 - rect.left() - 26.0;
    let (_, cut) = line(painter, pos2(rect.left() + 26.0, rect.center().y), name, font, tokens.value, room);
    if cut {
        response.clone().on_hover_text(name);
    }
}
