use std::time::Duration;

use shared::domain::agent::{Presence, Work};
use shared::domain::call::{CallEnding, CallKind};
use shared::domain::customer::{Customer, CustomerKind};
use shared::domain::interaction::HistoryPage;
use shared::domain::queue::QueueCode;
use shared::ids::CustomerId;
use shared::money::Money;
use shared::phone::CallerNumber;
use shared::wire::Sealed;
use shared::wire::card::{Card, CardState};
use shared::wire::event::{CallAtDesk, DeskState, EndedCall};

use super::*;
use crate::command::Reason;
use crate::state::drafts::Edit;

const FIRST: CallId = CallId(1);
const SECOND: CallId = CallId(2);

fn at(ms: u64) -> Moment {
    Moment::at_ms(ms)
}

fn card_of(customer: i64) -> CardView {
    CardView::Known(Arc::new(Card {
        customer: Customer {
            id: CustomerId(customer),
            kind: CustomerKind::Person,
            name: "Соколова Марина".into(),
            address: "".into(),
            email: None,
            customer_since_year: None,
            flags: vec![],
            debt: Money::ZERO,
            updated_at: UtcMs(0),
            rev: 1,
        },
        contact_points: vec![],
        accounts: vec![],
        readings: vec![],
        payments: vec![],
        payments_total: 0,
        corrective_invoices: vec![],
        requests: vec![],
        consumption: vec![],
        history: HistoryPage::default(),
    }))
}

fn offer(call: CallId) -> Offer {
    Offer {
        call,
        queue: QueueCode::new("billing"),
        caller: CallerNumber::Withheld,
        display_name: None,
        arrived_at: UtcMs(0),
        offered_at: UtcMs(0),
        until: UtcMs(15_000),
        can_answer_from_screen: true,
        age_us: 900,
        customer: None,
        card: Sealed::pack(&CardState::Pending).unwrap(),
        kind: CallKind::Inbound,
        from: None,
        path: vec![],
    }
}

fn idle() -> DeskState {
    DeskState {
        presence: Presence::Ready,
        presence_since: UtcMs(0),
        work: Work::Idle,
        work_since: UtcMs(0),
        pending: None,
        phone_registered: Some(true),
    }
}

fn snapshot(call: Option<CallAtDesk>) -> Box<Snapshot> {
    Box::new(Snapshot {
        state: idle(),
        call,
        waiting: vec![],
        missed: vec![],
        floor: None,
        faults: vec![],
        parked: vec![],
    })
}

/// A desk that is told things one after another.
struct Told {
    desk: Desk,
    seq: u64,
}

impl Told {
    fn online() -> Self {
        let mut told = Self { desk: Desk::default(), seq: 10 };
        told.link(LinkEvent::Welcome {
            epoch: 1,
            gateway_now: UtcMs(0),
            profile: shared::domain::agent::AgentProfile {
                id: shared::ids::AgentId(1),
                login: "anna".into(),
                name: "Анна".into(),
                role: shared::domain::agent::Role::Operator,
                phone: None,
            },
            catalogue: Arc::default(),
            resumed: false,
        });
        told.link(LinkEvent::Snapshot { seq: 10, snapshot: snapshot(None), card: None });
        told
    }

    fn link(&mut self, event: LinkEvent) -> Aftermath {
        self.desk.apply(Stamped { taken_at: at(100), event }, at(100))
    }

    fn event(&mut self, event: Event, card: Option<CardView>) -> Aftermath {
        self.seq += 1;
        let (seq, event) = (self.seq, Box::new(event));
        self.link(LinkEvent::Happened { seq, event, card, half_trip_us: 250 })
    }

    fn offered(&mut self, call: CallId, card: CardView) {
        self.event(Event::Offered { offer: Box::new(offer(call)) }, Some(card));
    }

    fn talk(&mut self, call: CallId) {
        self.event(Event::Answered { call, at: UtcMs(1_000) }, None);
    }

    fn end(&mut self, call: CallId) {
        let ending = CallEnding::CallerHungUp;
        self.event(Event::Ended { call, at: UtcMs(9_000), ending, wrapup_limit: UtcMs(60_000) }, None);
    }

    fn type_summary(&mut self, call: CallId, text: &str) {
        self.desk.drafts.edit(TabKey::Call(call), Edit::Summary(text.into()), at(200));
    }

    fn front_customer(&self) -> Option<i64> {
        self.desk.front_tab().and_then(Tab::customer).map(|id| id.0)
    }
}

#[test]
fn a_pop_brings_the_card_with_it() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    assert_eq!(told.front_customer(), Some(7));
    assert!(told.desk.call.as_ref().unwrap().is_ringing());
}

