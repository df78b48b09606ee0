//! How events move the desk.
//!
//! Each event names its call, and an event of another call never touches the one that is shown: so no previous
//! caller's data can appear on the screen, however late it comes.

use std::sync::Arc;

use shared::domain::agent::{AgentProfile, Role};
use shared::ids::{CallId, CustomerId};
use shared::phone::CallerNumber;
use shared::time::{Moment, UtcMs};
use shared::wire::StreamPosition;
use shared::wire::command::{CommandError, Done};
use shared::wire::event::{Event, Offer, Snapshot, WithdrawnBecause};
use uuid::Uuid;

use super::Failure;
use super::call::{CallView, CardView, Phase, Pop};
use super::desk::{Aftermath, Desk};
use super::drafts::Origin;
use super::event::{LinkEvent, Stamped};
use super::saves::{Save, SaveKind, SaveState};
use super::screen::Page;
use super::session::{Connection, Session, SignInError, SignInStep};
use super::tab::{Tab, TabKey};
use super::toasts::Message;

impl Desk {
    /// Takes one thing in that the network or the disk has to tell.
    pub fn apply(&mut self, stamped: Stamped, now: Moment) -> Aftermath {
        let Stamped { taken_at, event } = stamped;
        match event {
            LinkEvent::ConfirmFingerprint { gateway, fingerprint } => {
                self.sign_in.step = SignInStep::ConfirmFingerprint { gateway, fingerprint };
            }
            LinkEvent::SignInFailed { error } => self.sign_in_failed(error),
            LinkEvent::SignedIn { profile, gateway } => self.signed_in(profile, gateway, now),
            LinkEvent::SignedOut { error } => self.signed_out(error),
            LinkEvent::Connection(connection) => self.connection_is(connection),
            LinkEvent::Welcome { epoch, gateway_now, profile, catalogue, resumed } => {
                if let Some(session) = &mut self.session {
                    session.profile = profile;
                }
                self.catalogue = catalogue;
                self.clock.set(gateway_now, taken_at);
                self.welcomed(epoch, resumed, now);
            }
            LinkEvent::Snapshot { seq, snapshot, card } => self.take_snapshot(seq, *snapshot, card, taken_at, now),
            LinkEvent::Happened { seq, event, card, half_trip_us } => {
                return self.happened(seq, *event, card, half_trip_us, taken_at, now);
            }
            LinkEvent::Pong { gateway_now, round_trip } => {
                self.clock.round_trip = Some(round_trip);
                self.clock.set(gateway_now, taken_at);
            }
            LinkEvent::Answer { id, outcome } => return self.answered(id, outcome, now),
            LinkEvent::Kept { drafts, saves } => {
                self.drafts.restore(drafts);
                for (id, command, tab) in saves {
                    let kind = SaveKind::of(&command);
                    self.saves.begin(Save { id, kind, tab, began: now, state: SaveState::Waiting });
                }
                return self.open_drafts();
            }
            LinkEvent::DiskFailed => _ = self.toasts.push(Message::DraftsNotKept, now),
            LinkEvent::Found { tab: Some(tab), generation, found } => {
                if let Some(tab) = self.tab_mut(tab) {
                    tab.search.take(generation, found);
                }
            }
            LinkEvent::Found { tab: None, generation, found } => self.search.take(generation, found),
            LinkEvent::HistoryRead { tab, generation, after, page } => {
                if let Some(tab) = self.tab_mut(tab) {
                    tab.history.take(generation, after, page);
                }
            }
            LinkEvent::CardRead { tab, card } => {
                self.card_read(tab, card);
                self.note_origin(tab, now);
            }
        }
        Aftermath::Nothing
    }

    /// The frame with the caller's card has been laid out and tessellated. Returns what the gateway is told, once for
    /// each pop.
    pub fn drawn(&mut self, at: Moment) -> Option<(CallId, i64)> {
        let waits = self.waits_to_be_drawn()?;
        let call = self.call.as_mut()?;
        let us = call.pop.before_us? + at.since(call.pop.taken_at).as_micros() as i64;
        call.pop.shown_us = Some(us);
        self.last_pop_us = Some(us);
        Some((waits, us))
    }

