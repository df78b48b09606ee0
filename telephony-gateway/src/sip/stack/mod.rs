//! The whole of SIP behind one door.

use std::collections::VecDeque;

use shared::time::Moment;

use super::config::StackConfig;
use super::event::{Event, Flow, Invite, InviteError, LegId, PhoneAccount, Transmit};

/// The signalling core. See the module's story in [`sip`](super).
pub struct Stack {
    config: StackConfig,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
}

impl Stack {
    pub fn new(config: StackConfig, _seed: [u8; 32]) -> Self {
        Self { config, events: VecDeque::new(), transmits: VecDeque::new() }
    }

    /// The phones that may register. Replaces the earlier list; a phone that is no longer in it is gone at once.
    pub fn set_phones(&mut self, _phones: Vec<PhoneAccount>, _now: Moment) {}

    /// Asks the trunks for their first sign of life; call once after start.
    pub fn start(&mut self, _local: &[Flow], _now: Moment) {}

    /// From now on new calls get 503 with this `Retry-After` (overload, shutting down); `None` opens the door again.
    pub fn reject_new(&mut self, _retry_after_s: Option<u32>) {}

    /// One datagram, or one message that [`stream`](super) has cut from a connection.
    pub fn receive(&mut self, _flow: &Flow, _bytes: &[u8], _now: Moment) {}

    /// A TCP connection was closed, by whomever.
    pub fn connection_closed(&mut self, _connection: u64, _now: Moment) {}

    /// A connection could not be made, or a datagram could not be sent.
    pub fn send_failed(&mut self, _flow: &Flow, _now: Moment) {}

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        None
    }

    pub fn on_deadline(&mut self, _now: Moment) {}

    /// 180 Ringing to the caller.
    pub fn ring(&mut self, _leg: LegId, _now: Moment) {}

    /// Another provisional answer, for example 183 with early media.
    pub fn progress(&mut self, _leg: LegId, _code: u16, _sdp: Option<Vec<u8>>, _now: Moment) {}

    /// 200 to the caller with our answer (or with our offer, when the INVITE had none).
    pub fn answer(&mut self, _leg: LegId, _sdp: Vec<u8>, _now: Moment) {}

    /// A final refusal to the caller. `reason` becomes a Q.850-free `Reason` text for the carrier's logs.
    pub fn reject(&mut self, _leg: LegId, _code: u16, _retry_after_s: Option<u32>, _reason: &str, _now: Moment) {}

    /// Calls somebody.
    pub fn invite(&mut self, invite: Invite, _now: Moment) -> Result<LegId, InviteError> {
        let _ = invite;
        Err(InviteError::Full { limit: self.config.limits.legs })
    }

    /// Ends a leg with whatever fits its state: CANCEL, BYE, or a final refusal. `cause` is a Q.850 cause and its text.
    pub fn hang_up(&mut self, _leg: LegId, _cause: Option<(u16, &str)>, _now: Moment) {}

    /// Offers a change of the session (re-INVITE).
    pub fn reoffer(&mut self, _leg: LegId, _sdp: Vec<u8>, _now: Moment) {}

    /// Accepts the change that [`Event::Reoffered`] asked for.
    pub fn answer_reoffer(&mut self, _leg: LegId, _sdp: Vec<u8>, _now: Moment) {}

    /// Refuses the change; the session stays as it was. 488 unless the code says better.
    pub fn refuse_reoffer(&mut self, _leg: LegId, _code: u16, _now: Moment) {}

    /// Lifts a ringing phone from afar (NOTIFY `Event: talk`). `false`: this phone does not know how.
    pub fn talk(&mut self, _leg: LegId, _now: Moment) -> bool {
        false
    }

    /// Where a phone can be reached now, if it is registered.
    pub fn phone_flow(&self, _user: &str) -> Option<Flow> {
        None
    }

    /// Legs whose conversation is not over.
    pub fn n_legs(&self) -> usize {
        0
    }
}
