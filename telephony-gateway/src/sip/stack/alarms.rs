//! What happens by itself when nobody says anything.

use std::time::Duration;

use super::super::event::{Ending, Event, LegId, Transport};
use super::super::leg::{Cancel, Change, Phase};
use super::super::message::Method;
use super::super::transaction::Timer;
use super::super::transaction::{client, invite_client, invite_server, server};
use super::Stack;
use super::clients::{ClientMachine, Purpose};
use super::servers::{ServerInput, ServerMachine};

pub enum Alarm {
    Server(u64, Timer),
    Client(u64, Timer),
    /// Repeat the 200 (`stamp` tells whether it still waits for its ACK).
    Again(u64, u32),
    /// The ACK has not come in 64·T1.
    NoAck(u64, u32),
    /// Say again that it rings: proxies forget a call after three minutes (RFC 3261 §13.3.1.1).
    StillRinging(u64, u32),
    /// Whom we call has been rung long enough.
    RungEnough(u64, u32),
    /// A CANCEL was sent and the INVITE still has no final answer.
    CancelUnheard(u64),
    /// Ask whether the conversation is still there.
    Check(u64),
    Forget(u64),
    Registrations,
    Ping(usize),
}

impl Stack {
    pub(super) fn on_alarm(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Server(key, timer) => self.server_timer(key, timer),
            Alarm::Client(key, timer) => self.client_timer(key, timer),
            Alarm::Again(key, stamp) => self.repeat_ok(key, stamp),
            Alarm::NoAck(key, stamp) => self.no_ack(key, stamp),
            Alarm::StillRinging(key, stamp) => self.still_ringing(key, stamp),
            Alarm::RungEnough(key, stamp) => self.rung_enough(key, stamp),
            Alarm::CancelUnheard(key) => self.cancel_unheard(key),
            Alarm::Check(key) => self.check(key),
            Alarm::Forget(key) => self.forget(key),
            Alarm::Registrations => self.expire_registrations(),
            Alarm::Ping(index) => self.ping(index),
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
        if let Some(reinvite) = self.legs.remove(key).and_then(|leg| leg.reinvite) {
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
        if let Phase::Incoming { transaction, .. } = leg.phase {
            self.server_input(transaction, ServerInput::Again);
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
            self.request_inside(key, Method::Options, Purpose::Check, |_| {});
            self.watch_conversation(key);
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
        let Some(trunk) = self.trunks.get(index) else { return };
        let (Some(every), Some(address)) = (trunk.options_every, trunk.address) else { return };
        let same_kind = |local: &&(Transport, _)| matches!(local, (Transport::Udp, at) if is_alike(*at, address));
        if let Some(&(_, local)) = self.locals.iter().find(same_kind) {
            self.send_ping(index, local, address);
        }
        self.arm(every, Alarm::Ping(index));
    }
}

const fn is_alike(one: std::net::SocketAddr, other: std::net::SocketAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}