    /// The call whose card the next frame shows for the first time.
    pub fn waits_to_be_drawn(&self) -> Option<CallId> {
        let call = self.call.as_ref()?;
        let is_fresh = call.pop.before_us.is_some() && call.pop.shown_us.is_none();
        let tab = self.call_tab()?;
        let is_there = self.front == Some(tab.key) && !matches!(tab.card, CardView::Pending);
        (is_fresh && is_there).then(|| call.id())
    }

    fn sign_in_failed(&mut self, error: SignInError) {
        self.sign_in.step = SignInStep::Asking;
        self.sign_in.error = Some(error);
        self.sign_in.attempt = None;
    }

    fn signed_in(&mut self, profile: AgentProfile, gateway: String, now: Moment) {
        let Some(attempt) = self.sign_in.attempt.take() else { return };
        self.sign_in.step = SignInStep::Asking;
        self.sign_in.error = None;
        if profile.role >= Role::Supervisor && profile.phone.is_none() {
            // Somebody without a telephone takes no calls, and has come to see the floor.
            self.screen.page = Page::Supervisor;
        }
        self.session = Some(Session { profile, gateway, lock: attempt.lock });
        self.connection = Connection::Connecting { since: now };
    }

    /// Nothing of this person's evening stays on the screen; the drafts stay on disk.
    fn signed_out(&mut self, error: Option<SignInError>) {
        let sign_in = super::session::SignInState { error, ..Default::default() };
        *self = Self { sign_in, grab: std::mem::take(&mut self.grab), ..Self::default() };
    }

    fn connection_is(&mut self, connection: Connection) {
        if matches!(connection, Connection::Offline { .. } | Connection::Refused { .. }) {
            self.saves.all_wait();
            // What had no answer is not sent again: whether it happened is in the snapshot.
            if let Some(reach) = &mut self.reach {
                reach.sent = None;
            }
        }
        // The strip counts from the moment the line broke, however often it is tried again.
        self.connection = match (&self.connection, connection) {
            (Connection::Offline { since, .. }, Connection::Offline { retry_at, .. }) => {
                Connection::Offline { since: *since, retry_at }
            }
            (_, connection) => connection,
        };
    }

    fn welcomed(&mut self, epoch: u64, resumed: bool, now: Moment) {
        if matches!(self.connection, Connection::Offline { .. }) {
            self.toasts.push(Message::BackOnline, now);
        }
        self.connection = Connection::Online;
        let goes_on = resumed && self.position.is_some_and(|position| position.epoch == epoch);
        if !goes_on {
            self.position = None;
            self.epoch = epoch;
        }
    }

    fn take_snapshot(&mut self, seq: u64, snapshot: Snapshot, card: Option<CardView>, taken_at: Moment, now: Moment) {
        let Snapshot { state, call, waiting, missed, floor, faults, parked } = snapshot;
        self.position = Some(StreamPosition { epoch: self.epoch, seq });
        self.state = Some(state);
        self.waiting = waiting;
        self.missed = missed;
        self.parked = parked;
        self.floor = floor.map(Arc::from);
        self.faults = faults;

        let before = self.call.take();
        let Some(at_desk) = call else {
            if let Some(gone) = before {
                self.leave_call(gone.id());
            }
            self.tidy_reach();
            return;
        };
        let mut found = CallView::found(at_desk, taken_at);
        match before {
            Some(known) if known.id() == found.id() => found.pop = known.pop,
            Some(gone) => self.leave_call(gone.id()),
            None => {}
        }
        if found.is_internal() && !found.is_wrapup() {
            self.call = Some(found);
            self.tidy_reach();
            return;
        }
        let card = card.unwrap_or(CardView::Pending);
        let key = TabKey::Call(found.id());
        let caller = found.offer.caller.clone();
        match self.tab_mut(key) {
            Some(tab) => {
                if !matches!(card, CardView::Pending) || tab.known().is_none() {
                    tab.set_card(card);
                }
                tab.caller = Some(caller);
                self.come_forward(key);
            }
            None => self.open_tab(Tab::new(key, Some(caller), card)),
        }
        self.call = Some(found);
        self.tidy_reach();
        self.note_origin(key, now);
    }

