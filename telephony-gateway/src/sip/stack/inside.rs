//! What the other side asks within a leg: ACK, BYE, a change of the session, small questions.

use super::super::event::{Ending, Event, Flow, LegId};
use super::super::headers::{Name, reason};
use super::super::leg::{Change, Phase};
use super::super::message::{ALLOW, Core, Message, Method, SUPPORTED};
use super::Stack;

impl Stack {
    /// The leg that a request names in its To tag, if the whole dialog agrees.
    fn leg_of(&self, core: &Core<'_>) -> Option<u64> {
        let tag = core.to.tag()?;
        let is_it = |key: &u64| self.legs.get(*key).is_some_and(|leg| leg.owns_request(core));
        self.key_of(tag).filter(is_it).or_else(|| self.foreign_leg(tag).filter(is_it))
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
            return self.change_if_free(key);
        }
        let Phase::Unconfirmed { again, bye_after } = &leg.phase else { return };
        if again.cseq != core.cseq.number {
            return;
        }
        let (offered, bye_after) = (again.offered, *bye_after);
        leg.phase = Phase::Established;
        leg.reliable = None;
        leg.stamp += 1;
        if bye_after {
            return self.send_bye(key, None);
        }
        let sdp = request.description().ok().flatten().filter(|_| offered).map(<[u8]>::to_vec);
        self.events.push_back(Event::Confirmed { leg: LegId(key), sdp });
        self.watch_conversation(key);
        self.change_if_free(key);
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
        let Some(dialog) = leg.dialog_with(core.from.tag().unwrap_or_default()) else { return };
        if dialog.remote_cseq.is_some_and(|last| last >= core.cseq.number) {
            return self.refuse(flow, request, core, 500, &[]);
        }
        dialog.remote_cseq = Some(core.cseq.number);
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
            Some(Method::Invite) => self.on_offer(key, flow, request, core, true),
            Some(Method::Update) => self.on_offer(key, flow, request, core, false),
            Some(Method::PRack) => self.on_prack(key, flow, request, core),
            Some(Method::Refer) => self.on_refer(key, flow, request, core),
            Some(Method::Options) => self.answer_once(flow, request, core, 200, |writer| {
                writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Accept, b"application/sdp");
                writer.header(Name::Supported, SUPPORTED.as_bytes());
            }),
            Some(Method::Info) => self.on_info(key, flow, request, core),
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
}
