//! Judges a form as it stands and makes what is saved out of it.

use chrono::{Datelike, NaiveDate};
use shared::domain::account::{Reading, ZoneValues};
use shared::domain::catalogue::{Catalogue, Field, FieldKind, Form, FormKind};
use shared::domain::reading::{Judgement, ReadingContext, ReadingFault, ReadingWarning, judge};
use shared::domain::request::FieldValue;
use shared::ids::{AccountId, CallId};
use shared::wire::card::Card;
use shared::wire::command::{NewReading, NewRequest};

use super::field::{self, Around, FieldFault};
use crate::state::drafts::FormDraft;

/// What a filled-in form becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    Reading(NewReading),
    Request(NewRequest),
}

/// A form as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, by the code of the field.
    pub faults: Vec<(String, FieldFault)>,
    /// What the rules of readings say, as far as the fields can be read.
    pub reading_fault: Option<ReadingFault>,
    pub warnings: Vec<ReadingWarning>,
    /// Consumption over all zones, kilowatt-hours, when there was a reading before.
    pub consumed: Option<i64>,
    /// The reading before, to compare with.
    pub previous: Option<ZoneValues>,
    pub must_confirm: bool,
    /// `None` while something is missing, wrong or unconfirmed.
    pub filled: Option<Filled>,
}

impl Checked {
    pub fn fault_of(&self, field: &Field) -> Option<FieldFault> {
        self.faults.iter().find(|(code, _)| *code == field.code).map(|(_, fault)| *fault)
    }
}

/// What is known where the form is filled in.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub catalogue: &'a Catalogue,
    pub card: &'a Card,
    /// The account that the card shows.
    pub account: Option<AccountId>,
    pub call: Option<CallId>,
    pub today: NaiveDate,
}

impl<'a> Desk<'a> {
    /// The account of the form: chosen in it, else that of the card.
    pub fn around(&self, form: &Form, draft: &FormDraft) -> Around<'a> {
        let typed = form
            .fields
            .iter()
            .find(|field| field.kind == FieldKind::Account)
            .and_then(|field| draft.fields.get(&field.code))
            .and_then(|id| id.reveal().parse().ok().map(AccountId));
        Around { accounts: &self.card.accounts, account: typed.or(self.account), today: self.today }
    }
}

/// Judges `draft` of `form`.
pub fn check(form: &Form, draft: &FormDraft, desk: &Desk<'_>) -> Checked {
    let around = desk.around(form, draft);
    let mut checked = Checked::default();
    let mut values = Vec::new();
    for field in &form.fields {
        let typed = draft.fields.get(&field.code).map_or("", |text| text.reveal());
        match field::read(&field.kind, typed, &around) {
            Ok(Some(value)) => values.push(FieldValue { field: field.code.clone(), value: value.into() }),
            Ok(None) if field.required => checked.faults.push((field.code.clone(), FieldFault::Missing)),
            Ok(None) => {}
            Err(fault) => checked.faults.push((field.code.clone(), fault)),
        }
    }
    match form.kind {
        FormKind::MeterReading => check_reading(form, draft, desk, &around, &mut checked),
        FormKind::Request => {
            checked.filled = checked.faults.is_empty().then(|| {
                Filled::Request(NewRequest {
                    call: desk.call,
                    customer: desk.card.customer.id,
                    account: around.account,
                    form: form.code.clone(),
                    fields: values,
                    comment: draft.comment.clone(),
                })
            });
        }
    }
    checked
}

fn check_reading(form: &Form, draft: &FormDraft, desk: &Desk<'_>, around: &Around<'_>, checked: &mut Checked) {
    let (Some(account), Some(meter)) = (around.account(), around.meter()) else { return };
    let typed_of = |wanted: &FieldKind| {
        let field = form.fields.iter().find(|field| field.kind == *wanted)?;
        draft.fields.get(&field.code).map(|text| text.reveal())
    };
    let taken_on = match typed_of(&FieldKind::Date).filter(|typed| !typed.trim().is_empty()) {
        Some(typed) => field::date(typed, desk.today),
        None => Some(desk.today),
    };
    let before = latest_before(&desk.card.readings, account.id, taken_on.unwrap_or(desk.today));
    checked.previous = before.map(|reading| reading.values.clone());
    let typed = typed_of(&FieldKind::ZoneReadings).unwrap_or_default();
    let (Some(taken_on), Ok(values)) = (taken_on, field::zone_values(typed, meter.zones)) else { return };
    let context = ReadingContext {
        meter,
        previous: before.map(|reading| (reading.taken_on, &reading.values)),
        next: first_after(&desk.card.readings, account.id, taken_on).map(|reading| (reading.taken_on, &reading.values)),
        mean_kwh_per_day: mean_kwh_per_day(&desk.card.readings, account.id, desk.today),
        given_this_period: desk.card.readings.iter().any(|reading| {
            reading.account == account.id
                && (reading.taken_on.year(), reading.taken_on.month()) == (taken_on.year(), taken_on.month())
        }),
        today: desk.today,
    };
    let Judgement { error, warnings, .. } = {
        let judgement = judge(&context, &values, taken_on, &desk.catalogue.readings);
        checked.must_confirm = judgement.needs_confirmation();
        checked.consumed =
            (context.previous.is_some() && !judgement.consumed.is_empty()).then(|| judgement.consumed_in_all());
        judgement
    };
    checked.reading_fault = error;
    checked.warnings = warnings;
    let sound = checked.faults.is_empty() && error.is_none() && (!checked.must_confirm || draft.confirmed);
    checked.filled = sound.then(|| {
        Filled::Reading(NewReading {
            call: desk.call,
            account: account.id,
            taken_on,
            values,
            confirmed: draft.confirmed,
        })
    });
}

fn latest_before(readings: &[Reading], account: AccountId, day: NaiveDate) -> Option<&Reading> {
    readings.iter().filter(|reading| reading.account == account && reading.taken_on < day).max_by_key(|r| r.taken_on)
}

fn first_after(readings: &[Reading], account: AccountId, day: NaiveDate) -> Option<&Reading> {
    readings.iter().filter(|reading| reading.account == account && reading.taken_on > day).min_by_key(|r| r.taken_on)
}

/// Mean consumption a day over the readings of the last twelve months.
fn mean_kwh_per_day(readings: &[Reading], account: AccountId, today: NaiveDate) -> f64 {
    let year_ago = today - chrono::Days::new(366);
    let mut of_year: Vec<&Reading> =
        readings.iter().filter(|reading| reading.account == account && reading.taken_on >= year_ago).collect();
    of_year.sort_by_key(|reading| reading.taken_on);
    let [first, .., last] = of_year.as_slice() else { return 0.0 };
    let days = (last.taken_on - first.taken_on).num_days().max(1) as f64;
    let consumed: i64 = of_year.iter().skip(1).map(|reading| reading.consumed).sum();
    consumed as f64 / days
}
