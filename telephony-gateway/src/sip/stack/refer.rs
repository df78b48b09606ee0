//! A phone hands its call over: REFER within the call (RFC 3515), and an INVITE or a REFER that names the dialog whose
//! place is taken (RFC 3891).

use super::super::dialog::write_contact;
use super::super::event::{Event, Flow, LegId, Origin, ReferTarget};
use super::super::headers::Name;
use super::super::headers::refer_to::ReferTo;
use super::super::headers::replaces::Replaces;
use super::super::leg::{Phase, Refer};
use super::super::message::{Body, Core, Message, Method, phrase};
use super::Stack;
use super::clients::Purpose;

/// What we promise a phone: how long, in seconds, it will be told what becomes of its REFER.
const TOLD_FOR_S: u32 = 180;

impl Stack {
    pub(super) fn on_refer(&mut self, key: u64, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        let to = match self.refer_target(key, request) {
            Ok(to) => to,
            Err(code) => return self.answer_once(flow, request, core, code, |_| {}),
        };
        let Some(transaction) = self.open_server(flow, request, core, Some(key)) else {
            return self.refuse(flow, request, core, 503, &[]);
        };
        let silent = request.header(Name::ReferSub).is_some_and(|value| value.eq_ignore_ascii_case(b"false"));
        let refer = Refer { cseq: core.cseq.number, unanswered: Some(transaction), silent };
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.dialog.refresh_target(request);
        leg.refer = Some(refer);
        let named = match to.replaces.as_deref().map(|value| Replaces::parse(value).map(|it| self.replaced(&it))) {
            None => Ok(None),
            Some(None) => Err(400),
            Some(Some(found)) => found.map(Some),
        };
        match named {
            Ok(replaces) => {
                let to = ReferTarget { user: to.user, replaces };
                self.events.push_back(Event::Referred { leg: LegId(key), to });
            }
            // The REFER itself is right; what it asks for has failed. A 481 would tear down the phone's call.
            Err(code) => {
                let now = self.now;
                self.accept_refer(LegId(key), now);
                self.tell_refer(LegId(key), code, now);
            }
        }
    }

    /// Only phones hand calls over, one at a time, and only calls that stand.
    fn refer_target(&self, key: u64, request: &Message<'_>) -> Result<ReferTo, u16> {
        let leg = self.legs.get(key).ok_or(481u16)?;
        leg.phone.as_ref().ok_or(403u16)?;
        if leg.refer.is_some() || leg.told || !matches!(leg.phase, Phase::Established) {
            return Err(491);
        }
        ReferTo::only(request.all(Name::ReferTo))
    }

    /// Takes the REFER that [`Event::Referred`] told of. The phone hears that it is tried; go on with
    /// [`tell_refer`](Self::tell_refer).
    pub fn accept_refer(&mut self, leg: LegId, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let Some(refer) = &mut it.refer else { return };
        let Some(transaction) = refer.unanswered.take() else { return };
        let (silent, flow) = (refer.silent, it.dialog.flow);
        if silent {
            it.refer = None;
        }
        let advertised = self.advertised(flow.local);
        self.answer_server(transaction, 202, None, None, |writer| {
            write_contact(writer, flow.transport, advertised);
            if silent {
                writer.header(Name::ReferSub, b"false");
            }
        });
        self.tell_refer(leg, 100, now);
    }

    /// Refuses the REFER; the call stays as it was.
    pub fn refuse_refer(&mut self, leg: LegId, code: u16, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0) else { return };
        let Some(transaction) = it.refer.take_if(|refer| refer.unanswered.is_some()).and_then(|it| it.unanswered)
        else {
            return;
        };
        let code = if (400..700).contains(&code) { code } else { 603 };
        self.answer_server(transaction, code, None, None, |_| {});
    }

    /// Tells the phone how far its REFER has come, in the code that a call of its own would have got. A code from 200 on
    /// is the last word. Say it before the leg is hung up.
    pub fn tell_refer(&mut self, leg: LegId, code: u16, now: shared::time::Moment) {
        self.now = now;
        let Some(it) = self.legs.get_mut(leg.0).filter(|it| matches!(it.phase, Phase::Established)) else { return };
        let Some(refer) = it.refer.filter(|refer| refer.unanswered.is_none()) else { return };
        let last = code >= 200;
        if last {
            it.refer = None;
        }
        let fragment = format!("SIP/2.0 {code} {}\r\n", phrase(code));
        let body = Body { kind: "message/sipfrag;version=2.0", bytes: fragment.as_bytes() };
        self.request_with_body(leg.0, Method::Notify, Purpose::Notify, Some(body), |writer| {
            writer.header_fmt(Name::Event, format_args!("refer;id={}", refer.cseq));
            match last {
                true => writer.header(Name::SubscriptionState, b"terminated;reason=noresource"),
                false => writer.header_fmt(Name::SubscriptionState, format_args!("active;expires={TOLD_FOR_S}")),
            };
        });
    }

    /// The leg that an INVITE to us replaces; `Err` is the code to refuse it with (RFC 3891 §3).
    pub(super) fn replaced_by(&self, request: &Message<'_>, origin: &Origin) -> Result<Option<LegId>, u16> {
        let mut values = request.all(Name::Replaces);
        let Some(value) = values.next() else { return Ok(None) };
        let replaces = Replaces::parse(value).filter(|_| values.next().is_none()).ok_or(400u16)?;
        match origin {
            Origin::Phone(_) => self.replaced(&replaces).map(Some),
            Origin::Trunk(_) => Err(403),
        }
    }

    fn replaced(&self, named: &Replaces<'_>) -> Result<LegId, u16> {
        let belongs = |key: &u64| {
            self.legs.get(*key).is_some_and(|leg| leg.is_named(named.call_id, named.to_tag, named.from_tag))
        };
        let key = self.key_of(named.to_tag).filter(belongs).or_else(|| self.foreign_leg(named.to_tag).filter(belongs));
        let key = key.ok_or(481u16)?;
        let leg = self.legs.get(key).ok_or(481u16)?;
        match leg.phase {
            Phase::Over => Err(603),
            _ if leg.told => Err(603),
            // Who has not been answered by us cannot be replaced at us.
            Phase::Incoming { .. } => Err(481),
            Phase::Established | Phase::Unconfirmed { .. } if named.early_only => Err(486),
            Phase::Established | Phase::Unconfirmed { .. } | Phase::Calling(_) => Ok(LegId(key)),
        }
    }
}
