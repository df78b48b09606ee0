//! A shift at the real window: a SIPp caller and a SIPp telephone, keys as a person presses them, and what a screen
//! reader hears.

use std::time::{Duration, Instant};

use shared::domain::agent::Work;
use shared::domain::call::CallEnding;
use shared::wire::command::{Command, Done};
use shared::wire::event::OfferedHow;
use sqlx::Row as _;
use tests::desk::Desk;
use tests::gateway::{ANNA, BORIS, City, Gateway};
use tests::line::{self, AT_ONCE};
use tests::sipp::{Run, Sipp};
use tests::window::{Display, Window};

const LONG: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const SUMMARY: &str = "Рассказала о тарифах";

/// The customer who has this number, as the database knows the name.
async fn name_of(gateway: &Gateway, phone: &str) -> String {
    let e164: i64 = phone.trim_start_matches('+').parse().expect("a number of digits");
    let row = sqlx::query(
        "select customer.name from customer join contact_point on contact_point.customer_id = customer.id \
         where contact_point.e164 = ?",
    )
    .bind(e164)
    .fetch_one(&gateway.database().await)
    .await
    .expect("the caller is a customer");
    row.get(0)
}

/// Topic, result and summary of every interaction that came of a call of today's test.
async fn written(gateway: &Gateway, summary: &str) -> Vec<(String, String)> {
    let rows = sqlx::query("select topic, result from interaction where summary = ? and call_id is not null")
        .bind(summary)
        .fetch_all(&gateway.database().await)
        .await
        .expect("the interactions can be read");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Anna's workplace: a display, a gateway, and a telephone that SIPp plays.
async fn workplace(test: &str) -> Option<(Display, Gateway, Sipp, Run)> {
    let (display, sipp) = (Display::start(test).await?, Sipp::find(test)?);
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "talk").await;
    let phone = sipp.phone(&gateway, "uas_phone_talk.xml", "101", Duration::ZERO);
    Some((display, gateway, sipp, phone))
}

/// Opens Anna's window. What it keeps on this computer is still there from the last time.
fn sit_down<'a>(display: &'a Display, gateway: &Gateway) -> Window<'a> {
    Window::open(display, gateway, &ANNA, &gateway.folder().join("desk"))
}

async fn be_ready(window: &Window<'_>) {
    window.wait("Состояние оператора: Не готов…").await;
    window.key("ctrl+k").await;
    window.type_text("Готов").await;
    window.key("Return").await;
    window.wait("Состояние оператора: Готов…").await;
}

/// The nth customer calls and is put through. Gives the name that was spoken, and the caller's end of the line.
async fn talk(window: &Window<'_>, gateway: &Gateway, sipp: Sipp, nth: usize) -> (String, Run) {
    let number = &City::get().numbers.known[nth];
    let name = name_of(gateway, number).await;
    let caller = sipp.callers(gateway, "uac_hangup_by_us.xml", &[number], LONG);
    let spoken = window.wait("Входящий вызов, …").await;
    assert!(spoken.contains(&name), "the caller's name is spoken: {spoken}");
    window.key("F2").await;
    window.wait("Разговор, …").await;
    (name, caller)
}

async fn hang_up(window: &Window<'_>, caller: Run) {
    window.key("F9").await;
    window.wait("Постобработка, …").await;
    assert_eq!(caller.finish().await.n_successful(), 1);
}

async fn write_it_up(window: &Window<'_>, summary: &str) {
    window.key("F8").await;
    window.type_text("тариф").await;
    window.key("Return").await;
    window.key("ctrl+1").await;
    window.press("Комментарий").await;
    window.type_text(summary).await;
}

async fn save(window: &Window<'_>) {
    window.key("ctrl+Return").await;
    window.gone("Постобработка, …").await;
}

/// Clears the table: whatever has happened, the telephone has nothing to complain of.
async fn go_home(window: Window<'_>, phone: Run) {
    assert_eq!(phone.put_away().await.n_failed(), 0);
    window.kill().await;
}

#[tokio::test]
async fn an_operator_works_through_a_call_without_a_mouse() {
    let Some((display, gateway, sipp, phone)) = workplace("a call at the real window").await else { return };
    let window = sit_down(&display, &gateway);
    be_ready(&window).await;
    let (_, caller) = talk(&window, &gateway, sipp, 0).await;
    hang_up(&window, caller).await;
    write_it_up(&window, SUMMARY).await;
    save(&window).await;
    let rows = written(&gateway, SUMMARY).await;
    assert_eq!(rows.len(), 1, "one call, one interaction: {rows:?}");
    assert_eq!(rows[0].1, "I.RESOLVED");
    go_home(window, phone).await;
    display.end().await;
}

