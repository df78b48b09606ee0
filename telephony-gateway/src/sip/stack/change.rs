//! Changes of a session that stands: hold and retrieve, other codecs, other addresses, whoever asks for them.
//!
//! One change is talked about at a time. What our owner wants meanwhile waits, and only the newest of it; when both sides
//! ask at the same moment, chance decides who asks first the second time (RFC 3261 §14).

use std::time::Duration;

use bytes::Bytes;
use rand::Rng as _;

use super::super::dialog::write_contact;
use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::Name;
use super::super::leg::{Change, Phase};
use super::super::message::{ALLOW, Body, Core, Message, Method, SUPPORTED};
use super::Stack;
use super::alarms::Alarm;
use super::clients::Purpose;
use super::session::write_terms;

/// After so many collisions in a row our change is given up.
const MOST_TRIES: u8 = 6;
/// A new connection is made at once, but not in the turn in which the old one broke.
const AFTER_A_BREAK: Duration = Duration::from_millis(100);

impl Stack {
    /// Offers a change of the session (re-INVITE). While another change is under way it waits, and takes the place of
    /// one that waited before; each offer that is sent gets one [`Event::ReofferAnswered`] or
    /// [`Event::ReofferRefused`], in the order of sending.
    pub fn reoffer(&mut self, leg: LegId, sdp: Vec<u8>, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0).filter(|it| !it.told) else { return };
        match it.phase {
            Phase::Established | Phase::Unconfirmed { .. } => {
                it.wanted.sdp = Some(sdp.into());
                (it.wanted.quiet, it.wanted.n_tries) = (false, 0);
                self.change_if_free(leg.0);
            }
            Phase::Over => {}
            Phase::Incoming { .. } | Phase::Calling(_) => {
                self.events.push_back(Event::ReofferRefused { leg, code: 491 });
            }
        }
    }

    /// Sends the change that waits, if nothing stands in its way.
    pub(super) fn change_if_free(&mut self, key: u64) {
        let now = self.now;
        let Some(leg) = self.legs.get_mut(key).filter(|leg| !leg.told) else { return };
        let may = matches!((&leg.phase, &leg.change), (Phase::Established, Change::None))
            && leg.wanted.not_before.is_none_or(|at| at.is_due(now))
            // A phone comes back by itself; nobody can call it where it was.
            && !(leg.phone.is_some() && leg.is_disconnected());
        let Some(sdp) = leg.wanted.sdp.take_if(|_| may) else { return };
        leg.wanted.not_before = None;
        let quiet = std::mem::take(&mut leg.wanted.quiet);
        let interval = self.interval_of(key);
        let body = Body { kind: "application/sdp", bytes: &sdp };
        self.request_with_body(key, Method::Invite, Purpose::Reinvite, Some(body), |writer| {
            writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Supported, SUPPORTED.as_bytes());
            interval.write(writer);
        });
        if let Some(leg) = self.legs.get_mut(key) {
            leg.change = Change::Ours { sdp, quiet };
        }
    }

    /// Keeps a change that was sent for another time, unless a newer one waits already.
    fn put_back(&mut self, key: u64, sdp: Bytes, quiet: bool, pause: Duration) {
        let not_before = self.now.after(pause);
        let Some(leg) = self.legs.get_mut(key) else { return };
        if leg.wanted.sdp.is_none() {
            (leg.wanted.sdp, leg.wanted.quiet) = (Some(sdp), quiet);
        }
        leg.wanted.not_before = Some(not_before);
        self.arm(pause, Alarm::Reoffer(key));
    }

    /// What a re-INVITE of ours, sent in this transaction, was answered with.
    pub(super) fn on_change_answer(&mut self, key: u64, transaction: u64, response: &Message<'_>, core: &Core<'_>) {
        let code = response.code();
        let Some(leg) = self.legs.get_mut(key).filter(|_| code >= 200) else { return };
        if code < 300 {
            leg.dialog.refresh_target(response);
            // Each repetition gets its ACK, also after the leg is over.
            self.acknowledge(key, core.cseq.number);
        }
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.learn(response);
        let (sdp, quiet) = match &leg.change {
            Change::Ours { sdp, quiet } if leg.reinvite == Some(transaction) => (sdp.clone(), *quiet),
            // A repetition of what was dealt with.
            Change::Ours { .. } | Change::None | Change::Theirs { .. } | Change::Unconfirmed(_) => return,
        };
        leg.change = Change::None;
        let n_tries = std::mem::take(&mut leg.wanted.n_tries);
        let described = response.description().ok().flatten().map(<[u8]>::to_vec);
        match (code, described) {
            (200..300, Some(theirs)) => {
                leg.sdp = sdp;
                self.timer_from_answer(key, response);
                self.events.push_back(Event::ReofferAnswered { leg: LegId(key), sdp: theirs });
            }
            (408 | 481, _) => {
                self.tell_end(key, Ending::Unknown, None);
                self.send_bye(key, None);
            }
            (422, _) if self.lengthen(key, response) => self.put_back(key, sdp, quiet, Duration::ZERO),
            (491, _) if n_tries < MOST_TRIES => {
                let pause = self.pause_after_glare(key);
                self.put_back(key, sdp, quiet, pause);
                if let Some(leg) = self.legs.get_mut(key) {
                    leg.wanted.n_tries = n_tries + 1;
                }
            }
            (code, _) if !quiet => {
                let code = if code < 300 { 488 } else { code };
                self.events.push_back(Event::ReofferRefused { leg: LegId(key), code });
            }
            (_, _) => {}
        }
        self.change_if_free(key);
    }

    /// Who owns the Call-ID waits longer, so that the two do not meet again (RFC 3261 §14.1).
    fn pause_after_glare(&mut self, key: u64) -> Duration {
        let is_ours = self.legs.get(key).is_some_and(|leg| leg.dialog.is_ours);
        let tens = if is_ours { 210 + self.rng.next_u32() % 191 } else { self.rng.next_u32() % 201 };
        Duration::from_millis(u64::from(tens) * 10)
    }

    /// Nobody answers our re-INVITE, or it cannot be sent.
    pub(super) fn change_unheard(&mut self, key: u64, flow: Flow, ending: Ending) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let change = match &leg.change {
            Change::Ours { sdp, quiet } => Some((sdp.clone(), *quiet)),
            Change::None | Change::Theirs { .. } | Change::Unconfirmed(_) => None,
        };
        // A connection that broke took our question with it, but not the talk.
        let broke = ending == Ending::TransportFailed && flow.connection != 0;
        match change.filter(|_| broke && matches!(leg.phase, Phase::Established)) {
            Some((sdp, quiet)) => {
                leg.change = Change::None;
                self.put_back(key, sdp, quiet, AFTER_A_BREAK);
            }
            None => {
                self.tell_end(key, ending, None);
                self.send_bye(key, None);
            }
        }
    }

    /// A re-INVITE or an UPDATE (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn on_offer(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>, is_invite: bool) {
        let sdp = match request.description() {
            Ok(sdp) => sdp.map(<[u8]>::to_vec),
            Err(code) => return self.answer_once(flow, request, core, code, |_| {}),
        };
        let Ok(terms) = self.terms_of(request) else { return self.answer_too_brief(flow, request, core) };
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.learn(request);
        let stands = matches!(leg.phase, Phase::Established | Phase::Unconfirmed { .. });
        if !is_invite && sdp.is_none() {
            if let Some(dialog) = leg.dialog_with(core.from.tag().unwrap_or_default()) {
                dialog.refresh_target(request);
            }
            let (terms, advertised) = (terms.filter(|_| stands), self.advertised(flow.local));
            self.answer_once(flow, request, core, 200, |writer| {
                write_contact(writer, flow.transport, advertised);
                writer.header(Name::Supported, SUPPORTED.as_bytes());
                write_terms(writer, terms);
            });
            if stands {
                self.adopt(key, terms);
            }
            return;
        }
        if let Some(code) = self.offer_comes_untimely(key, core, is_invite) {
            let pause = self.rng.next_u32() % 11;
            return self.answer_once(flow, request, core, code, |writer| {
                if code == 500 {
                    writer.header_fmt(Name::RetryAfter, format_args!("{pause}"));
                }
            });
        }
        self.ask_owner(key, flow, request, core, sdp);
        if let Some(leg) = self.legs.get_mut(key).filter(|_| stands) {
            leg.terms = terms;
        }
    }

    /// Puts an offer before the owner; the transaction waits for the word.
    pub(super) fn ask_owner(
        &mut self,
        key: u64,
        flow: &Flow,
        request: &Message<'_>,
        core: &Core<'_>,
        sdp: Option<Vec<u8>>,
    ) {
        let Some(transaction) = self.open_server(flow, request, core, Some(key)) else {
            return self.refuse(flow, request, core, 503, &[]);
        };
        let is_invite = request.method() == Some(Method::Invite);
        if is_invite {
            self.answer_server(transaction, 100, None, None, |_| {});
        }
        let Some(leg) = self.legs.get_mut(key) else { return };
        let tag = core.from.tag().unwrap_or_default();
        if let Some(dialog) = leg.dialog_with(tag) {
            dialog.refresh_target(request);
        }
        if let Phase::Calling(calling) = &mut leg.phase
            && let Some(early) = calling.early.iter_mut().find(|early| *early.tag == *tag)
        {
            // From now on this is what they hear and send, whatever the first answer said.
            early.sdp.clone_from(&sdp);
        }
        leg.change = Change::Theirs { transaction, cseq: core.cseq.number, is_invite, offered: sdp.is_none() };
        self.events.push_back(Event::Reoffered { leg: LegId(key), sdp });
    }

    /// 491 while an offer of ours waits for its answer, 500 while one of theirs does.
    fn offer_comes_untimely(&self, key: u64, core: &Core<'_>, is_invite: bool) -> Option<u16> {
        let leg = self.legs.get(key)?;
        let tag = core.from.tag().unwrap_or_default();
        match (&leg.phase, &leg.change) {
            (Phase::Established, Change::None) => None,
            (_, Change::Ours { .. }) => Some(491),
            (Phase::Established | Phase::Over, _) => Some(500),
            (Phase::Incoming { .. } | Phase::Calling(_), Change::Theirs { .. }) => Some(500),
            // Before the call is taken only an UPDATE may come, and only after the first offer has its reliable answer.
            (Phase::Incoming { late_offer, .. }, _) => match leg.reliable.as_deref() {
                Some(reliable) if reliable.agreed && !is_invite => None,
                Some(reliable) if *late_offer && reliable.waiting.is_some() && !is_invite => Some(491),
                Some(_) | None => Some(500),
            },
            (Phase::Calling(calling), _) => {
                let agreed = calling.early.iter().any(|early| *early.tag == *tag && early.agreed);
                (is_invite || !agreed).then_some(491)
            }
            (Phase::Unconfirmed { again, .. }, _) => Some(if again.offered { 491 } else { 500 }),
        }
    }

    /// Accepts the change that [`Event::Reoffered`] asked for.
    pub fn answer_reoffer(&mut self, leg: LegId, sdp: Vec<u8>, now: shared::time::Moment) {
        self.now = now;
        let key = leg.0;
        let Some(it) = self.legs.get_mut(key) else { return };
        let Change::Theirs { transaction, cseq, is_invite, offered } = it.change else { return };
        it.change = Change::None;
        it.sdp = sdp.into();
        let (sdp, flow) = (it.sdp.clone(), it.dialog.flow);
        if is_invite {
            if let Some(again) = self.answer_with_ok(key, transaction, cseq, Some(&sdp), offered)
                && let Some(it) = self.legs.get_mut(key)
            {
                it.change = Change::Unconfirmed(again);
            }
            return;
        }
        let stands = matches!(it.phase, Phase::Established | Phase::Unconfirmed { .. });
        let terms = it.terms.filter(|_| stands);
        let advertised = self.advertised(flow.local);
        self.answer_server(transaction, 200, None, Some(&sdp), |writer| {
            write_contact(writer, flow.transport, advertised);
            write_terms(writer, terms);
        });
        if stands {
            self.adopt(key, terms);
        }
        self.change_if_free(key);
    }

    /// Refuses the change; the session stays as it was.
    pub fn refuse_reoffer(&mut self, leg: LegId, code: u16, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let Change::Theirs { transaction, .. } = it.change else { return };
        it.change = Change::None;
        let code = if (400..700).contains(&code) { code } else { 488 };
        self.answer_server(transaction, code, None, None, |_| {});
        self.change_if_free(leg.0);
    }
}
