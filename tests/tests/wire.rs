//! The wire as it was released: `golden/wire-v1.json` has one of everything that travels, and neither reading nor
//! writing may change while [`WIRE_VERSION`] is 1.
//!
//! A new frame, event or command adds its line: run with `PULT_TEST_WRITE_GOLDEN=1` and look at what has changed. A line
//! that changes is a new version of the wire.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::domain::agent::{Activity, AgentProfile, Presence, ReasonCode, Role, Wish, Work};
use shared::domain::call::{
    CallEnding, CallKind, DialRule, MissedCall, Party, PartyFailure, PartyRole, PartyState, PathStep, Stop, Target,
};
use shared::domain::catalogue::Catalogue;
use shared::domain::customer::{CustomerKind, CustomerLine, NewCustomer};
use shared::domain::interaction::{Channel, Direction};
use shared::domain::queue::{QueueCode, QueueInfo};
use shared::domain::request::FieldValue;
use shared::ids::{AccountId, AgentId, CallId, CallbackId, CustomerId, InteractionId, RequestId};
use shared::money::Money;
use shared::phone::{CallerNumber, Phone};
use shared::pii::{Personal, Secret};
use shared::time::{Moment, UtcMs};
use shared::wire::card::CardState;
use shared::wire::command::{Colleague, Command, CommandError, Done, ManualEntry, NewReading, NewRequest, Wrapup};
use shared::wire::event::{
    CallAtDesk, CallLine, DeskState, EndedCall, Event, Fault, Floor, Offer, OfferedBy, OfferedHow, ParkedCall,
    PeerLine, PersonLine, QueueLine, Snapshot, WaitingCaller, WithdrawnBecause,
};
use shared::wire::{ClientFrame, Goodbye, Refusal, Sealed, ServerFrame, StreamPosition, WIRE_VERSION};
use uuid::Uuid;

const CALL: CallId = CallId(41);
const ANNA: AgentId = AgentId(7);
const MARINA: CustomerId = CustomerId(12);
const AT: UtcMs = UtcMs(1_764_000_000_000);

fn caller() -> CallerNumber {
    CallerNumber::Public(Phone::from_e164(79_162_040_000))
}

fn queue() -> QueueCode {
    QueueCode::new("billing")
}

fn desk_state() -> DeskState {
    DeskState {
        presence: Presence::ConnectionLost {
            before: Wish::NotReady { reason: ReasonCode::new("lunch") },
            until: Moment { mono_us: 5, utc_ms: AT },
        },
        presence_since: AT,
        work: Work::Wrapup { call: CALL, limit: Moment { mono_us: 6, utc_ms: AT } },
        work_since: AT,
        pending: Some(Wish::LogOut),
        phone_registered: Some(true),
    }
}

fn offer(card: &CardState) -> Box<Offer> {
    Box::new(Offer {
        call: CALL,
        queue: queue(),
        caller: caller(),
        display_name: Some(Personal::new("Марина")),
        arrived_at: AT,
        offered_at: AT,
        until: AT,
        can_answer_from_screen: true,
        age_us: 900,
        customer: Some(MARINA),
        card: Sealed::pack(card).unwrap(),
        kind: CallKind::Inbound,
        from: None,
        path: vec![],
    })
}

fn line() -> CustomerLine {
    CustomerLine {
        id: MARINA,
        kind: CustomerKind::Person,
        name: Personal::new("Соколова Марина Сергеевна"),
        address: Personal::new("Лесная ул., 4, кв. 17"),
        account: Some(Personal::new("5500012345")),
        debt: Money(315_000),
    }
}

fn missed() -> MissedCall {
    MissedCall {
        id: CallbackId(3),
        call: CALL,
        queue: queue(),
        caller: caller(),
        customer: Some(MARINA),
        customer_name: Some(Personal::new("Соколова М. С.")),
        lost_at: AT,
        waited_s: 40,
        ending: CallEnding::Abandoned,
        handled_by: Some(ANNA),
        handled_at: Some(AT),
    }
}

fn waiting() -> WaitingCaller {
    let name = Some(Personal::new("Соколова М. С."));
    WaitingCaller { call: CALL, queue: queue(), caller: CallerNumber::Withheld, name, arrived_at: AT }
}

