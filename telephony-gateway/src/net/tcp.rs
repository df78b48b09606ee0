//! SIP over TCP and TLS: connections of carriers and phones, and ours to them.
//!
//! A connection has a number, a bounded queue of what is to be written, and limits against those who only open
//! connections: a handshake within [`Limits::handshake`], of which only so many are under way at once, a first message
//! within [`Limits::first_message`], a begun message finished within [`Limits::message`], and a sign of life within
//! [`Limits::idle`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::BindError;
use super::admission::Admission;
use super::descriptors::{self, InHand};
use super::sip_tls::SipTls;
use crate::shutdown::Tasks;
use crate::sip::stream::{Frame, PONG, Splitter};
use crate::sip::{Flow, Transport};
use crate::switchboard::event::Event;

const LONGEST_MESSAGE: usize = 65_535;
/// Messages that may wait for a slow peer before it is cut off.
const WRITE_QUEUE: usize = 64;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    pub connections_of_one_address: usize,
    pub connect: Duration,
    /// A TLS handshake, from either side.
    pub handshake: Duration,
    /// TLS handshakes under way at once, and those of one address: whoever only begins them fills no table.
    pub handshakes: usize,
    pub handshakes_of_one_address: usize,
    pub first_message: Duration,
    pub message: Duration,
    pub idle: Duration,
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_000,
            connections_of_one_address: 500,
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            handshakes: 128,
            handshakes_of_one_address: 16,
            first_message: Duration::from_secs(30),
            message: Duration::from_secs(10),
            idle: Duration::from_secs(900),
            write: Duration::from_secs(10),
        }
    }
}

/// Why a message could not be put on its way.
#[derive(Debug, thiserror::Error)]
pub enum TcpSendError {
    #[error("the connection is closed")]
    Closed,
    #[error("the other side does not read")]
    NotRead,
    #[error("too many connections are open")]
    TooMany,
}

/// Every connection of SIP. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    table: Mutex<Table>,
    limits: Limits,
    admission: Admission,
    events: mpsc::Sender<Event>,
    tasks: Tasks,
    tls: SipTls,
}

#[derive(Default)]
struct Table {
    last_number: u64,
    open: HashMap<u64, Open>,
    by_remote: HashMap<(Transport, SocketAddr), u64>,
    of_address: HashMap<IpAddr, usize>,
    /// Handshakes of others that are under way.
    handshakes: usize,
    handshakes_of: HashMap<IpAddr, usize>,
}

struct Open {
    remote: (Transport, SocketAddr),
    to_write: mpsc::Sender<Bytes>,
    close: CancellationToken,
}

impl Connections {
    pub fn new(limits: Limits, admission: Admission, tls: SipTls, events: mpsc::Sender<Event>, tasks: &Tasks) -> Self {
        let tasks = tasks.clone();
        Self { inner: Arc::new(Inner { table: Mutex::default(), limits, admission, events, tasks, tls }) }
    }

    /// Binds an address and takes connections there, over TCP or TLS. Gives the address bound.
    pub fn listen(&self, transport: Transport, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let (what, name) = match transport {
            Transport::Tls => ("SIP over TLS", "sip over tls"),
            Transport::Tcp | Transport::Udp => ("SIP over TCP", "sip over tcp"),
        };
        let (listener, local) = bind(address).map_err(|source| BindError { what, address, source })?;
        tracing::info!(%local, "{what} listens");
        self.inner.tasks.spawn_vital(name, self.clone().accept(listener, transport, local));
        Ok(local)
    }

