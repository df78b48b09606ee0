//! What a person sees, kept as pictures in both themes and both languages.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod common;

use common::*;
use operator_app::command::{Action, Command};
use operator_app::state::call::CardView;
use operator_app::state::drafts::{Edit, ManualDraft};
use operator_app::state::event::LinkEvent;
use operator_app::state::screen::Overlay;
use operator_app::state::tab::TabKey;
use shared::domain::agent::Activity;
use shared::domain::call::PartyState;
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
    small("wrapup_small_light_en", wrapup().light().english());
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
    small("form_reading_small_dark_ru", place);
}

#[test]
fn an_unknown_caller_is_looked_for() {
    large("unknown_dark_ru", with_call(ringing_phase(), public(), CardView::Unknown));
}

#[test]
fn several_customers_have_the_number() {
    small("several_small_light_ru", several().light());
}

#[test]
fn a_withheld_number_is_nobody() {
    small("withheld_small_light_ru", with_call(ringing_phase(), CallerNumber::Withheld, CardView::Withheld).light());
}

#[test]
fn a_customer_is_held() {
    small("held_small_light_en", on_hold().light().english());
    small("muted_small_light_en", muted().light().english());
}

#[test]
fn a_colleague_is_asked_while_the_customer_waits() {
    small("consult_small_light_en", consulting().light().english());
    small("conference_small_dark_en", conference().english());
}

#[test]
fn whom_to_hand_the_call_to_is_looked_for() {
    large("transfer_list_dark_ru", reaching(Action::Transfer));
    small("transfer_picked_small_light_en", not_reached().light().english());
}

#[test]
fn a_number_is_dialled() {
    small("dial_refused_small_dark_ru", number_refused());
    small("dialing_small_light_ru", dialing().light());
    small("tones_small_light_en", reaching(Action::Tones).light().english());
}

#[test]
fn a_handed_over_caller_brings_the_note_along() {
    small("handed_over_small_light_en", handed_over().light().english());
}

#[test]
fn parked_calls_wait_over_the_queue() {
    large("parked_dark_en", parked().english());
}

#[test]
fn the_gateway_is_away() {
    small("offline_small_dark_en", talking().offline().english());
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
    small("palette_small_dark_ru", talking().overlay(Overlay::Palette));
    small("state_menu_small_light_ru", talking().light().overlay(Overlay::StateMenu));
}

#[test]
fn a_customer_is_looked_for_while_nobody_calls() {
    small("search_small_dark_ru", searching());
}

#[test]
fn a_meeting_is_written_down() {
    small("entry_small_dark_ru", entering());
}

#[test]
fn drafts_wait_to_be_finished() {
    small("drafts_small_light_ru", drafts_left().light());
    let mut place = drafts_left().english();
    place.does(Command::BringForward(TabKey::Call(CALL)));
    small("past_call_small_dark_en", place);
}

#[test]
fn the_door_is_the_same_in_both_languages() {
    small("sign_in_small_dark_ru", at_the_door());
    small("fingerprint_small_light_en", asked_for_the_fingerprint().light().english());
}