fn floor() -> Floor {
    Floor {
        queues: vec![QueueLine {
            queue: queue(),
            waiting: 1,
            oldest_arrived_at: Some(AT),
            ringing: 2,
            talking: 3,
            free: 4,
            arrived: 5,
            answered: 6,
            answered_in_time: 7,
            service_level_s: 20,
            abandoned: 8,
            handled_ms: 9,
            handled: 10,
        }],
        people: vec![PersonLine {
            agent: ANNA,
            name: "Анна Соколова".into(),
            role: Role::Operator,
            state: desk_state(),
            queue: Some(queue()),
        }],
        counted_from: AT,
    }
}

fn profile() -> AgentProfile {
    let (login, name) = ("anna".into(), "Анна Соколова".into());
    AgentProfile { id: ANNA, login, name, role: Role::Supervisor, phone: Some("101".into()) }
}

fn events() -> Vec<Event> {
    let ended = CallEnding::CallerHungUp;
    vec![
        Event::Offered { offer: offer(&CardState::Several { candidates: vec![line()] }) },
        Event::CardArrived { call: CALL, customer: None, card: Sealed::pack(&CardState::Unknown).unwrap() },
        Event::Withdrawn { call: CALL, why: WithdrawnBecause::NoAnswer },
        Event::Answered { call: CALL, at: AT },
        Event::Ended { call: CALL, at: AT, ending: ended, wrapup_limit: AT },
        Event::WrapupSaved { call: CALL },
        Event::State { state: desk_state() },
        Event::Waiting { callers: vec![waiting()] },
        Event::Missed { calls: vec![missed()] },
        Event::Floor { floor: Box::new(floor()) },
        Event::Faults {
            faults: vec![
                Fault::ClockJumped,
                Fault::DatabaseAway,
                Fault::LedgerStuck,
                Fault::Overloaded,
                Fault::DescriptorsOut,
                Fault::TrunkLost,
            ],
        },
    ]
}

fn commands() -> Vec<Command> {
    let comment = || Personal::new("Позвонить вечером");
    let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let values = [5120, 1044].into_iter().collect();
    let (account, customer) = (Some(AccountId(20)), MARINA);
    vec![
        Command::Answer { call: CALL },
        Command::Reject { call: CALL },
        Command::HangUp { call: CALL },
        Command::SetState { wish: Wish::NotReady { reason: ReasonCode::new("lunch") } },
        Command::SaveWrapup {
            wrapup: Wrapup {
                call: CALL,
                customer: Some(customer),
                account,
                topic: "BIL.RECALC".into(),
                result: "I.RESOLVED".into(),
                summary: comment(),
            },
        },
        Command::LinkCustomer { call: CALL, customer, remember_number: true },
        Command::CreateCustomer {
            call: Some(CALL),
            customer: NewCustomer {
                kind: CustomerKind::Organisation,
                name: Personal::new("ООО «Лес»"),
                phone: caller().phone(),
                address: Personal::new("Лесная ул., 4"),
            },
        },
        Command::SaveReading {
            reading: NewReading { call: None, account: AccountId(20), taken_on: day, values, confirmed: true },
        },
        Command::RegisterRequest {
            request: NewRequest {
                call: Some(CALL),
                customer,
                account,
                form: "recalculation".into(),
                fields: vec![FieldValue { field: "month".into(), value: Personal::new("2026-11") }],
                comment: comment(),
            },
        },
        Command::SaveInteraction {
            entry: ManualEntry {
                customer,
                account,
                channel: Channel::Meeting,
                direction: Direction::Inbound,
                started_at: AT,
                topic: Some("BIL.RECALC".into()),
                result: None,
                summary: comment(),
            },
        },
        Command::MarkMissed { callback: CallbackId(3), handled: true },
        Command::ChangePassword { old: Secret::new("old password"), new: Secret::new("new password") },
    ]
}

/// What came with the exchange.
fn verbs() -> Vec<Command> {
    let note = || Some(Personal::new("Ждёт счёт"));
    vec![
        Command::Hold { call: CALL },
        Command::Retrieve { call: CALL },
        Command::Mute { call: CALL, muted: true },
        Command::SendDigits { call: CALL, digits: "12#".into() },
        Command::Transfer { call: CALL, to: Target::Queue { queue: queue() }, note: note() },
        Command::Consult { call: CALL, to: Target::Agent { agent: ANNA }, note: None },
        Command::Swap { call: CALL },
        Command::CompleteTransfer { call: CALL },
        Command::Conference { call: CALL },
        Command::DropParty { call: CALL, party: PartyRole::Customer },
        Command::DropParty { call: CALL, party: PartyRole::Peer },
        Command::Park { call: CALL, note: note() },
        Command::PickUp { call: CALL },
        Command::Dial {
            to: Target::Number { number: "84952040000".into() },
            customer: Some(MARINA),
            callback: Some(CallbackId(3)),
        },
        Command::ListColleagues,
    ]
}

