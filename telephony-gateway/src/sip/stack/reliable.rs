//! Provisional answers that must not be lost (RFC 3262 §3): to callers who require it, each 18x is numbered and repeated
//! until its PRACK comes, and the next one waits for that.

use rand::Rng as _;

use super::super::dialog::write_contact;
use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::Name;
use super::super::headers::rack::RAck;
use super::super::leg::{Phase, Unacknowledged};
use super::super::message::{ALLOW, Core, Message};
use super::Stack;
use super::alarms::Alarm;

impl Stack {
    /// Says `code` reliably, as soon as the one before is acknowledged.
    pub(super) fn progress_reliably(&mut self, key: u64, code: u16, sdp: Option<Vec<u8>>) {
        let first_rseq = 1 + self.rng.next_u32() % 1_000_000;
        let Some(leg) = self.legs.get_mut(key) else { return };
        let Phase::Incoming { transaction, late_offer, .. } = leg.phase else { return };
        let Some(reliable) = leg.reliable.as_deref_mut() else { return };
        if reliable.waiting.is_some() {
            let kept = reliable.next.take().and_then(|(_, sdp)| sdp);
            reliable.next = Some((code, sdp.or(kept)));
            return;
        }
        let sdp = sdp.filter(|_| !reliable.agreed);
        // To a caller without an offer the first reliable answer brings one (§5); without it nothing may be said.
        if late_offer && !reliable.agreed && sdp.is_none() {
            return;
        }
        reliable.rseq = if reliable.rseq == 0 { first_rseq } else { reliable.rseq + 1 };
        let rseq = reliable.rseq;
        if let Some(sdp) = &sdp {
            leg.sdp = sdp.clone().into();
        }
        let (tag, flow) = (leg.dialog.local_tag.clone(), leg.dialog.flow);
        let advertised = self.advertised(flow.local);
        let sent = self.answer_server(transaction, code, Some(&tag), sdp.as_deref(), |writer| {
            write_contact(writer, flow.transport, advertised);
            writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Require, b"100rel");
            writer.header_fmt(Name::RSeq, format_args!("{rseq}"));
        });
        let (pause, since) = (self.config.timers.t1, self.now);
        let flow = self.servers.get(transaction).map_or(flow, |transaction| transaction.flow);
        let Some(reliable) = self.legs.get_mut(key).and_then(|leg| leg.reliable.as_deref_mut()) else { return };
        let waiting = |bytes| Unacknowledged { bytes, flow, since, pause, has_sdp: sdp.is_some() };
        reliable.waiting = sent.map(waiting);
        self.arm(pause, Alarm::Unacknowledged(key, rseq));
    }

    /// Repeats an answer whose PRACK has not come, twice as slowly each time, and gives the call up after 64·T1.
    pub(super) fn repeat_reliable(&mut self, key: u64, rseq: u32) {
        let (now, patience) = (self.now, self.config.timers.patience());
        let Some(leg) = self.legs.get_mut(key).filter(|leg| matches!(leg.phase, Phase::Incoming { .. })) else {
            return;
        };
        let Some(reliable) = leg.reliable.as_deref_mut().filter(|reliable| reliable.rseq == rseq) else { return };
        let Some(waiting) = &mut reliable.waiting else { return };
        if now.since(waiting.since) >= patience {
            self.refuse_leg(key, 504, None, None);
            self.tell_end(key, Ending::TimedOut, None);
            return;
        }
        waiting.pause *= 2;
        let (flow, bytes, pause) = (waiting.flow, waiting.bytes.clone(), waiting.pause);
        self.send(flow, bytes);
        self.arm(pause, Alarm::Unacknowledged(key, rseq));
    }

    pub(super) fn on_prack(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let rack = request.header(Name::RAck).and_then(RAck::parse);
        let sdp = match request.description() {
            Ok(sdp) => sdp.map(<[u8]>::to_vec),
            Err(code) => return self.answer_once(flow, request, core, code, |_| {}),
        };
        let Some(leg) = self.legs.get_mut(key) else { return };
        let late_offer = matches!(leg.phase, Phase::Incoming { late_offer: true, .. });
        let Some(reliable) = leg.reliable.as_deref_mut() else {
            return self.answer_once(flow, request, core, 481, |_| {});
        };
        let named = rack.is_some_and(|rack| rack.rseq == reliable.rseq && rack.cseq == reliable.cseq);
        let Some(waiting) = reliable.waiting.take_if(|_| named) else {
            return self.answer_once(flow, request, core, 481, |_| {});
        };
        let brings_answer = late_offer && waiting.has_sdp && !reliable.agreed;
        reliable.agreed |= waiting.has_sdp && (!brings_answer || sdp.is_some());
        let agreed = reliable.agreed;
        match sdp {
            Some(sdp) if brings_answer => {
                self.answer_once(flow, request, core, 200, |_| {});
                self.events.push_back(Event::ReofferAnswered { leg: LegId(key), sdp });
            }
            // The first offer has its answer, so that this is a second one (§5).
            Some(sdp) if agreed => self.ask_owner(key, flow, request, core, Some(sdp)),
            Some(_) => self.answer_once(flow, request, core, 488, |_| {}),
            None => self.answer_once(flow, request, core, 200, |_| {}),
        }
        self.go_on_after_prack(key);
    }

    fn go_on_after_prack(&mut self, key: u64) {
        let now = self.now;
        let Some(leg) = self.legs.get_mut(key) else { return };
        let (Phase::Incoming { .. }, Some(reliable)) = (&leg.phase, leg.reliable.as_deref_mut()) else { return };
        if let Some(sdp) = reliable.answer.take() {
            self.answer(LegId(key), sdp, now);
        } else if let Some((code, sdp)) = reliable.next.take() {
            self.progress_reliably(key, code, sdp);
        }
    }
}
