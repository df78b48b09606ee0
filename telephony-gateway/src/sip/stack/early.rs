//! What is heard from those who ring: provisional answers, reliable ones (RFC 3262 §4) and those of a fork.

use super::super::event::{Event, LegId};
use super::super::headers::{Name, list};
use super::super::leg::{Calling, Cancel, Early, Leg, Phase};
use super::super::message::{Core, Message, Method};
use super::super::registrar::can_talk;
use super::Stack;
use super::clients::Purpose;
use super::responses::MOST_FORKS;

impl Stack {
    pub(super) fn on_ringing(&mut self, key: u64, response: &Message<'_>, core: &Core<'_>) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let Phase::Calling(calling) = &mut leg.phase else { return };
        calling.heard = true;
        if calling.cancel == Cancel::Wanted {
            let reason = calling.cancel_reason.take();
            return self.cancel(key, reason.as_deref());
        }
        if response.code() == 100 || leg.told {
            return;
        }
        let at = early_of(leg, response, core);
        leg.can_talk |= can_talk(response);
        leg.learn(response);
        let Phase::Calling(calling) = &mut leg.phase else { return };
        let Heard { rseq, sdp, is_news } = match hear(calling, at, response) {
            Some(heard) => heard,
            None => return,
        };
        calling.ringing_told = true;
        let talk = calling.talk_wanted && !leg.dialog.remote_tag.is_empty();
        if let Some(rseq) = rseq {
            self.acknowledge_ringing(key, core, rseq);
        }
        if is_news {
            self.events.push_back(Event::Ringing { leg: LegId(key), sdp });
        }
        if talk {
            self.talk_now(key);
        }
    }

    fn acknowledge_ringing(&mut self, key: u64, core: &Core<'_>, rseq: u32) {
        let (tag, cseq) = (core.to.tag().unwrap_or_default(), core.cseq.number);
        self.request_to(key, Some(tag), Method::PRack, Purpose::Prack, None, |writer| {
            writer.header_fmt(Name::RAck, format_args!("{rseq} {cseq} INVITE"));
        });
    }
}

struct Heard {
    /// To be acknowledged.
    rseq: Option<u32>,
    sdp: Option<Vec<u8>>,
    is_news: bool,
}

/// `None` for a reliable answer that was heard before, or that comes before its turn (RFC 3262 §4): the other side
/// repeats it.
fn hear(calling: &mut Calling, at: Option<usize>, response: &Message<'_>) -> Option<Heard> {
    let sdp = response.description().ok().flatten().map(<[u8]>::to_vec);
    let Some(early) = at.and_then(|at| calling.early.get_mut(at)) else {
        return Some(Heard { rseq: None, sdp, is_news: !calling.ringing_told });
    };
    let rseq = match response.lists(Name::Require, "100rel") {
        true => response.header(Name::RSeq).and_then(list::number::<u32>),
        false => None,
    };
    if let Some(rseq) = rseq {
        if early.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return None;
        }
        early.rseq = Some(rseq);
    }
    let first_sound = sdp.is_some() && early.sdp.is_none();
    if first_sound || (rseq.is_some() && !early.agreed && sdp.is_some()) {
        early.sdp.clone_from(&sdp);
        early.agreed = rseq.is_some();
    }
    Some(Heard { rseq, is_news: !calling.ringing_told || first_sound, sdp })
}

/// The dialog with whoever sent this answer; made anew for one who was not heard before.
fn early_of(leg: &mut Leg, response: &Message<'_>, core: &Core<'_>) -> Option<usize> {
    let tag = core.to.tag()?;
    let Phase::Calling(calling) = &mut leg.phase else { return None };
    let known = calling.early.iter().position(|early| *early.tag == *tag);
    if known.is_some() || calling.early.len() >= MOST_FORKS {
        return known;
    }
    let dialog = if leg.dialog.remote_tag.is_empty() {
        leg.dialog.answered(response, core);
        None
    } else {
        Some(leg.dialog.forked(response, core))
    };
    calling.early.push(Early { tag: tag.into(), dialog, sdp: None, rseq: None, agreed: false });
    Some(calling.early.len() - 1)
}

/// Makes the dialog with who has answered the leg's own, and gives what was known of the sound there.
pub(super) fn settle(
    leg: &mut Leg,
    calling: Calling,
    response: &Message<'_>,
    core: &Core<'_>,
) -> (Option<Vec<u8>>, bool) {
    let tag = core.to.tag().unwrap_or_default();
    let early = calling.early.into_iter().find(|early| *early.tag == *tag);
    let before = leg.dialog.local_cseq;
    match early {
        Some(Early { dialog: Some(dialog), sdp, agreed, .. }) => {
            leg.dialog = dialog;
            leg.dialog.answered(response, core);
            (sdp, agreed)
        }
        Some(Early { dialog: None, sdp, agreed, .. }) => {
            leg.dialog.answered(response, core);
            (sdp, agreed)
        }
        None if leg.dialog.remote_tag.is_empty() => {
            leg.dialog.answered(response, core);
            (None, false)
        }
        None => {
            leg.dialog = leg.dialog.forked(response, core);
            leg.dialog.local_cseq = before;
            (None, false)
        }
    }
}
