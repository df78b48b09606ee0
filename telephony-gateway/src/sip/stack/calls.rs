//! What the owner of the stack may ask of a leg.

use std::sync::Arc;
use std::time::Duration;

use super::super::dialog::{Dialog, MAX_FORWARDS, RequestLines, write_contact};
use super::super::event::{Ending, Flow, Invite, InviteError, InviteTo, LegId};
use super::super::headers::{Name, Uri, text};
use super::super::leg::{Again, Calling, Cancel, Leg, Phase};
use super::super::message::{ALLOW, Method, SUPPORTED, Writer};
use super::Stack;
use super::alarms::Alarm;
use super::clients::Purpose;
use super::session::{Interval, write_terms};

/// Whom an INVITE goes to, and as whom.
pub(super) struct Called {
    /// The request URI.
    pub uri: Box<[u8]>,
    pub flow: Flow,
    /// The values of From (without a tag) and To.
    pub from: String,
    pub to: String,
    pub phone: Option<Arc<str>>,
    pub trunk: Option<usize>,
    pub can_talk: bool,
    /// Whole header lines that only this one gets.
    pub lines: Vec<u8>,
}

impl Stack {
    /// 180 Ringing to the caller.
    pub fn ring(&mut self, leg: LegId, now: shared::time::Moment) {
        self.progress(leg, 180, None, now);
    }

    /// Another provisional answer, for example 183 with early media.
    pub fn progress(&mut self, leg: LegId, code: u16, sdp: Option<Vec<u8>>, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let Phase::Incoming { transaction, .. } = it.phase else { return };
        it.stamp += 1;
        let (stamp, tag, flow) = (it.stamp, it.dialog.local_tag.clone(), it.dialog.flow);
        let is_reliable = it.reliable.is_some();
        let advertised = self.advertised(flow.local);
        let code = if (101..200).contains(&code) { code } else { 183 };
        self.arm(Duration::from_secs(60), Alarm::StillRinging(leg.0, stamp));
        if is_reliable {
            return self.progress_reliably(leg.0, code, sdp);
        }
        self.answer_server(transaction, code, Some(&tag), sdp.as_deref(), |writer| {
            write_contact(writer, flow.transport, advertised);
        });
    }

    /// 200 to the caller with our answer (or with our offer, when the INVITE had none).
    pub fn answer(&mut self, leg: LegId, sdp: Vec<u8>, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let Phase::Incoming { transaction, cseq, late_offer } = it.phase else { return };
        let mut agreed = false;
        if let Some(reliable) = it.reliable.as_deref_mut() {
            // The 200 must not overtake a description that still waits for its PRACK (RFC 3262 §3).
            if reliable.waiting.as_ref().is_some_and(|waiting| waiting.has_sdp) {
                reliable.answer = Some(sdp);
                return;
            }
            agreed = reliable.agreed;
        }
        // What was agreed before the call was taken is not said again; what differs from it is offered as a change.
        if !agreed {
            it.sdp = sdp.into();
        } else if *sdp != *it.sdp {
            it.wanted.sdp = Some(sdp.into());
        }
        let sdp = it.sdp.clone();
        let sdp = (!agreed).then_some(&*sdp);
        if let Some(again) = self.answer_with_ok(leg.0, transaction, cseq, sdp, late_offer && !agreed)
            && let Some(it) = self.legs.get_mut(leg.0)
        {
            it.phase = Phase::Unconfirmed { again, bye_after: false };
        }
    }