fn exchange_events() -> Vec<Event> {
    let party = || Party::Agent { agent: ANNA, name: "Анна Соколова".into() };
    let peer = PeerLine { party: party(), state: PartyState::OnHold, since: AT };
    let line = CallLine {
        activity: Activity::Consulting,
        since: AT,
        muted: true,
        customer: Some(PartyState::Talking),
        peer: Some(peer),
        guest: true,
    };
    let path = vec![
        PathStep { at: AT, stop: Stop::Queue { queue: queue() } },
        PathStep {
            at: AT,
            stop: Stop::Agent { agent: ANNA, name: "Анна".into(), note: Some(Personal::new("Ждёт счёт")) },
        },
        PathStep { at: AT, stop: Stop::Parked { agent: ANNA, name: "Анна".into() } },
    ];
    let from = Some(OfferedBy { agent: ANNA, name: "Анна".into(), how: OfferedHow::Transfer });
    let handed_over = Offer { kind: CallKind::Outbound, from, path, ..*offer(&CardState::Unknown) };
    let parked = ParkedCall {
        call: CALL,
        queue: queue(),
        caller: caller(),
        name: None,
        parked_at: AT,
        parked_by: ANNA,
        parked_by_name: "Анна".into(),
        until: AT,
    };
    vec![
        Event::Offered { offer: Box::new(handed_over) },
        Event::Line { call: CALL, line },
        Event::PartyFailed { call: CALL, party: Party::Number { number: caller() }, why: PartyFailure::Busy },
        Event::Digit { call: CALL, digit: '5' },
        Event::Released { call: CALL },
        Event::Faults { faults: vec![Fault::TollLimit] },
        Event::Parked { calls: vec![parked] },
        Event::Withdrawn { call: CALL, why: WithdrawnBecause::Cancelled },
    ]
}

fn exchange_outcomes() -> Vec<Result<Done, CommandError>> {
    let colleague = Colleague {
        agent: ANNA,
        name: "Анна Соколова".into(),
        phone: Some("101".into()),
        presence: Presence::Ready,
        work: Work::OnHold { call: CALL },
        reachable: false,
    };
    vec![
        Ok(Done::Call { id: CALL }),
        Ok(Done::Colleagues { people: vec![colleague] }),
        Err(CommandError::NumberRefused { rule: DialRule::ClosedPrefix }),
        Err(CommandError::PartyFailed { why: PartyFailure::NotFree }),
    ]
}

fn client_frames() -> Vec<ClientFrame> {
    let hello = ClientFrame::Hello {
        version: WIRE_VERSION,
        program: "pult 0.1.0".into(),
        token: Secret::new("token"),
        seat: Uuid::from_u128(1),
        resume: Some(StreamPosition { epoch: 9, seq: 120 }),
        take_over: true,
    };
    let mut frames = vec![
        hello,
        ClientFrame::Ping { nonce: 4, desk_us: 5 },
        ClientFrame::Shown { call: CALL, invite_to_pop_us: 16_700 },
    ];
    let commands = commands().into_iter().chain(verbs());
    frames.extend(commands.map(|command| ClientFrame::Command { id: Uuid::from_u128(2), command }));
    frames
}

fn outcomes() -> Vec<Result<Done, CommandError>> {
    let (field, rule) = ("topic".to_owned(), "unknown".to_owned());
    vec![
        Ok(Done::Ok),
        Ok(Done::Interaction { id: InteractionId(1) }),
        Ok(Done::Customer { id: MARINA }),
        Ok(Done::Request { id: RequestId(2) }),
        Ok(Done::Reading),
        Err(CommandError::TooLate),
        Err(CommandError::NotAllowed),
        Err(CommandError::Invalid { field, rule }),
        Err(CommandError::KeyReused),
        Err(CommandError::NotFound { what: "call".into() }),
        Err(CommandError::DatabaseAway),
        Err(CommandError::PhoneLost),
        Err(CommandError::WrongPassword),
        Err(CommandError::Busy),
    ]
}

