//! The call at this desk and what is known of the caller.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::agent::Activity;
use shared::domain::call::{CallEnding, CallKind, PartyState};
use shared::domain::customer::CustomerLine;
use shared::ids::CallId;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};
use shared::wire::card::{Card, CardState};
use shared::wire::event::{CallAtDesk, CallLine, Offer, PeerLine};

/// The call that rings, is dialled, is talked in, or is being written up. There is at most one.
#[derive(Clone, Debug)]
pub struct CallView {
    pub offer: Arc<Offer>,
    pub phase: Phase,
    pub pop: Pop,
    /// What this agent does in the call, and who else is in it; `None` while it rings and once it is over.
    pub line: Option<CallLine>,
    pub heard: Heard,
    /// This agent has asked to hand the call over, and nothing has been told since.
    pub(crate) leaving: bool,
}

/// The keys that the other end has pressed lately, to be read out of the call bar.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// An account number, perhaps.
    keys: Personal,
    at: Moment,
}

/// So long after the last key they are shown.
const HEARD_FOR: Duration = Duration::from_secs(8);
/// An account number is typed whole; of what is longer the last keys are shown.
const MOST_HEARD: usize = 16;

/// Where the call is, in the gateway's time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Ringing {
        until: UtcMs,
    },
    /// This agent has dialled and nobody has answered yet.
    Dialing {
        since: UtcMs,
    },
    /// Somebody has been spoken with since; what is done at the moment is in the line.
    Talking {
        since: UtcMs,
    },
    Wrapup {
        talked_since: Option<UtcMs>,
        since: UtcMs,
        limit: UtcMs,
        ending: CallEnding,
    },
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

    pub const fn is_dialing(&self) -> bool {
        matches!(self.phase, Phase::Dialing { .. })
    }

    /// Among ourselves: nobody's card, and nothing to write up.
    pub fn is_internal(&self) -> bool {
        self.offer.kind == CallKind::Internal
    }

    /// What this agent does in it; `None` while it rings and once it is over.
    pub fn activity(&self) -> Option<Activity> {
        match (&self.line, self.phase) {
            (_, Phase::Dialing { .. }) => Some(Activity::Dialing),
            (Some(line), Phase::Talking { .. }) => Some(line.activity),
            (None, Phase::Talking { .. }) => Some(Activity::Talking),
            (_, Phase::Ringing { .. } | Phase::Wrapup { .. }) => None,
        }
    }

    pub fn muted(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.muted)
    }

    /// Called in by a colleague who still has the customer.
    pub fn is_guest(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.guest)
    }

    /// Whom this agent consults or confers with.
    pub fn peer(&self) -> Option<&PeerLine> {
        self.line.as_ref()?.peer.as_ref()
    }

    /// What the customer does; before the gateway has told the line, an answered customer talks.
    pub fn customer(&self) -> Option<PartyState> {
        match &self.line {
            Some(line) => line.customer,
            None => (self.is_talking() && !self.is_internal()).then_some(PartyState::Talking),
        }
    }

    /// An offer as it comes: it rings here, or this agent has dialled it.
    pub fn offered(offer: Offer, pop: Pop) -> Self {
        let phase = if is_own_dial(&offer) {
            Phase::Dialing { since: offer.offered_at }
        } else {
            Phase::Ringing { until: offer.until }
        };
        // What the agent has begun is no pop: nobody waits for its card to be measured.
        let pop = if is_own_dial(&offer) { Pop { before_us: None, ..pop } } else { pop };
        Self { offer: Arc::new(offer), phase, pop, line: None, heard: Heard::default(), leaving: false }
    }

    /// A call out of a snapshot: no fresh pop, so nothing is measured.
    pub fn found(at_desk: CallAtDesk, taken_at: Moment) -> Self {
        let CallAtDesk { offer, answered_at, ended, line } = at_desk;
        let pop = Pop { before_us: None, taken_at, shown_us: None };
        let mut found = Self::offered(*offer, pop);
        match (answered_at, ended) {
            (talked_since, Some(ended)) => {
                let (since, limit, ending) = (ended.at, ended.wrapup_limit, ended.ending);
                found.phase = Phase::Wrapup { talked_since, since, limit, ending };
            }
            (Some(since), None) => found.phase = Phase::Talking { since },
            (None, None) => {}
        }
        if let Some(line) = line {
            found.take_line(line);
        }
        found
    }

    /// The line as the gateway tells it. Whichever comes first, it or the answer, makes a talk of what rang.
    pub(crate) fn take_line(&mut self, line: CallLine) {
        if self.is_wrapup() {
            return;
        }
        self.phase = match (line.activity, self.phase) {
            (Activity::Dialing, _) => Phase::Dialing { since: line.since },
            (_, Phase::Talking { since }) => Phase::Talking { since },
            (_, Phase::Ringing { .. } | Phase::Dialing { .. }) => Phase::Talking { since: line.since },
            (_, over @ Phase::Wrapup { .. }) => over,
        };
        self.leaving = false;
        self.line = Some(line);
    }

    /// The other end has pressed a key.
    pub(crate) fn hear(&mut self, key: char, now: Moment) {
        let mut keys = self.heard(now).unwrap_or_default().to_owned();
        if keys.chars().count() >= MOST_HEARD {
            keys.remove(0);
        }
        keys.push(key);
        self.heard = Heard { keys: keys.into(), at: now };
    }

    /// The keys that the other end has pressed lately.
    pub fn heard(&self, now: Moment) -> Option<&str> {
        let fresh = !self.heard.keys.is_empty() && now.since(self.heard.at) < HEARD_FOR;
        fresh.then_some(self.heard.keys.reveal())
    }
}

/// Whether this agent has dialled it, and nobody rings here.
pub fn is_own_dial(offer: &Offer) -> bool {
    offer.kind != CallKind::Inbound && offer.from.is_none()
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
