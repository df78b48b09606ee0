//! A gateway that says what a test tells it to.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use shared::domain::agent::{AgentProfile, Presence, Role, Work};
use shared::ids::{AgentId, CallId};
use shared::wire::event::{DeskState, Event, Snapshot};
use shared::wire::{ClientFrame, ServerFrame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub struct Gateway {
    listener: TcpListener,
}

/// One desk's connection.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
}

impl Gateway {
    pub async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn address(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }

    /// Answers HTTP until a desk opens its socket and says hello.
    pub async fn hello(&self) -> (Line, ClientFrame) {
        loop {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut head = [0; 16];
            let n = stream.peek(&mut head).await.unwrap();
            if head[..n].starts_with(b"GET /v1/desk") {
                let mut line = Line { socket: tokio_tungstenite::accept_async(stream).await.unwrap() };
                let hello = line.heard().await;
                return (line, hello);
            }
            answer_http(&mut stream).await;
        }
    }
}

impl Line {
    pub async fn say(&mut self, frame: &ServerFrame) {
        self.socket.send(Message::text(serde_json::to_string(frame).unwrap())).await.unwrap();
    }

    /// The next frame that is no ping.
    pub async fn heard(&mut self) -> ClientFrame {
        loop {
            let message = self.socket.next().await.unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            match serde_json::from_str(&text).unwrap() {
                ClientFrame::Ping { nonce, desk_us } => {
                    self.say(&ServerFrame::Pong { nonce, desk_us, now: shared::time::UtcMs(1) }).await;
                }
                frame => return frame,
            }
        }
    }

    /// Welcomes the desk with nothing going on; events count on from `seq`.
    pub async fn welcome(&mut self, epoch: u64, seq: u64) {
        self.say(&welcome(epoch, false)).await;
        let (state, call, parked) = (idle(), None, vec![]);
        let snapshot = Snapshot { state, call, waiting: vec![], missed: vec![], floor: None, faults: vec![], parked };
        self.say(&ServerFrame::Snapshot { seq, snapshot: Box::new(snapshot) }).await;
    }

    pub async fn tell(&mut self, seq: u64, event: Event) {
        self.say(&ServerFrame::Event { seq, at: shared::time::UtcMs(1), event }).await;
    }
}

pub fn welcome(epoch: u64, resumed: bool) -> ServerFrame {
    let now = shared::time::UtcMs(1);
    ServerFrame::Welcome { version: 1, epoch, now, profile: anna(), catalogue: Box::default(), resumed }
}

pub fn anna() -> AgentProfile {
    AgentProfile { id: AgentId(7), login: "anna".into(), name: "Анна".into(), role: Role::Operator, phone: None }
}

pub fn idle() -> DeskState {
    let since = shared::time::UtcMs(0);
    DeskState {
        presence: Presence::Ready,
        presence_since: since,
        work: Work::Idle,
        work_since: since,
        pending: None,
        phone_registered: Some(true),
    }
}

/// Reads one request and answers it as signing in or out; returns what was in it.
pub async fn answer_http(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => request.extend_from_slice(&chunk[..n]),
            _ => break,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let answer = if request.starts_with("POST /v1/sign-in") {
        let body = json!({ "token": "t", "profile": anna(), "expires_at": 9 }).to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    } else {
        "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned()
    };
    // A desk that has gone needs no answer.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    request
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0usize)
}

pub const CALL: CallId = CallId(5);
