//! The street in front of the gateway: a live call that must not notice anything, and those who make noise beside it.
//!
//! [`LiveCall`] is begun before the noise and looked at afterwards. The noise comes from threads of its own, because the
//! people of the live call speak and listen on the runtime of the test.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use shared::domain::call::CallEnding;
use shared::wire::event::{Event, Offer};
use tokio::net::{TcpSocket, TcpStream};

use crate::desk::Desk;
use crate::gateway::{ANNA, City, Gateway, PATIENCE, Setup};
use crate::line::{self, AT_ONCE, Playing};

/// What a flood may leave behind in the gateway's memory: tables that have grown once, buffers of the allocator.
const MEMORY_MB: u64 = 48;
/// Descriptors that come and go by themselves: the database, a question to `/metrics`.
const DESCRIPTORS: usize = 12;

/// Somebody talks with an operator.
pub struct LiveCall {
    pub gateway: Gateway,
    pub desk: Desk,
    pub offer: Offer,
    caller: Playing,
    phone: Playing,
    memory_mb: u64,
    descriptors: usize,
}

impl LiveCall {
    pub async fn begin() -> Self {
        // Each of the flood's messages would have its line.
        Self::begin_in(Gateway::start_with(Setup { verbose: false, ..Setup::default() }).await).await
    }

    pub async fn begin_in(gateway: Gateway) -> Self {
        let phone = line::phone(&gateway, ANNA, AT_ONCE).await;
        let mut desk = Desk::ready(&gateway, ANNA).await;
        let caller = line::caller(&gateway, Some(&known_number())).await;
        let offer = desk.offered().await;
        desk.answered(offer.call).await;
        let (memory_mb, descriptors) = (gateway.memory_mb(), gateway.n_descriptors());
        Self { gateway, desk, offer, caller, phone, memory_mb, descriptors }
    }

    /// The talk goes on, its sound was not hurt, its end is heard at both ends, and the next caller is served.
    pub async fn must_be_unhurt(self) -> Gateway {
        let (gateway, mut desk) = self.must_have_been_heard().await;
        let caller = line::caller(&gateway, Some(&known_number())).await;
        let next = desk.offered().await;
        desk.answered(next.call).await;
        caller.hang_up().await;
        desk.ended(next.call).await;
        gateway
    }

    /// The same, when others wait who are served before any next caller.
    pub async fn must_have_been_heard(self) -> (Gateway, Desk) {
        let Self { gateway, mut desk, offer, caller, mut phone, .. } = self;
        desk.settle().await;
        let told = desk.so_far();
        assert!(!told.iter().any(|event| matches!(event, Event::Ended { .. })), "the talk goes on: {told:?}");
        let report = caller.hang_up().await;
        assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp, "the BYE is heard");
        let count = |what: &str| report[what].as_u64().unwrap_or_default();
        let (heard, sent, lost) = (count("heard_packets"), count("sent_packets"), count("lost_packets"));
        assert!(heard * 10 >= sent * 7, "the caller has said as much as they heard: {report}");
        assert!(lost * 50 <= heard, "hardly anything is lost: {report}");
        phone.report("ended").await;
        desk.save_wrapup(offer.call).await;
        (gateway, desk)
    }

    /// The noise has left nothing behind: what it took is given back.
    pub async fn must_be_as_lean_as_before(&self) {
        self.gateway.wait_for_descriptors(self.descriptors + DESCRIPTORS).await;
        let grown_mb = self.gateway.memory_mb().saturating_sub(self.memory_mb);
        assert!(grown_mb <= MEMORY_MB, "the gateway has grown by {grown_mb} MB");
    }
}

/// The number of exactly one customer.
fn known_number() -> String {
    format!("+{}", City::get().numbers.known[0])
}

/// An address that nobody has, as made-up senders use them. Different for each number below 64,000.
pub fn made_up(n: usize) -> IpAddr {
    // No block of a test begins with 127.0.
    IpAddr::V4(Ipv4Addr::new(127, 0, (1 + n / 250 % 254) as u8, (1 + n % 250) as u8))
}