#[tokio::test]
async fn a_desktop_killed_in_the_talk_comes_back_to_the_call_the_card_and_the_draft() {
    let Some((display, gateway, sipp, phone)) = workplace("a killed desktop").await else { return };
    let window = sit_down(&display, &gateway);
    be_ready(&window).await;
    let (name, caller) = talk(&window, &gateway, sipp, 1).await;
    window.press("Комментарий").await;
    window.type_text("Просит перерасчёт за июль").await;
    window.wait("Обращение. Черновик сохранён").await;
    window.kill().await;

    let window = sit_down(&display, &gateway);
    let spoken = window.wait("Разговор, …").await;
    assert!(spoken.contains(&name), "the same caller: {spoken}");
    assert_eq!(window.value("Комментарий").await, "Просит перерасчёт за июль");
    hang_up(&window, caller).await;
    go_home(window, phone).await;
    display.end().await;
}

#[tokio::test]
async fn a_gateway_killed_in_the_wrap_up_loses_nothing_that_was_typed() {
    let Some((display, mut gateway, sipp, phone)) = workplace("a killed gateway").await else { return };
    let window = sit_down(&display, &gateway);
    be_ready(&window).await;
    let (_, caller) = talk(&window, &gateway, sipp, 2).await;
    hang_up(&window, caller).await;
    let summary = "Объяснила начисление";
    write_it_up(&window, summary).await;
    gateway.kill().await;
    window.wait("Нет связи…").await;
    gateway.launch().await;
    window.gone("Нет связи…").await;
    window.wait("Постобработка, …").await;
    assert_eq!(window.value("Комментарий").await, summary);
    save(&window).await;
    assert_eq!(written(&gateway, summary).await.len(), 1);
    go_home(window, phone).await;
    display.end().await;
}

#[tokio::test]
async fn a_call_is_held_asked_about_and_handed_over_without_a_mouse() {
    let Some((display, gateway, sipp, phone)) = workplace("a call handed over at the real window").await else {
        return;
    };
    let _other_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    let window = sit_down(&display, &gateway);
    be_ready(&window).await;
    let (_, caller) = talk(&window, &gateway, sipp, 3).await;
    window.key("F3").await;
    window.wait("Удержание, …").await;
    window.key("F3").await;
    window.wait("Разговор, …").await;

    window.key("F7").await;
    window.type_text("Борис").await;
    window.key("Return").await;
    window.key("Return").await;
    let offer = boris.offered().await;
    assert_eq!(offer.from.as_ref().map(|from| from.how), Some(OfferedHow::Consult));
    assert_eq!(offer.from.as_ref().map(|from| from.name.as_str()), Some(ANNA.name));
    boris.answered(offer.call).await;
    window.wait("Консультация, …").await;
    window.key("F6").await;
    window.wait("Постобработка, …").await;
    write_it_up(&window, "Передала коллеге").await;
    save(&window).await;

    assert_eq!(boris.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok), "the call is his now");
    assert_eq!(boris.ended(offer.call).await, CallEnding::AgentHungUp);
    assert_eq!(caller.finish().await.n_successful(), 1);
    boris.save_wrapup(offer.call).await;
    assert_eq!(written(&gateway, "Передала коллеге").await.len(), 1);
    go_home(window, phone).await;
    display.end().await;
}

/// Waits until Anna, as her colleagues see her, is at such work.
async fn anna_is(colleague: &mut Desk, wanted: impl Fn(&Work) -> bool) {
    let deadline = Instant::now() + LONG;
    loop {
        let Ok(Done::Colleagues { people }) = colleague.ask(Command::ListColleagues).await else {
            panic!("the colleagues are told")
        };
        let anna = people.iter().find(|one| one.name == ANNA.name).expect("Anna works here");
        if wanted(&anna.work) {
            return;
        }
        assert!(Instant::now() < deadline, "Anna is at other work: {:?}", anna.work);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[tokio::test]
async fn an_operator_in_another_program_answers_and_hangs_up_with_keys_of_the_whole_system() {
    let Some((display, gateway, sipp, phone)) = workplace("keys of the whole system").await else { return };
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    let window = sit_down(&display, &gateway);
    be_ready(&window).await;
    let caller = sipp.callers(&gateway, "uac_hangup_by_us.xml", &[&City::get().numbers.known[4]], LONG);
    window.wait("Входящий вызов, …").await;
    window.put_away().await;
    window.key_elsewhere("ctrl+shift+F2").await;
    anna_is(&mut boris, |work| matches!(work, Work::Talking { .. })).await;
    window.key_elsewhere("ctrl+shift+F9").await;
    anna_is(&mut boris, |work| matches!(work, Work::Wrapup { .. })).await;
    assert_eq!(caller.finish().await.n_successful(), 1);
    go_home(window, phone).await;
    display.end().await;
}
