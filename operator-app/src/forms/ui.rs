//! Draws any form of the catalogue, field by field, by kind.

use egui::{Id, Ui, vec2};
use shared::domain::catalogue::{Field as FormField, FieldKind, Form};
use shared::domain::reading::{ReadingFault, ReadingWarning};

use super::check::{self, Checked, Filled, check};
use super::field::{Around, FieldFault, with_zone};
use crate::command::{Command, Requests};
use crate::kit::tokens::{self, Tone, space};
use crate::kit::widgets::{self, Button, Field, Look};
use crate::kit::{icons, tokens::height};
use crate::lang::{Tr, format};
use crate::state::drafts::{Edit, FormDraft};
use crate::state::tab::TabKey;

/// A form that is open in the dock.
#[derive(Debug)]
pub struct OpenForm<'a> {
    pub tab: TabKey,
    pub form: &'a Form,
    pub draft: &'a FormDraft,
    pub desk: check::Desk<'a>,
    pub tr: &'a Tr,
    /// Ctrl+Enter was pressed.
    pub submit: bool,
    /// The form has just been opened: its first empty field takes the keyboard.
    pub fresh: bool,
}

/// Draws the form and pushes what is typed, and the save when it is complete.
pub fn form_ui(ui: &mut Ui, open: &OpenForm<'_>, requests: &mut Requests) {
    let checked = check(open.form, open.draft, &open.desk);
    let side = 236.0;
    let fields_width = ui.available_width() - side - space::CARD;
    // Faults of a field appear once somebody has tried to save, or typed into it.
    let tried_id = Id::unique(("form tried", open.tab, open.form.code.as_str()));
    let mut tried = ui.data(|data| data.get_temp::<bool>(tried_id)).unwrap_or(false);
    let mut pressed = open.submit;
    let bottom = ui.max_rect().bottom();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::CARD, space::TIGHT);
        ui.vertical(|ui| {
            ui.set_width(fields_width);
            egui::ScrollArea::vertical().id_salt("form fields").auto_shrink(false).show(ui, |ui| {
                fields_ui(ui, open, &checked, tried, fields_width - space::GAP, requests);
            });
        });
        ui.vertical(|ui| {
            ui.set_width(side);
            verdict_ui(ui, open, &checked, requests);
            // The save stands at the foot, however much the rules have to say.
            let foot = egui::Rect::from_min_max(
                egui::pos2(ui.max_rect().left(), bottom - 38.0),
                egui::pos2(ui.max_rect().left() + side, bottom),
            );
            widgets::inside(ui, "save form", foot, |ui| {
                let ready = checked.filled.is_some();
                let save = Button::new(icons::CHECK_CIRCLE, open.tr.forms.save).key("Ctrl+Enter").look(Look::Primary);
                pressed |= save.height(38.0).min_width(side).enabled(ready || !tried).show(ui).clicked();
            });
        });
    });
    if pressed {
        tried = true;
        if let Some(filled) = checked.filled {
            requests.push(match filled {
                Filled::Reading(reading) => Command::SaveReading { tab: open.tab, reading },
                Filled::Request(request) => Command::RegisterRequest { tab: open.tab, request },
            });
        }
    }
    ui.data_mut(|data| data.insert_temp(tried_id, tried));
}

fn fields_ui(ui: &mut Ui, open: &OpenForm<'_>, checked: &Checked, tried: bool, width: f32, requests: &mut Requests) {
    let around = open.desk.around(open.form, open.draft);
    let columns = ((width + space::CARD) / 216.0).floor().max(1.0);
    let cell = (width - (columns - 1.0) * space::CARD) / columns;
    let empty = |field: &FormField| open.draft.fields.get(&field.code).is_none_or(|text| text.is_empty());
    let first_empty = open.form.fields.iter().position(|field| empty(field) && field.kind != FieldKind::Account);
    for (row, fields) in open.form.fields.chunks(columns as usize).enumerate() {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::CARD;
            for (column, field) in fields.iter().enumerate() {
                let fault = checked.fault_of(field).filter(|fault| tried || *fault != FieldFault::Missing);
                let fault = fault.map(|fault| fault_words(open.tr, fault));
                let focus = open.fresh && first_empty == Some(row * columns as usize + column);
                field_ui(ui, open, field, &around, fault, cell, focus, requests);
            }
        });
        ui.add_space(space::HAIR);
    }
}

