//! The WebSocket: one connection after the other, for as long as somebody is signed in.
//!
//! [`GatewayTask::run`] connects, says hello, hands on what comes, and connects again when the line breaks, at first
//! after half a second, then more and more patiently. It goes on from the last event it has handed on; cards are
//! opened here, off the thread that draws.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::domain::agent::AgentProfile;
use shared::pii::Secret;
use shared::time::{Moment, UtcMs};
use shared::wire::card::CardState;
use shared::wire::command::{CommandError, Done};
use shared::wire::event::Event;
use shared::wire::{
    ClientFrame, Goodbye, LEASE_MS, PING_MS, Refusal, Sealed, ServerFrame, StreamPosition, WIRE_VERSION,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use uuid::Uuid;

use super::Out;
use super::address::Address;
use super::sign_in::server_name;
use crate::state::call::CardView;
use crate::state::event::LinkEvent;
use crate::state::session::{Connection, Refused, SignInError};

/// What the shell tells this task.
#[derive(Debug)]
pub enum Order {
    Frame(ClientFrame),
    /// Connect again and be told everything anew.
    Resync,
    /// "Continue here?" — yes.
    TakeOver,
    Stop,
}

/// What this task tells the shell, beside the events for the screen.
#[derive(Debug)]
pub enum Report {
    Connected,
    Disconnected,
    Answer {
        id: Uuid,
        outcome: Result<Done, CommandError>,
    },
    /// The token is dead.
    SignedOut,
}

pub struct GatewayTask {
    pub address: Address,
    pub tls: Option<Arc<rustls::ClientConfig>>,
    pub token: Secret,
    pub seat: Uuid,
    pub out: Out,
    pub orders: mpsc::UnboundedReceiver<Order>,
    pub reports: mpsc::UnboundedSender<Report>,
}

/// A plain or a TLS socket.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}
type Socket = WebSocketStream<Box<dyn Wire>>;

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum Leave {
    Stopped,
    /// The line broke; `was_online` sets the patience back.
    Lost {
        was_online: bool,
    },
    Refused(Refused),
    SignedOut,
}

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// A card with its history is tens of kilobytes; a floor of five hundred is less than a megabyte.
const LARGEST_FRAME: usize = 8 << 20;

impl GatewayTask {
    pub async fn run(mut self) {
        let mut resume = None;
        let mut take_over = false;
        let mut backoff = Backoff::default();
        loop {
            let leave = self.visit(&mut resume, take_over).await;
            take_over = false;
            self.report(Report::Disconnected);
            match leave {
                Leave::Stopped => return,
                Leave::SignedOut => return self.report(Report::SignedOut),
                Leave::Refused(why) => {
                    self.out.send(LinkEvent::Connection(Connection::Refused { why }));
                    if !self.is_asked_to_take_over().await {
                        return;
                    }
                    take_over = true;
                    backoff = Backoff::default();
                }
                Leave::Lost { was_online } => {
                    if was_online {
                        backoff = Backoff::default();
                    }
                    let now = self.out.now();
                    let pause = backoff.next_pause();
                    let retry_at = now.after(pause);
                    self.out.send(LinkEvent::Connection(Connection::Offline { since: now, retry_at }));
                    if self.is_stopped_within(pause).await {
                        return;
                    }
                }
            }
        }
    }

    /// One connection from the first byte to the last.
    async fn visit(&mut self, resume: &mut Option<StreamPosition>, take_over: bool) -> Leave {
        let socket = match timeout(CONNECT_PATIENCE, self.connect()).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => {
                tracing::warn!(error, "the gateway cannot be reached");
                return Leave::Lost { was_online: false };
            }
            Err(_) => {
                tracing::warn!("the gateway does not answer");
                return Leave::Lost { was_online: false };
            }
        };
        let hello = ClientFrame::Hello {
            version: WIRE_VERSION,
            program: concat!("operator-app ", env!("CARGO_PKG_VERSION")).to_owned(),
            token: self.token.clone(),
            seat: self.seat,
            resume: *resume,
            take_over,
        };
        let mut visit =
            Visit { socket, resume, epoch: 0, is_online: false, pings: Pings::default(), out: self.out.clone() };
        if visit.say(&hello).await.is_err() {
            return Leave::Lost { was_online: false };
        }
        let leave = visit.stay(&mut self.orders, &self.reports).await;
        // A close that cannot be said is no loss: the lease tells the gateway.
        let _ = timeout(Duration::from_millis(200), visit.socket.close(None)).await;
        leave
    }

    async fn connect(&self) -> Result<Socket, String> {
        let tcp = TcpStream::connect(self.address.dial()).await.map_err(|error| error.to_string())?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let wire: Box<dyn Wire> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = server_name(&self.address).map_err(|_| "the address has no name".to_owned())?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name, tcp).await.map_err(|error| error.to_string())?)
            }
        };
        let limits =
            WebSocketConfig::default().max_message_size(Some(LARGEST_FRAME)).max_frame_size(Some(LARGEST_FRAME));
        let opened = tokio_tungstenite::client_async_with_config(self.address.websocket(), wire, Some(limits)).await;
        opened.map(|(socket, _)| socket).map_err(|error| error.to_string())
    }

    async fn is_asked_to_take_over(&mut self) -> bool {
        loop {
            match self.orders.recv().await {
                Some(Order::TakeOver) => return true,
                Some(Order::Frame(_) | Order::Resync) => {}
                Some(Order::Stop) | None => return false,
            }
        }
    }

    /// What was to be sent meanwhile is dropped: the outbox keeps what matters later.
    async fn is_stopped_within(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(until) => return false,
                order = self.orders.recv() => if matches!(order, Some(Order::Stop) | None) { return true },
            }
        }
    }

    fn report(&self, report: Report) {
        // The shell drops its end only when it stops this task.
        let _ = self.reports.send(report);
    }
}

