//! What a person has thrown away and may want back.

use shared::ids::CallbackId;

use super::drafts::{Draft, FormDraft, ManualDraft, NewcomerDraft};
use super::tab::{Tab, TabKey};

/// One thing that can be put back.
#[derive(Clone, Debug)]
pub enum Taken {
    /// A card that was closed, its place among the others, and what stood in its draft.
    Card { tab: Box<Tab>, at: usize, draft: Option<Box<Draft>> },
    /// A part of a draft, while its card stayed open.
    Part { tab: TabKey, part: Part },
    /// The mark of a missed call, as it was before.
    Mark { callback: CallbackId, handled: bool },
}

/// A part of a draft that is closed by itself.
#[derive(Clone, Debug)]
pub enum Part {
    Form(FormDraft),
    Manual(ManualDraft),
    Newcomer(NewcomerDraft),
}

/// What was done, as a code; the screen has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    CardClosed,
    DraftDropped,
    FormClosed,
    EntryDropped,
    NewcomerDropped,
    MarkedHandled,
    MarkedOpen,
}

/// The latest deeds. Each is named by the message that told of it.
#[derive(Clone, Debug, Default)]
pub struct Undo {
    taken: Vec<(u64, Taken)>,
}

/// Nobody remembers more than this.
const AT_MOST: usize = 16;

impl Undo {
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    pub(crate) fn push(&mut self, toast: u64, taken: Taken) {
        self.taken.push((toast, taken));
        if self.taken.len() > AT_MOST {
            self.taken.remove(0);
        }
    }

    /// What the message `toast` told of, or without one the latest.
    pub(crate) fn take(&mut self, toast: Option<u64>) -> Option<(u64, Taken)> {
        let at = match toast {
            Some(toast) => self.taken.iter().position(|(id, _)| *id == toast)?,
            None => self.taken.len().checked_sub(1)?,
        };
        Some(self.taken.remove(at))
    }
}

impl Taken {
    pub fn deed(&self) -> Deed {
        match self {
            Self::Card { draft: None, .. } => Deed::CardClosed,
            Self::Card { draft: Some(_), .. } => Deed::DraftDropped,
            Self::Part { part: Part::Form(_), .. } => Deed::FormClosed,
            Self::Part { part: Part::Manual(_), .. } => Deed::EntryDropped,
            Self::Part { part: Part::Newcomer(_), .. } => Deed::NewcomerDropped,
            Self::Mark { handled: false, .. } => Deed::MarkedHandled,
            Self::Mark { handled: true, .. } => Deed::MarkedOpen,
        }
    }
}