    fn happened(
        &mut self,
        seq: u64,
        event: Event,
        card: Option<CardView>,
        half_trip_us: i64,
        taken_at: Moment,
        now: Moment,
    ) -> Aftermath {
        // Without a position we have already asked for everything anew.
        let Some(position) = &mut self.position else { return Aftermath::Nothing };
        if seq <= position.seq {
            return Aftermath::Nothing;
        }
        if seq != position.seq + 1 {
            self.position = None;
            return Aftermath::Reconnect;
        }
        position.seq = seq;
        match event {
            Event::Offered { offer } => {
                let before_us = Some(offer.age_us + half_trip_us);
                self.offered(*offer, card, Pop { before_us, taken_at, shown_us: None });
            }
            Event::CardArrived { call, customer: _, card: _ } => {
                if let (Some(card), Some(tab)) = (card, self.tab_mut(TabKey::Call(call))) {
                    tab.set_card(card);
                    self.note_origin(TabKey::Call(call), now);
                }
            }
            Event::Withdrawn { call, why } => self.withdrawn(call, why, now),
            Event::Answered { call, at } => self.call_answered(call, at),
            Event::Ended { call, at, ending, wrapup_limit } => self.call_ended(call, at, ending, wrapup_limit, now),
            Event::Line { call, line } => self.line_is(call, line, now),
            Event::PartyFailed { call, party, why } => self.party_failed(call, party, why, now),
            Event::Digit { call, digit } => self.digit(call, digit, now),
            Event::Released { call } => self.gone(call),
            Event::Parked { calls } => self.parked = calls,
            Event::WrapupSaved { call } => self.gone(call),
            Event::State { state } => self.state = Some(state),
            Event::Waiting { callers } => self.waiting = callers,
            Event::Missed { calls } => self.missed = calls,
            Event::Floor { floor } => self.floor = Some(Arc::from(floor)),
            Event::Faults { faults } => self.faults = faults,
        }
        Aftermath::Nothing
    }

    fn offered(&mut self, offer: Offer, card: Option<CardView>, pop: Pop) {
        if let Some(gone) = self.call.take() {
            self.leave_call(gone.id());
        }
        let key = TabKey::Call(offer.call);
        // An offer that comes again (after it rang out) finds its tab and its draft.
        self.tabs.retain(|tab| tab.key != key);
        let tab = Tab::new(key, Some(offer.caller.clone()), card.unwrap_or(CardView::Pending));
        let view = CallView::offered(offer, pop);
        let has_card = !view.is_internal();
        self.call = Some(view);
        // Among colleagues there is no customer, and nothing comes in front of what is being read.
        if has_card {
            self.open_tab(tab);
        }
    }

    fn withdrawn(&mut self, call: CallId, why: WithdrawnBecause, now: Moment) {
        if self.call.as_ref().is_some_and(|view| view.id() == call && view.is_ringing()) {
            self.gone(call);
            self.toasts.push(Message::OfferGone(why), now);
        }
    }

    fn call_answered(&mut self, call: CallId, at: UtcMs) {
        let waits = |view: &CallView| view.id() == call && (view.is_ringing() || view.is_dialing());
        if let Some(view) = self.call.as_mut().filter(|view| waits(view)) {
            view.phase = Phase::Talking { since: at };
            self.call_comes_forward(call);
            self.tidy_reach();
        }
    }

