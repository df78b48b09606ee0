use shared::domain::agent::{Activity, AgentProfile, Presence, Role, Work};
use shared::domain::call::{CallKind, PartyState};
use shared::domain::catalogue::{Catalogue, ResultCode, Words};
use shared::domain::queue::QueueCode;
use shared::ids::AgentId;
use shared::phone::CallerNumber;
use shared::wire::Sealed;
use shared::wire::card::CardState;
use shared::wire::command::{Command as WireCommand, CommandError, Done};
use shared::wire::event::{
    CallAtDesk, DeskState, Event, Offer, OfferedBy, OfferedHow, PeerLine, Snapshot, WithdrawnBecause,
};
use uuid::Uuid;

use super::*;
use crate::command::{Action, Command, Reason};
use crate::perform::{Ask, Hands, perform};
use crate::settings::Settings;
use crate::state::event::{LinkEvent, Stamped};
use crate::state::reach::{Chosen, Dialled, Purpose, ReachEdit};
use crate::state::session::Connection;

const CALL: CallId = CallId(1);
const OTHER: CallId = CallId(2);

fn at(ms: u64) -> Moment {
    Moment::at_ms(ms)
}

fn offer(kind: CallKind, from: Option<OfferedHow>) -> Offer {
    Offer {
        call: CALL,
        queue: QueueCode::new("billing"),
        caller: CallerNumber::parse("+79162040000"),
        display_name: None,
        arrived_at: UtcMs(0),
        offered_at: UtcMs(0),
        until: UtcMs(15_000),
        can_answer_from_screen: true,
        age_us: 900,
        customer: None,
        card: Sealed::pack(&CardState::Unknown).unwrap(),
        kind,
        from: from.map(|how| OfferedBy { agent: AgentId(2), name: "Анна Петрова".into(), how }),
        path: vec![],
    }
}

fn line(activity: Activity) -> CallLine {
    let customer = match activity {
        Activity::Dialing => PartyState::Ringing,
        Activity::OnHold | Activity::Consulting => PartyState::OnHold,
        Activity::Talking | Activity::Conference => PartyState::Talking,
    };
    CallLine { activity, since: UtcMs(5_000), muted: false, customer: Some(customer), peer: None, guest: false }
}

fn anna() -> Party {
    Party::Agent { agent: AgentId(2), name: "Анна Петрова".into() }
}

fn with_peer(activity: Activity, state: PartyState) -> CallLine {
    CallLine { peer: Some(PeerLine { party: anna(), state, since: UtcMs(6_000) }), ..line(activity) }
}

/// A desk that is told things one after another, with a person at it.
struct Told {
    desk: Desk,
    settings: Settings,
    seq: u64,
    n_made: u128,
}

impl Told {
    fn online() -> Self {
        let mut told = Self { desk: Desk::default(), settings: Settings::default(), seq: 0, n_made: 0 };
        let profile =
            AgentProfile {
                id: AgentId(1), login: "o".into(), name: "Ольга".into(), role: Role::Operator, phone: None
            };
        let catalogue = std::sync::Arc::new(Catalogue {
            results: [("O.BUSY", CallEnding::Busy), ("I.TRANSFER", CallEnding::TransferredOut)]
                .map(|(code, ending)| ResultCode {
                    code: code.into(),
                    name: Words::default(),
                    first_contact_resolution: false,
                    proposed_for: vec![ending],
                })
                .to_vec(),
            ..Catalogue::default()
        });
        let gateway_now = UtcMs(0);
        told.link(LinkEvent::Welcome { epoch: 1, gateway_now, profile, catalogue, resumed: false });
        told.snapshot(None);
        told
    }

    fn snapshot(&mut self, call: Option<CallAtDesk>) {
        let state = DeskState {
            presence: Presence::Ready,
            presence_since: UtcMs(0),
            work: Work::Idle,
            work_since: UtcMs(0),
            pending: None,
            phone_registered: Some(true),
        };
        let snapshot =
            Snapshot { state, call, waiting: vec![], missed: vec![], floor: None, faults: vec![], parked: vec![] };
        let seq = self.seq;
        self.link(LinkEvent::Snapshot { seq, snapshot: Box::new(snapshot), card: Some(CardView::Unknown) });
    }

