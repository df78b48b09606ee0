use std::sync::atomic::{AtomicBool, Ordering};

use egui::{UserAttentionType, ViewportCommand};
use shared::wire::event::Offer;

use crate::lang;
use crate::settings::{Language, Settings};
use crate::state::call::is_own_dial;

/// Asks for attention when a call rings: the window's urgency and a desktop notification, never the focus. Rung by
/// the link's thread, because a hidden window may not be drawn.
#[derive(Debug, Default)]
pub(super) struct Ring {
    notify: AtomicBool,
    english: AtomicBool,
    focused: AtomicBool,
}

impl Ring {
    /// Learns what the person has set, and whether the window is in front.
    pub(super) fn heed(&self, settings: &Settings, focused: bool) {
        self.notify.store(settings.notify, Ordering::Relaxed);
        self.english.store(settings.language == Language::En, Ordering::Relaxed);
        self.focused.store(focused, Ordering::Relaxed);
    }

    pub(super) fn ring(&self, ctx: &egui::Context, offer: &Offer) {
        // What the agent has dialled rings elsewhere.
        if self.focused.load(Ordering::Relaxed) || is_own_dial(offer) {
            return;
        }
        ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(UserAttentionType::Critical));
        if !self.notify.load(Ordering::Relaxed) {
            return;
        }
        let language = if self.english.load(Ordering::Relaxed) { Language::En } else { Language::Ru };
        let tr = lang::of(language);
        // Nothing of the caller: a notification may show over a locked screen.
        let mut notification = notify_rust::Notification::new();
        notification.appname(tr.session.program).summary(tr.session.ringing).body(offer.queue.as_str());
        // The session bus may hang; the link must not.
        let shown = std::thread::Builder::new().name("notify".into()).spawn(move || {
            if let Err(error) = notification.show() {
                tracing::debug!(%error, "this desktop shows no notifications");
            }
        });
        if let Err(error) = shown {
            tracing::warn!(%error, "no thread for a notification");
        }
    }
}
