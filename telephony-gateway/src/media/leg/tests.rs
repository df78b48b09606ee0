use shared::pii::SecretBytes;

use super::super::srtp::{Srtp, Suite};
use super::*;

const CALLER: &str = "192.0.2.1:4000";
const AGENT: &str = "192.0.2.2:5000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn media(rtp: &str, payload: Codec) -> RemoteMedia {
    RemoteMedia { rtp: address(rtp), payload, telephone_event: Some(101), receiving: true, sending: true, keys: None }
}

fn leg(media: RemoteMedia) -> Leg {
    let mut leg = Leg::new(Outgoing::new(1, 0, 0));
    leg.set_remote(media);
    leg
}

fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header { payload_type, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc: 0xCA11 };
    [&header.to_bytes()[..], payload].concat()
}

/// What arrives at the agent when the caller sends this.
fn relayed(caller: &mut Leg, agent: &mut Leg, datagram: &[u8]) -> Option<Vec<u8>> {
    let mut datagram = datagram.to_vec();
    let heard = caller.receive(&mut datagram, address(CALLER), Moment::at_ms(0))?;
    let mut out = [0; 400];
    let (len, to) = agent.forward(&heard, Moment::at_ms(0), &mut out)?;
    assert_eq!(to, address(AGENT));
    Some(out[..len].to_vec())
}

#[test]
fn a_caller_in_one_law_is_understood_by_an_agent_in_the_other() {
    let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(media(AGENT, Codec::Pcmu)));
    let said: Vec<i16> = (-80..80).map(|n| n * 300).collect();
    let in_a: Vec<u8> = said.iter().map(|&sample| Codec::Pcma.encode(sample)).collect();
    let arrived = relayed(&mut caller, &mut agent, &packet(8, 1, &in_a)).unwrap();
    let arrived = rtp::parse(&arrived).unwrap();
    assert_eq!(arrived.header.payload_type, 0);
    for (&said, &byte) in said.iter().zip(arrived.payload) {
        let heard = i32::from(Codec::Pcmu.decode(byte));
        assert!((i32::from(said) - heard).abs() <= i32::from(said).abs() / 12 + 20, "{said} became {heard}");
    }
}

#[test]
fn keys_reach_the_agent_under_the_agent_s_own_payload_type() {
    let mut caller = leg(RemoteMedia { telephone_event: Some(96), ..media(CALLER, Codec::Pcma) });
    let mut agent = leg(media(AGENT, Codec::Pcma));
    let arrived = relayed(&mut caller, &mut agent, &packet(96, 1, &[5, 10, 0, 160])).unwrap();
    let arrived = rtp::parse(&arrived).unwrap();
    assert_eq!((arrived.header.payload_type, arrived.payload), (101, &[5, 10, 0, 160][..]));

    agent.set_remote(RemoteMedia { telephone_event: None, ..media(AGENT, Codec::Pcma) });
    assert_eq!(relayed(&mut caller, &mut agent, &packet(96, 2, &[5, 10, 0, 160])), None);
}

#[test]
fn a_party_on_hold_is_neither_heard_nor_spoken_to() {
    let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(media(AGENT, Codec::Pcma)));
    agent.set_remote(RemoteMedia { receiving: false, ..media(AGENT, Codec::Pcma) });
    assert_eq!(relayed(&mut caller, &mut agent, &packet(8, 1, &[0xD5; 160])), None);
    agent.set_remote(media("0.0.0.0:5000", Codec::Pcma));
    assert_eq!(relayed(&mut caller, &mut agent, &packet(8, 2, &[0xD5; 160])), None);
    caller.set_remote(RemoteMedia { sending: false, ..media(CALLER, Codec::Pcma) });
    assert_eq!(caller.receive(&mut packet(8, 3, &[0xD5; 160]), address(CALLER), Moment::at_ms(0)), None);
}

#[test]
fn only_the_party_s_own_sound_is_counted_as_heard() {
    let mut caller = leg(media(CALLER, Codec::Pcma));
    let mut hears =
        |datagram: &[u8], from| caller.receive(&mut datagram.to_vec(), address(from), Moment::at_ms(0)).is_some();
    assert!(hears(&packet(8, 1, &[0xD5; 160]), CALLER));
    assert!(!hears(&packet(8, 2, &[0xD5; 160]), "203.0.113.9:4000"), "a stranger");
    assert!(!hears(&packet(18, 2, &[1; 20]), CALLER), "a codec nobody agreed on");
    assert!(!hears(&packet(8, 2, &[]), CALLER), "no sound");
    assert!(!hears(b"\x80\x08", CALLER), "torn");
    let received = caller.stats().received;
    assert_eq!((received.packets, received.bytes, received.lost, received.refused), (1, 160, 0, 4));
}

