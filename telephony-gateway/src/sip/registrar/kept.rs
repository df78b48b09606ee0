//! Registrations that outlive the process: a phone that was registered over UDP is still where it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::time::{Moment, UtcMs};

use super::super::event::{Flow, Transport};
use super::super::headers::Uri;
use super::{Contact, Registrar};

/// Where a phone was registered, to be written to a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContact {
    user: String,
    uri: String,
    local: SocketAddr,
    remote: SocketAddr,
    expires_at: UtcMs,
    can_talk: bool,
    behind_nat: bool,
    call_id: String,
    cseq: u32,
}

impl Registrar {
    /// The newest way to a phone, when it outlives the process: a connection does not.
    pub fn kept(&self, user: &str, now: Moment) -> Option<KeptContact> {
        let contact = self.contact(user).filter(|contact| contact.flow.transport == Transport::Udp)?;
        let left_ms = contact.expires.since(now).as_millis() as i64;
        Some(KeptContact {
            user: user.to_owned(),
            uri: String::from_utf8(contact.uri.to_vec()).ok()?,
            local: contact.flow.local,
            remote: contact.flow.remote,
            expires_at: UtcMs(now.utc_ms.0 + left_ms),
            can_talk: contact.can_talk,
            behind_nat: contact.behind_nat,
            call_id: String::from_utf8(contact.call_id.to_vec()).ok()?,
            cseq: contact.cseq,
        })
    }

    /// Takes a registration of the last run, unless it has run out or its phone may not register any more. Gives the
    /// user, the contact and the seconds left.
    pub fn restore(&mut self, kept: KeptContact, now: Moment) -> Option<(Arc<str>, Flow, String, u32)> {
        let left_ms = u64::try_from(kept.expires_at.ms_since(now.utc_ms)).ok().filter(|left| *left > 0)?;
        let left = Duration::from_millis(left_ms.min(u64::from(self.limits.longest_expiry_s) * 1000));
        Uri::parse(kept.uri.as_bytes())?;
        let (user, phone) = self.phones.get_key_value(kept.user.as_str())?;
        let user = user.clone();
        if !phone.contacts.is_empty() {
            return None;
        }
        let flow = Flow { transport: Transport::Udp, local: kept.local, remote: kept.remote, connection: 0 };
        let contact = Contact {
            uri: kept.uri.as_bytes().into(),
            flow,
            expires: now.after(left),
            can_talk: kept.can_talk,
            answers: true,
            behind_nat: kept.behind_nat,
            call_id: kept.call_id.as_bytes().into(),
            cseq: kept.cseq,
        };
        self.phones.get_mut(&user)?.contacts.push(contact);
        self.sources.add(flow.remote.ip());
        Some((user, flow, kept.uri, left.as_secs() as u32))
    }
}
