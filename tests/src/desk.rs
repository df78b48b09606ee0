//! A desk without a window: signs in, says hello, keeps its lease, and remembers what it is told.
//!
//! One task per desk reads the socket and pings; the desk itself takes what it wants from a channel, so that five
//! hundred of them cost little. That the numbers of events have no gap is checked at every event.
//!
//! Methods that wait have a deadline and panic in words when it passes: they are for tests.

mod verbs;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use shared::domain::agent::{AgentProfile, Presence, Wish};
use shared::domain::call::CallEnding;
use shared::domain::catalogue::Catalogue;
use shared::ids::{CallId, CustomerId};
use shared::pii::{Personal, Secret};
use shared::wire::card::CardState;
use shared::wire::command::{Command, CommandError, Done, Wrapup};
use shared::wire::event::{DeskState, Event, Offer, Snapshot, WithdrawnBecause};
use shared::wire::http::{SignIn, SignedIn};
use shared::wire::{ClientFrame, Goodbye, PING_MS, Refusal, Sealed, ServerFrame, StreamPosition, WIRE_VERSION};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::gateway::{Employee, Gateway, PASSWORD, PATIENCE, http};

/// Somebody who has signed in and may open a desk.
#[derive(Clone, Debug)]
pub struct Badge {
    pub address: SocketAddr,
    pub token: Secret,
    pub profile: AgentProfile,
}

/// How a desk introduces itself.
#[derive(Clone, Copy, Debug)]
pub struct Hello {
    /// One desktop program; a desk that comes back after a broken connection has the same.
    pub seat: Uuid,
    pub resume: Option<StreamPosition>,
    pub take_over: bool,
}

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    #[error("the gateway says no: {0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
}

impl Badge {
    /// Signs somebody in.
    ///
    /// # Errors
    /// When the gateway does not answer, or does not let them in.
    pub async fn get(address: SocketAddr, login: &str, password: &str) -> anyhow::Result<Self> {
        let body = SignIn { login: login.to_owned(), password: Secret::new(password) };
        let answer = http().post(format!("http://{address}/v1/sign-in")).json(&body).send().await?;
        let answer = answer.error_for_status()?;
        let SignedIn { token, profile, .. } = answer.json().await?;
        Ok(Self { address, token, profile })
    }

    /// Opens a desk.
    ///
    /// # Errors
    /// When the gateway refuses it in words, or the connection breaks.
    pub async fn open(&self, hello: Hello) -> Result<Desk, HelloError> {
        let mut socket = self.connect().await?;
        let first = ClientFrame::Hello {
            version: WIRE_VERSION,
            program: "headless desk".to_owned(),
            token: self.token.clone(),
            seat: hello.seat,
            resume: hello.resume,
            take_over: hello.take_over,
        };
        send(&mut socket, &first).await?;
        let deadline = Instant::now() + PATIENCE;
        let welcome = match read(&mut socket, deadline).await? {
            ServerFrame::Welcome { epoch, profile, catalogue, resumed, .. } => {
                Welcome { epoch, profile, catalogue, resumed }
            }
            ServerFrame::Refused { why } => return Err(HelloError::Refused(why)),
            other => return Err(anyhow::anyhow!("instead of a welcome there came {other:?}").into()),
        };
        let (snapshot, seq) = match (welcome.resumed, hello.resume) {
            (true, Some(position)) => (None, position.seq),
            _ => match read(&mut socket, deadline).await? {
                ServerFrame::Snapshot { seq, snapshot } => (Some(*snapshot), seq),
                other => return Err(anyhow::anyhow!("instead of a snapshot there came {other:?}").into()),
            },
        };
        let position = StreamPosition { epoch: welcome.epoch, seq };
        let (orders, given) = mpsc::unbounded_channel();
        let (heard, frames) = mpsc::unbounded_channel();
        let line = tokio::spawn(keep_line(socket, given, heard));
        Ok(Desk {
            badge: self.clone(),
            welcome,
            snapshot,
            seat: hello.seat,
            position,
            events: VecDeque::new(),
            answers: HashMap::new(),
            goodbye: None,
            passed_over: VecDeque::new(),
            orders,
            frames,
            line,
        })
    }

