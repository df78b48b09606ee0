//! The relay with real sockets on loopback: parties are plain UDP sockets which speak RTP.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

mod conference;
mod keys;

use super::*;
use crate::media::{
    music,
    rtp::{self, Header},
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long a test waits for what must come; long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

struct Floor {
    relay: Relay,
    events: mpsc::Receiver<RelayEvent>,
}

/// Each test has ports of its own, because they run side by side.
fn floor(ports: RangeInclusive<u16>, threads: usize) -> Floor {
    floor_at(LOOPBACK, ports, threads)
}

fn floor_at(address: IpAddr, ports: RangeInclusive<u16>, threads: usize) -> Floor {
    let (told, events) = mpsc::channel();
    let config = RelayConfig {
        address,
        advertised: address,
        ports,
        quarantine: Duration::from_secs(60),
        threads,
        music: music::on_hold(),
    };
    let relay = Relay::start(config, move |event| drop(told.send(event))).unwrap();
    Floor { relay, events }
}

impl Floor {
    /// Waits for the event that `wanted` picks out; others before it are read over.
    fn event<T>(&self, wanted: impl Fn(&RelayEvent) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let event = self.events.recv_timeout(until - Instant::now()).expect("the relay tells it in time");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    fn party(&self, payload: Codec, telephone_event: u8) -> Party {
        let socket = UdpSocket::bind((self.relay.advertised(), 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let OpenPort { id, rtp_port } = self.relay.open().unwrap();
        let media = RemoteMedia {
            rtp: socket.local_addr().unwrap(),
            payload,
            telephone_event: Some(telephone_event),
            receiving: true,
            sending: true,
            keys: None,
        };
        self.relay.set_remote(id, media.clone());
        let relay = SocketAddr::new(self.relay.advertised(), rtp_port);
        Party { id, socket, relay, ssrc: u32::from(rtp_port), sequence: 500, media }
    }
}

/// A telephone, as far as sound goes.
struct Party {
    id: PortId,
    socket: UdpSocket,
    relay: SocketAddr,
    ssrc: u32,
    sequence: u16,
    media: RemoteMedia,
}

impl Party {
    fn says(&mut self, payload_type: u8, payload: &[u8]) {
        self.sequence += 1;
        let header = Header {
            payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: self.ssrc,
        };
        let datagram = [&header.to_bytes()[..], payload].concat();
        self.socket.send_to(&datagram, self.relay).unwrap();
    }

    fn hears(&self) -> (Header, Vec<u8>) {
        let mut datagram = [0; 2000];
        let (len, from) = self.socket.recv_from(&mut datagram).expect("something is heard in time");
        assert_eq!(from, self.relay, "sound comes from where it is sent to");
        let packet = rtp::parse(&datagram[..len]).unwrap();
        (packet.header, packet.payload.to_vec())
    }

    fn hears_sound(&self) -> Vec<u8> {
        self.hears().1
    }
}

#[test]
fn two_parties_hear_each_other_over_a_bridge() {
    for threads in [1, 2] {
        let floor = floor(32_000 + threads as u16 * 100..=32_050 + threads as u16 * 100, threads);
        let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 96));
        floor.relay.bridge(caller.id, agent.id);
        // With two threads the second may learn of the bridge after the first packet: a real talk loses one, too.
        agent.socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut datagram = [0; 400];
        while agent.socket.recv_from(&mut datagram).is_err() {
            caller.says(8, &[1; 160]);
        }
        agent.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for n in 2..100 {
            agent.says(8, &[n; 160]);
            assert_eq!(caller.hears_sound(), [n; 160]);
            caller.says(8, &[n + 100; 80]);
            while agent.hears_sound() != [n + 100; 80] {}
        }
        floor.event(|event| (*event == RelayEvent::FirstPacket { id: caller.id }).then_some(()));
    }
}

#[test]
fn a_third_party_can_neither_listen_nor_speak() {
    let floor = floor(32_300..=32_350, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    caller.says(8, &[1; 160]);
    assert_eq!(agent.hears_sound(), [1; 160]);

    let mut stranger = floor.party(Codec::Pcma, 101);
    stranger.relay = caller.relay;
    stranger.ssrc = caller.ssrc;
    stranger.says(8, &[66; 160]);
    // What the caller says next is what the agent hears next, so the stranger was not heard in between …
    caller.says(8, &[2; 160]);
    assert_eq!(agent.hears_sound(), [2; 160]);
    // … and the answer goes to the caller and not to the stranger.
    agent.says(8, &[3; 160]);
    assert_eq!(caller.hears_sound(), [3; 160]);
    stranger.socket.set_nonblocking(true).unwrap();
    assert!(stranger.socket.recv(&mut [0; 400]).is_err(), "the stranger hears nothing");

    floor.relay.close(caller.id);
    let received = floor.event(|event| match event {
        RelayEvent::Closed { id, stats } if *id == caller.id => Some(stats.received),
        _ => None,
    });
    assert_eq!((received.packets, received.bytes, received.refused), (2, 320, 1));
}

#[test]
fn the_waiting_caller_hears_music_in_time_and_then_the_agent_as_one_stream() {
    let floor = floor(32_400..=32_450, 1);
    let (caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.play_music(caller.id);
    let (first, _) = caller.hears();
    let began = Instant::now();
    let mut last = first;
    for _ in 0..50 {
        let (header, payload) = caller.hears();
        assert_eq!((header.ssrc, header.payload_type, payload.len()), (first.ssrc, 8, 160));
        assert_eq!(header.sequence, last.sequence.wrapping_add(1));
        // Sound may only be left out where the machine stood still, and then by whole packets.
        assert_eq!(header.timestamp.wrapping_sub(last.timestamp) % 160, 0);
        last = header;
    }
    let sound_ms = u64::from(last.timestamp.wrapping_sub(first.timestamp)) / 8;
    let passed_ms = began.elapsed().as_millis() as u64;
    assert!(sound_ms >= 1000 && passed_ms.abs_diff(sound_ms) <= 200, "{sound_ms} ms of music in {passed_ms} ms");

    floor.relay.bridge(caller.id, agent.id);
    agent.says(8, &[42; 160]);
    loop {
        let (header, payload) = caller.hears();
        assert_eq!((header.ssrc, header.sequence), (first.ssrc, last.sequence.wrapping_add(1)));
        assert!((header.timestamp.wrapping_sub(last.timestamp) as i32) > 0, "time never runs backwards");
        last = header;
        if payload == [42; 160] {
            break;
        }
    }
    // The music has ended: the next thing heard is what the agent says next.
    agent.says(8, &[43; 160]);
    assert_eq!(caller.hears_sound(), [43; 160]);
}

#[test]
fn two_parties_with_ipv6_hear_each_other() {
    let floor = floor_at("::1".parse().unwrap(), 32_460..=32_490, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcmu, 101));
    floor.relay.bridge(caller.id, agent.id);
    caller.says(8, &[0xD5; 160]);
    assert_eq!(agent.hears_sound().len(), 160);
    agent.says(0, &[0xFF; 160]);
    assert_eq!(caller.hears_sound().len(), 160);
}

#[test]
fn an_announcement_is_heard_once_from_its_beginning() {
    let floor = floor(32_500..=32_550, 1);
    let caller = floor.party(Codec::Pcmu, 101);
    let announcement: Arc<[i16]> = (0..400).map(|n| n * 10).collect();
    floor.relay.play(caller.id, announcement.clone(), false);
    let heard: Vec<u8> = (0..3).flat_map(|_| caller.hears_sound()).collect();
    let expected: Vec<u8> = announcement.iter().chain(&[0; 80]).map(|&sample| Codec::Pcmu.encode(sample)).collect();
    assert_eq!(heard, expected);
    floor.relay.close(caller.id);
    let sent = floor.event(|event| match event {
        RelayEvent::Closed { stats, .. } => Some(stats.sent),
        _ => None,
    });
    assert_eq!((sent.packets, sent.bytes), (3, 480), "nothing is played after the end");
}

#[test]
fn parties_with_different_laws_and_key_numbers_understand_each_other() {
    let floor = floor(32_600..=32_650, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcmu, 96));
    floor.relay.bridge(caller.id, agent.id);
    let said = Codec::Pcma.encode(8000);
    caller.says(8, &[said; 160]);
    let (header, payload) = agent.hears();
    assert_eq!((header.payload_type, payload), (0, vec![Codec::Pcmu.encode(Codec::Pcma.decode(said)); 160]));
    agent.says(96, &[5, 10, 0, 160]);
    let (header, payload) = caller.hears();
    assert_eq!((header.payload_type, payload), (101, vec![5, 10, 0, 160]));
}

#[test]
fn a_caller_whose_agent_is_gone_hears_music_again_in_the_same_stream() {
    let floor = floor(32_700..=32_750, 1);
    let (caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    agent.says(8, &[7; 160]);
    let (before, _) = caller.hears();
    floor.relay.close(agent.id);
    floor.relay.play_music(caller.id);
    let (after, _) = caller.hears();
    assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
}

#[test]
fn two_who_are_parted_and_joined_again_at_once_stay_joined() {
    let floor = floor(32_800..=32_850, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    let expert = floor.party(Codec::Pcma, 101);
    floor.relay.bridge(caller.id, agent.id);
    floor.relay.bridge(caller.id, expert.id);
    floor.relay.bridge(caller.id, agent.id);
    caller.says(8, &[1; 160]);
    assert_eq!(agent.hears_sound(), [1; 160]);
    agent.says(8, &[2; 160]);
    assert_eq!(caller.hears_sound(), [2; 160]);
}

#[test]
fn a_new_answer_moves_the_sound_to_another_phone() {
    let floor = floor(32_900..=32_950, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    agent.says(8, &[1; 160]);
    assert_eq!(caller.hears_sound(), [1; 160]);
    let second_phone = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    floor.relay.set_remote(agent.id, RemoteMedia { rtp: second_phone.local_addr().unwrap(), ..agent.media.clone() });
    agent.socket = second_phone;
    agent.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    agent.ssrc += 1;
    caller.says(8, &[2; 160]);
    assert_eq!(agent.hears_sound(), [2; 160]);
    agent.says(8, &[3; 160]);
    assert_eq!(caller.hears_sound(), [3; 160]);
}

#[test]
fn a_bridged_party_that_says_nothing_is_reported_once() {
    let floor = floor(33_000..=33_050, 1);
    let (caller, agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    let silent = |id| {
        floor.event(|event| match event {
            RelayEvent::Silent { id: silent, for_ms } if *silent == id => Some(*for_ms),
            _ => None,
        })
    };
    // They may come in either order, so the second is waited for only when the first has been found.
    let for_ms = floor.event(|event| match event {
        RelayEvent::Silent { id, for_ms } => Some((*id, *for_ms)),
        _ => None,
    });
    assert!(for_ms.1 >= 5000);
    let other = if for_ms.0 == caller.id { agent.id } else { caller.id };
    assert!(silent(other) >= 5000);
}

#[test]
fn a_closed_call_s_port_is_not_given_to_the_next_one() {
    let floor = floor(33_100..=33_103, 1);
    let (first, second) = (floor.relay.open().unwrap(), floor.relay.open().unwrap());
    assert_ne!(first.rtp_port, second.rtp_port);
    floor.relay.close(first.id);
    floor.event(|event| matches!(event, RelayEvent::Closed { id, .. } if *id == first.id).then_some(()));
    let error = floor.relay.open().unwrap_err();
    assert!(matches!(error, RelayError::Port(PortError::Exhausted { n_in_use: 1, n_resting: 1, .. })), "{error}");
}

#[test]
fn dropping_the_last_handle_stops_the_threads_and_frees_the_ports() {
    let floor = floor(33_200..=33_201, 2);
    let open = floor.relay.open().unwrap();
    drop(floor.relay);
    assert!(floor.events.recv_timeout(PATIENCE).is_err(), "the threads have let go of the events");
    UdpSocket::bind((LOOPBACK, open.rtp_port)).expect("the port is free");
}

#[test]
fn a_packet_costs_little_processor_time() {
    const N_PACKETS: u32 = 20_000;
    let floor = floor(33_300..=33_350, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    let before = floor.relay.processor_time();
    for _ in 0..N_PACKETS / 2 {
        caller.says(8, &[0x55; 160]);
        agent.hears();
        agent.says(8, &[0x55; 160]);
        caller.hears();
    }
    let used = floor.relay.processor_time() - before;
    let us_a_packet = used.as_secs_f64() * 1e6 / f64::from(N_PACKETS);
    println!("relay_us_per_packet {us_a_packet:.2} (one packet at a time, n {N_PACKETS})");
    assert!(us_a_packet > 0.1, "the time is measured at all");
    assert!(us_a_packet < 40.0, "{us_a_packet:.2} µs of processor time a packet");
}
