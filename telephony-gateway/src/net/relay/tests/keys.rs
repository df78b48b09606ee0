//! Keys of telephones, and sound that is sealed.

use shared::pii::SecretBytes;

use super::*;
use crate::media::{dtmf::Keys, rtp::HEADER_LEN, srtp::Srtp};

impl Floor {
    fn digit(&self) -> (PortId, char) {
        self.event(|event| match event {
            RelayEvent::Digit { id, digit } => Some((*id, *digit)),
            _ => None,
        })
    }
}

impl Party {
    /// A press as telephones tell it: growing, and with its end said three times.
    fn presses(&mut self, payload_type: u8, event: u8) {
        self.sequence += 1;
        let timestamp = u32::from(self.sequence) * 160;
        for n in 0..7_u16 {
            let duration = (160 * (n + 1)).min(640).to_be_bytes();
            let end = if n < 4 { 0 } else { 0x80 };
            let sequence = self.sequence + n;
            let header = Header { payload_type, marker: n == 0, sequence, timestamp, ssrc: self.ssrc };
            let datagram = [&header.to_bytes()[..], &[event, end | 10], &duration].concat();
            self.socket.send_to(&datagram, self.relay).unwrap();
        }
        self.sequence += 7;
    }
}

#[test]
fn a_key_is_told_once_and_reaches_the_other_party_under_its_own_number() {
    let floor = floor(34_000..=34_040, 1);
    let (mut caller, agent) = (floor.party(Codec::Pcma, 96), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    let mut keys = Keys::default();
    for (event, digit) in [(5, '5'), (5, '5'), (11, '#')] {
        caller.presses(96, event);
        let mut read = String::new();
        for n in 0..7 {
            let (header, payload) = agent.hears();
            assert_eq!((header.payload_type, header.marker, payload[0]), (101, n == 0, event));
            read.extend(keys.hear(header, &payload, shared::time::Moment::at_ms(0)));
        }
        assert_eq!(read, digit.to_string(), "the other end can read it");
        assert_eq!(floor.digit(), (caller.id, digit));
    }
    floor.relay.close(caller.id);
    // Whatever else had been told as a digit would come before this.
    floor.event(|event| match event {
        RelayEvent::Digit { .. } => panic!("a key was told twice"),
        RelayEvent::Closed { .. } => Some(()),
        _ => None,
    });
}

#[test]
fn a_key_pressed_while_nobody_listens_is_told_too() {
    let floor = floor(34_050..=34_090, 1);
    let mut caller = floor.party(Codec::Pcma, 101);
    caller.presses(101, 9);
    assert_eq!(floor.digit(), (caller.id, '9'));
    floor.relay.play_music(caller.id);
    caller.presses(101, 1);
    assert_eq!(floor.digit(), (caller.id, '1'));
}

#[test]
fn digits_sent_to_a_voice_menu_stand_in_the_place_of_the_operator_s_voice() {
    let floor = floor(34_100..=34_140, 2);
    let (mut agent, menu) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 96));
    floor.relay.bridge(agent.id, menu.id);
    floor.relay.send_digits(menu.id, "7#A0");
    let mut keys = Keys::default();
    let (mut read, mut last) = (String::new(), None);
    for n in 0..4 * 8 {
        let (header, payload) = menu.hears();
        agent.says(8, &[1; 160]);
        assert_eq!((header.payload_type, payload.len()), (96, 4), "packet {n}");
        assert!(last.is_none_or(|last: Header| header.sequence == last.sequence.wrapping_add(1)));
        read.extend(keys.hear(header, &payload, shared::time::Moment::at_ms(n * 20)));
        last = Some(header);
    }
    assert_eq!(read, "7#A0");
    let last = last.unwrap();
    // Then the operator's voice again, in the same stream.
    menu.socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut datagram = [0; 400];
    while menu.socket.recv_from(&mut datagram).is_err() {
        agent.says(8, &[1; 160]);
    }
    let voice = rtp::parse(&datagram[..172]).unwrap();
    assert_eq!((voice.header.payload_type, voice.payload), (8, &[1; 160][..]));
    assert_eq!((voice.header.ssrc, voice.header.sequence), (last.ssrc, last.sequence.wrapping_add(1)));
}

