//! Legs that outlive the process: kept by the owner, revived here under the names that the other side knows.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::event::{Event, Flow, LegId};
use super::super::keepsake::{Keepsake, ReviveError};
use super::super::leg::Phase;
use super::super::message::{Core, Message};
use super::super::registrar::kept::KeptContact;
use super::Stack;
use super::alarms::Alarm;

/// How long a phone over TCP may take to notice that its connection is gone, and to register anew.
const PHONE_RETURNS_AFTER_REVIVAL: Duration = Duration::from_secs(60);

impl Stack {
    /// What a later process needs to go on speaking on this leg; `None` unless it is established. It grows old with every
    /// request and every change of the way: take it anew after each event of the leg.
    pub fn keepsake(&self, leg: LegId) -> Option<Keepsake> {
        let it = self.legs.get(leg.0).filter(|it| matches!(it.phase, Phase::Established) && !it.told)?;
        let trunk = self.trunks.by_source(it.dialog.flow.remote.ip()).filter(|_| it.phone.is_none());
        Some(Keepsake::of(it, trunk.map(|trunk| &*trunk.name)))
    }

    /// Goes on with a leg of the process before us. Call [`start`](Self::start) first, and then
    /// [`reoffer`](Self::reoffer) with our new description: it leaves at once, or as soon as a phone over TCP is back.
    pub fn revive(&mut self, keepsake: Keepsake, now: shared::time::Moment) -> Result<LegId, ReviveError> {
        self.now = now;
        keepsake.check()?;
        let limit = self.config.limits.legs;
        if self.n_live >= limit {
            return Err(ReviveError::Full { limit });
        }
        if self.foreign.contains_key(keepsake.local_tag()) {
            return Err(ReviveError::Twice);
        }
        let kept = keepsake.flow();
        let remote = kept.remote;
        let is_there = |index: &usize| self.trunks.get(*index).is_some_and(|trunk| trunk.is_at(remote.ip()));
        let named = keepsake.trunk().and_then(|name| self.trunks.by_name(name)).filter(is_there);
        let trunk = named.or_else(|| self.trunks.calling(remote.ip(), &[])).filter(|_| keepsake.phone().is_none());
        if keepsake.phone().is_none() && trunk.is_none() {
            return Err(ReviveError::Stranger { remote });
        }
        let local = self.socket_like(&kept).ok_or(ReviveError::NoSocket { remote })?;
        let (tag, timer) = (keepsake.local_tag().into(), keepsake.timer());
        let mut leg = keepsake.into_leg(Flow { local, ..kept });
        leg.trunk = trunk;
        let waits_for_phone = leg.phone.is_some() && leg.is_disconnected();
        let key = self.legs.insert(leg);
        self.n_live += 1;
        self.foreign.insert(tag, key);
        self.start_timer(key, timer);
        self.watch_conversation(key);
        if waits_for_phone {
            self.arm(PHONE_RETURNS_AFTER_REVIVAL, Alarm::NotBack(key, 0));
        }
        Ok(LegId(key))
    }

    /// Where a phone is registered, for a later process.
    pub fn kept_registration(&self, user: &str, now: shared::time::Moment) -> Option<KeptContact> {
        self.registrar.kept(user, now)
    }

    /// Goes on with a registration of the process before us. Its account must be known already.
    pub fn restore_registration(&mut self, kept: KeptContact, now: shared::time::Moment) {
        self.now = now;
        let Some((user, flow, contact, expires_s)) = self.registrar.restore(kept, now) else { return };
        self.events.push_back(Event::PhoneRegistered { user, flow, contact, expires_s, fresh: true });
        self.watch_registrations();
        self.watch_holes();
    }

    /// The socket that was used, or one of the same kind.
    fn socket_like(&self, kept: &Flow) -> Option<SocketAddr> {
        let alike =
            || self.locals.iter().filter(|(transport, _)| *transport == kept.transport).map(|(_, local)| *local);
        if self.locals.is_empty() || alike().any(|local| local == kept.local) {
            return Some(kept.local);
        }
        alike().find(|local| local.is_ipv4() == kept.remote.is_ipv4())
    }

    /// The leg that had this tag of ours in an earlier process.
    pub(super) fn foreign_leg(&self, tag: &[u8]) -> Option<u64> {
        if self.foreign.is_empty() {
            return None;
        }
        self.foreign.get(std::str::from_utf8(tag).ok()?).copied()
    }

    /// The answer to a re-INVITE of the process before us is repeated until somebody acknowledges it (RFC 3261
    /// §13.3.1.4), and ends the talk when nobody does.
    pub(super) fn acknowledge_for_the_dead(&mut self, response: &Message<'_>, core: &Core<'_>) {
        if !(200..300).contains(&response.code()) || core.cseq.method != b"INVITE" {
            return;
        }
        let Some(key) = core.from.tag().and_then(|tag| self.foreign_leg(tag)) else { return };
        let stands = self.legs.get(key).is_some_and(|leg| {
            matches!(leg.phase, Phase::Established)
                && leg.dialog.owns_response(core)
                && core.to.tag() == Some(&*leg.dialog.remote_tag)
                && core.cseq.number <= leg.dialog.local_cseq
        });
        if stands {
            self.acknowledge(key, core.cseq.number);
        }
    }
}
