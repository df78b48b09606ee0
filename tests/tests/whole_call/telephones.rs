//! Telephones in odd places: behind a NAT, or dead.

use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::time::Duration;

use serde_json::Value;
use shared::domain::agent::Wish;
use shared::domain::call::CallEnding;
use shared::ids::CallId;
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::Event;
use tests::desk::Desk;
use tests::gateway::{ANNA, BORIS, Employee, Gateway, PASSWORD, PATIENCE, Setup, program};
use tests::line::{self, AT_ONCE, Reach, WHEN_TOLD};
use tests::sipp::Sipp;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::known_number;

/// Silence is noticed after five seconds, and the question has half a minute.
const FOUND_WITHIN: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_telephone_behind_a_nat_rings_is_lifted_from_the_screen_and_is_heard_both_ways() {
    let gateway = Gateway::start().await;
    let within = "192.168.77.5".parse().unwrap();
    let mut phone = line::phone_that_reaches(&gateway, ANNA, WHEN_TOLD, Reach::BehindNat(within)).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let mut caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    phone.report("ringing").await;
    assert_eq!(desk.ask(Command::Answer { call: offer.call }).await, Ok(Done::Ok));
    desk.answered(offer.call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    let at_the_phone = phone.report("ended").await;
    assert_eq!(at_the_phone["ended_by"], "gateway", "{at_the_phone}");
    assert!(at_the_phone["heard_packets"].as_u64().unwrap() >= 25, "half a second of the caller: {at_the_phone}");
    let at_the_caller = caller.report("ended").await;
    assert!(at_the_caller["voice_after_ms"].is_u64(), "the operator was heard: {at_the_caller}");
}

/// The test of this name, once more, in a network with a real NAT. `false`, and a line that says so, where this machine
/// lets nobody make one.
fn ran_beside_a_real_nat(test: &str) -> bool {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("environment/private-nat.sh");
    let itself = std::env::current_exe().unwrap();
    let run = Program::new(script).arg(itself).args(["--exact", test, "--nocapture"]).stdin(Stdio::null()).output();
    let output = run.expect("the script for a private NAT can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => true,
        Some(77) => {
            eprintln!("{test} was not run: {said}");
            false
        }
        _ => panic!("{test}, beside a real NAT: {}{said}", String::from_utf8_lossy(&output.stdout)),
    }
}

/// A telephone behind the NAT, and what it reports.
struct Within {
    process: Child,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Within {
    async fn register(gateway: &Gateway, of: Employee, namespace: &str, host: &str) -> Self {
        let password = gateway.folder().join("phone-password");
        std::fs::write(&password, PASSWORD).unwrap();
        let mut command = tokio::process::Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program("carrier"));
        command.args(["phone", "--server", &gateway.sip_address().to_string(), "--listen", &format!("{host}:5060")]);
        command.args(["--user", of.phone.unwrap(), "--password-file"]).arg(password);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let reports = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut phone = Self { process, reports };
        phone.report("registered").await;
        phone
    }

    async fn report(&mut self, event: &str) -> Value {
        let next = async {
            while let Some(line) = self.reports.next_line().await.unwrap() {
                let report: Value = serde_json::from_str(&line).unwrap();
                if report["event"] == event {
                    return report;
                }
            }
            panic!("the telephone has gone before `{event}`");
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("`{event}` was not reported"))
    }
}

#[tokio::test]
async fn a_telephone_behind_a_real_nat_is_reached_long_after_it_has_registered_and_is_heard_both_ways() {
    let test =
        "telephones::a_telephone_behind_a_real_nat_is_reached_long_after_it_has_registered_and_is_heard_both_ways";
    let within = ["PULT_NAT_OUTSIDE", "PULT_NAT_NAMESPACE", "PULT_NAT_WITHIN"].map(std::env::var);
    let [Ok(outside), Ok(namespace), Ok(host)] = within else {
        ran_beside_a_real_nat(test);
        return;
    };
    let outside = Some(outside.parse().unwrap());
    let gateway = Gateway::start_with(Setup { host: outside, ..Setup::default() }).await;
    let mut phone = Within::register(&gateway, ANNA, &namespace, &host).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    // The NAT would have forgotten the telephone by now.
    tokio::time::sleep(Duration::from_secs(40)).await;
    let mut caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    phone.report("ringing").await;
    assert_eq!(desk.ask(Command::Answer { call: offer.call }).await, Ok(Done::Ok));
    desk.answered(offer.call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
    let at_the_phone = phone.report("ended").await;
    assert_eq!(at_the_phone["ended_by"], "gateway", "{at_the_phone}");
    assert!(at_the_phone["heard_packets"].as_u64().unwrap() >= 25, "half a second of the caller: {at_the_phone}");
    let at_the_caller = caller.report("ended").await;
    assert!(at_the_caller["voice_after_ms"].is_u64(), "the operator was heard: {at_the_caller}");
    phone.process.kill().await.unwrap();
}

async fn first_who_wait(desk: &mut Desk, n: usize) -> Vec<CallId> {
    desk.expect("the list of waiting callers", |event| match event {
        Event::Waiting { callers } if callers.len() == n => Some(callers.iter().map(|caller| caller.call).collect()),
        _ => None,
    })
    .await
}

/// Waits until the gateway has found out that a telephone is dead.
async fn lost(desk: &mut Desk, of: CallId) {
    let ended = |event: &Event| match event {
        Event::Ended { call, ending, .. } if *call == of => Some(*ending),
        _ => None,
    };
    let ending = desk.expect_within(FOUND_WITHIN, "the end of the talk", ended).await;
    assert_eq!(ending, CallEnding::LostFault);
    desk.state("the telephone is lost", |state| state.phone_registered == Some(false)).await;
}

#[tokio::test]
async fn a_telephone_that_dies_in_a_talk_gives_the_caller_back_to_the_head_of_the_queue() {
    let gateway = Gateway::start().await;
    let phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let _next_phone = line::phone(&gateway, BORIS, AT_ONCE).await;
    let mut anna = Desk::ready(&gateway, ANNA).await;
    let mut boris = Desk::sit_down(&gateway, BORIS).await;
    let _first = line::caller(&gateway, Some(&known_number())).await;
    let offer = anna.offered().await;
    anna.answered(offer.call).await;
    let _second = line::caller(&gateway, Some(&known_number())).await;
    let second = first_who_wait(&mut boris, 1).await[0];
    phone.pull_the_cable().await;
    lost(&mut anna, offer.call).await;
    assert_eq!(first_who_wait(&mut boris, 2).await, [offer.call, second], "whoever came first is served first");
    boris.become_ready().await;
    assert_eq!(boris.offered().await.call, offer.call);
    boris.answered(offer.call).await;
}

#[tokio::test]
async fn a_telephone_that_died_gets_no_calls_until_it_answers_again() {
    let Some(sipp) = Sipp::find("a telephone that dies and comes back") else { return };
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "dialog").await;
    let phone = sipp.phone(&gateway, "uas_phone.xml", "101", Duration::ZERO);
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    phone.kill().await;
    lost(&mut desk, offer.call).await;
    caller.hang_up().await;
    desk.save_wrapup(offer.call).await;
    assert_eq!(desk.ask(Command::SetState { wish: Wish::Ready }).await, Err(CommandError::PhoneLost));

    let phone = sipp.phone(&gateway, "uas_phone.xml", "101", Duration::ZERO);
    desk.state("the telephone is back", |state| state.phone_registered == Some(true)).await;
    let caller = line::caller(&gateway, Some(&known_number())).await;
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    caller.hang_up().await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    assert_eq!(phone.put_away().await.n_failed(), 0);
}

#[tokio::test]
async fn a_talk_without_a_sound_goes_on_as_long_as_both_sides_say_that_they_are_there() {
    let Some(sipp) = Sipp::find("a talk without a sound") else { return };
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "dialog").await;
    let phone = sipp.phone(&gateway, "uas_phone.xml", "101", Duration::ZERO);
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let caller = sipp.callers(&gateway, "uac_call.xml", &[&known_number()], Duration::from_secs(8));
    let offer = desk.offered().await;
    desk.answered(offer.call).await;
    assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
    assert_eq!(gateway.metric("legs_silent_total").await, Some(2.0), "both sides were asked");
    caller.finish().await.must_be_good();
    assert_eq!(phone.put_away().await.n_failed(), 0);
}
