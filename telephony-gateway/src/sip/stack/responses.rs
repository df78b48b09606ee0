//! The answers to our own requests.

use bytes::Bytes;

use super::super::dialog::{Dialog, MAX_FORWARDS, RequestLines};
use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::{Name, reason, text};
use super::super::leg::{Cancel, Phase};
use super::super::message::{Core, Message, Method};
use super::super::registrar::can_talk;
use super::super::transaction::{client, invite_client};
use super::Stack;
use super::clients::{ClientMachine, Purpose};
use super::early::settle;

/// Those who answered a forked INVITE, besides the first.
pub(super) const MOST_FORKS: usize = 8;
/// Above the number of any PRACK that went to another one who rang; numbers may leave gaps (RFC 3261 §12.2.2).
const BEYOND_PRACKS: u32 = 1000;

impl Stack {
    pub(super) fn on_response(&mut self, flow: &Flow, response: &Message<'_>) {
        let core = match (response.core(), response.fault) {
            (Ok(core), None) => core,
            (Err(why), _) | (Ok(_), Some(super::super::message::Fault { why, .. })) => {
                return self.malformed(flow, why);
            }
        };
        let Some(branch) = core.via.branch else { return };
        let Some(key) = self.key_of_branch(branch) else { return };
        let Some(transaction) = self.clients.get(key).filter(|it| it.branch.as_bytes() == branch) else {
            return self.acknowledge_for_the_dead(response, &core);
        };
        let is_cancel = core.cseq.method == b"CANCEL";
        let Some(key) = (if is_cancel { transaction.cancel } else { Some(key) }) else { return };
        let Some(transaction) = self.clients.get_mut(key) else { return };
        transaction.heard_from = Some(*flow);
        let timers = &self.config.timers;
        let code = response.code();
        let effects = match &mut transaction.machine {
            ClientMachine::Invite(machine) => {
                let input = match code {
                    100..200 => invite_client::Input::Provisional,
                    200..300 => invite_client::Input::Success,
                    _ => invite_client::Input::Refusal,
                };
                machine.step(input, timers)
            }
            ClientMachine::Other(machine) => {
                let input = if code < 200 { client::Input::Provisional } else { client::Input::Final };
                machine.step(input, timers)
            }
        };
        self.client_effects(key, &effects, Some((response, &core)));
    }

    /// What a transaction has let through.
    pub(super) fn on_answer(&mut self, transaction: u64, response: &Message<'_>, core: &Core<'_>) {
        let Some(it) = self.clients.get(transaction) else { return };
        let (purpose, leg, flow, code) = (it.purpose, it.leg, it.flow, response.code());
        if matches!(code, 401 | 407) && self.answer_challenge(transaction, response) {
            return;
        }
        match (purpose, leg) {
            (Purpose::Ping(index), _) => self.trunk_answers(index, code),
            (Purpose::Register(index), _) => self.on_registration_answer(index, transaction, response),
            (Purpose::Knock, _) => self.phone_is_heard(&flow),
            (Purpose::Invite, Some(leg)) if self.owns(leg, core) => match code {
                100..200 => self.on_ringing(leg, response, core),
                200..300 => self.on_taken(leg, response, core),
                422 if self.invite_with_longer_interval(leg, transaction, response) => {}
                _ => self.on_refused(leg, response),
            },
            (Purpose::Reinvite, Some(leg)) if self.owns(leg, core) => {
                self.on_change_answer(leg, transaction, response, core)
            }
            (Purpose::Refresh, Some(leg)) if self.owns(leg, core) && code >= 200 => {
                self.on_refresh_answer(leg, response)
            }
            (Purpose::Digit, Some(leg)) if code >= 200 => self.digit_done(leg),
            (Purpose::Talk, Some(leg)) if code >= 300 => {
                if self.legs.get(leg).is_some_and(|leg| !leg.told) {
                    self.events.push_back(Event::TalkRefused { leg: LegId(leg), code });
                }
            }
            (Purpose::Check, Some(leg)) if matches!(code, 408 | 481) => {
                if self.legs.get(leg).is_some_and(|leg| matches!(leg.phase, Phase::Established)) {
                    self.tell_end(leg, Ending::Unknown, None);
                    self.send_bye(leg, None);
                }
            }
            (
                Purpose::Invite
                | Purpose::Reinvite
                | Purpose::Talk
                | Purpose::Prack
                | Purpose::Notify
                | Purpose::Refresh
                | Purpose::Digit
                | Purpose::Check
                | Purpose::Bye
                | Purpose::Cancel
                | Purpose::KeepOpen,
                _,
            ) => {}
        }
    }

    fn owns(&self, leg: u64, core: &Core<'_>) -> bool {
        self.legs.get(leg).is_some_and(|leg| leg.dialog.owns_response(core))
    }