    /// Sends a 200 to an INVITE, and repeats it until its ACK comes. The session's timer begins with it.
    pub(super) fn answer_with_ok(
        &mut self,
        key: u64,
        transaction: u64,
        cseq: u32,
        sdp: Option<&[u8]>,
        offered: bool,
    ) -> Option<Again> {
        let leg = self.legs.get_mut(key)?;
        leg.stamp += 1;
        let (stamp, tag, terms) = (leg.stamp, leg.dialog.local_tag.clone(), leg.terms);
        let flow = self.servers.get(transaction)?.flow;
        let advertised = self.advertised(flow.local);
        let ok = self.answer_server(transaction, 200, Some(&tag), sdp, |writer| {
            write_contact(writer, flow.transport, advertised);
            writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Supported, SUPPORTED.as_bytes());
            write_terms(writer, terms);
        })?;
        self.adopt(key, terms);
        let timers = self.config.timers;
        self.arm(timers.t1, Alarm::Again(key, stamp));
        self.arm(timers.patience(), Alarm::NoAck(key, stamp));
        Some(Again { ok, flow, cseq, pause: timers.t1, offered })
    }

    /// A final refusal to the caller; `reason` tells the carrier's engineers why.
    pub fn reject(
        &mut self,
        leg: LegId,
        code: u16,
        retry_after_s: Option<u32>,
        reason: &str,
        now: shared::time::Moment,
    ) {
        self.now = now;
        self.refuse_leg(leg.0, code, retry_after_s, (!reason.is_empty()).then(|| sip_reason(code, reason)));
        self.tell_end(leg.0, Ending::Rejected, None);
    }

    pub(super) fn refuse_leg(&mut self, key: u64, code: u16, retry_after_s: Option<u32>, reason: Option<String>) {
        let Some(leg) = self.legs.get(key) else { return };
        let Phase::Incoming { transaction, .. } = leg.phase else { return };
        let tag = leg.dialog.local_tag.clone();
        let code = if (300..700).contains(&code) { code } else { 480 };
        self.answer_server(transaction, code, Some(&tag), None, |writer| {
            if let Some(seconds) = retry_after_s {
                writer.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
            }
            if let Some(reason) = &reason {
                writer.header(Name::Reason, reason.as_bytes());
            }
        });
        self.bury(key);
    }

    /// Calls somebody.
    pub fn invite(&mut self, invite: Invite, now: shared::time::Moment) -> Result<LegId, InviteError> {
        self.now = now;
        let limits = &self.config.limits;
        if self.n_live >= limits.legs || self.clients.len() >= limits.transactions {
            return Err(InviteError::Full { limit: limits.legs });
        }
        if let InviteTo::Trunk { name, number } = &invite.to {
            return self.invite_over_trunk(name, number, &invite);
        }
        let (uri, flow, phone, can_talk) = match &invite.to {
            InviteTo::Phone(user) => {
                let not_registered = || InviteError::NotRegistered { user: user.clone() };
                let contact = self.registrar.contact(user).ok_or_else(not_registered)?;
                (contact.uri.clone(), contact.flow, Some(user.as_str().into()), contact.can_talk)
            }
            InviteTo::Address { uri, flow } => {
                Uri::parse(uri.as_bytes()).ok_or_else(|| InviteError::Unreadable { uri: uri.clone() })?;
                (uri.as_bytes().into(), *flow, None, false)
            }
            InviteTo::Trunk { name, .. } => return Err(InviteError::NoTrunk { name: name.clone() }),
        };
        let advertised = self.advertised(flow.local);
        let to = match &invite.to {
            InviteTo::Phone(user) => format!("<sip:{}@{}>", user_part(user), self.config.realm),
            InviteTo::Address { uri, .. } => format!("<{uri}>"),
            InviteTo::Trunk { number, .. } => format!("<sip:{}@{advertised}>", user_part(number)),
        };
        let from = from_value(&invite, &advertised.to_string());
        let called = Called { uri, flow, from, to, phone, trunk: None, can_talk, lines: Vec::new() };
        Ok(self.send_invite(called, &invite))
    }

    /// Sends the INVITE; from here a leg stands for it.
    pub(super) fn send_invite(&mut self, called: Called, invite: &Invite) -> LegId {
        let Called { uri, flow, from, to, phone, trunk, can_talk, lines: own_lines } = called;
        let key = self.legs.next_key();
        let (local_tag, call_id, advertised) = (self.mint(key), self.rng_name(), self.advertised(flow.local));
        let call_id = format!("{call_id}@{}", advertised.ip());
        let dialog = Dialog::outgoing(call_id, local_tag, from.as_bytes(), to.as_bytes(), &uri, &flow);
        let branch = self.mint_branch(self.clients.next_key());
        let credentials = trunk.and_then(|index| self.proof_at_once(index, "INVITE", &uri)).unwrap_or_default();
        let max_forwards = invite.max_forwards.unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS);
        let lines = RequestLines { branch: &branch, advertised, cseq: 1, contact: true, max_forwards };
        let (interval, is_trusted) = (self.interval_of(key), self.trunks.trusts(flow.remote));
        let mut writer = dialog.request(&mut self.scratch, Method::Invite, &lines);
        write_invite_lines(&mut writer, invite, &advertised.to_string(), interval);
        writer.lines(&own_lines).lines(&credentials);
        if let Some(number) = invite.asserted.as_deref().filter(|_| is_trusted && trunk.is_none()) {
            writer.header_fmt(Name::AssertedIdentity, format_args!("<sip:{}@{advertised}>", user_part(number)));
        }
        if let Some(user) = &invite.referred_by {
            writer.header_fmt(Name::ReferredBy, format_args!("<sip:{}@{}>", user_part(user), self.config.realm));
        }
        writer.header(Name::UserAgent, self.config.user_agent.as_bytes()).finish(Some(&invite.sdp));
        let mut leg = Leg::new(dialog, Phase::Calling(Calling::default()), phone);
        (leg.can_talk, leg.trunk, leg.credentials) = (can_talk, trunk, credentials.into());
        leg.sdp = invite.sdp.clone().into();
        self.legs.insert(leg);
        self.n_live += 1;
        let transaction = self.open_client(Purpose::Invite, branch, flow, Some(key));
        if let Some(leg) = self.legs.get_mut(key) {
            leg.phase = Phase::Calling(Calling { transaction, ..Calling::default() });
        }
        let ring = invite.ring_seconds.map_or(self.config.longest_ring, |s| Duration::from_secs(u64::from(s)));
        self.arm(ring.min(self.config.longest_ring), Alarm::RungEnough(key, 0));
        LegId(key)
    }

    /// Ends a leg with whatever fits its state: CANCEL, BYE, or a final refusal. `cause` is a Q.850 cause and its text.
    pub fn hang_up(&mut self, leg: LegId, cause: Option<(u16, &str)>, now: shared::time::Moment) {
        self.now = now;
        let key = leg.0;
        let Some(it) = self.legs.get_mut(key) else { return };
        let reason = cause.map(|(cause, text)| format!("Q.850;cause={cause};text=\"{}\"", quotable(text)));
        match &mut it.phase {
            Phase::Incoming { .. } => self.refuse_leg(key, code_of_cause(cause.map(|c| c.0)), None, reason),
            // A BYE has to wait for the ACK (RFC 3261 §15).
            Phase::Unconfirmed { bye_after, .. } => *bye_after = true,
            Phase::Calling(_) => self.cancel(key, reason.as_deref()),
            Phase::Established => self.send_bye(key, reason.as_deref()),
            Phase::Over => {}
        }
        self.tell_end(key, Ending::Ourselves, cause.map(|c| c.0));
    }

    /// Asks the other side at once whether it is still there, for an owner who hears nothing from it. It is asked now
    /// and then anyway; if it answers nothing, the leg ends.
    pub fn ask_now(&mut self, leg: LegId, now: shared::time::Moment) {
        self.now = now;
        self.ask(leg.0);
    }

    /// Withdraws our INVITE, as soon as that is allowed.
    pub(super) fn cancel(&mut self, key: u64, reason: Option<&str>) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let Phase::Calling(calling) = &mut leg.phase else { return };
        if calling.cancel == Cancel::Sent {
            return;
        }
        if !calling.heard {
            calling.cancel = Cancel::Wanted;
            calling.cancel_reason = reason.map(Into::into);
            return;
        }
        calling.cancel = Cancel::Sent;
        let transaction = calling.transaction;
        self.send_cancel(transaction, reason);
        self.arm(self.config.timers.patience(), Alarm::CancelUnheard(key));
    }

    /// BYE, after which nothing more happens on the leg.
    pub(super) fn send_bye(&mut self, key: u64, reason: Option<&str>) {
        if self.legs.get(key).is_none_or(|leg| matches!(leg.phase, Phase::Over)) {
            return;
        }
        self.request_inside(key, Method::Bye, Purpose::Bye, |writer| {
            if let Some(reason) = reason {
                writer.header(Name::Reason, reason.as_bytes());
            }
        });
        self.bury(key);
    }

    /// Lifts a ringing phone from afar (NOTIFY `Event: talk`). `false`: this phone does not know how, ring it anew with
    /// `auto_answer`. A phone that knows and still refuses is told by [`Event::TalkRefused`].
    pub fn talk(&mut self, leg: LegId, now: shared::time::Moment) -> bool {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return false };
        let Phase::Calling(calling) = &mut it.phase else { return false };
        if !it.can_talk || it.told {
            return false;
        }
        if it.dialog.remote_tag.is_empty() {
            calling.talk_wanted = true;
        } else {
            self.talk_now(leg.0);
        }
        true
    }

    pub(super) fn talk_now(&mut self, key: u64) {
        if let Some(Leg { phase: Phase::Calling(calling), .. }) = self.legs.get_mut(key) {
            calling.talk_wanted = false;
        }
        self.request_inside(key, Method::Notify, Purpose::Talk, |writer| {
            writer.lines(b"Event: talk\r\nSubscription-State: active\r\n");
        });
    }
}

