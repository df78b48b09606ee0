//! The session timer (RFC 4028): proxies and the other side forget a call that nobody refreshes, and so do we.
//!
//! All conversations with a timer are looked over together every few seconds, so that a call which ended long ago leaves
//! no alarm behind.

use std::time::Duration;

use super::super::dialog::{MAX_FORWARDS, RequestLines};
use super::super::event::{Ending, Flow};
use super::super::headers::Name;
use super::super::headers::session_expires::{Refresher, SHORTEST_S, SessionExpires};
use super::super::leg::{Phase, SessionTerms, SessionTimer};
use super::super::message::{ALLOW, Core, Message, Method, SUPPORTED, Writer};
use super::Stack;
use super::alarms::Alarm;
use super::clients::Purpose;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A refresh that was refused is tried again after this pause.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What a request of ours says about the timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    seconds: u32,
    /// Who refreshes; `None` lets the other side choose.
    refresher: Option<&'static str>,
    shortest_s: u32,
}

impl Interval {
    pub(super) fn write(self, writer: &mut Writer<'_>) {
        let Self { seconds, refresher, shortest_s } = self;
        match refresher {
            Some(who) => writer.header_fmt(Name::SessionExpires, format_args!("{seconds};refresher={who}")),
            None => writer.header_fmt(Name::SessionExpires, format_args!("{seconds}")),
        };
        if shortest_s > SHORTEST_S {
            writer.header_fmt(Name::MinSe, format_args!("{shortest_s}"));
        }
    }
}

/// What our 200 says about the timer (§9).
pub(super) fn write_terms(writer: &mut Writer<'_>, terms: Option<SessionTerms>) {
    let Some(SessionTerms { interval_s, we_refresh }) = terms else { return };
    let who = if we_refresh { "uas" } else { "uac" };
    writer.header_fmt(Name::SessionExpires, format_args!("{interval_s};refresher={who}"));
    if !we_refresh {
        writer.header(Name::Require, b"timer");
    }
}

fn shortest_of(message: &Message<'_>) -> Option<u32> {
    message.header(Name::MinSe).and_then(SessionExpires::parse).map(|min| min.seconds)
}

impl Stack {
    fn our_interval_s(&self) -> u32 {
        let seconds = self.config.session_interval.as_secs().min(u64::from(u32::MAX)) as u32;
        seconds.max(SHORTEST_S)
    }

    /// What a request within the leg, or the INVITE that begins it, says about the timer.
    pub(super) fn interval_of(&self, key: u64) -> Interval {
        let leg = self.legs.get(key);
        let timer = leg.and_then(|leg| leg.timer);
        let shortest_s = leg.map_or(0, |leg| leg.shortest_interval_s);
        let seconds = timer.map_or(self.our_interval_s(), |timer| timer.interval_s).max(shortest_s);
        let refresher = timer.map(|timer| if timer.we_refresh { "uac" } else { "uas" });
        Interval { seconds, refresher, shortest_s }
    }

    /// What a request asks for; `Err` when the interval is too short to bear. Nothing when the other side knows no timer.
    pub(super) fn terms_of(&self, request: &Message<'_>) -> Result<Option<SessionTerms>, ()> {
        let knows = request.lists(Name::Supported, "timer") || request.lists(Name::Require, "timer");
        let asked = request.header(Name::SessionExpires).and_then(SessionExpires::parse);
        let shortest = shortest_of(request).unwrap_or_default().max(SHORTEST_S);
        let ours = self.our_interval_s().max(shortest);
        match asked {
            Some(asked) if asked.seconds < SHORTEST_S => {
                if knows {
                    Err(())
                } else {
                    Ok(None)
                }
            }
            // It may be shortened, but never lengthened.
            Some(asked) => {
                let we_refresh = !knows || asked.refresher == Some(Refresher::Uas);
                Ok(Some(SessionTerms { interval_s: asked.seconds.min(ours), we_refresh }))
            }
            None => Ok(knows.then_some(SessionTerms { interval_s: ours, we_refresh: false })),
        }
    }