#[test]
fn a_late_card_of_the_previous_caller_never_shows() {
    let mut told = Told::online();
    told.offered(FIRST, CardView::Pending);
    told.event(Event::Withdrawn { call: FIRST, why: WithdrawnBecause::CallerGone }, None);
    told.offered(SECOND, CardView::Unknown);
    let card = Sealed::pack(&CardState::Unknown).unwrap();
    told.event(Event::CardArrived { call: FIRST, customer: Some(CustomerId(7)), card }, Some(card_of(7)));
    assert_eq!(told.front_customer(), None);
    assert!(matches!(told.desk.front_tab().unwrap().card, CardView::Unknown));
    assert_eq!(told.desk.tabs.len(), 1);
}

#[test]
fn the_end_of_another_call_does_not_end_this_one() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    told.end(SECOND);
    told.event(Event::WrapupSaved { call: SECOND }, None);
    told.event(Event::Withdrawn { call: SECOND, why: WithdrawnBecause::NoAnswer }, None);
    assert!(told.desk.call.as_ref().unwrap().is_talking());
}

#[test]
fn a_pop_does_not_cover_unsaved_text_until_it_is_answered() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    told.end(FIRST);
    told.type_summary(FIRST, "обещал перезвонить");
    told.event(Event::WrapupSaved { call: FIRST }, None);
    told.offered(SECOND, card_of(8));
    assert_eq!(told.front_customer(), Some(7));
    assert_eq!(told.desk.tabs.len(), 2);
    told.talk(SECOND);
    assert_eq!(told.front_customer(), Some(8));
}

#[test]
fn a_caller_who_gives_up_leaves_nothing_on_the_screen() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.event(Event::Withdrawn { call: FIRST, why: WithdrawnBecause::CallerGone }, None);
    assert!(told.desk.call.is_none() && told.desk.tabs.is_empty() && told.desk.front.is_none());
    assert_eq!(told.desk.toasts.shown()[0].message, Message::OfferGone(WithdrawnBecause::CallerGone));
}

#[test]
fn a_missing_event_asks_for_everything_anew_and_nothing_is_believed_meanwhile() {
    let mut told = Told::online();
    told.seq += 1;
    assert_eq!(told.event(Event::Waiting { callers: vec![] }, None), Aftermath::Reconnect);
    told.offered(FIRST, card_of(7));
    assert!(told.desk.call.is_none());
}

#[test]
fn an_event_told_twice_happens_once() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    told.seq -= 2;
    told.offered(FIRST, card_of(9));
    assert!(told.desk.call.as_ref().unwrap().is_talking());
    assert_eq!(told.front_customer(), Some(7));
}

#[test]
fn after_a_break_the_snapshot_brings_the_same_state() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    told.type_summary(FIRST, "счёт");
    told.link(LinkEvent::Connection(Connection::Offline { since: at(100), retry_at: at(600) }));
    assert!(told.desk.call.as_ref().unwrap().is_talking());
    let call = CallAtDesk { offer: Box::new(offer(FIRST)), answered_at: Some(UtcMs(1_000)), ended: None, line: None };
    let before = told.desk.call.as_ref().unwrap().phase;
    told.link(LinkEvent::Welcome {
        epoch: 2,
        gateway_now: UtcMs(5_000),
        profile: shared::domain::agent::AgentProfile {
            id: shared::ids::AgentId(1),
            login: "anna".into(),
            name: "Анна".into(),
            role: shared::domain::agent::Role::Operator,
            phone: None,
        },
        catalogue: Arc::default(),
        resumed: false,
    });
    told.link(LinkEvent::Snapshot { seq: 3, snapshot: snapshot(Some(call)), card: Some(card_of(7)) });
    assert_eq!(told.desk.call.as_ref().unwrap().phase, before);
    assert_eq!((told.front_customer(), told.desk.tabs.len()), (Some(7), 1));
    assert_eq!(told.desk.drafts.get(TabKey::Call(FIRST)).unwrap().summary.reveal(), "счёт");
    assert_eq!(told.desk.position(), Some(StreamPosition { epoch: 2, seq: 3 }));
}

#[test]
fn a_desk_killed_in_wrap_up_comes_back_to_the_call_the_card_and_the_draft() {
    let mut told = Told::online();
    let draft = crate::state::drafts::Draft { summary: "про счётчик".into(), ..Default::default() };
    told.link(LinkEvent::Kept { drafts: vec![(TabKey::Call(FIRST), draft)], saves: vec![] });
    let ended = Some(EndedCall { at: UtcMs(9_000), ending: CallEnding::AgentHungUp, wrapup_limit: UtcMs(60_000) });
    let call = CallAtDesk { offer: Box::new(offer(FIRST)), answered_at: Some(UtcMs(1_000)), ended, line: None };
    told.link(LinkEvent::Snapshot { seq: 20, snapshot: snapshot(Some(call)), card: Some(card_of(7)) });
    assert!(told.desk.call.as_ref().unwrap().is_wrapup());
    assert_eq!(told.front_customer(), Some(7));
    assert_eq!(told.desk.drafts.get(TabKey::Call(FIRST)).unwrap().summary.reveal(), "про счётчик");
}

