//! Whether an action can be done now, and if not, why not.

use shared::domain::agent::{Activity, Presence, Wish, Work};
use shared::domain::call::PartyState;

use super::Reason;
use crate::state::call::{CallView, Phase};
use crate::state::desk::Desk;

pub(super) fn online(desk: &Desk) -> Result<(), Reason> {
    if desk.connection.is_online() { Ok(()) } else { Err(Reason::Offline) }
}

pub(super) fn ringing(desk: &Desk) -> Result<(), Reason> {
    let call = desk.call.as_ref().ok_or(Reason::NoCall)?;
    if call.is_ringing() { Ok(()) } else { Err(Reason::NotRinging) }
}

pub(super) fn can_hang_up(desk: &Desk) -> Result<(), Reason> {
    online(desk)?;
    let call = desk.call.as_ref().ok_or(Reason::NoCall)?;
    if call.is_talking() || call.is_dialing() { Ok(()) } else { Err(Reason::NotTalking) }
}

/// Somebody is spoken with, or waits in the call.
pub(super) fn in_talk(desk: &Desk) -> Result<&CallView, Reason> {
    online(desk)?;
    let call = desk.call.as_ref().ok_or(Reason::NoCall)?;
    match call.phase {
        Phase::Talking { .. } => Ok(call),
        Phase::Dialing { .. } => Err(Reason::StillDialing),
        Phase::Ringing { .. } | Phase::Wrapup { .. } => Err(Reason::NotTalking),
    }
}

/// A talk whose customer is this agent's.
pub(super) fn own_talk(desk: &Desk) -> Result<&CallView, Reason> {
    let call = in_talk(desk)?;
    if call.is_guest() {
        return Err(Reason::ColleaguesCall);
    }
    if call.is_internal() { Err(Reason::InternalCall) } else { Ok(call) }
}

/// The customer is there, and no colleague.
pub(super) fn with_customer_alone(desk: &Desk) -> Result<(), Reason> {
    let call = own_talk(desk)?;
    if call.activity() == Some(Activity::Conference) {
        return Err(Reason::InConference);
    }
    if call.peer().is_some() {
        return Err(Reason::PeerIsThere);
    }
    call.customer().map(|_| ()).ok_or(Reason::CustomerLeft)
}

/// A transfer begins with the customer alone, and is completed once the colleague has answered.
pub(super) fn can_hand_over(desk: &Desk) -> Result<(), Reason> {
    let call = own_talk(desk)?;
    call.customer().ok_or(Reason::CustomerLeft)?;
    match call.peer() {
        Some(peer) if peer.state == PartyState::Ringing => Err(Reason::PeerRings),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn can_confer(desk: &Desk) -> Result<(), Reason> {
    let is_conference = own_talk(desk)?.activity() == Some(Activity::Conference);
    if is_conference { Err(Reason::InConference) } else { can_hand_over(desk) }
}

pub(super) fn can_swap(desk: &Desk) -> Result<(), Reason> {
    let has_peer = own_talk(desk)?.peer().is_some();
    if has_peer { can_confer(desk) } else { Err(Reason::NobodyElse) }
}

pub(super) fn can_drop_customer(desk: &Desk) -> Result<(), Reason> {
    let has_peer = own_talk(desk)?.peer().is_some();
    if has_peer { can_hand_over(desk) } else { Err(Reason::NobodyElse) }
}

/// Whether a call of one's own may begin: one call at a time, and not over facts that are still to be written.
///
/// # Errors
/// The reason, for the tooltip of every number on the screen.
pub fn can_dial(desk: &Desk) -> Result<(), Reason> {
    online(desk)?;
    match &desk.call {
        Some(call) if call.is_wrapup() => return Err(Reason::WrapupFirst),
        Some(_) => return Err(Reason::InCall),
        None => {}
    }
    let state = desk.state.as_ref().ok_or(Reason::Offline)?;
    match state.work {
        Work::Idle if state.phone_registered == Some(true) => Ok(()),
        Work::Idle => Err(Reason::NoPhone),
        _ => Err(Reason::InCall),
    }
}

pub(super) fn card(desk: &Desk) -> Result<(), Reason> {
    if desk.front_tab().is_some_and(|tab| tab.known().is_some()) { Ok(()) } else { Err(Reason::NoCard) }
}

/// A card that is there, or one whose customer is known.
pub(super) fn readable(desk: &Desk) -> Result<(), Reason> {
    desk.front.and_then(|key| desk.customer_of(key)).map(|_| ()).ok_or(Reason::NoCard)
}

/// There is something else to bring in front.
pub(super) fn has_another(desk: &Desk) -> bool {
    let n_open = desk.tabs.len() + usize::from(desk.search_open);
    n_open > 1 || (n_open == 1 && desk.front.is_none() && !desk.search_open)
}

pub(super) fn can_close(desk: &Desk) -> Result<(), Reason> {
    match desk.front {
        Some(key) if desk.call_tab().is_some_and(|of_call| of_call.key == key) => Err(Reason::CallsOwnCard),
        Some(_) => Ok(()),
        None if desk.search_open => Ok(()),
        None => Err(Reason::NoCard),
    }
}

pub(super) fn can_answer(desk: &Desk) -> Result<(), Reason> {
    ringing(desk)?;
    online(desk)?;
    let by_screen = desk.call.as_ref().is_some_and(|call| call.offer.can_answer_from_screen);
    if by_screen { Ok(()) } else { Err(Reason::LiftTheHandset) }
}

/// Saves the open entry or form, else the contact of the call in front.
pub(super) fn can_save(desk: &Desk) -> Result<(), Reason> {
    let tab = desk.front.ok_or(Reason::NoCall)?;
    if desk.drafts.get(tab).is_some_and(|draft| draft.form.is_some() || draft.manual.is_some()) {
        return Ok(());
    }
    desk.contact_to_save(tab).map(|_| ())
}

pub(super) fn can_be_ready(desk: &Desk) -> Result<(), Reason> {
    online(desk)?;
    let state = desk.state.as_ref().ok_or(Reason::Offline)?;
    let waits = state.pending.as_ref().is_some_and(|wish| *wish != Wish::Ready);
    if state.presence == Presence::Ready && !waits {
        return Err(Reason::AlreadySo);
    }
    if state.phone_registered == Some(false) { Err(Reason::NoPhone) } else { Ok(()) }
}