    pub(super) fn answer_too_brief(&mut self, flow: &Flow, request: &Message<'_>, core: &Core<'_>) {
        self.answer_once(flow, request, core, 422, |writer| {
            writer.header_fmt(Name::MinSe, format_args!("{SHORTEST_S}"));
        });
    }

    /// The timer begins anew on the terms that our 200 has just told; without terms there is none any more.
    pub(super) fn adopt(&mut self, key: u64, terms: Option<SessionTerms>) {
        self.start_timer(key, terms.map(|terms| (terms.interval_s, terms.we_refresh)));
    }

    /// The timer begins anew as a 200 of the other side says.
    pub(super) fn timer_from_answer(&mut self, key: u64, response: &Message<'_>) {
        let told = response.header(Name::SessionExpires).and_then(SessionExpires::parse);
        self.start_timer(key, told.map(|told| (told.seconds, told.refresher != Some(Refresher::Uas))));
    }

    pub(super) fn start_timer(&mut self, key: u64, terms: Option<(u32, bool)>) {
        let now = self.now;
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.timer = terms.map(|(interval_s, we_refresh)| {
            // Whatever nonsense is told, a conversation lives for a minute.
            let interval_s = interval_s.max(60);
            let interval = Duration::from_secs(u64::from(interval_s));
            let margin = (interval / 3).min(Duration::from_secs(32));
            let (refresh_at, ends_at) = (now.after(interval / 2), now.after(interval.saturating_sub(margin)));
            SessionTimer { interval_s, we_refresh, refresh_at, ends_at }
        });
        if leg.timer.is_some() {
            self.watch_sessions();
        }
    }

    /// Takes a longer shortest interval from a 422; `false` when it asks for nothing new.
    pub(super) fn lengthen(&mut self, key: u64, response: &Message<'_>) -> bool {
        let Some(shortest_s) = shortest_of(response) else { return false };
        let Some(leg) = self.legs.get_mut(key) else { return false };
        let before = leg.shortest_interval_s;
        // Whoever asks for a little more each time is given twice as much, so that this ends.
        leg.shortest_interval_s = before.max(shortest_s.max(before.saturating_mul(2)));
        shortest_s > before
    }

    fn watch_sessions(&mut self) {
        if !self.sessions_watched {
            self.sessions_watched = true;
            self.arm(LOOK_EVERY, Alarm::Sessions);
        }
    }

    pub(super) fn look_over_sessions(&mut self) {
        self.sessions_watched = false;
        let now = self.now;
        let mut due: Vec<(u64, bool)> = Vec::new();
        let mut any = false;
        for (key, leg) in self.legs.iter() {
            let Some(timer) = leg.timer.filter(|_| matches!(leg.phase, Phase::Established)) else { continue };
            any = true;
            if timer.ends_at.is_due(now) {
                due.push((key, true));
            } else if timer.we_refresh && timer.refresh_at.is_due(now) {
                due.push((key, false));
            }
        }
        for (key, over) in due {
            if over {
                self.tell_end(key, Ending::TimedOut, None);
                self.send_bye(key, None);
            } else {
                self.refresh(key);
            }
        }
        if any {
            self.watch_sessions();
        }
    }

    /// By UPDATE where it is taken, for it needs no description of the sound; else by a re-INVITE with the last one.
    fn refresh(&mut self, key: u64) {
        let now = self.now;
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let Some(timer) = &mut leg.timer {
            timer.refresh_at = now.after(TRY_AGAIN_AFTER);
        }
        if leg.phone.is_some() && leg.is_disconnected() {
            return;
        }
        if leg.takes_update {
            let interval = self.interval_of(key);
            self.request_inside(key, Method::Update, Purpose::Refresh, |writer| {
                writer.header(Name::Allow, ALLOW.as_bytes()).header(Name::Supported, SUPPORTED.as_bytes());
                interval.write(writer);
            });
        } else if leg.wanted.sdp.is_none() && !leg.sdp.is_empty() {
            (leg.wanted.sdp, leg.wanted.quiet) = (Some(leg.sdp.clone()), true);
            self.change_if_free(key);
        }
    }

