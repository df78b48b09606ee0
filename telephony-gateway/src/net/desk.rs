//! The control socket: one WebSocket for each desk.
//!
//! A connection says hello within [`HELLO_WITHIN`], with our version and a living token, or is refused in words.
//! From then on frames go to the switchboard in order, and what it tells the desk leaves through a bounded queue. A
//! desk that is not heard for its lease is gone; the switchboard keeps its place for the grace.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use shared::pii::Secret;
use shared::time::Clock;
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::{ClientFrame, LEASE_MS, Refusal, ServerFrame, WIRE_VERSION};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::auth::{ChangePasswordError, Session, Sessions};
use super::health::{Health, Phase};
use crate::switchboard::event::{DeskHello, Event, TO_DESK_QUEUE, ToDesk};

const HELLO_WITHIN: Duration = Duration::from_secs(5);
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// A connected desk renews its session this often.
const TOUCH_EVERY: Duration = Duration::from_secs(10);
/// Longer messages close the connection.
pub const LONGEST_MESSAGE: usize = 1024 * 1024;

/// What a desk's connection needs of the gateway.
#[derive(Clone)]
pub struct DeskDoor {
    pub sessions: Sessions,
    pub events: mpsc::Sender<Event>,
    pub health: Health,
}

impl DeskDoor {
    /// The whole life of one connection.
    pub async fn serve(self, socket: WebSocket, connection: u64, from: IpAddr, unknown: OwnedSemaphorePermit) {
        let (mut sink, mut stream) = socket.split();
        let hello = timeout(HELLO_WITHIN, self.greet(&mut stream)).await;
        // From here on the connection is somebody's; another unknown one may take its place.
        drop(unknown);
        let hello = match hello {
            Ok(Ok(Some(hello))) => hello,
            Ok(Ok(None)) => return,
            Ok(Err(why)) => return refuse(&mut sink, why).await,
            Err(_) => {
                let what = format!("no hello within {} seconds", HELLO_WITHIN.as_secs());
                return refuse(&mut sink, Refusal::Malformed { what }).await;
            }
        };
        let (hello, session) = hello;
        let (to_desk, told) = mpsc::channel(TO_DESK_QUEUE);
        // Weak, so that the switchboard alone decides how long the desk is told things.
        let whom = Whom { connection, from, session, to_desk: to_desk.downgrade() };
        let hello = DeskHello { connection, to_desk, ..hello };
        if self.events.send(Event::DeskHello(Box::new(hello))).await.is_err() {
            return refuse(&mut sink, Refusal::ShuttingDown).await;
        }
        let why = self.talk(sink, stream, told, whom).await;
        tracing::debug!(connection, why, "a desk's connection is over");
        // When nobody listens any more, the service is ending.
        let _ = self.events.send(Event::DeskGone { connection }).await;
    }

    /// Waits for the first frame. `None` when the other side went without a word.
    async fn greet(&self, stream: &mut SplitStream<WebSocket>) -> Result<Option<(DeskHello, Session)>, Refusal> {
        loop {
            return match stream.next().await {
                Some(Ok(Message::Text(text))) => self.check_hello(&text).map(Some),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(_))) => Err(malformed("the first frame was not text")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => Ok(None),
            };
        }
    }

    fn check_hello(&self, text: &str) -> Result<(DeskHello, Session), Refusal> {
        /// What every version of the handshake has, so that an other version is told apart from nonsense.
        #[derive(Deserialize)]
        struct AnyHello {
            frame: String,
            version: u32,
        }
        let any: AnyHello = serde_json::from_str(text).map_err(|_| malformed("the first frame was no hello"))?;
        if any.frame != "hello" {
            return Err(malformed("the first frame was no hello"));
        }
        if any.version != WIRE_VERSION {
            return Err(Refusal::Version { gateway: WIRE_VERSION });
        }
        let frame = serde_json::from_str(text).map_err(|_| malformed("the hello cannot be read"))?;
        let ClientFrame::Hello { program, token, seat, resume, take_over, .. } = frame else {
            return Err(malformed("the first frame was no hello"));
        };
        if self.health.phase() == Phase::Ending {
            return Err(Refusal::ShuttingDown);
        }
        let session = self.sessions.check(token.expose(), Clock::utc()).ok_or(Refusal::SignedOut)?;
        let program: String = program.chars().filter(|c| !c.is_control()).take(60).collect();
        tracing::info!(agent.id = %session.profile.id, session = %session.id, %seat, program, "a desk says hello");
        // The connection's number and the way back are filled in by the one who knows them.
        let (to_desk, _) = mpsc::channel(1);
        let profile = session.profile.clone();
        Ok((DeskHello { connection: 0, profile, seat, resume, take_over, session: session.id, to_desk }, session))
    }

    /// Carries frames both ways until one side ends. Gives the reason, for the log.
    async fn talk(
        &self,
        mut sink: SplitSink<WebSocket, Message>,
        stream: SplitStream<WebSocket>,
        told: mpsc::Receiver<ToDesk>,
        whom: Whom,
    ) -> &'static str {
        let (answers, own_words) = mpsc::channel(4);
        tokio::select! {
            why = self.listen(stream, whom, answers) => why,
            why = speak(&mut sink, told, own_words) => why,
        }
    }

    async fn listen(
        &self,
        mut stream: SplitStream<WebSocket>,
        whom: Whom,
        answers: mpsc::Sender<Refusal>,
    ) -> &'static str {
        let connection = whom.connection;
        let lease = Duration::from_millis(LEASE_MS);
        let mut lease_ends = Instant::now() + lease;
        let mut touched = Instant::now();
        loop {
            let message = match timeout_at(lease_ends, stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(_))) => return "the connection broke",
                Ok(None) => return "the desk hung up",
                Err(_) => return "the lease ran out",
            };
            if touched.elapsed() >= TOUCH_EVERY {
                touched = Instant::now();
                self.sessions.touch(whom.session.id, Clock::utc());
            }
            let wrong = match message {
                Message::Text(text) => match serde_json::from_str::<ClientFrame>(&text) {
                    Ok(ClientFrame::Hello { .. }) => "a second hello",
                    Ok(ClientFrame::Command { id, command: Command::ChangePassword { old, new } }) => {
                        self.change_password(&whom, id, old, new).await;
                        lease_ends = Instant::now() + lease;
                        continue;
                    }
                    Ok(frame) => {
                        if self.events.send(Event::DeskFrame { connection, frame }).await.is_err() {
                            return "the service ends";
                        }
                        lease_ends = Instant::now() + lease;
                        continue;
                    }
                    Err(_) => "a frame that cannot be read",
                },
                Message::Binary(_) => "a frame that is no text",
                // A ping of the protocol is answered beneath us, and shows that somebody is there.
                Message::Ping(_) | Message::Pong(_) => {
                    lease_ends = Instant::now() + lease;
                    continue;
                }
                Message::Close(_) => return "the desk said goodbye",
            };
            tracing::warn!(connection, wrong, "a desk speaks nonsense and is refused");
            // The one who speaks writes it and closes, which ends us as well.
            let _ = answers.send(malformed(wrong)).await;
            std::future::pending::<()>().await;
        }
    }
}