#[test]
fn the_pop_is_measured_once_and_on_one_clock_each() {
    let mut told = Told::online();
    told.offered(FIRST, CardView::Pending);
    assert_eq!(told.desk.drawn(at(103)), None);
    let card = Sealed::pack(&CardState::Unknown).unwrap();
    told.event(Event::CardArrived { call: FIRST, customer: None, card }, Some(card_of(7)));
    assert_eq!(told.desk.drawn(at(104)), Some((FIRST, 900 + 250 + 4_000)));
    assert_eq!(told.desk.drawn(at(105)), None);
}

#[test]
fn a_call_out_of_a_snapshot_is_no_pop_to_measure() {
    let mut told = Told::online();
    let call = CallAtDesk { offer: Box::new(offer(FIRST)), answered_at: None, ended: None, line: None };
    told.link(LinkEvent::Snapshot { seq: 20, snapshot: snapshot(Some(call)), card: Some(card_of(7)) });
    assert_eq!(told.desk.drawn(at(104)), None);
}

fn wrapup_underway(told: &mut Told) -> Uuid {
    let tab = TabKey::Call(FIRST);
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    told.end(FIRST);
    told.desk.drafts.edit(tab, Edit::Topic(Some("BIL.SUM".into())), at(0));
    told.desk.drafts.edit(tab, Edit::Result(Some("I.RESOLVED".into())), at(0));
    let id = Uuid::from_u128(5);
    let kind = SaveKind::Wrapup(FIRST);
    told.desk.saves.begin(Save { id, kind, tab: Some(tab), began: at(0), state: SaveState::Underway });
    id
}

#[test]
fn the_wrap_up_is_shown_as_saved_only_after_the_gateways_answer() {
    let mut told = Told::online();
    let id = wrapup_underway(&mut told);
    assert_eq!(told.desk.wrapup_to_save(TabKey::Call(FIRST)), Err(Reason::AlreadySaving));
    told.event(Event::WrapupSaved { call: FIRST }, None);
    assert!(told.desk.toasts.shown().is_empty());
    assert!(told.desk.drafts.get(TabKey::Call(FIRST)).is_some());
    told.link(LinkEvent::Answer { id, outcome: Ok(Done::Ok) });
    assert_eq!(told.desk.toasts.shown()[0].message, Message::Saved(SaveKind::Wrapup(FIRST)));
    assert!(told.desk.drafts.get(TabKey::Call(FIRST)).is_none() && told.desk.tabs.is_empty());
}

#[test]
fn a_wrap_up_waits_while_the_database_is_away_and_keeps_its_text() {
    let mut told = Told::online();
    let id = wrapup_underway(&mut told);
    told.link(LinkEvent::Answer { id, outcome: Err(CommandError::DatabaseAway) });
    assert_eq!(told.desk.saves.get(id).unwrap().state, SaveState::Waiting);
    assert!(told.desk.drafts.get(TabKey::Call(FIRST)).is_some());
    told.link(LinkEvent::Answer { id, outcome: Err(CommandError::TooLate) });
    assert!(matches!(told.desk.saves.get(id).unwrap().state, SaveState::Refused { .. }));
    assert!(told.desk.drafts.get(TabKey::Call(FIRST)).is_some());
}

#[test]
fn the_wrap_up_names_what_is_still_missing() {
    let mut told = Told::online();
    let tab = TabKey::Call(FIRST);
    told.offered(FIRST, card_of(7));
    assert_eq!(told.desk.wrapup_to_save(tab), Err(Reason::NotWrapup));
    told.talk(FIRST);
    told.end(FIRST);
    assert_eq!(told.desk.wrapup_to_save(tab), Err(Reason::TopicMissing));
    told.desk.drafts.edit(tab, Edit::Topic(Some("BIL.SUM".into())), at(0));
    assert_eq!(told.desk.wrapup_to_save(tab), Err(Reason::ResultMissing));
    told.desk.drafts.edit(tab, Edit::Result(Some("I.RESOLVED".into())), at(0));
    assert_eq!(told.desk.wrapup_to_save(tab).unwrap().customer, Some(CustomerId(7)));
}