/// A request from `from` outside any dialog, with a branch, tag and Call-ID of its own.
pub fn request(method: &str, gateway: SocketAddr, from: SocketAddr, n: usize, transport: &str, sdp: bool) -> Vec<u8> {
    let body = if sdp {
        format!(
            "v=0\r\no=x 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n",
            host = from.ip()
        )
    } else {
        String::new()
    };
    let content = if sdp { "Content-Type: application/sdp\r\n" } else { "" };
    format!(
        "{method} sip:1001@{gateway} SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {from};branch=z9hG4bKstreet{n}x{method};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:s{n}@{host}>;tag=street{n}\r\nTo: <sip:1001@{gateway}>\r\n\
         Call-ID: street{n}@{from}\r\nCSeq: 1 {method}\r\nContact: <sip:s{n}@{from}>\r\n\
         {content}Content-Length: {length}\r\n\r\n{body}",
        host = from.ip(),
        length = body.len(),
    )
    .into_bytes()
}

/// Sends `each` datagrams from each of these hosts as fast as the system takes them; `make` is given the sender and
/// the datagram's number. Gives how many were sent.
pub async fn flood(
    to: SocketAddr,
    hosts: Vec<IpAddr>,
    each: usize,
    make: impl Fn(SocketAddr, usize) -> Vec<u8> + Send + 'static,
) -> u64 {
    let send = move || -> io::Result<u64> {
        let (mut sent, mut number) = (0, 0);
        for host in hosts {
            let socket = UdpSocket::bind((host, 0))?;
            let from = socket.local_addr()?;
            for _ in 0..each {
                number += 1;
                // What the system does not take is no part of the flood.
                sent += u64::from(socket.send_to(&make(from, number), to).is_ok());
            }
        }
        Ok(sent)
    };
    tokio::task::spawn_blocking(send).await.expect("it does not panic").expect("addresses on loopback are free")
}

/// Goes on with such a flood until the gateway has counted this much.
pub async fn flood_until(
    gateway: &Gateway,
    (metric, at_least): (&str, f64),
    hosts: Vec<IpAddr>,
    each: usize,
    make: impl Fn(SocketAddr, usize) -> Vec<u8> + Clone + Send + 'static,
) {
    let deadline = Instant::now() + PATIENCE;
    let mut sent = 0;
    while gateway.metric(metric).await.unwrap_or_default() < at_least {
        assert!(Instant::now() < deadline, "{sent} datagrams were sent, and {metric} is not {at_least}");
        sent += flood(gateway.sip_address(), hosts.clone(), each, make.clone()).await;
    }
}

/// A connection from this host.
pub async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// Ends a connection by a reset, as a program that is killed in the middle of writing does.
pub fn reset(stream: TcpStream) {
    let stream = stream.into_std().expect("a connection");
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option is read from a structure of the size that is told.
    let set = unsafe {
        libc::setsockopt(
            std::os::fd::AsRawFd::as_raw_fd(&stream),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0, "the system lets us reset a connection");
}

/// The ports at which a gateway listens for sound now.
pub fn sound_ports(gateway: &Gateway) -> Vec<u16> {
    let IpAddr::V4(host) = gateway.sip_address().ip() else { return Vec::new() };
    let host = format!("{:08X}", u32::from_ne_bytes(host.octets()));
    let table = std::fs::read_to_string("/proc/net/udp").expect("the kernel's list of sockets");
    let local = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    let ports = table.lines().filter_map(local).filter_map(|local| {
        let (address, port) = local.split_once(':')?;
        (address == host).then(|| u16::from_str_radix(port, 16).ok()).flatten()
    });
    ports.filter(|port| (20_000..30_000).contains(port) && port % 2 == 0).collect()
}

/// Long enough for something that must not happen to be seen when it does.
pub const A_MOMENT: Duration = Duration::from_millis(500);
