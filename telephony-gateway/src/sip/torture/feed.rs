//! Any bytes into each door, one function a door, to be called with anything at all. None of them may panic, and each
//! judges what it finds by asserting it, so that a fuzzer and the tests ask the same questions.

use std::net::SocketAddr;

use shared::time::Moment;
use shared::wire::ClientFrame;

use super::super::headers::Name;
use super::super::headers::{KNOWN, list};
use super::super::message::{Message, ReplyHead, Writer};
use super::super::sdp::{self, AudioSession, Codec, Direction, Ours};
use super::super::stream::{Frame, Splitter, StreamError};
use super::super::{Event, Flow, Stack, StackConfig, Transport, Trunk};

/// What a challenge may be larger than the question was, times.
const CHALLENGE_GROWS: usize = 3;
/// The longest message that a connection may carry.
const LONGEST: usize = 65_535;

const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10)), 5060);
const TRUNK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5060);
const STRANGER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 66)), 5060);

/// The reader: what is read and written again is read as the same.
pub fn fuzz_message(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let whole = message.core().is_ok() && message.fault.is_none();
    let _ = message.description();
    let head = ReplyHead::of(&message, STRANGER);
    if whole {
        assert!(head.is_some(), "who can be read can be answered");
        assert_same(&message, &written_again(&message));
    }
}

/// The same message in our own hand: one line for each header that we know, under its full name.
fn written_again(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = if message.is_request() {
        Writer::request(&mut out, &String::from_utf8_lossy(message.method_text()), message.request_uri())
    } else {
        Writer::response(&mut out, message.code())
    };
    for (name, ..) in KNOWN.iter().filter(|(name, ..)| *name != Name::ContentLength) {
        for value in message.all(*name) {
            writer.header(*name, value);
        }
    }
    writer.header_fmt(Name::ContentLength, format_args!("{}", message.body().len())).lines(b"\r\n");
    writer.lines(message.body());
    out
}

fn assert_same(message: &Message<'_>, again: &[u8]) {
    let again = Message::parse(again).expect("what we write can be read");
    assert_eq!(again.fault, None);
    assert_eq!(
        (again.method_text(), again.request_uri(), again.code(), again.body()),
        (message.method_text(), message.request_uri(), message.code(), message.body())
    );
    for (name, ..) in KNOWN.iter().filter(|(name, ..)| *name != Name::ContentLength) {
        assert!(again.all(*name).eq(message.all(*name)), "{} has changed", name.as_str());
    }
    assert!(again.core().is_ok());
}

/// A whole stack that hears one datagram, from a stranger and from a trunk.
pub fn fuzz_stack(bytes: &[u8]) {
    let mut stack = stack_with_trunk();
    let sent = heard(&mut stack, STRANGER, bytes);
    assert!(sent.len() <= 1 && stack.n_remembered() == 0, "a stranger gets one answer at most, and leaves nothing");
    for answer in &sent {
        let grows = if matches!(code_of(answer), 401 | 407) { CHALLENGE_GROWS } else { 1 };
        assert!(answer.len() <= grows * bytes.len(), "{} bytes for {}", answer.len(), bytes.len());
    }
    assert!(!std::iter::from_fn(|| stack.poll_event()).any(|event| matches!(event, Event::Invited { .. })));

    let sent = heard(&mut stack, TRUNK, bytes);
    assert!(sent.len() <= 1 && stack.n_remembered() <= 2);
    for answer in &sent {
        // Tag, received, rport, Allow and Server: a trunk's answer may have them, and nothing that grows.
        assert!(answer.len() <= bytes.len() + 400, "{} bytes for {}", answer.len(), bytes.len());
    }
}

fn stack_with_trunk() -> Stack {
    let (name, sources, transport) = ("carrier".into(), vec![TRUNK.ip().into()], Transport::Udp);
    let trunk =
        Trunk { name, sources, address: None, transport, options_every: None, trusted: true, ..Trunk::default() };
    Stack::new(StackConfig { trunks: vec![trunk], ..StackConfig::default() }, [5; 32])
}