    fn link(&mut self, event: LinkEvent) {
        self.desk.apply(Stamped { taken_at: at(100), event }, at(100));
    }

    fn event(&mut self, event: Event) {
        self.seq += 1;
        let (seq, event) = (self.seq, Box::new(event));
        self.link(LinkEvent::Happened { seq, event, card: Some(CardView::Unknown), half_trip_us: 0 });
    }

    /// An inbound call that is talked in.
    fn talking() -> Self {
        let mut told = Self::online();
        told.event(Event::Offered { offer: Box::new(offer(CallKind::Inbound, None)) });
        told.event(Event::Answered { call: CALL, at: UtcMs(1_000) });
        told.line(line(Activity::Talking));
        told
    }

    fn line(&mut self, line: CallLine) {
        self.event(Event::Line { call: CALL, line });
    }

    fn does(&mut self, command: impl Into<Command>) -> Vec<Ask> {
        let n_made = &mut self.n_made;
        let mut mint = || {
            *n_made += 1;
            Uuid::from_u128(*n_made)
        };
        let hands = &mut Hands { desk: &mut self.desk, settings: &mut self.settings, mint: &mut mint, now: at(100) };
        perform(command.into(), hands)
    }

    /// The one command that what the person does sends.
    #[track_caller]
    fn sends(&mut self, command: impl Into<Command>) -> WireCommand {
        let asks = self.does(command);
        let [Ask::Send { command, .. }] = &asks[..] else { panic!("{asks:?}") };
        command.clone()
    }

    fn is_answered(&mut self, outcome: Result<Done, CommandError>) {
        let id = Uuid::from_u128(self.n_made);
        self.link(LinkEvent::Answer { id, outcome });
    }

    fn ends(&mut self, ending: CallEnding) {
        self.event(Event::Ended { call: CALL, at: UtcMs(9_000), ending, wrapup_limit: UtcMs(60_000) });
    }

    fn view(&self) -> &CallView {
        self.desk.call.as_ref().unwrap()
    }

    fn result(&self) -> Option<&str> {
        self.desk.drafts.get(TabKey::Call(CALL)).and_then(|draft| draft.result.as_deref())
    }

    fn why_not(&self, action: Action) -> Option<Reason> {
        action.enabled(&self.desk).err()
    }
}

#[test]
fn a_dialled_call_is_being_dialled_and_does_not_ring_here() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Outbound, None)) });
    assert!(told.view().is_dialing() && !told.view().is_ringing());
    assert_eq!(told.why_not(Action::Answer), Some(Reason::NotRinging));
    assert_eq!(told.why_not(Action::HangUp), None);
    assert_eq!(told.desk.waits_to_be_drawn(), None, "nobody measures a pop that the agent has begun");
    told.line(line(Activity::Dialing));
    assert!(told.view().is_dialing());
    told.event(Event::Answered { call: CALL, at: UtcMs(7_000) });
    told.line(line(Activity::Talking));
    assert_eq!(told.view().phase, Phase::Talking { since: UtcMs(7_000) });
}

#[test]
fn a_failed_attempt_is_said_and_its_result_proposed() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Outbound, None)) });
    let party = Party::Number { number: CallerNumber::parse("+79162040000") };
    told.event(Event::PartyFailed { call: CALL, party: party.clone(), why: PartyFailure::Busy });
    told.ends(CallEnding::Busy);
    assert_eq!(told.desk.toasts.shown()[0].message, Message::PartyFailed { party, why: PartyFailure::Busy });
    assert!(told.view().is_wrapup());
    assert_eq!(told.result(), Some("O.BUSY"));
}

#[test]
fn a_result_that_was_chosen_is_not_overruled_by_a_proposal() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Outbound, None)) });
    told.desk.edit(TabKey::Call(CALL), Edit::Result(Some("I.CALLBACK".into())), at(0));
    told.ends(CallEnding::Busy);
    assert_eq!(told.result(), Some("I.CALLBACK"));
}