/// A connection that stands.
struct Visit<'a> {
    socket: Socket,
    resume: &'a mut Option<StreamPosition>,
    epoch: u64,
    is_online: bool,
    pings: Pings,
    out: Out,
}

impl Visit<'_> {
    async fn stay(
        &mut self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        reports: &mpsc::UnboundedSender<Report>,
    ) -> Leave {
        let mut ping = interval(Duration::from_millis(PING_MS));
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lease = Duration::from_millis(LEASE_MS);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                message = self.socket.next() => {
                    let taken_at = self.out.now();
                    heard = Instant::now();
                    let text = match message {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(_)) | None => return self.lost(),
                        Some(Err(error)) => {
                            tracing::warn!(%error, "the line to the gateway broke");
                            return self.lost();
                        }
                    };
                    let frame = match serde_json::from_str::<ServerFrame>(&text) {
                        Ok(frame) => frame,
                        Err(error) => {
                            tracing::error!(line = error.line(), column = error.column(), "a frame cannot be read");
                            *self.resume = None;
                            return self.lost();
                        }
                    };
                    if let Some(leave) = self.take(frame, taken_at, reports).await {
                        return leave;
                    }
                }
                order = orders.recv() => match order {
                    Some(Order::Frame(frame)) => if self.say(&frame).await.is_err() { return self.lost() },
                    Some(Order::Resync) => {
                        *self.resume = None;
                        return Leave::Lost { was_online: true };
                    }
                    Some(Order::TakeOver) => {}
                    Some(Order::Stop) | None => return Leave::Stopped,
                },
                _ = ping.tick(), if self.is_online => if self.ping().await.is_err() { return self.lost() },
                () = sleep_until(heard + lease) => {
                    tracing::warn!("nothing was heard from the gateway for a whole lease");
                    return self.lost();
                }
            }
        }
    }

    /// Takes one frame in; `Some` when the connection ends with it.
    async fn take(
        &mut self,
        frame: ServerFrame,
        taken_at: Moment,
        reports: &mpsc::UnboundedSender<Report>,
    ) -> Option<Leave> {
        match frame {
            ServerFrame::Welcome { version: _, epoch, now, profile, catalogue, resumed } => {
                self.welcomed(epoch, now, profile, Arc::from(catalogue), resumed, taken_at);
                let _ = reports.send(Report::Connected);
                if self.ping().await.is_err() {
                    return Some(self.lost());
                }
            }
            ServerFrame::Refused { why } => return Some(refused(why)),
            ServerFrame::Snapshot { seq, snapshot } => {
                *self.resume = Some(StreamPosition { epoch: self.epoch, seq });
                let card = snapshot.call.as_ref().map(|call| open(&call.offer.card));
                let rings = snapshot.call.as_ref().filter(|call| call.answered_at.is_none() && call.ended.is_none());
                let offer = rings.map(|call| call.offer.clone());
                self.out.send_taken(LinkEvent::Snapshot { seq, snapshot, card }, taken_at);
                if let Some(offer) = offer {
                    self.out.ring(&offer);
                }
            }
            ServerFrame::Event { seq, at: _, event } => self.happened(seq, event, taken_at),
            ServerFrame::Answer { id, outcome } => {
                let _ = reports.send(Report::Answer { id, outcome: outcome.clone() });
                self.out.send_taken(LinkEvent::Answer { id, outcome }, taken_at);
            }
            ServerFrame::Pong { nonce: _, desk_us, now } => {
                let round_trip = self.pings.came_back(desk_us, taken_at);
                self.out.send_taken(LinkEvent::Pong { gateway_now: now, round_trip }, taken_at);
            }
            ServerFrame::Goodbye { why } => return Some(self.goodbye(why)),
        }
        None
    }

    fn welcomed(
        &mut self,
        epoch: u64,
        gateway_now: UtcMs,
        profile: AgentProfile,
        catalogue: Arc<shared::domain::catalogue::Catalogue>,
        resumed: bool,
        taken_at: Moment,
    ) {
        self.is_online = true;
        self.epoch = epoch;
        if !resumed {
            // Until the snapshot is here there is nothing to go on from.
            *self.resume = None;
        }
        self.out.send_taken(LinkEvent::Welcome { epoch, gateway_now, profile, catalogue, resumed }, taken_at);
    }

    fn happened(&mut self, seq: u64, event: Event, taken_at: Moment) {
        let (card, rings) = match &event {
            Event::Offered { offer } => (Some(open(&offer.card)), Some(offer.clone())),
            Event::CardArrived { card, .. } => (Some(open(card)), None),
            _ => (None, None),
        };
        if let Some(position) = self.resume {
            position.seq = seq;
        }
        let half_trip_us = self.pings.half_trip_us();
        let event = Box::new(event);
        self.out.send_taken(LinkEvent::Happened { seq, event, card, half_trip_us }, taken_at);
        if let Some(offer) = rings {
            self.out.ring(&offer);
        }
    }

    fn goodbye(&mut self, why: Goodbye) -> Leave {
        tracing::info!(?why, "the gateway says goodbye");
        match why {
            Goodbye::TakenOver => Leave::Refused(Refused::TakenOver),
            Goodbye::SignedOut => Leave::SignedOut,
            Goodbye::ShuttingDown => self.lost(),
            Goodbye::TooSlow => {
                *self.resume = None;
                self.lost()
            }
        }
    }

    async fn ping(&mut self) -> Result<(), ()> {
        let (nonce, desk_us) = (self.pings.next_nonce(), self.out.now().mono_us);
        self.say(&ClientFrame::Ping { nonce, desk_us }).await
    }

    async fn say(&mut self, frame: &ClientFrame) -> Result<(), ()> {
        let text =
            serde_json::to_string(frame).map_err(|error| tracing::error!(%error, "a frame cannot be written"))?;
        self.socket.send(Message::text(text)).await.map_err(|error| tracing::warn!(%error, "the line broke"))
    }

    fn lost(&self) -> Leave {
        Leave::Lost { was_online: self.is_online }
    }
}

