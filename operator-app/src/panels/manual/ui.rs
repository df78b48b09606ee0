use egui::{Id, Rect, ScrollArea, Ui, pos2, vec2};
use shared::domain::interaction::{Channel, Direction};

use super::data::{EntryFault, ManualData, Sent, manual_data};
use crate::command::{Action, Command, Requests};
use crate::kit::icons;
use crate::kit::tokens::{self, Tone, height, space};
use crate::kit::widgets::{self, Button, Field, Look, PickList, PickRow, Picked, pick_list, picked, section};
use crate::lang::Tr;
use crate::panels::{key_of, words};
use crate::state::Scene;
use crate::state::drafts::{Edit, ManualDraft};
use crate::state::screen::{Region, Submit};
use crate::state::tab::{Tab, TabKey};

/// From this width on the fields stand in three columns, and the tab over them has the title.
const THREE_COLUMNS_FROM: f32 = 760.0;
const FOOT: f32 = 56.0;
/// The field that finds a topic with its list, or the topic that was found.
const TOPIC: f32 = 200.0;
const NOTE: f32 = 96.0;

/// The names of the fields, for the keyboard.
#[derive(Clone, Copy, Debug, Hash)]
enum Part {
    Date,
    Time,
    Topic,
    Result,
    Summary,
}

impl Part {
    fn id(self, tab: TabKey) -> Id {
        Id::unique(("entry", self, tab))
    }
}

/// Draws the open entry; returns whether there is one.
pub fn manual_ui(ui: &mut Ui, scene: &Scene<'_>, tab: &Tab, requests: &mut Requests) -> bool {
    let Some(data) = manual_data(scene, tab) else { return false };
    let tr = words(scene);
    let area = ui.available_rect_before_wrap();
    let mut edited = data.draft.clone();
    let tried_id = Id::unique(("entry tried", tab.key));
    let tried = ui.data(|data| data.get_temp::<bool>(tried_id)).unwrap_or(false);
    let fields = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() - FOOT));
    widgets::inside(ui, ("entry fields", tab.key), fields, |ui| {
        ui.add_enabled_ui(data.sent.is_none(), |ui| {
            ScrollArea::vertical().id_salt("entry").auto_shrink(false).show(ui, |ui| {
                fields_ui(ui, scene, &data, &mut edited, tried);
            });
        });
    });
    if scene.desk.screen.focus == Some(Region::Manual) {
        ui.memory_mut(|memory| memory.request_focus(Part::Date.id(tab.key)));
    }
    let foot = Rect::from_min_max(pos2(area.left(), fields.bottom() + space::GAP), area.max);
    let pressed = widgets::inside(ui, ("entry foot", tab.key), foot, |ui| foot_ui(ui, tr, &data, requests));
    if edited != *data.draft {
        requests.push(Command::Edit { tab: tab.key, edit: Edit::Manual(Some(edited)) });
    }
    if pressed || scene.desk.screen.submit == Some(Submit::Manual) {
        ui.data_mut(|data| data.insert_temp(tried_id, true));
        match (&data.judged.entry, data.sent) {
            (_, Some(_)) => {}
            (Some(entry), None) => {
                ui.data_mut(|data| data.remove::<bool>(tried_id));
                requests.push(Command::SaveInteraction { tab: tab.key, entry: entry.clone() });
            }
            (None, None) => {
                if let Some(part) = first_fault(&data) {
                    ui.memory_mut(|memory| memory.request_focus(part.id(tab.key)));
                }
            }
        }
    }
    true
}

/// Where the keyboard goes after a save that cannot be.
fn first_fault(data: &ManualData<'_>) -> Option<Part> {
    let judged = &data.judged;
    let faults = [
        (Part::Date, judged.date),
        (Part::Time, judged.time),
        (Part::Topic, judged.topic),
        (Part::Result, judged.result),
        (Part::Summary, judged.summary),
    ];
    faults.into_iter().find(|(_, fault)| fault.is_some()).map(|(part, _)| part)
}