#[expect(clippy::too_many_arguments, reason = "a field is drawn from all that surrounds it")]
fn field_ui(
    ui: &mut Ui,
    open: &OpenForm<'_>,
    field: &FormField,
    around: &Around<'_>,
    fault: Option<&str>,
    width: f32,
    focus: bool,
    requests: &mut Requests,
) {
    let id = Id::unique(("form field", open.tab, open.form.code.as_str(), field.code.as_str()));
    let typed = open.draft.fields.get(&field.code).map_or("", |text| text.reveal());
    let mark = if field.required { " *" } else { "" };
    let name = format!("{}{mark}", open.tr.of(&field.name));
    let mut put = |value: String| {
        requests.push(Command::Edit { tab: open.tab, edit: Edit::Field { field: field.code.clone(), value } });
    };
    let look = |hint| Field { id, label: &name, hint, fault, width };
    match &field.kind {
        FieldKind::Account => {
            let options: Vec<String> =
                around.accounts.iter().map(|account| account.number.reveal().to_owned()).collect();
            let selected = around.accounts.iter().position(|account| Some(account.id) == around.account);
            if let Some(at) = widgets::combo(ui, id, &name, open.tr.forms.choose, width, selected, &options) {
                put(around.accounts[at].id.to_string());
            }
        }
        FieldKind::Choice { options } => {
            let words: Vec<String> = options.iter().map(|option| open.tr.of(&option.name).to_owned()).collect();
            let selected = options.iter().position(|option| option.code == typed);
            if let Some(at) = widgets::combo(ui, id, &name, open.tr.forms.choose, width, selected, &words) {
                put(options[at].code.clone());
            }
        }
        FieldKind::ZoneReadings => zones_ui(ui, open, id, typed, around, (fault, width, focus), &mut put),
        FieldKind::Note => {
            let mut text = typed.to_owned();
            if widgets::note_field(ui, look(""), 60.0, &mut text).changed() {
                put(text);
            }
        }
        FieldKind::Date | FieldKind::Month | FieldKind::Money | FieldKind::Text | FieldKind::Phone => {
            let today = format::date(open.desk.today);
            let hint = match field.kind {
                FieldKind::Date => today.as_str(),
                FieldKind::Month => open.tr.forms.month_hint,
                FieldKind::Money => open.tr.forms.money_hint,
                _ => "",
            };
            let mut text = typed.to_owned();
            let response = widgets::text_field(ui, look(hint), &mut text);
            if focus {
                response.request_focus();
            }
            if response.changed() {
                put(text);
            }
        }
    }
}

/// One field for each zone of the chosen account's meter.
fn zones_ui(
    ui: &mut Ui,
    open: &OpenForm<'_>,
    id: Id,
    typed: &str,
    around: &Around<'_>,
    (fault, width, focus): (Option<&str>, f32, bool),
    put: &mut impl FnMut(String),
) {
    let Some(meter) = around.meter() else {
        ui.vertical(|ui| {
            ui.set_width(width);
            widgets::words(ui, open.tr.forms.no_meter, tokens::secondary(), tokens::of(ui).tone(Tone::Warn));
        });
        return;
    };
    let zones = meter.zones.clamp(1, 3);
    let each = (width - f32::from(zones - 1) * space::GAP) / f32::from(zones);
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::GAP;
            for zone in 0..usize::from(zones) {
                let mut text = typed.split(';').nth(zone).unwrap_or_default().to_owned();
                let label = (open.tr.forms.zone)(zone + 1);
                let field = Field { id: id.with(zone), label: &label, hint: "", fault: None, width: each };
                let response = widgets::text_field(ui, field, &mut text);
                if focus && zone == 0 {
                    response.request_focus();
                }
                if response.changed() {
                    put(with_zone(typed, zone, zones, &text));
                }
            }
        });
        if let Some(fault) = fault {
            widgets::words(ui, fault, tokens::secondary(), tokens::of(ui).tone(Tone::Bad));
        }
    });
}