    /// A WebSocket to the desks' door, before any word is said on it.
    ///
    /// # Errors
    /// When the door does not open.
    pub async fn connect(&self) -> anyhow::Result<WebSocketStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await.context("the desks' door is closed")?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{}/v1/desk", self.address);
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.context("no WebSocket")?;
        Ok(socket)
    }
}

/// What the gateway has said at the door.
#[derive(Clone, Debug)]
pub struct Welcome {
    pub epoch: u64,
    pub profile: AgentProfile,
    pub catalogue: Box<Catalogue>,
    pub resumed: bool,
}

/// A desk at which somebody sits. Dropped, its connection breaks without a word.
pub struct Desk {
    pub badge: Badge,
    pub welcome: Welcome,
    /// The whole state at the beginning; `None` when the stream went on where it was.
    pub snapshot: Option<Snapshot>,
    pub seat: Uuid,
    position: StreamPosition,
    events: VecDeque<Event>,
    answers: HashMap<Uuid, Result<Done, CommandError>>,
    goodbye: Option<Goodbye>,
    /// The last events that nobody waited for, to be named when something else does not come.
    passed_over: VecDeque<String>,
    orders: mpsc::UnboundedSender<Order>,
    frames: mpsc::UnboundedReceiver<ServerFrame>,
    line: JoinHandle<()>,
}

enum Order {
    Say(Box<ClientFrame>),
    /// Reads no more, but goes on to ping, as a desk does whose machine is too slow.
    StopReading,
    /// Neither reads nor pings, as a machine does that stands still.
    Freeze,
}

impl Desk {
    /// Signs somebody in and opens the desk of a new seat.
    pub async fn sit_down(gateway: &Gateway, who: Employee) -> Self {
        let badge = Badge::get(gateway.desk_address(), who.login, PASSWORD).await;
        let badge = badge.unwrap_or_else(|error| panic!("{} cannot sign in: {error:#}", who.login));
        let hello = Hello { seat: Uuid::now_v7(), resume: None, take_over: false };
        badge.open(hello).await.unwrap_or_else(|error| panic!("{} gets no desk: {error}", who.login))
    }

    /// The same, and takes calls. The telephone must be registered.
    pub async fn ready(gateway: &Gateway, who: Employee) -> Self {
        let mut desk = Self::sit_down(gateway, who).await;
        desk.become_ready().await;
        desk
    }

    /// Where the stream stands: what has been read of it.
    pub fn position(&self) -> StreamPosition {
        self.position
    }

    /// Breaks the connection without a word. Gives what is needed to come back.
    pub fn lose(self) -> (Badge, Hello) {
        let hello = Hello { seat: self.seat, resume: Some(self.position), take_over: false };
        (self.badge.clone(), hello)
    }

    pub fn stop_reading(&self) {
        self.order(Order::StopReading);
    }

    pub fn freeze(&self) {
        self.order(Order::Freeze);
    }

    pub async fn become_ready(&mut self) {
        assert_eq!(self.ask(Command::SetState { wish: Wish::Ready }).await, Ok(Done::Ok), "becomes ready");
        self.state("ready", |state| state.presence == Presence::Ready).await;
    }

    /// Sends a command, and does not wait for its answer.
    pub fn send(&self, id: Uuid, command: Command) {
        self.order(Order::Say(Box::new(ClientFrame::Command { id, command })));
    }

    /// Sends a command and waits for its answer. Events that come meanwhile are kept.
    pub async fn ask(&mut self, command: Command) -> Result<Done, CommandError> {
        let id = Uuid::now_v7();
        self.send(id, command);
        self.answer(id).await
    }