fn refused(why: Refusal) -> Leave {
    tracing::warn!(?why, "the gateway refuses this desk");
    match Refused::try_from(why) {
        Ok(why) => Leave::Refused(why),
        Err(SignInError::SessionOver) => Leave::SignedOut,
        Err(_) => Leave::Lost { was_online: false },
    }
}

fn open(card: &Sealed<CardState>) -> CardView {
    match card.open() {
        Ok(card) => CardView::from(card),
        Err(error) => {
            tracing::error!(line = error.line(), column = error.column(), "a card cannot be read");
            CardView::Unavailable
        }
    }
}

/// Round trips, on this desk's clock alone.
#[derive(Debug, Default)]
struct Pings {
    nonce: u64,
    recent_us: VecDeque<i64>,
}

impl Pings {
    const REMEMBERED: usize = 5;

    const fn next_nonce(&mut self) -> u64 {
        self.nonce += 1;
        self.nonce
    }

    fn came_back(&mut self, desk_us: u64, now: Moment) -> Duration {
        let trip_us = now.mono_us.saturating_sub(desk_us);
        self.recent_us.push_back(trip_us as i64);
        if self.recent_us.len() > Self::REMEMBERED {
            self.recent_us.pop_front();
        }
        Duration::from_micros(trip_us)
    }

    /// Half the shortest of the last few trips: a longer one waited for something else than the line.
    fn half_trip_us(&self) -> i64 {
        self.recent_us.iter().min().map_or(0, |trip| trip / 2)
    }
}

/// 0.5 s, doubled with each try, up to 5 s.
#[derive(Debug, Default)]
struct Backoff {
    n_tries: u32,
}

impl Backoff {
    fn next_pause(&mut self) -> Duration {
        let pause = Duration::from_millis(500).saturating_mul(1 << self.n_tries.min(8));
        self.n_tries += 1;
        pause.min(Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_tries_again_soon_and_then_more_patiently() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..6).map(|_| backoff.next_pause().as_millis()).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    }

    #[test]
    fn half_a_round_trip_is_that_of_an_undisturbed_one() {
        let mut pings = Pings::default();
        assert_eq!(pings.half_trip_us(), 0);
        for (sent, back) in [(0, 900), (10_000, 10_400), (20_000, 29_000)] {
            pings.came_back(sent, Moment { mono_us: back, utc_ms: UtcMs(0) });
        }
        assert_eq!(pings.half_trip_us(), 200);
    }
}