/// A telephone that seals what it says.
struct Sealing {
    party: Party,
    srtp: Srtp,
}

impl Floor {
    fn sealing_party(&self, suite: Suite) -> Sealing {
        let party = self.party(Codec::Pcma, 101);
        let (ours, theirs) = (SecretBytes::new([1; 30]), SecretBytes::new([2; 30]));
        let keys = SrtpKeys { suite, ours: ours.clone(), theirs: theirs.clone() };
        self.relay.set_remote(party.id, RemoteMedia { keys: Some(keys), ..party.media.clone() });
        Sealing { party, srtp: Srtp::new(SrtpKeys { suite, ours: theirs, theirs: ours }).unwrap() }
    }
}

impl Sealing {
    fn sealed(&mut self, payload: &[u8]) -> Vec<u8> {
        self.party.sequence += 1;
        let Party { sequence, ssrc, .. } = self.party;
        let header = Header { payload_type: 8, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc };
        let mut packet = [&header.to_bytes()[..], payload, &[0; 10]].concat();
        let len = self.srtp.seal(&mut packet, HEADER_LEN + payload.len()).unwrap();
        packet.truncate(len);
        packet
    }

    fn sends(&self, datagram: &[u8]) {
        self.party.socket.send_to(datagram, self.party.relay).unwrap();
    }

    fn hears(&mut self) -> Vec<u8> {
        let mut datagram = [0; 2000];
        let (len, _) = self.party.socket.recv_from(&mut datagram).expect("something is heard in time");
        let len = self.srtp.open(&mut datagram[..len]).expect("it is sealed with the right key");
        datagram[HEADER_LEN..len].to_vec()
    }
}

#[test]
fn a_sealed_talk_is_heard_both_ways_and_a_touched_packet_is_dropped() {
    for (n, suite) in [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32].into_iter().enumerate() {
        let floor = floor(34_150 + n as u16 * 50..=34_190 + n as u16 * 50, 1);
        let (mut caller, mut agent) = (floor.sealing_party(suite), floor.party(Codec::Pcma, 101));
        floor.relay.bridge(caller.party.id, agent.id);
        for n in 1..50 {
            let datagram = caller.sealed(&[n; 160]);
            let mut touched = datagram.clone();
            touched[40] ^= 0x10;
            caller.sends(&touched);
            caller.sends(&datagram);
            caller.sends(&datagram);
            assert_eq!(agent.hears_sound(), [n; 160], "neither the touched one nor the one before again");
            agent.says(8, &[n + 100; 160]);
            assert_eq!(caller.hears(), [n + 100; 160]);
        }
        floor.relay.close(caller.party.id);
        let received = floor.event(|event| match event {
            RelayEvent::Closed { stats, .. } => Some(stats.received),
            _ => None,
        });
        assert_eq!((received.packets, received.refused, received.lost), (49, 98, 0));
    }
}

#[test]
fn whoever_has_no_key_draws_no_sealed_talk_to_himself_even_when_he_is_first() {
    let floor = floor(34_250..=34_290, 1);
    let (mut caller, mut agent) = (floor.sealing_party(Suite::AesCm128HmacSha1_80), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.party.id, agent.id);
    // From the same host, in plain RTP and with a seal of his own, before the caller has said a word.
    let mut stranger = floor.party(Codec::Pcma, 101);
    (stranger.relay, stranger.ssrc) = (caller.party.relay, caller.party.ssrc);
    stranger.says(8, &[66; 160]);
    stranger.says(8, &[66; 170]);
    agent.says(8, &[1; 160]);
    assert_eq!(caller.hears(), [1; 160], "the talk goes where signalling said");
    let datagram = caller.sealed(&[2; 160]);
    caller.sends(&datagram);
    assert_eq!(agent.hears_sound(), [2; 160]);
    stranger.socket.send_to(&datagram, stranger.relay).unwrap();
    let datagram = caller.sealed(&[3; 160]);
    caller.sends(&datagram);
    assert_eq!(agent.hears_sound(), [3; 160], "a packet that the stranger repeats is not heard");
    stranger.socket.set_nonblocking(true).unwrap();
    assert!(stranger.socket.recv(&mut [0; 400]).is_err(), "the stranger hears nothing");
}