    fn on_taken(&mut self, key: u64, response: &Message<'_>, core: &Core<'_>) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let calling = match &mut leg.phase {
            Phase::Calling(calling) => std::mem::take(calling),
            Phase::Incoming { .. } | Phase::Unconfirmed { .. } | Phase::Established | Phase::Over => {
                return self.taken_again(key, response, core);
            }
        };
        let cancel = calling.cancel;
        let (early_sdp, agreed) = settle(leg, calling, response, core);
        leg.can_talk |= can_talk(response);
        leg.learn(response);
        leg.phase = Phase::Established;
        leg.stamp += 1;
        self.acknowledge(key, core.cseq.number);
        self.timer_from_answer(key, response);
        // What was agreed reliably is not changed by the 200 (RFC 6337 §2.2).
        let described = response.description().ok().flatten().map(<[u8]>::to_vec).filter(|_| !agreed);
        let sdp = described.or(early_sdp);
        match sdp.filter(|_| cancel == Cancel::No) {
            Some(sdp) => {
                self.events.push_back(Event::Answered { leg: LegId(key), sdp });
                self.watch_conversation(key);
            }
            // The 200 crossed our CANCEL, or it answers nothing: it is acknowledged and ended (§15).
            None => {
                let reason = "the answer has no description of the sound".to_owned();
                self.tell_over(key, Event::Refused { leg: LegId(key), code: 488, q850: None, reason });
                self.send_bye(key, None);
            }
        }
    }

    /// A 200 after the first: repeated because our ACK was lost, or from another phone of a fork.
    fn taken_again(&mut self, key: u64, response: &Message<'_>, core: &Core<'_>) {
        let Some(leg) = self.legs.get(key) else { return };
        let flow = Self::flow_of(&self.trunks, leg);
        let tag = core.to.tag().unwrap_or_default();
        if tag == &*leg.dialog.remote_tag {
            // Written anew: the last one may have been that of a later change.
            if !leg.ack.is_empty() {
                self.acknowledge(key, core.cseq.number);
            }
            return;
        }
        if let Some((_, ack)) = leg.forks.iter().find(|(known, _)| **known == *tag) {
            let ack = ack.clone();
            return self.send(flow, ack);
        }
        if leg.forks.len() < MOST_FORKS {
            let fork = leg.dialog.forked(response, core);
            self.end_fork(key, &fork, flow);
        }
    }

    /// The first who answered is kept; every other one is acknowledged and told goodbye (§13.2.2.4).
    fn end_fork(&mut self, key: u64, fork: &Dialog, flow: Flow) {
        let ack = self.write_ack(fork, flow, fork.local_cseq);
        if let Some(leg) = self.legs.get_mut(key) {
            leg.forks.push((fork.remote_tag.clone(), ack.clone()));
        }
        self.send(flow, ack);
        let branch = self.mint_branch(self.clients.next_key());
        let advertised = self.advertised(flow.local);
        let lines = RequestLines {
            branch: &branch,
            advertised,
            cseq: fork.local_cseq + BEYOND_PRACKS,
            contact: false,
            max_forwards: MAX_FORWARDS,
        };
        fork.request(&mut self.scratch, Method::Bye, &lines).finish(None);
        self.open_client(Purpose::Bye, branch, flow, None);
    }

    /// Acknowledges a 200 and keeps the ACK for repetition.
    pub(super) fn acknowledge(&mut self, key: u64, cseq: u32) {
        let branch = self.mint_branch(0);
        let Some(leg) = self.legs.get_mut(key) else { return };
        let flow = Self::flow_of(&self.trunks, leg);
        let advertised = self.config.advertised.get(&flow.local).copied().unwrap_or(flow.local);
        let lines = RequestLines { branch: &branch, advertised, cseq, contact: false, max_forwards: MAX_FORWARDS };
        leg.dialog.request(&mut self.scratch, Method::Ack, &lines).lines(&leg.credentials).finish(None);
        leg.ack = Bytes::copy_from_slice(&self.scratch);
        let ack = leg.ack.clone();
        self.send(flow, ack);
    }

    fn write_ack(&mut self, dialog: &Dialog, flow: Flow, cseq: u32) -> Bytes {
        let branch = self.mint_branch(0);
        let advertised = self.advertised(flow.local);
        let lines = RequestLines { branch: &branch, advertised, cseq, contact: false, max_forwards: MAX_FORWARDS };
        dialog.request(&mut self.scratch, Method::Ack, &lines).finish(None);
        Bytes::copy_from_slice(&self.scratch)
    }

    fn on_refused(&mut self, key: u64, response: &Message<'_>) {
        let calling = self.legs.get(key).is_some_and(|leg| matches!(leg.phase, Phase::Calling(_)));
        if !calling {
            return;
        }
        let q850 = response.header(Name::Reason).and_then(reason::q850);
        let reason = text::readable(response.reason_phrase());
        self.tell_over(key, Event::Refused { leg: LegId(key), code: response.code(), q850, reason });
        self.bury(key);
    }
}