fn fields_ui(ui: &mut Ui, scene: &Scene<'_>, data: &ManualData<'_>, edited: &mut ManualDraft, tried: bool) {
    let tr = words(scene);
    ui.spacing_mut().item_spacing = vec2(space::GAP, space::TIGHT);
    let room = ui.available_width() - space::GAP;
    if room < THREE_COLUMNS_FROM {
        let customer = data.tab.known().map_or("", |card| card.customer.name.reveal());
        section(ui, icons::NOTE_PENCIL, tr.manual.title, "");
        widgets::words(ui, customer, tokens::secondary(), tokens::of(ui).text);
        ui.add_space(space::HAIR);
        when_ui(ui, tr, data, edited, room);
        topic_ui(ui, tr, data, edited, room, tried);
        result_ui(ui, scene, data, edited, room, tried);
        summary_ui(ui, tr, data, edited, room, tried);
        return;
    }
    let third = (room - 2.0 * space::REGION) / 3.0;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::REGION;
        let mut column = |add: &mut dyn FnMut(&mut Ui, &mut ManualDraft)| {
            ui.vertical(|ui| {
                ui.set_width(third);
                ui.spacing_mut().item_spacing = vec2(space::GAP, space::TIGHT);
                add(ui, edited);
            });
        };
        column(&mut |ui, edited| when_ui(ui, tr, data, edited, third));
        column(&mut |ui, edited| topic_ui(ui, tr, data, edited, third, tried));
        column(&mut |ui, edited| {
            result_ui(ui, scene, data, edited, third, tried);
            summary_ui(ui, tr, data, edited, third, tried);
        });
    });
}

/// What it was, who began it, and when.
fn when_ui(ui: &mut Ui, tr: &Tr, data: &ManualData<'_>, edited: &mut ManualDraft, width: f32) {
    let caption = |ui: &mut Ui, words: &str| widgets::label(ui, words, tokens::secondary(), tokens::of(ui).text);
    caption(ui, tr.manual.what);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for channel in Channel::MANUAL {
            if ui.radio(edited.channel == channel, tr.channel(channel)).clicked() {
                edited.channel = channel;
            }
        }
    });
    caption(ui, tr.manual.who_began);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for (direction, name) in
            [(Direction::Inbound, tr.manual.from_customer), (Direction::Outbound, tr.manual.to_customer)]
        {
            if ui.radio(edited.direction == direction, name).clicked() {
                edited.direction = direction;
            }
        }
    });
    let half = (width - space::WIDE) / 2.0;
    let told = |fault: Option<EntryFault>| fault.map(|fault| fault_words(tr, fault));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::WIDE;
        for (part, label, hint, text, fault) in [
            (Part::Date, tr.manual.date, tr.manual.date_hint, &mut edited.date, told(data.judged.date)),
            (Part::Time, tr.manual.time, tr.manual.time_hint, &mut edited.time, told(data.judged.time)),
        ] {
            let field = Field { id: part.id(data.tab.key), label, hint, fault, width: half };
            widgets::text_field(ui, field, text);
        }
    });
}

/// The topic, found by typing.
fn topic_ui(ui: &mut Ui, tr: &Tr, data: &ManualData<'_>, edited: &mut ManualDraft, width: f32, tried: bool) {
    let fault = data.judged.topic.filter(|_| tried).map(|fault| fault_words(tr, fault));
    let id = Part::Topic.id(data.tab.key);
    widgets::child(ui, "entry topic", TOPIC, |ui| {
        ui.set_max_width(width);
        ui.spacing_mut().item_spacing.y = space::TIGHT;
        if let Some((group, topic)) = data.topic {
            widgets::label(ui, tr.wrapup.topic, tokens::secondary(), tokens::of(ui).text);
            let (words, note) = (tr.of(&topic.name), tr.of(&group.name));
            let tile = Picked { icon: icons::TAG, kind: tr.wrapup.topic, words, note, clear: tr.wrapup.clear_topic };
            if picked(ui, width, tile) {
                edited.topic = None;
                ui.memory_mut(|memory| memory.request_focus(id));
            }
            return;
        }
        let field = Field { id, label: tr.wrapup.topic, hint: tr.manual.topic_hint, fault, width };
        let response = widgets::text_field(ui, field, &mut edited.topic_search);
        if data.topics.is_empty() {
            widgets::words(ui, tr.wrapup.nothing_fits, tokens::secondary(), tokens::of(ui).text);
            return;
        }
        let rows: Vec<PickRow> = data
            .topics
            .iter()
            .map(|(group, topic)| PickRow {
                icon: icons::TAG,
                words: tr.of(&topic.name).to_owned(),
                note: tr.of(&group.name).to_owned(),
            })
            .collect();
        let room = ui.available_height();
        let list = PickList { id: id.with("list"), name: tr.wrapup.topic, rows: &rows, key: "Enter", height: room };
        if let Some(at) = pick_list(ui, list, &response) {
            edited.topic = data.topics.get(at).map(|(_, topic)| topic.code.clone());
            edited.topic_search.clear();
            ui.memory_mut(|memory| memory.request_focus(Part::Result.id(data.tab.key)));
        }
    });
}

