//! What of a leg outlives the process: enough to go on speaking in an established dialog after a crash.
//!
//! The owner keeps the newest [`Keepsake`] of each leg on its disk. A new [`Stack`](super::Stack) revives the leg from it
//! under the old tags; what was being talked about in the moment of the crash is lost, and a reoffer begins anew.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::dialog::Dialog;
use super::event::{Flow, Transport};
use super::headers::{Address, Uri};
use super::leg::Leg;

/// How far the numbers of our requests may have risen since the last keepsake was taken.
const CSEQ_MARGIN: u32 = 100;
/// No header that we repeat is longer.
const LONGEST_VALUE: usize = 4096;

/// One established leg, to be written to a disk. Holds numbers and names of people: it prints masked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepsake {
    call_id: Octets,
    local_tag: String,
    remote_tag: Octets,
    local: Octets,
    remote: Octets,
    target: Octets,
    routes: Vec<Octets>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    is_ours: bool,
    transport: Transport,
    local_address: SocketAddr,
    remote_address: SocketAddr,
    phone: Option<String>,
    trunk: Option<String>,
    takes_update: bool,
    /// The session's interval in seconds, and whether we refresh it.
    timer: Option<(u32, bool)>,
    shortest_interval_s: u32,
}

impl fmt::Debug for Keepsake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keepsake")
            .field("call_id", &String::from_utf8_lossy(&self.call_id.0))
            .field("remote", &self.remote_address)
            .finish_non_exhaustive()
    }
}

/// Why a leg cannot be revived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviveError {
    #[error("the keepsake of a leg is damaged: {what}")]
    Damaged { what: &'static str },
    #[error("no trunk has the address {remote} any more")]
    Stranger { remote: SocketAddr },
    #[error("no socket is open that leads to {remote}")]
    NoSocket { remote: SocketAddr },
    #[error("the leg has been revived already")]
    Twice,
    #[error("{limit} legs are open already")]
    Full { limit: usize },
}

impl Keepsake {
    pub(super) fn of(leg: &Leg, trunk: Option<&str>) -> Self {
        let dialog = &leg.dialog;
        Self {
            call_id: Octets::of(&dialog.call_id),
            local_tag: dialog.local_tag.to_string(),
            remote_tag: Octets::of(&dialog.remote_tag),
            local: Octets::of(&dialog.local),
            remote: Octets::of(&dialog.remote),
            target: Octets::of(&dialog.target),
            routes: dialog.routes.iter().map(|route| Octets::of(route)).collect(),
            local_cseq: dialog.local_cseq,
            remote_cseq: dialog.remote_cseq,
            is_ours: dialog.is_ours,
            transport: dialog.flow.transport,
            local_address: dialog.flow.local,
            remote_address: dialog.flow.remote,
            phone: leg.phone.as_deref().map(str::to_owned),
            trunk: trunk.map(str::to_owned),
            takes_update: leg.takes_update,
            timer: leg.timer.map(|timer| (timer.interval_s, timer.we_refresh)),
            shortest_interval_s: leg.shortest_interval_s,
        }
    }

    /// The phone at the other end; `None` for a trunk.
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// The trunk at the other end.
    pub fn trunk(&self) -> Option<&str> {
        self.trunk.as_deref()
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.local_tag
    }

    pub(super) const fn timer(&self) -> Option<(u32, bool)> {
        self.timer
    }

    /// The way that was used. A connection does not outlive the process.
    pub(super) const fn flow(&self) -> Flow {
        Flow { transport: self.transport, local: self.local_address, remote: self.remote_address, connection: 0 }
    }

    /// A file can be damaged: nothing of it becomes a header that breaks a message.
    pub(super) fn check(&self) -> Result<(), ReviveError> {
        let damaged = |what| Err(ReviveError::Damaged { what });
        let one_line =
            |value: &Octets| value.0.len() <= LONGEST_VALUE && !value.0.iter().any(|b| *b < b' ' || *b == 0x7f);
        let values = [&self.call_id, &self.remote_tag, &self.local, &self.remote, &self.target];
        if !values.into_iter().chain(&self.routes).all(one_line) {
            return damaged("a header has control characters");
        }
        if self.call_id.0.is_empty()
            || self.local_tag.is_empty()
            || !self.local_tag.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return damaged("its names are empty");
        }
        let tag = Address::parse(&self.local.0).and_then(|local| local.tag());
        if tag != Some(self.local_tag.as_bytes()) || Address::parse(&self.remote.0).is_none() {
            return damaged("its names do not agree");
        }
        let readable = |route: &Octets| Address::parse(&route.0).is_some_and(|route| route.parsed_uri().is_some());
        if Uri::parse(&self.target.0).is_none() || self.routes.len() > 16 || !self.routes.iter().all(readable) {
            return damaged("the way to the other side is unreadable");
        }
        if self.local_cseq >= (1 << 31) - 2 * CSEQ_MARGIN {
            return damaged("its numbers are used up");
        }
        Ok(())
    }

    /// The leg as it stood, on this way.
    pub(super) fn into_leg(self, flow: Flow) -> Leg {
        let dialog = Dialog {
            call_id: self.call_id.0.into(),
            local_tag: self.local_tag.into(),
            remote_tag: self.remote_tag.0.into(),
            local: self.local.0.into(),
            remote: self.remote.0.into(),
            target: self.target.0.into(),
            routes: self.routes.into_iter().map(|route| route.0.into()).collect(),
            local_cseq: self.local_cseq + CSEQ_MARGIN,
            remote_cseq: self.remote_cseq,
            flow,
            is_ours: self.is_ours,
        };
        let mut leg = Leg::new(dialog, super::leg::Phase::Established, self.phone.map(Into::into));
        leg.takes_update = self.takes_update;
        leg.shortest_interval_s = self.shortest_interval_s;
        leg
    }
}

/// Bytes that are nearly always text, written so that they can be read, and read back as they were.
#[derive(Clone, PartialEq, Eq)]
struct Octets(Vec<u8>);

impl Octets {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Octets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|byte| char::from(*byte)).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        bytes.map(Self).map_err(|_| serde::de::Error::custom("a character that no byte stands for"))
    }
}
