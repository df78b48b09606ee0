//! What a person sees, kept as pictures in both themes and both languages.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod common;

use common::*;
use operator_app::state::call::CardView;
use operator_app::state::drafts::Edit;
use operator_app::state::screen::Overlay;
use shared::phone::CallerNumber;

#[track_caller]
fn keep(name: &str, place: Workplace, width: f32, height: f32) {
    let mut harness = place.harness(width, height);
    harness.run();
    harness.snapshot(name);
    let faults = harness.take_snapshot_results().into_inner();
    assert!(faults.is_empty(), "{name}: {faults:?}");
}

fn large(name: &str, place: Workplace) {
    keep(name, place, 1600.0, 900.0);
}

fn small(name: &str, place: Workplace) {
    keep(name, place, 1280.0, 720.0);
}

#[test]
fn a_known_caller_rings() {
    large("ringing_dark_ru", ringing());
    small("ringing_small_light_en", ringing().light().english());
}

#[test]
fn a_talk_goes_on() {
    large("talk_light_ru", talking().light());
    small("talk_small_dark_ru", talking());
}

#[test]
fn a_contact_is_written_up() {
    large("wrapup_dark_ru", wrapup());
    large("wrapup_light_en", wrapup().light().english());
}

#[test]
fn a_reading_is_typed_into_its_form() {
    let mut place = talking();
    place.edit(Edit::OpenForm(operator_app::forms::route::prefilled(
        place.desk.catalogue.clone().form("reading_submit").unwrap(),
        &["18900".to_owned(), "8100".to_owned()],
        place.desk.front_tab().unwrap().chosen_account(),
        today(),
    )));
    large("form_reading_dark_ru", place);
}

#[test]
fn an_unknown_caller_is_looked_for() {
    large("unknown_dark_ru", with_call(ringing_phase(), public(), CardView::Unknown));
}

#[test]
fn several_customers_have_the_number() {
    large("several_light_ru", several().light());
}

#[test]
fn a_withheld_number_is_nobody() {
    small("withheld_small_light_ru", with_call(ringing_phase(), CallerNumber::Withheld, CardView::Withheld).light());
}

#[test]
fn the_gateway_is_away() {
    large("offline_dark_en", talking().offline().english());
}

#[test]
fn nobody_calls() {
    large("idle_light_ru", idle().light());
}

#[test]
fn the_floor_is_seen_whole() {
    large("floor_dark_ru", supervisor());
    small("floor_small_light_en", supervisor().light().english());
}

#[test]
fn overlays_lie_on_top() {
    large("palette_dark_ru", talking().overlay(Overlay::Palette));
    large("state_menu_light_ru", talking().light().overlay(Overlay::StateMenu));
}