    /// What our UPDATE was answered with.
    pub(super) fn on_refresh_answer(&mut self, key: u64, response: &Message<'_>) {
        let Some(leg) = self.legs.get_mut(key).filter(|leg| matches!(leg.phase, Phase::Established)) else { return };
        match response.code() {
            200..300 => {
                leg.dialog.refresh_target(response);
                self.timer_from_answer(key, response);
            }
            405 | 501 => {
                leg.takes_update = false;
                self.refresh(key);
            }
            408 | 481 => {
                self.tell_end(key, Ending::Unknown, None);
                self.send_bye(key, None);
            }
            422 if self.lengthen(key, response) => self.refresh(key),
            // It is tried again, until the interval has run out.
            _ => {}
        }
    }

    /// Our INVITE was refused because the interval is too short: once more with a longer one (§7.3). `false` when that
    /// has been tried, or leads nowhere.
    pub(super) fn invite_with_longer_interval(&mut self, key: u64, transaction: u64, response: &Message<'_>) -> bool {
        let may = |leg: &super::Leg| {
            !leg.told
                && matches!(&leg.phase, Phase::Calling(calling) if !calling.lengthened && calling.early.is_empty())
        };
        if !self.legs.get(key).is_some_and(may) || !self.lengthen(key, response) {
            return false;
        }
        let Some(before) = self.clients.get(transaction) else { return false };
        let (flow, request) = (before.flow, before.request.clone());
        let branch = self.mint_branch(self.clients.next_key());
        let interval = self.interval_of(key);
        let Some(leg) = self.legs.get_mut(key) else { return false };
        leg.dialog.local_cseq += 1;
        let lines = RequestLines {
            branch: &branch,
            advertised: self.config.advertised.get(&flow.local).copied().unwrap_or(flow.local),
            cseq: leg.dialog.local_cseq,
            contact: true,
            max_forwards: MAX_FORWARDS,
        };
        write_once_more(&mut self.scratch, &request, &lines, flow, interval);
        let next = self.open_client(Purpose::Invite, branch, flow, Some(key));
        if let Some(super::Leg { phase: Phase::Calling(calling), .. }) = self.legs.get_mut(key) {
            (calling.transaction, calling.lengthened, calling.heard) = (next, true, false);
        }
        true
    }
}

/// An INVITE of ours anew: the same lines, another branch, the next number, and another interval.
fn write_once_more(out: &mut Vec<u8>, invite: &[u8], lines: &RequestLines<'_>, flow: Flow, interval: Interval) {
    let (head, blank) = super::super::stream::end_of_head(invite, 0).unwrap_or((invite.len(), 0));
    let is = |line: &[u8], name: Name| {
        let name = name.as_str().as_bytes();
        line.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b':'))
    };
    let RequestLines { branch, advertised, cseq, .. } = lines;
    let transport = super::super::dialog::transport_name(flow.transport);
    let mut writer = Writer::copy(out);
    for line in invite[..head].split_inclusive(|b| *b == b'\n') {
        if is(line, Name::Via) {
            writer.header_fmt(Name::Via, format_args!("SIP/2.0/{transport} {advertised};branch={branch};rport"));
        } else if is(line, Name::CSeq) {
            writer.header_fmt(Name::CSeq, format_args!("{cseq} INVITE"));
        } else if is(line, Name::SessionExpires) {
            interval.write(&mut writer);
        } else if !is(line, Name::MinSe) {
            writer.lines(line);
        }
    }
    writer.lines(&invite[head..head + blank]).lines(&invite[head + blank..]);
}
