//! A hall full of operators, all in this process, who do nothing but work: a talk ends, they save what it was about,
//! and are free for the next.
//!
//! They cost little, because they run beside what is measured: a card stays sealed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use shared::domain::agent::{Presence, Wish};
use shared::ids::{CallId, CustomerId};
use shared::wire::command::Command;
use shared::wire::event::Event;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bench::city::Seat;
use crate::desk::{Badge, Desk, Hello, save, wrapup};
use crate::gateway::{Gateway, PASSWORD};

/// The gateway checks two passwords at a time, so that calls do not starve; more at its door only wait.
const SIGN_INS_AT_ONCE: usize = 4;

/// Everybody at work. Dropped, they go without a word.
pub struct Hall {
    counts: Arc<Counts>,
    _desks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counts {
    talks: AtomicU64,
    saved: AtomicU64,
    refused: AtomicU64,
    made_ready_again: AtomicU64,
    lost: AtomicU64,
}

/// What the operators have seen since they sat down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Talks that are over.
    pub talks: u64,
    /// Wrap-ups of which the gateway has said that they are written.
    pub saved: u64,
    /// Commands that the gateway has refused.
    pub refused: u64,
    /// How often somebody was made not ready, because the telephone was not lifted.
    pub made_ready_again: u64,
    /// Desks whose connection is gone.
    pub lost: u64,
}

impl Hall {
    /// Signs everybody in, and waits until all are ready. Their telephones must be registered.
    ///
    /// # Errors
    /// When somebody is not let in.
    pub async fn fill(gateway: &Gateway, seats: &[Seat]) -> anyhow::Result<Self> {
        let sit_down = |seat: Seat| open_desk(gateway.desk_address(), seat);
        let desks = futures_util::stream::iter(seats.iter().cloned()).map(sit_down).buffer_unordered(SIGN_INS_AT_ONCE);
        let counts = Arc::new(Counts::default());
        let mut at_work = JoinSet::new();
        let mut desks = std::pin::pin!(desks);
        while let Some(desk) = desks.try_next().await? {
            at_work.spawn(work(desk, Arc::clone(&counts)));
        }
        Ok(Self { counts, _desks: at_work })
    }

    pub fn tally(&self) -> Tally {
        let Counts { talks, saved, refused, made_ready_again, lost } = &*self.counts;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            talks: count(talks),
            saved: count(saved),
            refused: count(refused),
            made_ready_again: count(made_ready_again),
            lost: count(lost),
        }
    }
}

/// Signs somebody in and makes them ready.
///
/// # Errors
/// When they are not let in.
pub async fn open_desk(address: SocketAddr, seat: Seat) -> anyhow::Result<Desk> {
    let badge = Badge::get(address, &seat.login, PASSWORD).await;
    let badge = badge.with_context(|| format!("{} cannot sign in", seat.login))?;
    let desk = badge.open(Hello { seat: Uuid::now_v7(), resume: None, take_over: false }).await;
    let mut desk = desk.with_context(|| format!("{} gets no desk", seat.login))?;
    desk.become_ready().await;
    Ok(desk)
}

async fn work(mut desk: Desk, counts: Arc<Counts>) {
    let mut customer: Option<(CallId, Option<CustomerId>)> = None;
    let one_more = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    while let Some(event) = desk.next_ever().await {
        match event {
            Event::Offered { offer } => customer = Some((offer.call, offer.customer)),
            Event::CardArrived { call, customer: arrived, .. } => customer = Some((call, arrived)),
            Event::Ended { call, .. } => {
                one_more(&counts.talks);
                let mut written = wrapup(call);
                written.customer = customer.take().filter(|(of, _)| *of == call).and_then(|(_, customer)| customer);
                desk.send(Uuid::now_v7(), save(written));
            }
            Event::WrapupSaved { .. } => {
                one_more(&counts.saved);
            }
            Event::State { state }
                if matches!(state.presence, Presence::NotReady { .. }) && state.pending.is_none() =>
            {
                one_more(&counts.made_ready_again);
                desk.send(Uuid::now_v7(), Command::SetState { wish: Wish::Ready });
            }
            _ => {}
        }
        let n_refused = desk.take_answers().filter(Result::is_err).count();
        counts.refused.fetch_add(n_refused as u64, Ordering::Relaxed);
    }
    one_more(&counts.lost);
}