#[test]
fn a_silent_party_is_noticed_once_and_again_after_it_has_spoken() {
    let mut caller = leg(media(CALLER, Codec::Pcma));
    let silent = |caller: &mut Leg, ms| caller.notice_silence(Moment::at_ms(ms)).map(|d| d.as_millis());
    assert_eq!(silent(&mut caller, 60_000), None, "nobody waits for it yet");
    caller.await_sound(Moment::at_ms(60_000));
    assert_eq!([64_999, 65_000, 66_000].map(|ms| silent(&mut caller, ms)), [None, Some(5000), None]);
    caller.receive(&mut packet(8, 1, &[0xD5; 160]), address(CALLER), Moment::at_ms(70_000));
    assert_eq!([74_000, 75_000].map(|ms| silent(&mut caller, ms)), [None, Some(5000)]);
}

#[test]
fn a_party_on_hold_may_be_silent() {
    let mut caller = leg(RemoteMedia { sending: false, ..media(CALLER, Codec::Pcma) });
    caller.await_sound(Moment::at_ms(0));
    assert_eq!(caller.notice_silence(Moment::at_ms(60_000)), None);
    caller.set_remote(media(CALLER, Codec::Pcma));
    assert_eq!(caller.notice_silence(Moment::at_ms(64_000)), None);
    assert!(caller.notice_silence(Moment::at_ms(65_000)).is_some());
}

#[test]
fn a_muted_party_is_heard_as_silence_that_goes_on_without_a_hole() {
    let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(media(AGENT, Codec::Pcmu)));
    let mut hears = |caller: &mut Leg, sequence| {
        let arrived = relayed(caller, &mut agent, &packet(8, sequence, &[0x11; 160])).unwrap();
        let arrived = rtp::parse(&arrived).unwrap();
        (arrived.header.sequence, arrived.header.timestamp, arrived.payload.to_vec())
    };
    let (sequence, timestamp, spoken) = hears(&mut caller, 1);
    caller.set_muted(true);
    // A change of its address does not unmute it.
    caller.set_remote(media(CALLER, Codec::Pcma));
    for n in 1..=3 {
        let silent = (sequence + n, timestamp + 160 * u32::from(n), vec![Codec::Pcmu.encode(0); 160]);
        let heard = hears(&mut caller, 1 + n);
        assert_eq!((heard.0, heard.1), (silent.0, silent.1));
        assert!(heard.2.iter().all(|&byte| Codec::Pcmu.decode(byte).unsigned_abs() <= 8), "{:?}", heard.2);
    }
    caller.set_muted(false);
    assert_eq!(hears(&mut caller, 5), (sequence + 4, timestamp + 640, spoken));
}

#[test]
fn a_muted_party_may_be_silent() {
    let mut caller = leg(media(CALLER, Codec::Pcma));
    caller.await_sound(Moment::at_ms(0));
    caller.set_muted(true);
    assert_eq!(caller.notice_silence(Moment::at_ms(60_000)), None);
    caller.set_muted(false);
    assert_eq!(caller.notice_silence(Moment::at_ms(64_000)), None);
    assert!(caller.notice_silence(Moment::at_ms(65_000)).is_some());
}

#[test]
fn keys_typed_at_a_party_stand_in_the_place_of_sound_in_the_same_stream() {
    let mut menu = leg(RemoteMedia { telephone_event: Some(96), ..media(AGENT, Codec::Pcma) });
    let mut caller = leg(media(CALLER, Codec::Pcma));
    let before = relayed(&mut caller, &mut menu, &packet(8, 1, &[1; 160])).unwrap();
    let before = rtp::parse(&before).unwrap().header;
    assert!(menu.type_keys("4", Moment::at_ms(20)));
    assert_eq!(relayed(&mut caller, &mut menu, &packet(8, 2, &[1; 160])), None, "no sound beside a key");
    let mut strokes = Vec::new();
    for ms in 20..400 {
        while menu.next_key_due_us().is_some_and(|due_us| due_us <= ms * 1000) {
            let mut out = [0; 400];
            let (len, to) = menu.press_due(Moment::at_ms(ms), &mut out).unwrap();
            assert_eq!((len, to), (HEADER_LEN + 4, address(AGENT)));
            strokes.push((rtp::parse(&out[..len]).unwrap().header, out[HEADER_LEN]));
        }
    }
    assert_eq!(strokes.len(), 8);
    for (n, (header, event)) in strokes.iter().enumerate() {
        assert_eq!((header.payload_type, *event, header.ssrc), (96, 4, before.ssrc));
        assert_eq!(header.sequence, before.sequence.wrapping_add(1 + n as u16));
        assert_eq!(header.timestamp, before.timestamp.wrapping_add(160));
    }
    let after = relayed(&mut caller, &mut menu, &packet(8, 3, &[1; 160])).unwrap();
    assert_eq!(rtp::parse(&after).unwrap().header.sequence, before.sequence.wrapping_add(9));
}