#[test]
fn whoever_hands_a_call_over_has_only_to_confirm_the_result() {
    let mut told = Told::talking();
    told.line(with_peer(Activity::Consulting, PartyState::Talking));
    assert!(matches!(told.sends(Action::Transfer), WireCommand::CompleteTransfer { call: CALL }));
    told.is_answered(Ok(Done::Ok));
    told.ends(CallEnding::CallerHungUp);
    assert_eq!(told.result(), Some("I.TRANSFER"));
}

#[test]
fn a_refused_transfer_proposes_nothing() {
    let mut told = Told::talking();
    told.line(with_peer(Activity::Consulting, PartyState::Talking));
    told.does(Action::Transfer);
    told.is_answered(Err(CommandError::TooLate));
    told.ends(CallEnding::CallerHungUp);
    assert_eq!(told.result(), None);
}

#[test]
fn an_internal_call_has_no_card_and_leaves_nothing_to_write() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Internal, Some(OfferedHow::Internal))) });
    assert!(told.view().is_ringing() && told.desk.tabs.is_empty());
    told.event(Event::Answered { call: CALL, at: UtcMs(1_000) });
    assert_eq!(told.why_not(Action::Hold), Some(Reason::InternalCall));
    assert_eq!(told.why_not(Action::Mute), None);
    told.event(Event::Released { call: CALL });
    assert!(told.desk.call.is_none() && told.desk.front.is_none());
}

#[test]
fn the_hold_key_holds_and_resumes() {
    let mut told = Told::talking();
    assert!(matches!(told.sends(Action::Hold), WireCommand::Hold { call: CALL }));
    told.line(line(Activity::OnHold));
    assert_eq!(told.view().phase, Phase::Talking { since: UtcMs(1_000) }, "the talk is as long as it was");
    assert!(matches!(told.sends(Action::Hold), WireCommand::Retrieve { call: CALL }));
}

#[test]
fn the_mute_key_turns_the_microphone_off_and_on() {
    let mut told = Told::talking();
    assert!(matches!(told.sends(Action::Mute), WireCommand::Mute { muted: true, .. }));
    told.line(CallLine { muted: true, ..line(Activity::Talking) });
    assert!(matches!(told.sends(Action::Mute), WireCommand::Mute { muted: false, .. }));
}

#[test]
fn with_a_colleague_on_the_line_the_same_keys_complete_and_merge() {
    let mut told = Told::talking();
    told.line(with_peer(Activity::Consulting, PartyState::Ringing));
    assert_eq!(told.why_not(Action::Transfer), Some(Reason::PeerRings));
    assert_eq!(told.why_not(Action::Swap), Some(Reason::PeerRings));
    assert_eq!(told.why_not(Action::Hold), Some(Reason::PeerIsThere));
    assert!(matches!(told.sends(Action::DropPeer), WireCommand::DropParty { .. }));
    told.line(with_peer(Activity::Consulting, PartyState::Talking));
    assert!(matches!(told.sends(Action::Swap), WireCommand::Swap { call: CALL }));
    assert!(matches!(told.sends(Action::Conference), WireCommand::Conference { call: CALL }));
    told.line(with_peer(Activity::Conference, PartyState::Talking));
    assert_eq!(told.why_not(Action::Conference), Some(Reason::InConference));
    assert!(matches!(told.sends(Action::Transfer), WireCommand::CompleteTransfer { call: CALL }));
}

#[test]
fn who_was_called_in_leaves_the_verbs_to_the_colleague_until_the_call_is_theirs() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Inbound, Some(OfferedHow::Consult))) });
    told.event(Event::Answered { call: CALL, at: UtcMs(1_000) });
    told.line(CallLine { guest: true, ..with_peer(Activity::Consulting, PartyState::Talking) });
    for action in [Action::Hold, Action::Transfer, Action::Conference, Action::Swap, Action::Park] {
        assert_eq!(told.why_not(action), Some(Reason::ColleaguesCall), "{action:?}");
    }
    assert_eq!(told.why_not(Action::HangUp), None);
    told.line(line(Activity::Talking));
    assert_eq!(told.why_not(Action::Hold), None);
    assert_eq!(told.desk.toasts.shown()[0].message, Message::CallIsYours);
}

