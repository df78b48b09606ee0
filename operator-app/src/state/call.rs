//! The call at this desk and what is known of the caller.

use std::sync::Arc;

use shared::domain::call::CallEnding;
use shared::domain::customer::CustomerLine;
use shared::ids::CallId;
use shared::time::{Moment, UtcMs};
use shared::wire::card::{Card, CardState};
use shared::wire::event::{CallAtDesk, Offer};

/// The call that rings, is talked in, or is being written up. There is at most one.
#[derive(Clone, Debug)]
pub struct CallView {
    pub offer: Arc<Offer>,
    pub phase: Phase,
    pub pop: Pop,
}

/// Where the call is, in the gateway's time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Ringing { until: UtcMs },
    Talking { since: UtcMs },
    Wrapup { talked_since: Option<UtcMs>, since: UtcMs, limit: UtcMs, ending: CallEnding },
}

/// How long it took from the caller's INVITE to the card on this screen. The gateway measures its part on its clock,
/// the desk its own; half a round trip joins them.
#[derive(Clone, Copy, Debug)]
pub struct Pop {
    /// The gateway's part and half the round trip; `None` when this is no fresh pop (a snapshot after a restart).
    pub before_us: Option<i64>,
    /// When the frame with the offer was read from the socket.
    pub taken_at: Moment,
    /// The whole, once the card has been drawn.
    pub shown_us: Option<i64>,
}

/// The caller's card, opened off the thread that draws.
#[derive(Clone, Debug)]
pub enum CardView {
    /// The look-up is late; the card follows by itself.
    Pending,
    Known(Arc<Card>),
    /// Several customers have this number: offer a choice, open none.
    Several(Arc<[CustomerLine]>),
    Unknown,
    Withheld,
    /// The customer base cannot be reached.
    Unavailable,
}

impl CallView {
    pub fn id(&self) -> CallId {
        self.offer.call
    }

    pub const fn is_ringing(&self) -> bool {
        matches!(self.phase, Phase::Ringing { .. })
    }

    pub const fn is_talking(&self) -> bool {
        matches!(self.phase, Phase::Talking { .. })
    }

    pub const fn is_wrapup(&self) -> bool {
        matches!(self.phase, Phase::Wrapup { .. })
    }

    /// A call out of a snapshot: no fresh pop, so nothing is measured.
    pub fn found(at_desk: CallAtDesk, taken_at: Moment) -> Self {
        let CallAtDesk { offer, answered_at, ended } = at_desk;
        let phase = match (answered_at, ended) {
            (talked_since, Some(ended)) => {
                Phase::Wrapup { talked_since, since: ended.at, limit: ended.wrapup_limit, ending: ended.ending }
            }
            (Some(since), None) => Phase::Talking { since },
            (None, None) => Phase::Ringing { until: offer.until },
        };
        Self { offer: Arc::from(offer), phase, pop: Pop { before_us: None, taken_at, shown_us: None } }
    }
}

impl From<CardState> for CardView {
    fn from(state: CardState) -> Self {
        match state {
            CardState::Pending => Self::Pending,
            CardState::Known { card } => Self::Known(Arc::from(card)),
            CardState::Several { candidates } => Self::Several(candidates.into()),
            CardState::Unknown => Self::Unknown,
            CardState::Withheld => Self::Withheld,
            CardState::Unavailable => Self::Unavailable,
        }
    }
}

impl CardView {
    pub const fn known(&self) -> Option<&Arc<Card>> {
        match self {
            Self::Known(card) => Some(card),
            Self::Pending | Self::Several(_) | Self::Unknown | Self::Withheld | Self::Unavailable => None,
        }
    }
}
