use shared::domain::call::PartyState;

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::lang::format;
use crate::panels::{gateway_now, words};
use crate::state::Scene;

/// Everything the strip shows.
#[derive(Debug, PartialEq, Eq)]
pub struct PeerData {
    pub icon: &'static str,
    pub tone: Tone,
    pub who: String,
    /// What they do.
    pub state: &'static str,
    /// For how long.
    pub since: String,
    /// What the customer does meanwhile.
    pub customer: String,
}

/// `None` while nobody but the customer is in the call.
pub fn peer_data(scene: &Scene<'_>) -> Option<PeerData> {
    let (tr, desk) = (words(scene), scene.desk);
    let call = desk.call.as_ref().filter(|call| call.is_talking() && !call.is_internal())?;
    let peer = call.peer()?;
    let name = tr.party(&peer.party);
    let (icon, tone) = match peer.state {
        PartyState::Ringing => (icons::PHONE_OUTGOING, Tone::Warn),
        PartyState::Talking => (icons::PHONE_CALL, Tone::Accent),
        PartyState::OnHold => (icons::PHONE_PAUSE, Tone::Warn),
    };
    Some(PeerData {
        icon,
        tone,
        who: if call.is_guest() { (tr.reach.guest_of)(&name) } else { name },
        state: tr.party_state(peer.state),
        since: format::since(peer.since, gateway_now(scene)),
        customer: call
            .customer()
            .map_or_else(String::new, |state| format!("{}: {}", tr.reach.customer, tr.party_state(state))),
    })
}