fn write_invite_lines(writer: &mut Writer<'_>, invite: &Invite, advertised: &str, interval: Interval) {
    writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Supported, SUPPORTED.as_bytes());
    interval.write(writer);
    if let Some(seconds) = invite.ring_seconds {
        writer.header_fmt(Name::Expires, format_args!("{seconds}"));
    }
    if invite.auto_answer {
        writer.header_fmt(Name::CallInfo, format_args!("<sip:{advertised}>;answer-after=0"));
        writer.header_fmt(Name::AlertInfo, format_args!("<sip:{advertised}>;info=alert-autoanswer;delay=0"));
    }
}

fn from_value(invite: &Invite, advertised: &str) -> String {
    let user = if invite.from_user.is_empty() { "anonymous".into() } else { user_part(&invite.from_user) };
    match invite.from_display.is_empty() {
        true => format!("<sip:{user}@{advertised}>"),
        false => format!("\"{}\" <sip:{user}@{advertised}>", quotable(&invite.from_display)),
    }
}

/// Text that stays inside its quotes.
pub(super) fn quotable(value: &str) -> String {
    text::readable(value.as_bytes()).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Only what needs no escape in the user part of an address.
pub(super) fn user_part(user: &str) -> String {
    user.chars()
        .filter(|c| c.is_ascii_alphanumeric() || "+*#-_.".contains(*c))
        .map(|c| match c {
            '#' => "%23".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

fn sip_reason(code: u16, reason: &str) -> String {
    format!("SIP;cause={code};text=\"{}\"", quotable(reason))
}

/// The refusal that says the same as a Q.850 cause (RFC 3398 §8.2.6.1).
const fn code_of_cause(cause: Option<u16>) -> u16 {
    match cause {
        Some(1) => 404,
        Some(17) => 486,
        Some(21) => 403,
        Some(28) => 484,
        Some(34 | 38 | 41 | 42 | 44 | 47) => 503,
        _ => 480,
    }
}