#[test]
fn the_offline_strip_counts_from_the_moment_the_line_broke() {
    let mut told = Told::online();
    told.link(LinkEvent::Connection(Connection::Offline { since: at(100), retry_at: at(600) }));
    told.link(LinkEvent::Connection(Connection::Offline { since: at(700), retry_at: at(1_700) }));
    let expected = Connection::Offline { since: at(100), retry_at: at(1_700) };
    assert_eq!(told.desk.connection, expected);
}

#[test]
fn the_talk_is_timed_on_the_gateways_clock() {
    let mut told = Told::online();
    told.offered(FIRST, card_of(7));
    told.talk(FIRST);
    assert_eq!(told.desk.phase_lasts(at(4_100)), Duration::from_secs(3));
}

fn kept(desk: &mut Told, key: TabKey, draft: crate::state::drafts::Draft) -> Aftermath {
    desk.link(LinkEvent::Kept { drafts: vec![(key, draft)], saves: vec![] })
}

fn half_written(of: Origin) -> crate::state::drafts::Draft {
    crate::state::drafts::Draft { summary: "про счётчик".into(), of, ..Default::default() }
}

#[test]
fn a_draft_of_a_call_that_is_over_gets_a_tab_behind_what_is_shown() {
    let mut told = Told::online();
    let key = TabKey::Call(FIRST);
    let of = Origin { customer: Some(CustomerId(7)), ..Origin::default() };
    assert_eq!(kept(&mut told, key, half_written(of)), Aftermath::Read(vec![key]));
    assert!(told.desk.tab(key).is_some() && told.desk.front.is_none());
    assert_eq!(told.desk.wrapup_to_save(key), Err(Reason::TopicMissing), "it can be finished");
    told.offered(SECOND, card_of(8));
    assert_eq!(told.front_customer(), Some(8), "a pop is not held up by it");
    assert_eq!(told.desk.tabs.len(), 2);
}

#[test]
fn a_draft_of_nobody_is_there_with_what_is_known_of_the_caller() {
    let mut told = Told::online();
    let key = TabKey::Call(FIRST);
    let of = Origin { caller: Some(CallerNumber::Withheld), ..Origin::default() };
    assert_eq!(kept(&mut told, key, half_written(of)), Aftermath::Nothing);
    assert!(matches!(told.desk.tab(key).unwrap().card, CardView::Withheld));
}

#[test]
fn each_letter_typed_in_a_call_keeps_whose_it_is() {
    let mut told = Told::online();
    told.offered(FIRST, CardView::Pending);
    told.desk.edit(TabKey::Call(FIRST), Edit::Summary("с".into()), at(200));
    let of = told.desk.origin(TabKey::Call(FIRST));
    assert_eq!((of.customer, of.arrived_at), (None, Some(UtcMs(0))));
    let card = Sealed::pack(&CardState::Unknown).unwrap();
    told.event(Event::CardArrived { call: FIRST, customer: None, card }, Some(card_of(7)));
    assert_eq!(told.desk.origin(TabKey::Call(FIRST)).customer, Some(CustomerId(7)), "also when the card comes later");
}

#[test]
fn whose_it_is_makes_no_draft_by_itself() {
    let of = Origin { customer: Some(CustomerId(7)), ..Origin::default() };
    assert!(crate::state::drafts::Draft { of, ..Default::default() }.is_empty());
}

#[test]
fn a_wrap_up_that_the_gateway_refuses_during_the_call_is_no_forgotten_call() {
    let mut told = Told::online();
    let id = wrapup_underway(&mut told);
    told.link(LinkEvent::Answer { id, outcome: Err(CommandError::TooLate) });
    assert!(!told.desk.origin(TabKey::Call(FIRST)).forgotten);
}

#[test]
fn a_supervisor_without_a_telephone_comes_to_see_the_floor() {
    use crate::state::session::Attempt;
    let page_of = |role, phone: Option<&str>| {
        let mut desk = Desk::default();
        desk.sign_in.attempt = Some(Attempt {
            gateway: "wss://pult.example".into(),
            login: "olga".into(),
            password: shared::pii::Secret::new("a password"),
            fingerprint: None,
            lock: crate::state::session::LockKey::new(&shared::pii::Secret::new("a password"), [0; 16]),
        });
        let profile = AgentProfile {
            id: shared::ids::AgentId(1),
            login: "olga".into(),
            name: "Ольга".into(),
            role,
            phone: phone.map(Into::into),
        };
        let event = LinkEvent::SignedIn { profile, gateway: "wss://pult.example".into() };
        desk.apply(Stamped { taken_at: at(100), event }, at(100));
        desk.screen.page
    };
    assert_eq!(page_of(Role::Supervisor, None), Page::Supervisor);
    assert_eq!(page_of(Role::Supervisor, Some("101")), Page::Operator);
    assert_eq!(page_of(Role::Operator, None), Page::Operator);
}
