//! SIP over UDP: datagrams in with their arrival, datagrams out without ever waiting.

use std::io;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::BindError;
use super::admission::Admission;
use crate::shutdown::Tasks;
use crate::sip::{Flow, Transport};
use crate::switchboard::event::Event;

/// With the usual 208 kB a burst of a thousand calls a second loses packets.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// After so many datagrams without a pause the loop gets its turn: whoever floods us may keep us reading, and not from
/// working. Not fewer, so that what waits is counted here and not, unseen, in the system.
const BATCH: usize = 1024;
const LONGEST_DATAGRAM: usize = 65_535;

/// One bound socket, for sending.
#[derive(Clone, Debug)]
pub struct UdpDoor {
    socket: Arc<StdUdpSocket>,
    local: SocketAddr,
}

impl UdpDoor {
    /// Binds the address and starts the task that reads it.
    pub fn open(
        address: SocketAddr,
        admission: Admission,
        events: mpsc::Sender<Event>,
        tasks: &Tasks,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError { what: "SIP over UDP", address, source };
        let (socket, local) = bind(address).map_err(failed)?;
        // One socket, two handles: the runtime's to be woken by, the plain one to send at once.
        let reading = socket.try_clone().and_then(UdpSocket::from_std).map_err(failed)?;
        tasks.spawn_vital("sip over udp", read(reading, local, Way { admission, events }, tasks.token().clone()));
        Ok(Self { socket: Arc::new(socket), local })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends at once or not at all. A full buffer counts as sent and lost: SIP sends again what was not answered.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        match self.socket.send_to(bytes, to) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                metrics::counter!("sip_datagrams_not_sent_total").increment(1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<(StdUdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // The kernel gives what its own limit allows; that it is less than we ask for is no fault.
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&SockAddr::from(address))?;
    let granted = socket.recv_buffer_size()?;
    let socket: StdUdpSocket = socket.into();
    let local = socket.local_addr()?;
    tracing::info!(%local, receive_buffer = granted, "SIP over UDP listens");
    Ok((socket, local))
}

/// The way of a datagram to the loop.
struct Way {
    admission: Admission,
    events: mpsc::Sender<Event>,
}

async fn read(socket: UdpSocket, local: SocketAddr, way: Way, token: CancellationToken) {
    let mut buffer = vec![0_u8; LONGEST_DATAGRAM];
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            ready = socket.readable() => if let Err(error) = ready {
                tracing::error!(%local, %error, "the SIP socket cannot be waited for");
                return;
            },
        }
        for read in 1..=BATCH {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, remote)) => {
                    let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
                    if !way.hand_in(flow, &buffer[..length]) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // What the network says of an earlier datagram of ours; the next one may be fine.
                Err(error) => tracing::debug!(%local, %error, "the SIP socket reports an error"),
            }
            if read == BATCH {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Way {
    /// `false` when nobody takes events any more.
    fn hand_in(&self, flow: Flow, datagram: &[u8]) -> bool {
        let arrived = Instant::now();
        if !self.admission.admits(flow.remote.ip(), datagram, arrived) {
            return true;
        }
        // Blank datagrams only keep a NAT's hole open.
        if datagram.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return true;
        }
        let event = Event::Sip { flow, bytes: Bytes::copy_from_slice(datagram), arrived };
        match self.events.try_send(event) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("sip_datagrams_dropped_total").increment(1);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}