    fn answered(&mut self, id: Uuid, outcome: Result<Done, CommandError>, now: Moment) -> Aftermath {
        let Some(save) = self.saves.get(id).cloned() else { return Aftermath::Nothing };
        let mut aftermath = Aftermath::Nothing;
        let said_in_place = self.reach_answered(&save, &outcome);
        match outcome {
            Ok(done) => {
                self.saves.set(id, SaveState::Saved { at: now, done: done.clone() });
                // That a missed call is marked was said when it was marked, with the way back.
                if !matches!(save.kind, SaveKind::Phone | SaveKind::Colleagues | SaveKind::Missed(_)) {
                    self.toasts.push(Message::Saved(save.kind), now);
                }
                let lock = if save.kind == SaveKind::Password { self.new_lock.take() } else { None };
                if let (Some(lock), Some(session)) = (lock, &mut self.session) {
                    session.lock = lock;
                }
                aftermath = self.typed_is_saved(&save, &done, now);
            }
            Err(error) if error.is_passing() && save.kind.is_kept() => {
                if save.state != SaveState::Waiting {
                    self.toasts.push(Message::WaitsForGateway(save.kind), now);
                }
                self.saves.set(id, SaveState::Waiting);
            }
            Err(error) => {
                self.saves.set(id, SaveState::Refused { at: now, error: error.clone() });
                if !said_in_place && !self.call_is_forgotten(&save, &error, now) {
                    self.toasts.push(Message::Refused { kind: save.kind, error }, now);
                }
            }
        }
        self.saves.tidy();
        aftermath
    }

    /// A call whose facts the gateway takes no more, because it has forgotten the call or somebody else has had it
    /// since. What was typed is not lost: saved again, it becomes an entry in the customer's history.
    fn call_is_forgotten(&mut self, save: &Save, error: &CommandError, now: Moment) -> bool {
        let (SaveKind::Wrapup(call), Some(tab)) = (save.kind, save.tab) else { return false };
        let gone = matches!(error, CommandError::TooLate)
            || matches!(error, CommandError::NotFound { what } if what == "call");
        if !gone || !self.is_past_call(TabKey::Call(call)) || !self.drafts.is_typed_in(tab) {
            return false;
        }
        let of = self.origin(tab);
        self.drafts.are_of(tab, Origin { forgotten: true, ..of }, now);
        self.toasts.push(Message::CallForgotten, now);
        true
    }

    /// The gateway has committed it, so what was typed for it is no draft any more.
    fn typed_is_saved(&mut self, save: &Save, done: &Done, now: Moment) -> Aftermath {
        let Some(tab) = save.tab else { return Aftermath::Nothing };
        let mut aftermath = Aftermath::Nothing;
        match save.kind {
            SaveKind::Wrapup(_) | SaveKind::PastCall => self.drafts.clear_wrapup(tab, now),
            SaveKind::Reading | SaveKind::Request => {
                let form = self.drafts.get(tab).and_then(|draft| draft.form.as_ref());
                let topic = form.and_then(|form| self.catalogue.form(&form.form)).map(|form| form.topic.clone());
                self.drafts.clear_form(tab, topic, now);
            }
            // The entry stands in the history at once.
            SaveKind::Interaction => {
                self.drafts.clear_manual(tab, now);
                aftermath = Aftermath::Read(vec![tab]);
            }
            SaveKind::NewCustomer => {
                // The gateway binds the customer to a call that is at a desk; of a past one the draft alone knows.
                if let (true, Done::Customer { id }) = (self.is_past_call(tab), done) {
                    let of = Origin { customer: Some(*id), account: None, ..self.origin(tab) };
                    self.drafts.are_of(tab, of, now);
                    aftermath = Aftermath::Read(vec![tab]);
                }
                self.drafts.clear_newcomer(tab, now);
            }
            SaveKind::Link(..) | SaveKind::Missed(_) | SaveKind::Password | SaveKind::Phone | SaveKind::Colleagues => {}
        }
        if self.is_past_call(tab) {
            self.leave_tab(tab);
        }
        aftermath
    }

