//! Everything the screens show. Nothing here paints, opens a socket or reads a clock.
//!
//! [`desk::Desk`] is the whole of it, moved by [`event::LinkEvent`]s in `apply`; the other modules are its parts: [`call`] the
//! call and its card, [`tab`] the open cards with their [`history`], [`drafts`] what has been typed, [`saves`] what
//! became of it, [`undo`] what can be put back, [`reach`] whom to call or to hand the call to, [`search`] looking for a customer, [`session`] the connection,
//! [`screen`] what lies on top, [`toasts`] short messages.

mod apply;
pub mod call;
pub mod clock;
pub mod desk;
pub mod drafts;
pub mod event;
pub mod grab;
pub mod history;
mod parties;
pub mod reach;
pub mod saves;
pub mod screen;
pub mod search;
pub mod session;
pub mod tab;
pub mod toasts;
pub mod undo;

use shared::time::Moment;

use crate::settings::Settings;

/// What every screen is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub desk: &'a desk::Desk,
    pub settings: &'a Settings,
    /// This machine's clock. [`desk::Desk::clock`] turns it into the gateway's.
    pub now: Moment,
}

/// Something that was asked for over the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Loading<T> {
    #[default]
    Nothing,
    Underway {
        since: Moment,
    },
    Ready(T),
    Failed(Failure),
}

impl<T> Loading<T> {
    pub const fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Nothing | Self::Underway { .. } | Self::Failed(_) => None,
        }
    }

    pub const fn is_underway(&self) -> bool {
        matches!(self, Self::Underway { .. })
    }
}

/// Why records could not be had, as a code; the screen has the words and offers to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The gateway does not answer.
    Unreachable,
    /// The gateway answers, its database does not.
    DatabaseAway,
    NotAllowed,
    /// It is not there (any more).
    NotFound,
    /// The gateway said something else: its stable code.
    Other {
        code: String,
    },
}