    /// The answer to a command that was sent.
    pub async fn answer(&mut self, id: Uuid) -> Result<Done, CommandError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(outcome) = self.answers.remove(&id) {
                return outcome;
            }
            self.hear(deadline, "the answer to a command").await;
        }
    }

    /// Tells that the card of a call is on the screen.
    pub fn shown(&self, call: CallId, invite_to_pop_us: i64) {
        self.order(Order::Say(Box::new(ClientFrame::Shown { call, invite_to_pop_us })));
    }

    /// The next event from which `choose` takes something. Events before it are passed over.
    pub async fn expect<T>(&mut self, what: &str, choose: impl FnMut(&Event) -> Option<T>) -> T {
        self.expect_within(PATIENCE, what, choose).await
    }

    /// The same for what has a time of its own.
    pub async fn expect_within<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut choose: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(found) = choose(&event) {
                    return found;
                }
                self.pass_over(&event);
            }
            self.hear(deadline, what).await;
        }
    }

    /// The next event, whatever it is.
    pub async fn next(&mut self) -> Event {
        self.expect("any event", |event| Some(event.clone())).await
    }

    /// The next event, however long it takes; `None` when the connection is gone.
    pub async fn next_ever(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let frame = self.frames.recv().await?;
            self.take(frame);
        }
    }

    /// Takes the answers to commands that nobody waited for.
    pub fn take_answers(&mut self) -> impl Iterator<Item = Result<Done, CommandError>> {
        self.answers.drain().map(|(_, outcome)| outcome)
    }

    /// Everything that has come up to now and was not asked for.
    pub fn so_far(&mut self) -> Vec<Event> {
        while let Ok(frame) = self.frames.try_recv() {
            self.take(frame);
        }
        self.events.drain(..).collect()
    }

    /// A question whose answer proves that everything sent before it has been dealt with.
    pub async fn settle(&mut self) {
        // An answer to a call that never was: nothing happens but the reply.
        assert_eq!(self.ask(Command::Answer { call: CallId(1) }).await, Err(CommandError::TooLate));
    }

    pub async fn offered(&mut self) -> Offer {
        self.expect("an offer", |event| match event {
            Event::Offered { offer } => Some((**offer).clone()),
            _ => None,
        })
        .await
    }

    /// The card of an offer: what came with it, or what followed because the look-up was late.
    pub async fn card(&mut self, offer: &Offer) -> (Option<CustomerId>, CardState) {
        let open = |card: &Sealed<CardState>| card.open().expect("a card that can be read");
        match open(&offer.card) {
            CardState::Pending => {
                let deadline = Instant::now() + PATIENCE;
                // The telephone may be lifted before the card is here: what else comes meanwhile is kept.
                loop {
                    let found = self.events.iter().find_map(|event| match event {
                        Event::CardArrived { call, customer, card } if *call == offer.call => {
                            Some((*customer, open(card)))
                        }
                        _ => None,
                    });
                    if let Some(found) = found {
                        return found;
                    }
                    self.hear(deadline, "the card").await;
                }
            }
            card => (offer.customer, card),
        }
    }

    pub async fn answered(&mut self, of: CallId) {
        self.expect("the call answered", |event| {
            matches!(event, Event::Answered { call, .. } if *call == of).then_some(())
        })
        .await;
    }

    pub async fn ended(&mut self, of: CallId) -> CallEnding {
        self.expect("the end of the talk", |event| match event {
            Event::Ended { call, ending, .. } if *call == of => Some(*ending),
            _ => None,
        })
        .await
    }

    pub async fn withdrawn(&mut self, of: CallId) -> WithdrawnBecause {
        self.expect("the offer withdrawn", |event| match event {
            Event::Withdrawn { call, why } if *call == of => Some(*why),
            _ => None,
        })
        .await
    }

    pub async fn state(&mut self, what: &str, mut fits: impl FnMut(&DeskState) -> bool) -> DeskState {
        self.expect(what, |event| match event {
            Event::State { state } if fits(state) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    /// Writes down what the call was about, and waits until that is in the database.
    pub async fn save_wrapup(&mut self, call: CallId) {
        assert!(matches!(self.ask(save(wrapup(call))).await, Ok(Done::Interaction { .. })), "the wrap-up is saved");
        self.expect("the wrap-up saved", |event| {
            matches!(event, Event::WrapupSaved { call: of } if *of == call).then_some(())
        })
        .await;
    }

    /// How the gateway closes this connection: with a goodbye, or without a word.
    pub async fn closed(&mut self) -> Option<Goodbye> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.frames.recv()).await {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => return self.goodbye,
                Err(_) => panic!("the gateway does not close the connection; {}", self.context()),
            }
        }
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the connection of this desk is gone");
    }

    async fn hear(&mut self, deadline: Instant, what: &str) {
        match timeout_at(deadline, self.frames.recv()).await {
            Ok(Some(frame)) => self.take(frame),
            Ok(None) => panic!("instead of {what}, the connection was closed ({:?}); {}", self.goodbye, self.context()),
            Err(_) => panic!("{what} did not come in time; {}", self.context()),
        }
    }

    fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Event { seq, event, .. } => {
                assert_eq!(seq, self.position.seq + 1, "the events have a gap before {event:?}");
                self.position.seq = seq;
                self.events.push_back(event);
            }
            ServerFrame::Answer { id, outcome } => {
                self.answers.insert(id, outcome);
            }
            ServerFrame::Goodbye { why } => self.goodbye = Some(why),
            ServerFrame::Pong { .. } => {}
            other => panic!("in the middle of a stream there came {other:?}"),
        }
    }

    fn pass_over(&mut self, event: &Event) {
        self.passed_over.push_back(format!("{event:?}").chars().take(200).collect());
        if self.passed_over.len() > 12 {
            self.passed_over.pop_front();
        }
    }

    fn context(&self) -> String {
        format!("{} has lately been told: {:#?}", self.badge.profile.login, self.passed_over)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.line.abort();
    }
}