    fn card_read(&mut self, key: TabKey, card: Result<Arc<shared::wire::card::Card>, Failure>) {
        let Some(tab) = self.tab_mut(key) else { return };
        match card {
            Ok(card) => {
                // A card read for one customer never replaces another's that has been linked meanwhile.
                let is_of_this = match key {
                    TabKey::Customer(customer) => card.customer.id == customer,
                    TabKey::Call(_) => tab.customer().is_none_or(|customer| customer == card.customer.id),
                };
                if is_of_this {
                    tab.set_card(CardView::Known(card));
                }
            }
            // A card that is there stays there: an old one is better than none.
            Err(_) if tab.known().is_some() => {}
            Err(_) => tab.set_card(CardView::Unavailable),
        }
    }

    /// Each draft that an earlier life of this desk has left gets a tab, behind what is shown. Its card has to be read.
    fn open_drafts(&mut self) -> Aftermath {
        let without_tab: Vec<_> =
            self.drafts.all().map(|(key, _)| key).filter(|key| self.tab(*key).is_none()).collect();
        let mut to_read = Vec::new();
        for key in without_tab {
            self.tabs.push(self.tab_of_draft(key));
            if self.customer_of(key).is_some() {
                to_read.push(key);
            }
        }
        if to_read.is_empty() { Aftermath::Nothing } else { Aftermath::Read(to_read) }
    }

    /// The tab of a draft that lost its tab.
    pub(crate) fn reopen(&mut self, key: TabKey) {
        let tab = self.tab_of_draft(key);
        self.tabs.push(tab);
    }

    /// The tab of a draft alone, as far as the draft tells whose it is.
    fn tab_of_draft(&self, key: TabKey) -> Tab {
        let caller = self.origin(key).caller;
        let card = match (self.customer_of(key), &caller) {
            (Some(_), _) => CardView::Pending,
            (None, Some(CallerNumber::Withheld)) => CardView::Withheld,
            (None, _) => CardView::Unknown,
        };
        Tab::new(key, caller, card)
    }

    /// The customer of a tab: of its card, else of its key, else of its draft.
    pub(crate) fn customer_of(&self, key: TabKey) -> Option<CustomerId> {
        let of_key = if let TabKey::Customer(customer) = key { Some(customer) } else { None };
        self.tab(key).and_then(Tab::customer).or(of_key).or_else(|| self.origin(key).customer)
    }

    /// Opens a tab beside the others. It comes to the front unless that would cover what somebody is typing.
    pub(crate) fn open_tab(&mut self, tab: Tab) {
        let key = tab.key;
        self.tabs.push(tab);
        self.come_forward(key);
    }

    /// What somebody is typing stays in front until it is left, or the caller answered.
    fn come_forward(&mut self, key: TabKey) {
        let covers_text = match self.front {
            Some(front) => front != key && self.drafts.is_typed_in(front) && self.tab(front).is_some(),
            None => self.search_open && !self.search.text.is_empty(),
        };
        if !covers_text {
            self.front = Some(key);
        }
    }

    /// The call of this tab is over. Unsaved text keeps the tab; nothing else of the caller stays on the screen.
    pub(crate) fn leave_tab(&mut self, key: TabKey) {
        if !self.drafts.is_typed_in(key) {
            self.close_tab(key);
        }
    }

    pub(crate) fn close_tab(&mut self, key: TabKey) {
        self.tabs.retain(|tab| tab.key != key);
        if self.front == Some(key) {
            self.front = None;
            if !self.search_open {
                self.show_something();
            }
        }
    }

    /// The search goes; what was found stays for the next time.
    pub(crate) fn close_search(&mut self) {
        self.search_open = false;
        if self.front.is_none() {
            self.show_something();
        }
    }

    /// The call's card, else the one that was opened last.
    pub(crate) fn show_something(&mut self) {
        let of_call = self.call_tab().map(|tab| tab.key);
        self.front = of_call.or_else(|| self.tabs.last().map(|tab| tab.key));
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