/// Every screen that there is, by name. Its pictures in every look are drawn by the test below.
fn every_screen() -> Vec<(&'static str, Workplace)> {
    let reading = || {
        let mut place = talking();
        place.edit(Edit::OpenForm(operator_app::forms::route::prefilled(
            place.desk.catalogue.clone().form("reading_submit").unwrap(),
            &["18900".to_owned(), "8100".to_owned()],
            place.desk.front_tab().unwrap().chosen_account(),
            today(),
        )));
        place
    };
    let past = || {
        let mut place = drafts_left();
        place.does(Command::BringForward(TabKey::Call(CALL)));
        place
    };
    let faulty = || {
        let mut place = card_by_hand();
        let entry = ManualDraft { date: "24.11".into(), time: "25".into(), ..ManualDraft::at(at(0)) };
        place.edit(Edit::Manual(Some(entry)));
        place.does(Action::AddInteraction);
        place.does(Action::Save);
        place
    };
    let dropped = || {
        let mut place = past();
        place.does(Action::CloseTab);
        place
    };
    let empty_search = || {
        let mut place = idle();
        place.does(Action::FindCustomer);
        place
    };
    let failed_search = || {
        let mut place = empty_search();
        place.does(Command::SearchBase { text: "Соколова".into() });
        let found = Err(operator_app::state::Failure::DatabaseAway);
        place.is_told(LinkEvent::Found { tab: None, generation: 1, found });
        place
    };
    let newcomer = || {
        let mut place = with_call(ringing_phase(), public(), CardView::Unknown);
        let newcomer = operator_app::state::drafts::NewcomerDraft { phone: "12".into(), ..Default::default() };
        place.edit(Edit::Newcomer(Some(newcomer)));
        place
    };
    let nobody_waits = || {
        let mut place = idle();
        place.desk.waiting.clear();
        place.desk.missed.clear();
        place
    };
    vec![
        ("sign_in", at_the_door()),
        ("sign_in_wrong", wrong_password()),
        ("fingerprint", asked_for_the_fingerprint()),
        ("take_over", elsewhere()),
        ("locked", locked()),
        ("settings", settings()),
        ("key_map", idle().overlay(Overlay::KeyMap)),
        ("palette", talking().overlay(Overlay::Palette)),
        ("state_menu", talking().overlay(Overlay::StateMenu)),
        ("confirm_close", talking().overlay(Overlay::ConfirmClose)),
        ("idle", idle()),
        ("not_ready", not_ready()),
        ("idle_empty", nobody_waits()),
        ("ringing", ringing()),
        ("pending", with_call(ringing_phase(), public(), CardView::Pending)),
        ("unavailable", with_call(ringing_phase(), public(), CardView::Unavailable)),
        ("talk", talking()),
        ("wrapup", wrapup()),
        ("reading", reading()),
        ("unknown", with_call(ringing_phase(), public(), CardView::Unknown)),
        ("newcomer", newcomer()),
        ("withheld", with_call(ringing_phase(), CallerNumber::Withheld, CardView::Withheld)),
        ("several", several()),
        ("offline", talking().offline()),
        ("floor", supervisor()),
        ("search_empty", empty_search()),
        ("search_failed", failed_search()),
        ("search", searching()),
        ("entry", entering()),
        ("entry_faults", faulty()),
        ("drafts", drafts_left()),
        ("past_call", past()),
        ("dropped", dropped()),
        ("by_hand", card_by_hand()),
        ("held", on_hold()),
        ("muted", muted()),
        ("consulting", consulting()),
        ("consult_rings", in_line(with_peer(Activity::Consulting, PartyState::Ringing))),
        ("conference", conference()),
        ("guest", guest()),
        ("handed_over", handed_over()),
        ("internal", internal()),
        ("dialing", dialing()),
        ("transfer", reaching(Action::Transfer)),
        ("consult", reaching(Action::Conference)),
        ("picked", picked()),
        ("not_reached", not_reached()),
        ("dial", reaching(Action::Dial)),
        ("number_refused", number_refused()),
        ("tones", reaching(Action::Tones)),
        ("parked", parked()),
    ]
}

/// With `PULT_PICTURES` naming a folder it leaves a picture of every screen in every look there, to be looked through;
/// the name of one screen in `PULT_SCREEN` leaves those of that screen alone.
#[test]
fn every_screen_can_be_drawn_in_every_look() {
    let folder = std::env::var_os("PULT_PICTURES").map(std::path::PathBuf::from);
    let wanted = std::env::var("PULT_SCREEN").ok();
    let looks =
        [(1600.0, 900.0, 1.0), (1280.0, 720.0, 1.0), (1600.0, 900.0, 0.8), (1600.0, 900.0, 1.5), (1280.0, 720.0, 1.5)];
    let n_screens = every_screen().len();
    for at in 0..n_screens {
        for (n, (width, height, zoom)) in looks.into_iter().enumerate() {
            let (name, place) = every_screen().swap_remove(at);
            if wanted.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            // Each look has its theme and language, so that five pictures of a screen show all of them.
            let place = if n % 2 == 0 { place } else { place.light() };
            let place = if matches!(n, 0 | 3) { place } else { place.english() };
            let mut harness = place.zoom(zoom).harness(width, height);
            harness.run_ok();
            harness.run_ok();
            if let Some(folder) = &folder {
                let look = format!("{name}_{width}_{:.0}", zoom * 100.0);
                harness.render().unwrap().save(folder.join(format!("{look}.png"))).unwrap();
            }
        }
    }
}
