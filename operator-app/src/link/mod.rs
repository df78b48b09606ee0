//! The threads that speak with the gateway and the disk, away from the one that draws.
//!
//! One thread with a runtime of its own: [`shell`] takes what the person asked for; [`gateway`] holds the WebSocket;
//! [`records`] reads cards and history over HTTP; [`outbox`] decides what is sent when, and [`disk`] keeps it and the
//! drafts. [`address`] and [`tls`] say whom we speak with.

pub mod address;
pub mod tls;

pub mod gateway;
pub mod records;
pub mod sign_in;

pub mod disk;
pub mod outbox;

mod shell;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use shared::time::{Clock, Moment};
use shared::wire::event::Offer;
use tokio::sync::mpsc as tokio_mpsc;
use uuid::Uuid;

use crate::perform::Ask;
use crate::state::event::{LinkEvent, Stamped};

/// The link as the window holds it.
#[derive(Debug)]
pub struct Link {
    asks: tokio_mpsc::UnboundedSender<Ask>,
    events: mpsc::Receiver<Stamped>,
    thread: Option<JoinHandle<()>>,
}

/// Why the window has to be woken.
#[derive(Clone, Copy, Debug)]
pub enum Nudge<'a> {
    /// There is an event to take.
    Event,
    /// A call rings: ask for attention, never for the focus.
    Ringing(&'a Offer),
}

pub type Wake = Arc<dyn Fn(Nudge<'_>) + Send + Sync>;

/// Where events go, from whichever task.
#[derive(Clone)]
pub struct Out {
    events: mpsc::Sender<Stamped>,
    wake: Wake,
    clock: Clock,
}

impl Out {
    pub fn send(&self, event: LinkEvent) {
        self.send_taken(event, self.now());
    }

    /// An event whose bytes were read at `taken_at`.
    pub fn send_taken(&self, event: LinkEvent, taken_at: Moment) {
        // The window that would read it may be closing; then nobody misses it.
        if self.events.send(Stamped { taken_at, event }).is_ok() {
            (self.wake)(Nudge::Event);
        }
    }

    pub fn ring(&self, offer: &Offer) {
        (self.wake)(Nudge::Ringing(offer));
    }

    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

impl Link {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(clock: Clock, state_dir: PathBuf, wake: Wake) -> std::io::Result<Self> {
        // reqwest takes the process's cryptography; a second start finds it there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (asks, asked) = tokio_mpsc::unbounded_channel();
        let (events, taken) = mpsc::channel();
        let out = Out { events, wake, clock };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shell = shell::Shell::new(out, state_dir, Uuid::now_v7());
        let thread =
            std::thread::Builder::new().name("link".into()).spawn(move || runtime.block_on(shell.serve(asked)))?;
        Ok(Self { asks, events: taken, thread: Some(thread) })
    }

    pub fn ask(&self, ask: Ask) {
        if self.asks.send(ask).is_err() {
            tracing::error!("the link has ended before the window");
        }
    }

    /// What has come since the last look.
    pub fn take(&self) -> Vec<Stamped> {
        self.events.try_iter().collect()
    }

    /// Waits for the next event, for tests and for a window that is hidden.
    pub fn wait(&self, at_most: std::time::Duration) -> Option<Stamped> {
        self.events.recv_timeout(at_most).ok()
    }
}

impl Drop for Link {
    /// What is under way is written before the program ends.
    fn drop(&mut self) {
        // It may have ended already, because the person closed the window.
        let _ = self.asks.send(Ask::Close);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the link ended badly");
        }
    }
}
