//! What the other side asks within a leg: ACK, BYE, a change of the session, small questions.

use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::{Name, reason};
use super::super::leg::{Change, Phase};
use super::super::message::{ALLOW, Core, Message, Method};
use super::Stack;

impl Stack {
    /// The leg that a request names in its To tag, if the whole dialog agrees.
    fn leg_of(&self, core: &Core<'_>) -> Option<u64> {
        let key = self.key_of(core.to.tag()?)?;
        self.legs.get(key).filter(|leg| leg.dialog.owns_request(core)).map(|_| key)
    }

    /// The same for who may speak in it: where its last message came from, a trunk, or where a phone is registered. Tags
    /// can be overheard; an answer that a stranger gets would tell that they are right.
    fn leg_heard_from(&self, flow: &Flow, core: &Core<'_>) -> Option<u64> {
        let key = self.leg_of(core)?;
        let is_usual = self.legs.get(key).is_some_and(|leg| leg.dialog.flow.remote.ip() == flow.remote.ip());
        (is_usual || self.is_known(flow)).then_some(key)
    }

    /// The ACK of a 200 (RFC 3261 §13.3.1.4).
    pub(super) fn on_ack(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let Some(key) = self.leg_heard_from(flow, core) else { return };
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let Change::Unconfirmed(again) = &leg.change
            && again.cseq == core.cseq.number
        {
            let offered = again.offered;
            leg.change = Change::None;
            leg.stamp += 1;
            if let Some(sdp) = request.description().ok().flatten().filter(|_| offered) {
                self.events.push_back(Event::ReofferAnswered { leg: LegId(key), sdp: sdp.to_vec() });
            }
            return;
        }
        let Phase::Unconfirmed { again, bye_after } = &leg.phase else { return };
        if again.cseq != core.cseq.number {
            return;
        }
        let (offered, bye_after) = (again.offered, *bye_after);
        leg.phase = Phase::Established;
        leg.stamp += 1;
        if bye_after {
            return self.send_bye(key, None);
        }
        let sdp = request.description().ok().flatten().filter(|_| offered).map(<[u8]>::to_vec);
        self.events.push_back(Event::Confirmed { leg: LegId(key), sdp });
        self.watch_conversation(key);
    }

    pub(super) fn on_request_inside(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let Some(key) = self.leg_heard_from(flow, core) else {
            return self.refuse(flow, request, core, 481, &[]);
        };
        let from_trunk = self.trunks.by_source(flow.remote.ip()).is_some();
        let Some(leg) = self.legs.get_mut(key) else { return };
        let over = matches!(leg.phase, Phase::Over);
        if over && request.method() != Some(Method::Bye) {
            return self.refuse(flow, request, core, 481, &[]);
        }
        // A number that does not rise is an old message that lost its way (§12.2.2).
        if leg.dialog.remote_cseq.is_some_and(|last| last >= core.cseq.number) {
            return self.refuse(flow, request, core, 500, &[]);
        }
        leg.dialog.remote_cseq = Some(core.cseq.number);
        // A phone is where it speaks from, and a trunk that has connected anew goes on there.
        let both_connected = flow.transport.is_stream() && leg.dialog.flow.transport.is_stream();
        if leg.phone.is_some() || (both_connected && from_trunk) {
            leg.dialog.flow = *flow;
        }
        if self.requires_too_much(flow, request, core) {
            return;
        }
        match request.method() {
            Some(Method::Bye) => self.on_bye(key, flow, request, core),
            Some(Method::Invite) => self.on_reoffer(key, flow, request, core, true),
            Some(Method::Update) => self.on_reoffer(key, flow, request, core, false),
            Some(Method::Options) => self.answer_once(flow, request, core, 200, |writer| {
                writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Accept, b"application/sdp");
            }),
            // An empty INFO asks whether we are there; what others carry, we do not read.
            Some(Method::Info) => {
                let code = if request.body().is_empty() { 200 } else { 415 };
                self.answer_once(flow, request, core, code, |_| {});
            }
            Some(Method::Notify) => self.answer_once(flow, request, core, 489, |_| {}),
            Some(_) => self.answer_once(flow, request, core, 405, |writer| {
                writer.header(Name::Allow, ALLOW.as_bytes());
            }),
            None => self.answer_once(flow, request, core, 501, |_| {}),
        }
    }

    fn on_bye(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        self.answer_once(flow, request, core, 200, |_| {});
        let Some(leg) = self.legs.get(key) else { return };
        let q850 = request.header(Name::Reason).and_then(reason::q850);
        if let Phase::Calling(calling) = &leg.phase {
            let transaction = calling.transaction;
            self.drop_client(transaction);
        }
        self.tell_end(key, Ending::Bye, q850);
        self.bury(key);
    }

    /// A re-INVITE or an UPDATE (RFC 3261 §14.2, RFC 3311).
    fn on_reoffer(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>, is_invite: bool) {
        let sdp = match request.description() {
            Ok(sdp) => sdp.map(<[u8]>::to_vec),
            Err(code) => return self.answer_once(flow, request, core, code, |_| {}),
        };
        let Some(leg) = self.legs.get_mut(key) else { return };
        let advertised = self.config.advertised.get(&flow.local).copied().unwrap_or(flow.local);
        if !is_invite && sdp.is_none() {
            leg.dialog.refresh_target(request);
            return self.answer_once(flow, request, core, 200, |writer| {
                super::super::dialog::write_contact(writer, flow.transport, advertised);
            });
        }
        let busy = match (&leg.phase, &leg.change) {
            (Phase::Established, Change::None) => None,
            // Both asked at the same moment (§14.2): they wait, and so do we.
            (_, Change::Ours) | (Phase::Calling(_), _) => Some(491),
            (Phase::Incoming { .. } | Phase::Unconfirmed { .. } | Phase::Established | Phase::Over, _) => Some(500),
        };
        if let Some(code) = busy {
            let pause = self.key_pause();
            return self.answer_once(flow, request, core, code, |writer| {
                if code == 500 {
                    writer.header_fmt(Name::RetryAfter, format_args!("{pause}"));
                }
            });
        }
        leg.dialog.refresh_target(request);
        let Some(transaction) = self.open_server(flow, request, core, Some(key)) else {
            return self.refuse(flow, request, core, 503, &[]);
        };
        if is_invite {
            self.answer_server(transaction, 100, None, None, |_| {});
        }
        if let Some(leg) = self.legs.get_mut(key) {
            let offered = sdp.is_none();
            leg.change = Change::Theirs { transaction, cseq: core.cseq.number, is_invite, offered };
        }
        self.events.push_back(Event::Reoffered { leg: LegId(key), sdp });
    }

    /// 0 to 10 seconds by chance (§14.2).
    fn key_pause(&mut self) -> u32 {
        use rand::Rng as _;
        self.rng.next_u32() % 11
    }
}
