//! What happens by itself when nobody says anything.

use std::time::Duration;

use super::super::event::{Ending, Event, Flow, GoneBecause, LegId};
use super::super::leg::{Cancel, Change, Leg, Phase};
use super::super::message::Method;
use super::super::registrar::FellSilent;
use super::super::transaction::Timer;
use super::super::transaction::{client, invite_client, invite_server, server};
use super::Stack;
use super::clients::{ClientMachine, Purpose};
use super::servers::{ServerInput, ServerMachine};

/// A knock is repeated for half a minute by its transaction; then, after this pause, comes the next.
const KNOCK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Routers forget a way over UDP after half a minute of silence.
const KEEP_OPEN_EVERY: Duration = Duration::from_secs(25);

pub enum Alarm {
    Server(u64, Timer),
    Client(u64, Timer),
    /// Repeat the 200 (`stamp` tells whether it still waits for its ACK).
    Again(u64, u32),
    /// The ACK has not come in 64·T1.
    NoAck(u64, u32),
    /// Say again that it rings: proxies forget a call after three minutes (RFC 3261 §13.3.1.1).
    StillRinging(u64, u32),
    /// Repeat a reliable provisional answer of this number.
    Unacknowledged(u64, u32),
    /// A change of the session that had to wait may be asked for.
    Reoffer(u64),
    /// See which sessions are to be refreshed, and which have run out.
    Sessions,
    /// Whom we call has been rung long enough.
    RungEnough(u64, u32),
    /// A CANCEL was sent and the INVITE still has no final answer.
    CancelUnheard(u64),
    /// Ask whether the conversation is still there.
    Check(u64),
    /// A phone that has lost its connection in a talk has had its time to come back.
    NotBack(u64, u32),
    /// Ask a silent phone whether it is back.
    Knock(Flow),
    /// Let something go through every NAT.
    KeepOpen,
    Forget(u64),
    Registrations,
    Ping(usize),
    /// Register with a provider (again).
    Register(usize, u32),
}

