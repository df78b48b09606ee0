//! The pool of RTP ports: pairs of UDP sockets, RTP on the even number and RTCP on the next (RFC 3550 section 11).
//!
//! Ports are drawn at random, so that nobody can guess where the next call will listen, and rest after a call, so
//! that late packets of one call never sound in another.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    time::Duration,
};

use shared::time::Moment;
use socket2::{Domain, Protocol, Socket, Type};

use super::descriptors;

/// Expedited forwarding (RFC 4594 section 4.1), for networks which look at it.
const VOICE_TRAFFIC_CLASS: u32 = 0xB8;

/// Half a second of one stream. More would only keep sound which is too late to be heard.
const RTP_BUFFER_BYTES: usize = 64 * 1024;
/// RTCP is not read in this version: its socket only keeps the port ours.
const RTCP_BUFFER_BYTES: usize = 4 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("the RTP range {first}-{last} holds no even port with an odd one behind it")]
    EmptyRange { first: u16, last: u16 },
    #[error(
        "no free RTP port in {first}-{last}: {n_in_use} pairs are in use and {n_resting} rest after a call; widen the range"
    )]
    Exhausted { first: u16, last: u16, n_in_use: usize, n_resting: usize },
    #[error("cannot open an RTP port on {address}")]
    Open { address: SocketAddr, source: io::Error },
}

#[derive(Debug)]
pub struct PortPair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub rtp_port: u16,
}

#[derive(Debug)]
pub struct PortPool {
    address: IpAddr,
    range: RangeInclusive<u16>,
    quarantine: Duration,
    free: Vec<u16>,
    /// In the order in which they come back, oldest first.
    resting: VecDeque<(Moment, u16)>,
    n_in_use: usize,
}

impl PortPool {
    pub fn new(address: IpAddr, range: RangeInclusive<u16>, quarantine: Duration) -> Result<Self, PortError> {
        let free: Vec<u16> = range.clone().filter(|port| port % 2 == 0 && *port != 0 && port < range.end()).collect();
        if free.is_empty() {
            return Err(PortError::EmptyRange { first: *range.start(), last: *range.end() });
        }
        Ok(Self { address, range, quarantine, free, resting: VecDeque::new(), n_in_use: 0 })
    }

    /// Draws a pair. A port which another program holds is passed over and rests like a used one.
    pub fn take(&mut self, now: Moment) -> Result<PortPair, PortError> {
        while self.resting.front().is_some_and(|(until, _)| until.is_due(now)) {
            self.free.extend(self.resting.pop_front().map(|(_, port)| port));
        }
        while !self.free.is_empty() {
            let drawn = self.free.swap_remove(rand::random_range(0..self.free.len()));
            match self.open(drawn) {
                Ok(pair) => {
                    self.n_in_use += 1;
                    return Ok(pair);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => self.rest(drawn, now),
                Err(source) => {
                    self.free.push(drawn);
                    return Err(PortError::Open { address: SocketAddr::new(self.address, drawn), source });
                }
            }
        }
        Err(PortError::Exhausted {
            first: *self.range.start(),
            last: *self.range.end(),
            n_in_use: self.n_in_use,
            n_resting: self.resting.len(),
        })
    }

    /// A call has ended on this pair.
    pub fn give_back(&mut self, rtp_port: u16, now: Moment) {
        self.n_in_use = self.n_in_use.saturating_sub(1);
        self.rest(rtp_port, now);
    }

    pub fn n_in_use(&self) -> usize {
        self.n_in_use
    }

    fn rest(&mut self, port: u16, now: Moment) {
        self.resting.push_back((now.after(self.quarantine), port));
    }

    fn open(&self, rtp_port: u16) -> io::Result<PortPair> {
        let rtp = self.bind(rtp_port, RTP_BUFFER_BYTES)?;
        let rtcp = self.bind(rtp_port + 1, RTCP_BUFFER_BYTES)?;
        Ok(PortPair { rtp, rtcp, rtp_port })
    }

    fn bind(&self, port: u16, buffer_bytes: usize) -> io::Result<UdpSocket> {
        let address = SocketAddr::new(self.address, port);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        let socket = descriptors::unless_kept_back(socket)?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(buffer_bytes)?;
        match self.address {
            IpAddr::V4(_) => socket.set_tos_v4(VOICE_TRAFFIC_CLASS)?,
            IpAddr::V6(_) => {
                socket.set_only_v6(true)?;
                socket.set_tclass_v6(VOICE_TRAFFIC_CLASS)?;
            }
        }
        socket.bind(&address.into())?;
        Ok(socket.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn pool(range: RangeInclusive<u16>) -> PortPool {
        PortPool::new(LOOPBACK, range, Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn a_pair_is_an_even_port_and_the_odd_one_behind_it() {
        let mut pool = pool(31_001..=31_100);
        for _ in 0..20 {
            let pair = pool.take(Moment::at_ms(0)).unwrap();
            let port = pair.rtp.local_addr().unwrap().port();
            assert_eq!((port % 2, pair.rtcp.local_addr().unwrap().port()), (0, port + 1));
            assert!((31_002..=31_098).contains(&port));
        }
    }

    #[test]
    fn a_port_rests_before_another_call_gets_it() {
        let mut pool = pool(31_110..=31_111);
        let pair = pool.take(Moment::at_ms(0)).unwrap();
        pool.give_back(pair.rtp_port, Moment::at_ms(1000));
        drop(pair);
        let error = pool.take(Moment::at_ms(10_999)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no free RTP port in 31110-31111: 0 pairs are in use and 1 rest after a call; widen the range"
        );
        assert_eq!(pool.take(Moment::at_ms(11_000)).unwrap().rtp_port, 31_110);
    }

    #[test]
    fn a_port_which_another_program_holds_is_passed_over() {
        let _other = UdpSocket::bind((LOOPBACK, 31_121)).unwrap();
        let mut pool = pool(31_120..=31_123);
        assert_eq!(pool.take(Moment::at_ms(0)).unwrap().rtp_port, 31_122);
        assert!(matches!(pool.take(Moment::at_ms(0)), Err(PortError::Exhausted { n_in_use: 1, n_resting: 1, .. })));
    }

    #[test]
    fn the_next_port_cannot_be_guessed() {
        let drawn = || {
            let mut pool = pool(31_200..=31_399);
            (0..8).map(|_| pool.take(Moment::at_ms(0)).unwrap().rtp_port).collect::<Vec<_>>()
        };
        // A hundred pairs in eight draws: twice the same row is one chance in 10^15.
        assert_ne!(drawn(), drawn());
    }

    #[test]
    fn a_phone_with_ipv6_gets_a_port_too() {
        let mut pool = PortPool::new("::1".parse().unwrap(), 31_400..=31_409, Duration::ZERO).unwrap();
        assert!(pool.take(Moment::at_ms(0)).unwrap().rtp.local_addr().unwrap().is_ipv6());
    }

    #[test]
    fn an_address_that_is_not_ours_is_said_in_words() {
        let mut pool = PortPool::new("203.0.113.1".parse().unwrap(), 31_420..=31_421, Duration::ZERO).unwrap();
        let error = pool.take(Moment::at_ms(0)).unwrap_err();
        assert_eq!(error.to_string(), "cannot open an RTP port on 203.0.113.1:31420");
        assert!(PortPool::new(LOOPBACK, 31_421..=31_421, Duration::ZERO).is_err());
    }
}
