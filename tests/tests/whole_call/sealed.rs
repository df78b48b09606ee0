//! Callers whose sound is sealed (SRTP).

use std::time::Duration;

use shared::pii::SecretBytes;
use telephony_gateway::media::g711::Codec;
use telephony_gateway::media::music;
use telephony_gateway::media::rtp::HEADER_LEN;
use telephony_gateway::media::srtp::{Srtp, SrtpKeys, Suite};
use telephony_gateway::sip::sdp::{self, AudioSession};
use tests::carrier::message::{Message, Start};
use tests::gateway::{Gateway, PATIENCE, QUEUE_NUMBER};
use tokio::net::UdpSocket;

use crate::known_number;

/// A carrier with a socket for SIP and one for the sound of its one caller.
struct Carrier {
    sip: UdpSocket,
    sound: UdpSocket,
}

impl Carrier {
    async fn beside(gateway: &Gateway) -> Self {
        let host = gateway.carrier_host();
        Self { sip: UdpSocket::bind((host, 0)).await.unwrap(), sound: UdpSocket::bind((host, 0)).await.unwrap() }
    }

    /// Calls the queue with this protocol and these lines for the sound; the final answer.
    async fn calls(&self, gateway: &Gateway, protocol: &str, lines: &str) -> Message {
        let (to, from) = (gateway.sip_address(), self.sip.local_addr().unwrap());
        let (ip, port) = (from.ip(), self.sound.local_addr().unwrap().port());
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} {protocol} 8\r\n{lines}"
        );
        let invite = format!(
            "INVITE sip:{QUEUE_NUMBER}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{port}\r\nMax-Forwards: 70\r\n\
             From: <sip:{}@{from}>;tag=caller\r\nTo: <sip:{QUEUE_NUMBER}@{to}>\r\nCall-ID: sealed{port}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:{from}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            known_number(),
            sdp.len()
        );
        self.sip.send_to(invite.as_bytes(), to).await.unwrap();
        let mut datagram = vec![0; 65_536];
        loop {
            let received = tokio::time::timeout(PATIENCE, self.sip.recv(&mut datagram)).await;
            let len = received.expect("the gateway answers in time").unwrap();
            let answer = Message::parse(&datagram[..len]).unwrap();
            if matches!(answer.start, Start::Response { code: 200.., .. }) {
                return answer;
            }
        }
    }
}

fn code(answer: &Message) -> u16 {
    match answer.start {
        Start::Response { code, .. } => code,
        Start::Request { .. } => panic!("a request is no answer"),
    }
}

/// The key that the caller seals with, and as it stands in the description.
const KEY: [u8; 30] = [0x5A; 30];
const KEY_TOLD: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa";

#[tokio::test]
async fn a_caller_who_wants_it_sealed_waits_with_music_that_nobody_else_can_hear() {
    let gateway = Gateway::start().await;
    for (told, suite, of_relay) in [
        ("AES_CM_128_HMAC_SHA1_80", sdp::Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_80),
        ("AES_CM_128_HMAC_SHA1_32", sdp::Suite::AesCm128HmacSha1_32, Suite::AesCm128HmacSha1_32),
    ] {
        let carrier = Carrier::beside(&gateway).await;
        let answer =
            carrier.calls(&gateway, "RTP/SAVP", &format!("a=crypto:3 {told} inline:{KEY_TOLD}|2^31\r\n")).await;
        assert_eq!(code(&answer), 200);
        let session = AudioSession::parse(&answer.body).unwrap();
        let theirs = session.crypto.expect("a sealed answer");
        assert_eq!((session.secure, theirs.tag, theirs.suite), (true, 3, suite));
        assert_ne!(theirs.key.expose(), KEY, "a key of its own");

        let keys = SrtpKeys { suite: of_relay, ours: SecretBytes::new(KEY), theirs: theirs.key };
        let mut srtp = Srtp::new(keys).unwrap();
        let (music, mut heard, mut first) = (music::on_hold(), 0, None);
        while heard < 50 {
            let mut datagram = [0; 2000];
            let received = tokio::time::timeout(PATIENCE, carrier.sound.recv(&mut datagram)).await;
            let len = received.expect("sound comes in time").unwrap();
            let timestamp = u32::from_be_bytes(datagram[4..8].try_into().unwrap());
            let len = srtp.open(&mut datagram[..len]).expect("it is sealed with the key that was told");
            let at = timestamp.wrapping_sub(*first.get_or_insert(timestamp)) as usize % music.len();
            let expected: Vec<u8> = music[at..at + 160].iter().map(|&sample| Codec::Pcma.encode(sample)).collect();
            assert_eq!(datagram[HEADER_LEN..len], expected, "at sample {at}");
            heard += 1;
        }
    }
}

#[tokio::test]
async fn a_caller_with_no_key_that_we_can_use_is_refused_and_not_answered_in_the_open() {
    let gateway = Gateway::start().await;
    for lines in [
        "",
        "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:WlpaWlpa\r\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WlpaWlpa\r\n",
    ] {
        let carrier = Carrier::beside(&gateway).await;
        assert_eq!(code(&carrier.calls(&gateway, "RTP/SAVP", lines).await), 488, "{lines}");
        let heard = tokio::time::timeout(Duration::from_millis(100), carrier.sound.recv(&mut [0; 2000])).await;
        assert!(heard.is_err(), "nothing is said to it");
    }
}
