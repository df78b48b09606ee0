//! The way on which a party's SIP travels: datagrams, or a connection that is made again when it breaks.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use telephony_gateway::sip::stream::{Frame, Splitter};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, UdpSocket},
    time::Instant,
};

const LONGEST_MESSAGE: usize = 65_536;
/// Between two attempts to connect again.
const RETRY: Duration = Duration::from_millis(200);

pub enum Way {
    Datagrams { socket: UdpSocket, server: SocketAddr },
    Connection(Connection),
}

/// What comes along the way.
pub enum Heard {
    Message(Vec<u8>),
    /// The connection was lost and is there again. What was said meanwhile is lost.
    Reconnected,
}

pub struct Connection {
    local: SocketAddr,
    server: SocketAddr,
    /// `None` after it broke.
    stream: Option<TcpStream>,
    /// When to connect again. The waiting may be given up at any time, and goes on from where it was.
    retry_at: Instant,
    splitter: Splitter,
}

impl Way {
    /// Connects from this host.
    pub async fn connect(host: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let stream = connect(host, server).await?;
        let local = stream.local_addr()?;
        let splitter = Splitter::new(LONGEST_MESSAGE);
        let (stream, retry_at) = (Some(stream), Instant::now());
        Ok(Self::Connection(Connection { local, server, stream, retry_at, splitter }))
    }

    /// Our own end, as it was at the beginning.
    pub fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagrams { socket, .. } => socket.local_addr(),
            Self::Connection(connection) => Ok(connection.local),
        }
    }

    /// Waits for the next message. Nothing is lost when the waiting is given up.
    pub async fn hear(&mut self) -> io::Result<Heard> {
        match self {
            Self::Datagrams { socket, .. } => {
                let mut datagram = vec![0; LONGEST_MESSAGE];
                let (len, _) = socket.recv_from(&mut datagram).await?;
                datagram.truncate(len);
                Ok(Heard::Message(datagram))
            }
            Self::Connection(connection) => connection.hear().await,
        }
    }

    /// Sends one message. On a broken connection it is lost, as a datagram may be.
    pub async fn say(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams { socket, server } => socket.send_to(message, *server).await.map(drop),
            Self::Connection(connection) => {
                let Some(stream) = &mut connection.stream else { return Ok(()) };
                if stream.write_all(message).await.is_err() {
                    connection.stream = None;
                }
                Ok(())
            }
        }
    }
}

impl Connection {
    async fn hear(&mut self) -> io::Result<Heard> {
        loop {
            while let Some(frame) = self.splitter.next_frame().map_err(io::Error::other)? {
                if let Frame::Message(message) = frame {
                    return Ok(Heard::Message(message.into()));
                }
            }
            let Some(stream) = &mut self.stream else {
                tokio::time::sleep_until(self.retry_at).await;
                self.retry_at = Instant::now() + RETRY;
                // Whoever does not take connections now may do so later.
                self.stream = connect(self.local.ip(), self.server).await.ok();
                self.splitter = Splitter::new(LONGEST_MESSAGE);
                if self.stream.is_some() {
                    return Ok(Heard::Reconnected);
                }
                continue;
            };
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => self.stream = None,
                Ok(len) => self.splitter.push(&piece[..len]),
            }
        }
    }
}

async fn connect(host: IpAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = if host.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(host, 0))?;
    socket.connect(server).await
}