#[test]
fn a_guest_who_is_dropped_keeps_what_was_typed_and_nothing_else() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Inbound, Some(OfferedHow::Consult))) });
    told.event(Event::Answered { call: CALL, at: UtcMs(1_000) });
    told.event(Event::Released { call: CALL });
    assert!(told.desk.call.is_none() && told.desk.tabs.is_empty());
}

#[test]
fn an_event_of_another_call_touches_nothing() {
    let mut told = Told::talking();
    told.event(Event::Line { call: OTHER, line: line(Activity::OnHold) });
    told.event(Event::Digit { call: OTHER, digit: '5' });
    told.event(Event::PartyFailed { call: OTHER, party: anna(), why: PartyFailure::Busy });
    told.event(Event::Released { call: OTHER });
    assert_eq!(told.view().activity(), Some(Activity::Talking));
    assert!(told.view().heard(at(100)).is_none() && told.desk.toasts.shown().is_empty());
}

#[test]
fn keys_that_the_caller_presses_are_shown_for_a_while_and_never_grow() {
    let mut told = Told::talking();
    for digit in "123456789012345678#".chars() {
        told.event(Event::Digit { call: CALL, digit });
    }
    assert_eq!(told.view().heard(at(200)), Some("456789012345678#"));
    assert_eq!(told.view().heard(at(9_000)), None);
    assert!(!format!("{:?}", told.view().heard).contains("456789"), "masked in a log");
}

#[test]
fn a_desk_that_was_away_comes_back_to_the_held_customer() {
    let mut told = Told::online();
    let call = |line, answered_at| CallAtDesk {
        offer: Box::new(offer(CallKind::Inbound, None)),
        answered_at,
        ended: None,
        line,
    };
    told.snapshot(Some(call(Some(line(Activity::OnHold)), Some(UtcMs(1_000)))));
    assert_eq!(told.view().activity(), Some(Activity::OnHold));
    assert_eq!(told.view().phase, Phase::Talking { since: UtcMs(1_000) });
}

#[test]
fn a_cancelled_consultation_leaves_the_screen_with_a_word() {
    let mut told = Told::online();
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Inbound, Some(OfferedHow::Consult))) });
    told.event(Event::Withdrawn { call: CALL, why: WithdrawnBecause::Cancelled });
    assert!(told.desk.call.is_none());
    assert_eq!(told.desk.toasts.shown()[0].message, Message::OfferGone(WithdrawnBecause::Cancelled));
}

fn pick(told: &mut Told, purpose: Action) {
    told.does(purpose);
    let to = shared::domain::call::Target::Agent { agent: AgentId(2) };
    told.does(Command::Reach(ReachEdit::Choose(Chosen { to, name: "Анна Петрова".into() })));
}

#[test]
fn the_note_for_the_next_one_begins_with_what_was_written_about_the_call() {
    let mut told = Told::talking();
    told.desk.edit(TabKey::Call(CALL), Edit::Summary("спор о\nпоказаниях".into()), at(0));
    pick(&mut told, Action::Transfer);
    let WireCommand::Transfer { note, .. } = told.sends(Action::Transfer) else { panic!() };
    assert_eq!(note.unwrap().reveal(), "спор о показаниях");
}

#[test]
fn one_list_serves_asking_and_handing_over() {
    let mut told = Told::talking();
    pick(&mut told, Action::Transfer);
    assert!(matches!(told.sends(Action::Conference), WireCommand::Consult { call: CALL, .. }));
    assert!(told.does(Action::Conference).is_empty(), "sent once, however often the key is pressed");
    told.is_answered(Ok(Done::Ok));
    assert!(told.desk.reach.is_none());
}

