//! Short messages in the corner: at most three, five seconds each; errors stay until dismissed.

use shared::domain::call::{Party, PartyFailure};
use shared::time::Moment;
use shared::wire::command::CommandError;
use shared::wire::event::WithdrawnBecause;

use super::saves::SaveKind;
use super::undo::Deed;

#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub id: u64,
    pub born: Moment,
    pub message: Message,
}

/// What happened, as a code; the screen has the words.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Saved(SaveKind),
    WaitsForGateway(SaveKind),
    Refused {
        kind: SaveKind,
        error: CommandError,
    },
    OfferGone(WithdrawnBecause),
    /// Somebody who was called, or whom the call was handed to, did not come or has left.
    PartyFailed {
        party: Party,
        why: PartyFailure,
    },
    /// The colleague who had the customer has handed the call over.
    CallIsYours,
    /// Something was thrown away, and can be put back.
    Done(Deed),
    /// The gateway takes this call's facts no more: saved once more, they go into the customer's history.
    CallForgotten,
    BackOnline,
    /// The local file cannot be written: drafts live in memory only.
    DraftsNotKept,
}

#[derive(Clone, Debug, Default)]
pub struct Toasts {
    shown: Vec<Toast>,
    next_id: u64,
}

const AT_MOST: usize = 3;
pub const LIFE: std::time::Duration = std::time::Duration::from_secs(5);
/// Who wants something back, or hears nobody where a colleague should be, has to read first.
pub const UNDO_LIFE: std::time::Duration = std::time::Duration::from_secs(12);

impl Toasts {
    /// Returns the id of the message.
    pub fn push(&mut self, message: Message, now: Moment) -> u64 {
        if self.shown.last().is_some_and(|last| last.message == message) {
            self.shown.pop();
        }
        let id = self.next_id;
        self.shown.push(Toast { id, born: now, message });
        self.next_id += 1;
        while self.shown.len() > AT_MOST {
            // An error outlives good news.
            let oldest = self.shown.iter().position(|toast| !toast.message.is_error()).unwrap_or(0);
            self.shown.remove(oldest);
        }
        id
    }

    pub fn shown(&self) -> &[Toast] {
        &self.shown
    }

    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|toast| toast.id != id);
    }

    pub fn tidy(&mut self, now: Moment) {
        self.shown.retain(|toast| toast.message.is_error() || now.since(toast.born) < toast.message.life());
    }

    /// When the next one goes by itself.
    pub fn next_due(&self) -> Option<Moment> {
        self.shown.iter().filter(|toast| !toast.message.is_error()).map(Toast::goes_at).min()
    }
}

impl Toast {
    fn goes_at(&self) -> Moment {
        self.born.after(self.message.life())
    }
}

impl Message {
    pub const fn is_error(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::DraftsNotKept | Self::CallForgotten)
    }

    /// Whether it offers to put something back.
    pub const fn can_be_undone(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    const fn life(&self) -> std::time::Duration {
        if self.can_be_undone() || matches!(self, Self::PartyFailed { .. }) { UNDO_LIFE } else { LIFE }
    }
}
