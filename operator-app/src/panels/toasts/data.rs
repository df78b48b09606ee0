use crate::kit::tokens::Tone;
use crate::panels::words;
use crate::state::Scene;
use crate::state::toasts::Message;

/// One short message.
#[derive(Debug)]
pub struct ToastData {
    pub id: u64,
    pub words: String,
    pub tone: Tone,
    /// Errors stay until somebody has read them.
    pub stays: bool,
    /// It offers to put back what was thrown away.
    pub undo: bool,
}

pub fn toasts_data(scene: &Scene<'_>) -> Vec<ToastData> {
    let tr = words(scene);
    let toasts = scene.desk.toasts.shown().iter();
    toasts
        .map(|toast| ToastData {
            id: toast.id,
            words: tr.toast(&toast.message),
            tone: match toast.message {
                Message::Saved(_) | Message::BackOnline | Message::CallIsYours => Tone::Ok,
                Message::WaitsForGateway(_) | Message::OfferGone(_) | Message::PartyFailed { .. } => Tone::Warn,
                Message::Refused { .. } | Message::DraftsNotKept | Message::CallForgotten => Tone::Bad,
                Message::Done(_) => Tone::Plain,
            },
            stays: toast.message.is_error(),
            undo: toast.message.can_be_undone(),
        })
        .collect()
}