fn result_ui(ui: &mut Ui, scene: &Scene<'_>, data: &ManualData<'_>, edited: &mut ManualDraft, width: f32, tried: bool) {
    let tr = words(scene);
    let results = &scene.desk.catalogue.results;
    let names: Vec<String> = results.iter().map(|result| tr.of(&result.name).to_owned()).collect();
    let id = Part::Result.id(data.tab.key);
    if let Some(at) = widgets::combo(ui, id, tr.wrapup.result, tr.forms.choose, width, data.result, &names) {
        edited.result = results.get(at).map(|result| result.code.clone());
    }
    if let Some(fault) = data.judged.result.filter(|_| tried) {
        widgets::words(ui, fault_words(tr, fault), tokens::secondary(), tokens::of(ui).tone(Tone::Bad));
    }
}

fn summary_ui(ui: &mut Ui, tr: &Tr, data: &ManualData<'_>, edited: &mut ManualDraft, width: f32, tried: bool) {
    let fault = data.judged.summary.filter(|_| tried).map(|fault| fault_words(tr, fault));
    let id = Part::Summary.id(data.tab.key);
    let mut text = edited.summary.reveal().to_owned();
    let field = Field { id, label: tr.manual.summary, hint: tr.manual.summary_hint, fault, width };
    if widgets::note_field(ui, field, NOTE, &mut text).changed() {
        edited.summary = text.into();
    }
}

/// The save, the way out, and what became of what was sent. Returns whether the save was pressed.
fn foot_ui(ui: &mut Ui, tr: &Tr, data: &ManualData<'_>, requests: &mut Requests) -> bool {
    let mut pressed = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::GAP;
        let key = key_of(Action::Save);
        let save = Button::new(icons::CHECK_CIRCLE, tr.manual.save).key(&key).look(Look::Primary);
        pressed = save.height(height::FIELD).enabled(data.sent.is_none()).show(ui).clicked();
        match data.sent {
            Some(sent) => {
                let (said, tone) = match sent {
                    Sent::Underway => (tr.manual.underway, Tone::Plain),
                    Sent::Waiting => (tr.manual.waits, Tone::Warn),
                };
                widgets::label(ui, said, tokens::secondary(), tokens::of(ui).tone(tone));
            }
            None => {
                if Button::new("", tr.manual.cancel).height(height::FIELD).show(ui).clicked() {
                    requests.push(Command::Edit { tab: data.tab.key, edit: Edit::Manual(None) });
                }
            }
        }
    });
    pressed
}

fn fault_words(tr: &Tr, fault: EntryFault) -> &'static str {
    match fault {
        EntryFault::NotADate => tr.forms.not_a_date,
        EntryFault::NotATime => tr.manual.not_a_time,
        EntryFault::Future => tr.manual.future,
        EntryFault::TimeMissing => tr.manual.time_missing,
        EntryFault::TopicMissing => tr.manual.topic_missing,
        EntryFault::ResultMissing => tr.manual.result_missing,
        EntryFault::SummaryMissing => tr.manual.summary_missing,
    }
}