/// Who is at the other end of a connection.
struct Whom {
    connection: u64,
    from: IpAddr,
    session: Session,
    to_desk: mpsc::WeakSender<ToDesk>,
}

impl DeskDoor {
    /// Passwords stay at the door: the switchboard never sees one. The person's other sessions end with it.
    async fn change_password(&self, whom: &Whom, id: Uuid, old: Secret, new: Secret) {
        let changed = self.sessions.change_password(&whom.session, old, new, whom.from, Clock::utc()).await;
        let outcome = match changed {
            Ok(others) => {
                for session in others {
                    // When nobody listens any more, the service is ending and every desk goes anyway.
                    let _ = self.events.send(Event::SignedOut { session }).await;
                }
                Ok(Done::Ok)
            }
            Err(ChangePasswordError::WrongPassword) => Err(CommandError::WrongPassword),
            Err(ChangePasswordError::Wait { .. }) => Err(CommandError::Busy),
            Err(ChangePasswordError::New(why)) => {
                Err(CommandError::Invalid { field: "new".to_owned(), rule: why.to_string() })
            }
            Err(ChangePasswordError::Records(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a password cannot be changed");
                Err(CommandError::DatabaseAway)
            }
        };
        let answer = serde_json::to_string(&ServerFrame::Answer { id, outcome });
        if let (Ok(answer), Some(to_desk)) = (answer, whom.to_desk.upgrade()) {
            // A desk that is too slow for this one frame asks again.
            let _ = to_desk.try_send(ToDesk::Text(answer.into()));
        }
    }
}

/// Writes what the switchboard tells the desk; several frames that wait go out together.
async fn speak(
    sink: &mut SplitSink<WebSocket, Message>,
    mut told: mpsc::Receiver<ToDesk>,
    mut own_words: mpsc::Receiver<Refusal>,
) -> &'static str {
    loop {
        let first = tokio::select! {
            why = own_words.recv() => {
                if let Some(why) = why {
                    refuse(sink, why).await;
                }
                return "the desk spoke nonsense";
            }
            first = told.recv() => first,
        };
        let Some(first) = first else {
            close(sink).await;
            return "the switchboard let go of it";
        };
        match timeout(WRITE_WITHIN, write_waiting(sink, first, &mut told)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                close(sink).await;
                return "the switchboard closed it";
            }
            Ok(Err(_)) => return "the connection broke",
            Err(_) => return "the desk does not read",
        }
    }
}

/// Writes the frame and all that wait behind it. `false` when one of them was the word to close.
async fn write_waiting(
    sink: &mut SplitSink<WebSocket, Message>,
    first: ToDesk,
    told: &mut mpsc::Receiver<ToDesk>,
) -> Result<bool, axum::Error> {
    let mut next = Some(first);
    while let Some(word) = next {
        match word {
            ToDesk::Text(text) => sink.feed(text_message(&text)).await?,
            ToDesk::Close => {
                sink.flush().await?;
                return Ok(false);
            }
        }
        next = told.try_recv().ok();
    }
    sink.flush().await?;
    Ok(true)
}

fn text_message(text: &Arc<str>) -> Message {
    Message::Text(Utf8Bytes::from(text.as_ref()))
}

async fn refuse(sink: &mut SplitSink<WebSocket, Message>, why: Refusal) {
    let frame = serde_json::to_string(&ServerFrame::Refused { why });
    if let Ok(frame) = frame {
        // Whoever is refused and does not read it has lost nothing.
        let _ = timeout(WRITE_WITHIN, sink.send(Message::Text(frame.into()))).await;
    }
    close(sink).await;
}

async fn close(sink: &mut SplitSink<WebSocket, Message>) {
    // The connection is over either way.
    let _ = timeout(WRITE_WITHIN, sink.send(Message::Close(None))).await;
}

fn malformed(what: &str) -> Refusal {
    Refusal::Malformed { what: what.to_owned() }
}
