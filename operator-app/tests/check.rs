//! What a filled-in form becomes, and why it does not.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod common;

use common::{CALL, card, catalogue, today};
use operator_app::forms::check::{Checked, Desk, Filled, check};
use operator_app::forms::field::FieldFault;
use operator_app::state::drafts::FormDraft;
use shared::domain::reading::{ReadingFault, ReadingWarning};
use shared::ids::AccountId;

fn checked(form: &str, fields: &[(&str, &str)], confirmed: bool) -> Checked {
    let (catalogue, card) = (catalogue(), card(0));
    let desk =
        Desk { catalogue: &catalogue, card: &card, account: Some(AccountId(1)), call: Some(CALL), today: today() };
    let fields = fields.iter().map(|(field, text)| ((*field).to_owned(), (*text).into())).collect();
    let draft = FormDraft { form: form.to_owned(), fields, confirmed, ..FormDraft::default() };
    check(catalogue.form(form).expect("the form is in the catalogue"), &draft, &desk)
}

fn reading(values: &str, confirmed: bool) -> Checked {
    reading_of("23.11", values, confirmed)
}

fn reading_of(day: &str, values: &str, confirmed: bool) -> Checked {
    checked("reading_submit", &[("account", "1"), ("readings", values), ("taken_on", day)], confirmed)
}

#[test]
fn a_usual_reading_is_saved_as_it_is_typed() {
    let checked = reading("16050;7990", false);
    assert_eq!(checked.consumed, Some(16_050 - 15_882 + 7_990 - 7_903));
    let Some(Filled::Reading(reading)) = checked.filled else { panic!("{checked:?}") };
    assert_eq!((reading.account, reading.taken_on, reading.call), (AccountId(1), today(), Some(CALL)));
    assert_eq!(reading.values.as_slice(), [16_050, 7_990]);
}

#[test]
fn a_reading_below_the_last_one_is_not_saved() {
    let checked = reading("15000;7990", true);
    assert_eq!(checked.reading_fault, Some(ReadingFault::LessThanPrevious));
    assert_eq!(checked.filled, None);
}

#[test]
fn a_reading_that_is_remembered_late_has_to_fit_below_the_one_after_it() {
    let fitting = reading_of("01.10", "15800;7850", false);
    assert_eq!((fitting.reading_fault, fitting.consumed), (None, Some(15_800 - 15_711 + 7_850 - 7_808)));
    assert_eq!(reading_of("01.10", "15883;7850", false).reading_fault, Some(ReadingFault::MoreThanNext));
}

#[test]
fn a_sudden_jump_is_saved_only_when_the_operator_has_asked_again() {
    let doubted = reading("18900;8100", false);
    assert!(doubted.warnings.contains(&ReadingWarning::JumpSoft) && doubted.must_confirm);
    assert_eq!(doubted.filled, None);
    assert!(matches!(reading("18900;8100", true).filled, Some(Filled::Reading(reading)) if reading.confirmed));
}

#[test]
fn a_missing_zone_is_named_at_its_field() {
    let checked = reading("16050", false);
    assert_eq!(checked.faults, [("readings".to_owned(), FieldFault::MissingZone)]);
    assert_eq!(checked.filled, None);
}

#[test]
fn a_request_travels_in_the_canonical_spelling() {
    let fields =
        [("account", "2"), ("period_from", "7"), ("period_to", "08.2026"), ("ground", "absence"), ("comment", " ")];
    let Some(Filled::Request(request)) = checked("recalculation", &fields, false).filled else { panic!() };
    let values: Vec<(&str, &str)> = request.fields.iter().map(|one| (one.field.as_str(), one.value.reveal())).collect();
    let expected = [("account", "2"), ("period_from", "2026-07"), ("period_to", "2026-08"), ("ground", "absence")];
    assert_eq!(values, expected);
    assert_eq!(request.account, Some(AccountId(2)));
}

#[test]
fn a_request_without_its_ground_says_so() {
    let checked = checked("recalculation", &[("account", "1"), ("period_from", "тринадцать")], false);
    let faults: Vec<&str> = checked.faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(faults, ["period_from", "period_to", "ground"]);
    assert_eq!(checked.faults[0].1, FieldFault::NotAMonth);
    assert_eq!(checked.filled, None);
}