#[test]
fn a_refusal_stands_where_the_number_was_typed_and_nowhere_else() {
    let mut told = Told::talking();
    pick(&mut told, Action::Conference);
    told.does(Action::Conference);
    let error = CommandError::PartyFailed { why: PartyFailure::NotFree };
    told.is_answered(Err(error.clone()));
    let reach = told.desk.reach.as_ref().unwrap();
    assert_eq!((&reach.refused, reach.sent), (&Some(error), None));
    assert!(told.desk.toasts.shown().is_empty());
    told.does(Command::Reach(ReachEdit::Unchoose));
    assert_eq!(told.desk.reach.as_ref().unwrap().refused, None);
}

#[test]
fn what_was_typed_for_a_call_goes_with_it() {
    let mut told = Told::talking();
    told.does(Action::Transfer);
    assert_eq!(told.desk.reach.as_ref().unwrap().purpose, Purpose::Transfer);
    told.ends(CallEnding::CallerHungUp);
    assert!(told.desk.reach.is_none());
}

#[test]
fn a_call_that_rings_takes_away_nothing_that_is_typed_to_call_somebody_else() {
    let mut told = Told::online();
    told.does(Action::Dial);
    told.does(Command::Reach(ReachEdit::Text("8916".into())));
    told.event(Event::Offered { offer: Box::new(offer(CallKind::Inbound, None)) });
    assert_eq!(told.desk.reach.as_ref().unwrap().text.reveal(), "8916");
    told.event(Event::Answered { call: CALL, at: UtcMs(1_000) });
    assert!(told.desk.reach.is_none());
}

#[test]
fn a_queue_is_handed_a_call_and_never_asked() {
    let mut told = Told::talking();
    told.does(Action::Conference);
    let to = shared::domain::call::Target::Queue { queue: QueueCode::new("debt") };
    assert!(told.does(Command::ReachTo { purpose: Purpose::Consult, to: to.clone() }).is_empty());
    assert!(matches!(told.sends(Command::ReachTo { purpose: Purpose::Transfer, to }), WireCommand::Transfer { .. }));
}

#[test]
fn nobody_is_called_over_another_call_or_an_unwritten_one() {
    let mut told = Told::talking();
    let to = shared::domain::call::Target::Number { number: "+79162040000".into() };
    let dialled = Dialled { to, customer: None, callback: None };
    assert!(told.does(Command::Dial(dialled.clone())).is_empty());
    told.ends(CallEnding::CallerHungUp);
    assert_eq!(told.why_not(Action::Dial), Some(Reason::WrapupFirst));
    told.event(Event::WrapupSaved { call: CALL });
    assert_eq!(told.why_not(Action::Redial), Some(Reason::NothingDialled));
    assert!(matches!(told.sends(Command::Dial(dialled)), WireCommand::Dial { .. }));
    assert!(matches!(told.sends(Action::Redial), WireCommand::Dial { .. }));
    told.link(LinkEvent::Connection(Connection::Offline { since: at(0), retry_at: at(9) }));
    assert_eq!(told.why_not(Action::Redial), Some(Reason::Offline));
}

#[test]
fn tones_are_the_sixteen_keys_and_nothing_else() {
    let mut told = Told::talking();
    let WireCommand::SendDigits { digits, .. } = told.sends(Command::SendDigits("1 2a#".into())) else { panic!() };
    assert_eq!(digits, "12#");
    assert!(told.does(Command::SendDigits("привет".into())).is_empty());
}

#[test]
fn the_list_of_colleagues_is_read_anew_only_while_it_is_looked_at() {
    let mut told = Told::talking();
    assert_eq!(told.desk.colleagues_due(), None);
    told.does(Action::Transfer);
    assert_eq!(told.desk.colleagues_due(), Some(at(100).after(crate::state::reach::REREAD)));
    told.is_answered(Ok(Done::Colleagues { people: vec![] }));
    assert!(told.desk.colleagues.is_known());
    told.does(Command::CloseReach);
    assert_eq!(told.desk.colleagues_due(), None);
}