/// What the rules say of the form: the reading before, the consumption, faults, warnings to confirm.
fn verdict_ui(ui: &mut Ui, open: &OpenForm<'_>, checked: &Checked, requests: &mut Requests) {
    let (tr, tokens) = (open.tr, tokens::of(ui));
    ui.set_min_height(height::FIELD);
    if let Some(previous) = &checked.previous {
        let values: Vec<String> = previous.iter().map(|value| format::number(*value)).collect();
        widgets::words(ui, &(tr.forms.previous)(&values.join(" / ")), tokens::secondary(), tokens.text);
    }
    if let Some(consumed) = checked.consumed {
        widgets::words(ui, &(tr.forms.consumption)(&format::number(consumed)), tokens::strong(), tokens.value);
    }
    if let Some(days) = open.form.due_days {
        widgets::words(ui, &(tr.forms.due)(usize::from(days)), tokens::secondary(), tokens.text);
    }
    if let Some(fault) = checked.reading_fault {
        let digits = open.desk.around(open.form, open.draft).meter().map_or(5, |meter| meter.digits);
        note_ui(ui, icons::WARNING_CIRCLE, &reading_fault_words(tr, fault, digits), Tone::Bad);
    }
    for warning in &checked.warnings {
        note_ui(ui, icons::WARNING, warning_words(tr, *warning), Tone::Warn);
    }
    if checked.must_confirm {
        let mut confirmed = open.draft.confirmed;
        if ui.checkbox(&mut confirmed, tr.forms.confirm).changed() {
            requests.push(Command::Edit { tab: open.tab, edit: Edit::Confirmed(confirmed) });
        }
    }
}

fn note_ui(ui: &mut Ui, icon: &str, words: &str, tone: Tone) {
    let ink = tokens::of(ui).tone(tone);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::TIGHT;
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), egui::Sense::hover());
        let font = crate::kit::fonts::icon(14.0);
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon, font, ink);
        widgets::words(ui, words, tokens::secondary(), ink);
    });
}

fn fault_words(tr: &Tr, fault: FieldFault) -> &'static str {
    match fault {
        FieldFault::Missing => tr.forms.missing,
        FieldFault::NotADate => tr.forms.not_a_date,
        FieldFault::NotAMonth => tr.forms.not_a_month,
        FieldFault::NotMoney => tr.forms.not_money,
        FieldFault::NotANumber => tr.forms.not_a_number,
        FieldFault::NotAPhone => tr.forms.not_a_phone,
        FieldFault::MissingZone => tr.forms.missing_zone,
        FieldFault::NoMeter => tr.forms.no_meter,
    }
}

fn reading_fault_words(tr: &Tr, fault: ReadingFault, digits: u8) -> String {
    match fault {
        ReadingFault::NotNumber => tr.forms.not_a_number.to_owned(),
        ReadingFault::MissingZone => tr.forms.missing_zone.to_owned(),
        ReadingFault::TooManyDigits => (tr.forms.too_many_digits)(digits),
        ReadingFault::LessThanPrevious => tr.forms.less_than_previous.to_owned(),
        ReadingFault::MoreThanNext => tr.forms.more_than_next.to_owned(),
        ReadingFault::JumpHard => tr.forms.impossible.to_owned(),
        ReadingFault::FutureDate => tr.forms.future_date.to_owned(),
    }
}

fn warning_words(tr: &Tr, warning: ReadingWarning) -> &'static str {
    match warning {
        ReadingWarning::Rollover => tr.forms.rolled_over,
        ReadingWarning::JumpSoft => tr.forms.jump,
        ReadingWarning::ZeroConsumption => tr.forms.no_consumption,
        ReadingWarning::DuplicateInPeriod => tr.forms.again_this_period,
        ReadingWarning::OutsideWindow => tr.forms.outside_window,
        ReadingWarning::VerificationExpired => tr.forms.verification_expired,
    }
}