    /// Queues a message, and never waits. A flow without a connection reuses the one to that address or opens one;
    /// if that fails, [`Event::SipUnsendable`] follows.
    pub fn send(&self, flow: &Flow, bytes: Bytes) -> Result<(), TcpSendError> {
        let mut table = self.table();
        let number = match flow.connection {
            0 => table.by_remote.get(&(flow.transport, flow.remote)).copied(),
            number => Some(number),
        };
        let Some(number) = number else {
            let (number, opened) =
                self.admit(&mut table, (flow.transport, flow.remote)).ok_or(TcpSendError::TooMany)?;
            drop(table);
            // The queue is fresh, so the first message has room.
            let _ = opened.to_write.try_send(bytes);
            let flow = Flow { connection: number, ..*flow };
            self.inner.tasks.spawn("sip connection", self.clone().connect(flow, opened));
            return Ok(());
        };
        let open = table.open.get(&number).ok_or(TcpSendError::Closed)?;
        match open.to_write.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(TcpSendError::Closed),
            Err(mpsc::error::TrySendError::Full(_)) => {
                open.close.cancel();
                Err(TcpSendError::NotRead)
            }
        }
    }

    pub(super) fn tls_fingerprint(&self) -> Option<String> {
        self.inner.tls.fingerprint()
    }

    /// How many connections are open.
    pub fn len(&self) -> usize {
        self.table().open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn accept(self, listener: TcpListener, transport: Transport, local: SocketAddr) {
        let token = self.inner.tasks.token().clone();
        let mut in_hand = InHand::take();
        loop {
            let accepted = tokio::select! {
                () = token.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, remote)) => self.take_in(stream, transport, local, remote),
                Err(error) => {
                    tracing::warn!(%local, %error, "a connection could not be taken");
                    if descriptors::is_out(&error) {
                        in_hand.lend(|| refuse_one(&listener));
                    }
                    // Trying again at once would only burn the processor.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn take_in(&self, stream: TcpStream, transport: Transport, local: SocketAddr, remote: SocketAddr) {
        let admitted = match descriptors::unless_kept_back(stream) {
            Ok(stream) if self.inner.admission.admits(remote.ip(), b"", Instant::now()) => {
                let mut table = self.table();
                let may_begin = transport != Transport::Tls || self.begin_handshake(&mut table, remote.ip());
                let admitted = if may_begin { self.admit(&mut table, (transport, remote)) } else { None };
                admitted.map(|admitted| (stream, admitted))
            }
            Ok(_) | Err(_) => None,
        };
        let Some((stream, (number, opened))) = admitted else {
            metrics::counter!("sip_connections_refused_total").increment(1);
            tracing::debug!(%remote, "there is no room for this connection");
            return;
        };
        // The address the peer has reached, which on a wildcard listener is not the bound one; answers keep the latter.
        let flow = Flow { transport, local, remote, connection: number };
        match transport {
            Transport::Tls => self.inner.tasks.spawn("sip connection", self.clone().secure(stream, flow, opened)),
            Transport::Tcp | Transport::Udp => {
                self.inner.tasks.spawn("sip connection", self.clone().serve_plain(stream, flow, opened));
            }
        }
    }

    /// Counts one more handshake, if there is room for it.
    fn begin_handshake(&self, table: &mut Table, from: IpAddr) -> bool {
        let limits = &self.inner.limits;
        let of_address = table.handshakes_of.get(&from).copied().unwrap_or_default();
        if table.handshakes >= limits.handshakes || of_address >= limits.handshakes_of_one_address {
            return false;
        }
        // The connection itself may still be one too many; then no handshake will ever end.
        let connections = table.of_address.get(&from).copied().unwrap_or_default();
        if table.open.len() >= limits.connections || connections >= limits.connections_of_one_address {
            return false;
        }
        table.handshakes += 1;
        *table.handshakes_of.entry(from).or_default() += 1;
        true
    }

    fn end_handshake(&self, from: IpAddr) {
        let mut table = self.table();
        table.handshakes -= 1;
        if let Some(count) = table.handshakes_of.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                table.handshakes_of.remove(&from);
            }
        }
    }

    /// The handshake of somebody who has connected to us.
    async fn secure(self, stream: TcpStream, flow: Flow, opened: Opened) {
        let _ = stream.set_nodelay(true);
        let shaken = match self.inner.tls.acceptor() {
            None => Err(io::ErrorKind::Unsupported.into()),
            Some(acceptor) => {
                let shake = timeout(self.inner.limits.handshake, acceptor.accept(stream));
                tokio::select! {
                    () = opened.close.cancelled() => Err(io::ErrorKind::Interrupted.into()),
                    shaken = shake => shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                }
            }
        };
        self.end_handshake(flow.remote.ip());
        match shaken {
            Ok(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                self.serve(reader, writer, flow, opened).await;
            }
            Err(error) => {
                metrics::counter!("sip_handshakes_failed_total").increment(1);
                tracing::debug!(remote = %flow.remote, %error, "a TLS handshake has failed");
                // Nobody has heard of this connection, so nobody needs to hear of its end.
                self.forget(flow.connection);
            }
        }
    }

    /// Gives a new connection its number, when there is room for it.
    fn admit(&self, table: &mut Table, remote: (Transport, SocketAddr)) -> Option<(u64, Opened)> {
        let limits = &self.inner.limits;
        let address = remote.1.ip();
        let of_address = table.of_address.get(&address).copied().unwrap_or_default();
        if table.open.len() >= limits.connections || of_address >= limits.connections_of_one_address {
            return None;
        }
        table.last_number += 1;
        let number = table.last_number;
        let (to_write, queued) = mpsc::channel(WRITE_QUEUE);
        let close = self.inner.tasks.token().child_token();
        table.open.insert(number, Open { remote, to_write: to_write.clone(), close: close.clone() });
        table.by_remote.insert(remote, number);
        *table.of_address.entry(address).or_default() += 1;
        Some((number, Opened { to_write, queued, close }))
    }

    async fn connect(self, flow: Flow, opened: Opened) {
        let connected = timeout(self.inner.limits.connect, connect_from(flow.local, flow.remote)).await;
        let stream = match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => stream,
            Err(error) => return self.not_connected(flow, &error).await,
        };
        if flow.transport != Transport::Tls {
            return self.serve_plain(stream, flow, opened).await;
        }
        match self.connect_secured(stream, flow.remote).await {
            Ok(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                self.serve(reader, writer, flow, opened).await;
            }
            Err(error) => {
                // A certificate that is not trusted is for somebody to look into, and not a bad line.
                tracing::warn!(remote = %flow.remote, %error, "a trunk cannot be reached over TLS");
                self.not_connected(flow, &error).await;
            }
        }
    }

    /// Our handshake with a trunk.
    async fn connect_secured(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let _ = stream.set_nodelay(true);
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "no trunk over TLS has this address");
        let (connector, name) = self.inner.tls.connector(remote).ok_or_else(unknown)?;
        let shaken = timeout(self.inner.limits.handshake, connector.connect(name, stream)).await;
        shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn not_connected(&self, flow: Flow, error: &io::Error) {
        tracing::debug!(remote = %flow.remote, %error, "no connection");
        self.forget(flow.connection);
        let asked = Flow { connection: 0, ..flow };
        // When nobody listens any more, the service is ending.
        let _ = self.inner.events.send(Event::SipUnsendable { flow: asked }).await;
    }

    async fn serve_plain(self, stream: TcpStream, flow: Flow, opened: Opened) {
        // A SIP message is small and wanted now.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        self.serve(reader, writer, flow, opened).await;
    }

    async fn serve(
        self,
        reader: impl AsyncRead + Send + Unpin,
        writer: impl AsyncWrite + Send + Unpin,
        flow: Flow,
        opened: Opened,
    ) {
        let Opened { to_write, queued, close } = opened;
        tokio::select! {
            () = close.cancelled() => {}
            () = self.read(reader, flow, to_write) => {}
            () = write(writer, queued, self.inner.limits.write) => {}
        }
        self.forget(flow.connection);
        // When nobody listens any more, the service is ending.
        let _ = self.inner.events.send(Event::SipClosed { connection: flow.connection }).await;
    }

    /// Reads until the connection ends or breaks a limit.
    async fn read(&self, mut reader: impl AsyncRead + Send + Unpin, flow: Flow, to_write: mpsc::Sender<Bytes>) {
        let limits = self.inner.limits;
        let mut splitter = Splitter::new(LONGEST_MESSAGE);
        let mut buffer = vec![0_u8; 16 * 1024];
        let mut deadline = tokio::time::Instant::now() + limits.first_message;
        let mut heard = false;
        loop {
            let length = match tokio::time::timeout_at(deadline, reader.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(length)) => length,
                Err(_) => {
                    tracing::debug!(remote = %flow.remote, "a connection said too little for too long");
                    return;
                }
            };
            let arrived = Instant::now();
            let had_begun = splitter.pending() > 0;
            splitter.push(&buffer[..length]);
            let mut whole = 0_usize;
            loop {
                match splitter.next_frame() {
                    Ok(Some(Frame::Message(bytes))) => {
                        if !self.inner.admission.admits(flow.remote.ip(), &bytes, arrived) {
                            tracing::debug!(remote = %flow.remote, "a connection says too much");
                            return;
                        }
                        whole += 1;
                        heard = true;
                        if self.inner.events.send(Event::Sip { flow, bytes, arrived }).await.is_err() {
                            return;
                        }
                    }
                    Ok(Some(Frame::Ping)) => {
                        whole += 1;
                        if to_write.try_send(Bytes::from_static(PONG)).is_err() {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(remote = %flow.remote, %error, "a connection speaks no SIP");
                        return;
                    }
                }
            }
            let now = tokio::time::Instant::now();
            match (splitter.pending() > 0, had_begun && whole == 0) {
                // The same message goes on: its time does not begin anew with each byte.
                (true, true) => {}
                (true, false) => deadline = now + limits.message,
                (false, _) if heard => deadline = now + limits.idle,
                // Pings alone do not make a caller.
                (false, _) => {}
            }
        }
    }

    fn forget(&self, number: u64) {
        let mut table = self.table();
        let Some(open) = table.open.remove(&number) else { return };
        if table.by_remote.get(&open.remote) == Some(&number) {
            table.by_remote.remove(&open.remote);
        }
        let address = open.remote.1.ip();
        if let Some(count) = table.of_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                table.of_address.remove(&address);
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task's ends of a connection that was given its number.
struct Opened {
    to_write: mpsc::Sender<Bytes>,
    queued: mpsc::Receiver<Bytes>,
    close: CancellationToken,
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(1024)?;
    let listener = TcpListener::from_std(socket.into())?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Connects from our own address, so that the carrier sees the one it knows.
async fn connect_from(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !local.ip().is_unspecified() && local.is_ipv4() == remote.is_ipv4() {
        socket.bind(SocketAddr::new(local.ip(), 0))?;
    }
    let socket = descriptors::unless_kept_back(socket)?;
    socket.connect(remote).await
}

/// Takes one connection and closes it: there is no descriptor for it.
fn refuse_one(listener: &TcpListener) {
    let mut cx = Context::from_waker(Waker::noop());
    // Whoever is not there any more needs no refusal.
    _ = listener.poll_accept(&mut cx);
    metrics::counter!("sip_connections_refused_total").increment(1);
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut queued: mpsc::Receiver<Bytes>, limit: Duration) {
    while let Some(bytes) = queued.recv().await {
        let whole = async {
            writer.write_all(&bytes).await?;
            // TLS keeps what it has encrypted until it is told to send it.
            writer.flush().await
        };
        match timeout(limit, whole).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