/// What a test writes about a call.
pub fn wrapup(call: CallId) -> Wrapup {
    Wrapup {
        call,
        customer: None,
        account: None,
        topic: "BIL.RECALC".to_owned(),
        result: "I.RESOLVED".to_owned(),
        summary: Personal::new("Перерасчёт объяснён"),
    }
}

pub fn save(wrapup: Wrapup) -> Command {
    Command::SaveWrapup { wrapup }
}

/// Reads, pings and says what it is told to, until either side is gone.
async fn keep_line(
    mut socket: WebSocketStream<TcpStream>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    heard: mpsc::UnboundedSender<ServerFrame>,
) {
    let mut pings = tokio::time::interval(Duration::from_millis(PING_MS));
    let (mut nonce, mut reads, mut lives) = (0, true, true);
    loop {
        let said = tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Say(frame)) => send(&mut socket, &frame).await,
                Some(Order::StopReading) => { reads = false; Ok(()) }
                Some(Order::Freeze) => { (reads, lives) = (false, false); Ok(()) }
                None => return,
            },
            _ = pings.tick(), if lives => {
                nonce += 1;
                send(&mut socket, &ClientFrame::Ping { nonce, desk_us: 0 }).await
            }
            message = socket.next(), if reads => match message {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(frame) => { if heard.send(frame).is_err() { return } Ok(()) }
                    Err(error) => panic!("the gateway has sent what is no frame: {error}: {text}"),
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
        };
        if said.is_err() {
            return;
        }
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, frame: &ClientFrame) -> anyhow::Result<()> {
    socket.send(Message::text(serde_json::to_string(frame)?)).await.context("the connection broke")
}

async fn read(socket: &mut WebSocketStream<TcpStream>, deadline: Instant) -> anyhow::Result<ServerFrame> {
    loop {
        let message = timeout_at(deadline, socket.next()).await.context("the gateway says nothing")?;
        match message.context("the gateway has hung up")?.context("the connection broke")? {
            Message::Text(text) => return serde_json::from_str(&text).context("the gateway has sent what is no frame"),
            Message::Close(_) => anyhow::bail!("the gateway has closed the connection"),
            _ => {}
        }
    }
}