fn server_frames() -> Vec<ServerFrame> {
    let info = QueueInfo { code: queue(), name_ru: "Расчёты".into(), name_en: "Billing".into() };
    let catalogue = Box::new(Catalogue { queues: vec![info], ..Catalogue::default() });
    let ended = EndedCall { at: AT, ending: CallEnding::LostFault, wrapup_limit: AT };
    let call = CallAtDesk { offer: offer(&CardState::Withheld), answered_at: Some(AT), ended: Some(ended), line: None };
    let snapshot = Snapshot {
        state: desk_state(),
        call: Some(call),
        waiting: vec![waiting()],
        missed: vec![missed()],
        floor: Some(Box::new(floor())),
        faults: vec![],
        parked: vec![],
    };
    let mut frames = vec![
        ServerFrame::Welcome {
            version: WIRE_VERSION,
            epoch: 9,
            now: AT,
            profile: profile(),
            catalogue,
            resumed: false,
        },
        ServerFrame::Snapshot { seq: 120, snapshot: Box::new(snapshot) },
        ServerFrame::Pong { nonce: 4, desk_us: 5, now: AT },
    ];
    let refusals = [
        Refusal::Version { gateway: 1 },
        Refusal::SignedOut,
        Refusal::DeskElsewhere,
        Refusal::Malformed { what: "a second hello".into() },
        Refusal::ShuttingDown,
    ];
    frames.extend(refusals.map(|why| ServerFrame::Refused { why }));
    let goodbyes = [Goodbye::TakenOver, Goodbye::SignedOut, Goodbye::ShuttingDown, Goodbye::TooSlow];
    frames.extend(goodbyes.map(|why| ServerFrame::Goodbye { why }));
    frames.extend(outcomes().into_iter().map(|outcome| ServerFrame::Answer { id: Uuid::from_u128(2), outcome }));
    frames.extend(events().into_iter().map(|event| ServerFrame::Event { seq: 121, at: AT, event }));
    let answer = |outcome| ServerFrame::Answer { id: Uuid::from_u128(2), outcome };
    frames.extend(exchange_outcomes().into_iter().map(answer));
    frames.extend(exchange_events().into_iter().map(|event| ServerFrame::Event { seq: 121, at: AT, event }));
    frames
}

fn golden_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/wire-v1.json")
}

fn written() -> BTreeMap<&'static str, Vec<Value>> {
    let up = client_frames().iter().map(|frame| serde_json::to_value(frame).unwrap()).collect();
    let down = server_frames().iter().map(|frame| serde_json::to_value(frame).unwrap()).collect();
    BTreeMap::from([("from the desk", up), ("from the gateway", down)])
}

fn golden() -> BTreeMap<String, Vec<Value>> {
    serde_json::from_slice(&fs::read(golden_file()).unwrap()).unwrap()
}

#[test]
fn everything_is_written_as_version_1_has_it() {
    assert_eq!(WIRE_VERSION, 1, "a new version of the wire gets a golden file of its own");
    if std::env::var_os("PULT_TEST_WRITE_GOLDEN").is_some() {
        let text = serde_json::to_string_pretty(&written()).unwrap();
        fs::write(golden_file(), text + "\n").unwrap();
    }
    let golden = golden();
    for (side, frames) in written() {
        let released = &golden[side];
        for (frame, released) in frames.iter().zip(released) {
            assert_eq!(frame, released, "{side}: what we write is not what was released");
        }
        assert_eq!(frames.len(), released.len(), "{side}: everything that travels has its line, and no line is lost");
    }
}

/// Reads what was released and writes it again.
fn check_reading<Frame: DeserializeOwned + serde::Serialize>(side: &str) {
    for released in &golden()[side] {
        let text = released.to_string();
        let frame: Frame = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{side}: {error}: {text}"));
        assert_eq!(&serde_json::to_value(&frame).unwrap(), released, "{side}: something was lost in reading");
    }
}

#[test]
fn everything_that_version_1_has_written_can_be_read() {
    check_reading::<ClientFrame>("from the desk");
    check_reading::<ServerFrame>("from the gateway");
}

#[test]
fn a_desk_that_is_older_than_a_new_field_can_still_read_the_frame() {
    let mut frame = golden()["from the gateway"].last().unwrap().clone();
    let event = frame["event"]["event"]["withdrawn"].as_object_mut().expect("the last line withdraws an offer");
    event.insert("a field of tomorrow".to_owned(), json!(1));
    serde_json::from_str::<ServerFrame>(&frame.to_string()).unwrap();
}