/// What goes out when this comes in; all of it goes back where it came from, and can be read.
fn heard(stack: &mut Stack, from: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
    let flow = Flow { transport: Transport::Udp, local: GATEWAY, remote: from, connection: 0 };
    stack.receive(&flow, bytes, Moment::at_ms(1));
    let mut sent = Vec::new();
    while let Some(transmit) = stack.poll_transmit() {
        assert_eq!(transmit.flow.remote.ip(), from.ip(), "nothing goes to somebody else");
        let answer = Message::parse(&transmit.bytes).expect("our answer can be read");
        assert!(!answer.is_request() && answer.fault.is_none(), "our answer is whole");
        sent.push(transmit.bytes.to_vec());
    }
    sent
}

fn code_of(answer: &[u8]) -> u16 {
    answer.get(8..11).and_then(list::number).unwrap_or_default()
}

/// A TCP connection: the first byte says how the rest is cut. However it is, the same messages come out, and each is as
/// long as its own Content-Length says.
pub fn fuzz_stream(bytes: &[u8]) {
    let Some((&step, bytes)) = bytes.split_first() else { return };
    let whole = frames(bytes, bytes.len().max(1), LONGEST);
    assert_eq!(frames(bytes, usize::from(step).max(1), LONGEST), whole, "cut after {step} bytes");
    for frame in &whole.0 {
        let Frame::Message(frame) = frame else { continue };
        let Ok(message) = Message::parse(frame) else { continue };
        if message.fault.is_none() {
            assert!(frame.ends_with(message.body()));
            let torn = Message::parse(&frame[..frame.len() - 1]).ok().and_then(|torn| torn.fault);
            assert!(torn.is_some(), "the splitter and the reader agree on where it ends");
        }
    }
}

/// What a connection's bytes are cut into when they come in pieces of this size, and why the cutting ended early.
pub fn frames(bytes: &[u8], step: usize, longest: usize) -> (Vec<Frame>, Option<StreamError>) {
    let mut splitter = Splitter::new(longest);
    let mut out = Vec::new();
    for piece in bytes.chunks(step) {
        splitter.push(piece);
        loop {
            match splitter.next_frame() {
                Ok(Some(frame)) => out.push(frame),
                Ok(None) => break,
                Err(error) => return (out, Some(error)),
            }
        }
    }
    (out, None)
}

/// A description, alone and as part of a body whose type stands in the first line.
pub fn fuzz_sdp(bytes: &[u8]) {
    let line = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (kind, body) = (String::from_utf8_lossy(&bytes[..line]), bytes.get(line + 1..).unwrap_or_default());
    if let Ok(Some(part)) = sdp::find_description(Some(kind.trim()), body) {
        assert!(part.len() <= body.len());
        answer_description(part);
    }
    answer_description(bytes);
}

fn answer_description(description: &[u8]) {
    let Ok(theirs) = AudioSession::parse(description) else { return };
    let (address, direction) = (SocketAddr::new(GATEWAY.ip(), 4000), Direction::SendRecv);
    let ours = Ours { address, codecs: &Codec::ALL, direction, session_id: 1, version: 1, key: None };
    let Ok(answer) = sdp::answer(&theirs, &ours) else { return };
    assert!(answer.len() <= description.len() + 400, "an answer does not grow");
    let n_streams = |text: &[u8]| text.split(|b| *b == b'\n').filter(|line| line.starts_with(b"m=")).count();
    assert_eq!(n_streams(&answer), n_streams(description), "each stream has its answer (RFC 3264 §6)");
    let read = AudioSession::parse(&answer).expect("our answer can be read");
    assert_eq!((read.codecs.len(), read.address), (1, address));
}

/// A frame of the control socket. What was understood is the same when it is written and read again.
pub fn fuzz_client_frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match serde_json::from_str::<ClientFrame>(text) {
        Ok(frame) => {
            let written = serde_json::to_string(&frame).expect("a frame can be written");
            let again: ClientFrame = serde_json::from_str(&written).expect("what we write can be read");
            assert_eq!(written, serde_json::to_string(&again).expect("a frame can be written"));
        }
        Err(error) => assert!(!error.to_string().is_empty(), "what is refused is named"),
    }
}