#[test]
fn a_party_that_takes_no_keys_is_typed_none() {
    let mut menu = leg(RemoteMedia { telephone_event: None, ..media(AGENT, Codec::Pcma) });
    assert!(!menu.type_keys("4", Moment::at_ms(0)));
    assert_eq!(menu.next_key_due_us(), None);
}

fn sealed_media(rtp: &str) -> RemoteMedia {
    let keys = SrtpKeys {
        suite: Suite::AesCm128HmacSha1_80,
        ours: SecretBytes::new([1; 30]),
        theirs: SecretBytes::new([2; 30]),
    };
    RemoteMedia { keys: Some(keys), ..media(rtp, Codec::Pcma) }
}

/// A telephone that seals with the other half of the keys.
fn telephone() -> Srtp {
    let SrtpKeys { suite, ours, theirs } = sealed_media(CALLER).keys.unwrap();
    Srtp::new(SrtpKeys { suite, ours: theirs, theirs: ours }).unwrap()
}

fn sealed(by: &mut Srtp, sequence: u16) -> Vec<u8> {
    let mut packet = packet(8, sequence, &[0x55; 160]);
    let len = packet.len();
    packet.resize(len + 10, 0);
    let len = by.seal(&mut packet, len).unwrap();
    packet.truncate(len);
    packet
}

#[test]
fn without_the_key_nobody_is_heard_and_no_address_is_learned() {
    let (mut caller, mut telephone) = (leg(sealed_media(CALLER)), telephone());
    let mut hears = |datagram: &[u8], from| {
        let mut datagram = datagram.to_vec();
        caller.receive(&mut datagram, address(from), Moment::at_ms(0)).map(|heard| heard.payload.to_vec())
    };
    let mut touched = sealed(&mut telephone, 1);
    touched[20] ^= 1;
    // A neighbour would be let in if it spoke first, and drew the talk to itself.
    assert_eq!(hears(&touched, "192.0.2.1:31337"), None);
    assert_eq!(hears(&packet(8, 1, &[0x55; 160]), "192.0.2.1:31337"), None, "in plain RTP");
    let authentic = sealed(&mut telephone, 2);
    assert_eq!(hears(&authentic, CALLER), Some(vec![0x55; 160]));
    assert_eq!(hears(&authentic, CALLER), None, "replayed");
    assert_eq!(hears(&sealed(&mut telephone, 3), "203.0.113.9:4000"), None, "an authentic packet from far away");
    let received = caller.stats().received;
    assert_eq!((received.packets, received.refused), (1, 4));
    let mut out = [0; 400];
    let (len, to) = caller
        .play(
            &Piece { header: Header { sequence: 1, ..heard_header() }, samples: [0; 160] },
            Moment::at_ms(0),
            &mut out,
        )
        .unwrap();
    assert_eq!((len, to), (HEADER_LEN + 170, address(CALLER)));
}

fn heard_header() -> Header {
    Header { payload_type: 8, marker: false, sequence: 0, timestamp: 0, ssrc: 0 }
}

#[test]
fn what_a_party_with_keys_hears_is_sealed() {
    let (mut caller, mut agent) = (leg(media(CALLER, Codec::Pcma)), leg(sealed_media(AGENT)));
    let mut telephone = telephone();
    for sequence in 1..5 {
        let mut arrived = relayed(&mut caller, &mut agent, &packet(8, sequence, &[0x11; 160])).unwrap();
        assert_ne!(arrived[HEADER_LEN..HEADER_LEN + 160], [0x11; 160]);
        let len = telephone.open(&mut arrived).unwrap();
        assert_eq!(arrived[HEADER_LEN..len], [0x11; 160]);
    }
}