impl Stack {
    pub(super) fn on_alarm(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Server(key, timer) => self.server_timer(key, timer),
            Alarm::Client(key, timer) => self.client_timer(key, timer),
            Alarm::Again(key, stamp) => self.repeat_ok(key, stamp),
            Alarm::NoAck(key, stamp) => self.no_ack(key, stamp),
            Alarm::StillRinging(key, stamp) => self.still_ringing(key, stamp),
            Alarm::Unacknowledged(key, rseq) => self.repeat_reliable(key, rseq),
            Alarm::Reoffer(key) => self.change_if_free(key),
            Alarm::Sessions => self.look_over_sessions(),
            Alarm::RungEnough(key, stamp) => self.rung_enough(key, stamp),
            Alarm::CancelUnheard(key) => self.cancel_unheard(key),
            Alarm::Check(key) => self.check(key),
            Alarm::NotBack(key, stamp) => self.not_back(key, stamp),
            Alarm::Knock(flow) => self.knock(flow),
            Alarm::KeepOpen => self.keep_holes_open(),
            Alarm::Forget(key) => self.forget(key),
            Alarm::Registrations => self.expire_registrations(),
            Alarm::Ping(index) => self.ping(index),
            Alarm::Register(index, stamp) => self.register_again(index, stamp),
        }
    }

    fn server_timer(&mut self, key: u64, timer: Timer) {
        let Some(transaction) = self.servers.get_mut(key) else { return };
        let timers = &self.config.timers;
        let effects = match &mut transaction.machine {
            ServerMachine::Invite(machine) => machine.step(invite_server::Input::Timer(timer), timers),
            ServerMachine::Other(machine) => machine.step(server::Input::Timer(timer), timers),
        };
        self.server_effects(key, &effects, None);
    }

    fn client_timer(&mut self, key: u64, timer: Timer) {
        let Some(transaction) = self.clients.get_mut(key) else { return };
        let timers = &self.config.timers;
        let effects = match &mut transaction.machine {
            ClientMachine::Invite(machine) => machine.step(invite_client::Input::Timer(timer), timers),
            ClientMachine::Other(machine) => machine.step(client::Input::Timer(timer), timers),
        };
        self.client_effects(key, &effects, None);
    }

    fn forget(&mut self, key: u64) {
        let Some(leg) = self.legs.remove(key) else { return };
        if self.foreign.get(&leg.dialog.local_tag) == Some(&key) {
            self.foreign.remove(&leg.dialog.local_tag);
        }
        if let Some(reinvite) = leg.reinvite {
            self.drop_client(reinvite);
        }
    }

    fn repeat_ok(&mut self, key: u64, stamp: u32) {
        let (longest, Some(leg)) = (self.config.timers.t2, self.legs.get_mut(key)) else { return };
        let again = match (&mut leg.phase, &mut leg.change) {
            (Phase::Unconfirmed { again, .. }, _) | (_, Change::Unconfirmed(again)) if leg.stamp == stamp => again,
            _ => return,
        };
        again.pause = (again.pause * 2).min(longest);
        let (ok, pause, flow) = (again.ok.clone(), again.pause, again.flow);
        self.send(flow, ok);
        self.arm(pause, Alarm::Again(key, stamp));
    }

    fn no_ack(&mut self, key: u64, stamp: u32) {
        let Some(leg) = self.legs.get_mut(key).filter(|leg| leg.stamp == stamp) else { return };
        let unconfirmed =
            matches!(leg.phase, Phase::Unconfirmed { .. }) || matches!(leg.change, Change::Unconfirmed(_));
        if unconfirmed {
            self.tell_end(key, Ending::TimedOut, None);
            self.send_bye(key, None);
        }
    }

    fn still_ringing(&mut self, key: u64, stamp: u32) {
        let Some(leg) = self.legs.get(key).filter(|leg| leg.stamp == stamp) else { return };
        let is_reliable = leg.reliable.is_some();
        if let Phase::Incoming { transaction, .. } = leg.phase {
            match is_reliable {
                // Who counts our answers takes a repetition for one that was lost.
                true => self.progress_reliably(key, 180, None),
                false => self.server_input(transaction, ServerInput::Again),
            }
            self.arm(Duration::from_secs(60), Alarm::StillRinging(key, stamp));
        }
    }

    fn rung_enough(&mut self, key: u64, stamp: u32) {
        let waiting =
            self.legs.get(key).is_some_and(|leg| leg.stamp == stamp && matches!(leg.phase, Phase::Calling(_)));
        if waiting {
            let reason = "nobody answered".to_owned();
            self.tell_over(key, Event::Refused { leg: LegId(key), code: 408, q850: None, reason });
            self.cancel(key, None);
        }
    }

    fn cancel_unheard(&mut self, key: u64) {
        let Some(leg) = self.legs.get(key) else { return };
        if let Phase::Calling(calling) = &leg.phase
            && calling.cancel == Cancel::Sent
        {
            let transaction = calling.transaction;
            self.drop_client(transaction);
            self.tell_end(key, Ending::TimedOut, None);
            self.bury(key);
        }
    }

    pub(super) fn watch_conversation(&mut self, key: u64) {
        if let Some(every) = self.config.check_dialogs_every {
            self.arm(every, Alarm::Check(key));
        }
    }

    fn check(&mut self, key: u64) {
        if self.legs.get(key).is_some_and(|leg| matches!(leg.phase, Phase::Established)) {
            self.ask(key);
            self.watch_conversation(key);
        }
    }

    /// OPTIONS within the dialog. A phone without a connection cannot be asked; it comes back by itself, or not.
    pub(super) fn ask(&mut self, key: u64) {
        let Some(leg) = self.legs.get(key) else { return };
        if matches!(leg.phase, Phase::Established) && !(leg.phone.is_some() && leg.is_disconnected()) {
            self.request_inside(key, Method::Options, Purpose::Check, |_| {});
        }
    }

    fn not_back(&mut self, key: u64, stamp: u32) {
        let Some(leg) = self.legs.get(key).filter(|leg| leg.connection_stamp == stamp) else { return };
        if matches!(leg.phase, Phase::Established) && leg.is_disconnected() {
            self.tell_end(key, Ending::TransportFailed, None);
            self.bury(key);
        }
    }

    /// A phone has a connection again: its legs go on there. One that was ended meanwhile hears of it now.
    pub(super) fn phone_is_back(&mut self, user: &str, flow: &Flow) {
        let theirs = |leg: &Leg| leg.phone.as_deref() == Some(user) && leg.is_disconnected();
        let keys: Vec<u64> = self.legs.iter().filter(|(_, leg)| theirs(leg)).map(|(key, _)| key).collect();
        for key in keys {
            let Some(leg) = self.legs.get_mut(key) else { continue };
            leg.dialog.flow = *flow;
            leg.connection_stamp += 1;
            if matches!(leg.phase, Phase::Over) {
                self.request_inside(key, Method::Bye, Purpose::Bye, |_| {});
            } else {
                self.change_if_free(key);
            }
        }
    }

    /// A phone does not answer in a talk. Nobody is sent to it until it does.
    pub(super) fn phone_is_silent(&mut self, leg: u64) {
        let Some(leg) = self.legs.get(leg) else { return };
        let (Some(user), flow) = (leg.phone.clone(), leg.dialog.flow) else { return };
        match self.registrar.fell_silent(&user, &flow) {
            FellSilent::Everywhere => {
                self.events.push_back(Event::PhoneGone { user, cause: GoneBecause::Silent });
                self.knock(flow);
            }
            FellSilent::Here => self.knock(flow),
            FellSilent::Before => {}
        }
    }

    /// A question and its answer keep the hole in a NAT open, whichever direction the NAT counts.
    fn keep_holes_open(&mut self) {
        self.holes_kept_open = false;
        for (flow, uri) in self.registrar.behind_nat() {
            self.ask_outside(Purpose::KeepOpen, &uri, flow);
        }
        self.watch_holes();
    }

    /// One alarm for all phones behind NAT.
    pub(super) fn watch_holes(&mut self) {
        if !self.holes_kept_open && !self.registrar.behind_nat().is_empty() {
            self.holes_kept_open = true;
            self.arm(KEEP_OPEN_EVERY, Alarm::KeepOpen);
        }
    }

    fn knock(&mut self, flow: Flow) {
        if let Some(uri) = self.registrar.silent_contact(&flow) {
            self.ask_outside(Purpose::Knock, &uri, flow);
        }
    }

    pub(super) fn knock_again(&mut self, flow: Flow) {
        self.arm(KNOCK_AGAIN_AFTER, Alarm::Knock(flow));
    }

    /// Whoever is at this address has answered.
    pub(super) fn phone_is_heard(&mut self, flow: &Flow) {
        for (user, contact, expires_s) in self.registrar.heard(flow, self.now) {
            self.events.push_back(Event::PhoneRegistered { user, flow: *flow, contact, expires_s, fresh: true });
        }
    }

    fn expire_registrations(&mut self) {
        self.registrations_watched = false;
        for (user, cause) in self.registrar.expire(self.now) {
            self.events.push_back(Event::PhoneGone { user, cause });
        }
        self.watch_registrations();
    }

    /// One alarm for all registrations, at most one second late.
    pub(super) fn watch_registrations(&mut self) {
        if self.registrations_watched {
            return;
        }
        if let Some(due) = self.registrar.next_expiry() {
            let pause = due.since(self.now).min(Duration::from_secs(15)).max(Duration::from_millis(20));
            self.registrations_watched = true;
            self.arm(pause, Alarm::Registrations);
        }
    }

    /// Asks a trunk for a sign of life, and arranges to ask again.
    pub(super) fn ping(&mut self, index: usize) {
        let Some(every) = self.trunks.get(index).and_then(|trunk| trunk.options_every) else { return };
        if let Some(flow) = self.trunk_flow(index) {
            let uri = format!("sip:{}{}", flow.remote, flow.transport.parameter());
            self.ask_outside(Purpose::Ping(index), uri.as_bytes(), flow);
        }
        self.arm(every, Alarm::Ping(index));
    }
}
