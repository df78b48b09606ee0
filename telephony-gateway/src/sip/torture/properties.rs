//! Bytes of our own making for each of the doors in `feed`: noise, and good messages with something done to them.
//!
//! A run is short; `TORTURE_CASES` says how many cases each property tries instead (a million takes a minute).

use proptest::prelude::*;
use proptest::sample::Index;

use super::feed::{fuzz_client_frame, fuzz_message, fuzz_sdp, fuzz_stack, fuzz_stream};
use super::golden;
use super::street::talk;

fn cases(quick: u32) -> ProptestConfig {
    let cases = std::env::var("TORTURE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(quick);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// What is done to a good message.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Cut(Index),
    Drop(Index, usize),
    Insert(Index, Vec<u8>),
    /// A piece of another message.
    Splice(Index, Index, Index, usize),
    /// A header line once more, as it is or somewhere else.
    Double(Index, Index),
    /// The n-th number becomes another.
    Number(Index, &'static str),
    /// The n-th line ends differently.
    LineEnd(Index, &'static [u8]),
}

const NUMBERS: &[&str] = &[
    "",
    "0",
    "-1",
    "00",
    "1e9",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "0x7f",
    "+1",
    " 1",
];
const LINE_ENDS: &[&[u8]] =
    &[b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"", b"\r\n ", b"\r\n\t", b"\0", b"\r\n\0"];
/// Pieces that mean something where they are put.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"@",
    b"?",
    b"%",
    b"%00",
    b"\xff\xfe",
    b"\xd0",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"SIP/2.0",
    b";tag=x",
    b"Content-Length: 5\r\n",
    b"l:0\r\n",
    b"v:SIP/2.0/UDP h\r\n",
    b"\r\n\r\n",
    b"*",
    b"[",
    b"]",
    b"[::1]",
];

fn harm() -> impl Strategy<Value = Harm> {
    use any as a;
    prop_oneof![
        (a::<Index>(), a::<u8>()).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        a::<Index>().prop_map(Harm::Cut),
        (a::<Index>(), 1usize..40).prop_map(|(at, n)| Harm::Drop(at, n)),
        (a::<Index>(), proptest::collection::vec(a::<u8>(), 1..20)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (a::<Index>(), a::<Index>()).prop_map(|(at, word)| Harm::Insert(at, word.get(WORDS).to_vec())),
        (a::<Index>(), a::<Index>(), a::<Index>(), 1usize..200)
            .prop_map(|(at, of, from, n)| Harm::Splice(at, of, from, n)),
        (a::<Index>(), a::<Index>()).prop_map(|(line, at)| Harm::Double(line, at)),
        (a::<Index>(), a::<Index>()).prop_map(|(at, number)| Harm::Number(at, number.get::<&'static str>(NUMBERS))),
        (a::<Index>(), a::<Index>()).prop_map(|(at, end)| Harm::LineEnd(at, end.get::<&'static [u8]>(LINE_ENDS))),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm], others: &[Vec<u8>]) -> Vec<u8> {
    for harm in harms {
        if bytes.is_empty() {
            return bytes;
        }
        let length = bytes.len();
        match harm {
            Harm::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Harm::Cut(at) => bytes.truncate(at.index(length)),
            Harm::Drop(at, n) => {
                let at = at.index(length);
                bytes.drain(at..(at + n).min(length));
            }
            Harm::Insert(at, piece) => put(&mut bytes, at.index(length), 0, piece),
            Harm::Splice(at, of, from, n) => {
                let other = of.get(others);
                let from = from.index(other.len());
                put(&mut bytes, at.index(length), *n, &other[from..(from + n).min(other.len())]);
            }
            Harm::Double(line, at) => {
                let starts = line_starts(&bytes);
                let (from, at) = (*line.get(&starts), *at.get(&starts));
                let end = bytes[from..].iter().position(|b| *b == b'\n').map_or(length, |end| from + end + 1);
                let line = bytes[from..end].to_vec();
                put(&mut bytes, at, 0, &line);
            }
            Harm::Number(at, number) => {
                let starts = |at: &usize| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[at - 1].is_ascii_digit());
                let numbers: Vec<usize> = (0..length).filter(starts).collect();
                if !numbers.is_empty() {
                    let at = *at.get(&numbers);
                    let n = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                    put(&mut bytes, at, n, number.as_bytes());
                }
            }
            Harm::LineEnd(at, end) => {
                let ends: Vec<usize> = (1..length).filter(|at| bytes[*at] == b'\n').collect();
                if !ends.is_empty() {
                    put(&mut bytes, at.get(&ends) - 1, 2, end);
                }
            }
        }
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, at: usize, instead_of: usize, piece: &[u8]) {
    let end = (at + instead_of).min(bytes.len());
    bytes.splice(at..end, piece.iter().copied());
}

fn line_starts(bytes: &[u8]) -> Vec<usize> {
    std::iter::once(0).chain((1..bytes.len()).filter(|at| bytes[at - 1] == b'\n')).collect()
}

/// One of `good`, with up to four harms done to it.
fn mutated(good: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (any::<Index>(), proptest::collection::vec(harm(), 0..5))
        .prop_map(move |(which, harms)| harmed(which.get(&good).clone(), &harms, &good))
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..30),
        any::<Index>().prop_map(|word| word.get(WORDS).to_vec()),
        any::<Index>().prop_map(|number| number.get(NUMBERS).as_bytes().to_vec()),
        any::<Index>().prop_map(|end| end.get(LINE_ENDS).to_vec()),
    ];
    proptest::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn a_message_with_anything_done_to_it_is_read_or_refused(
        bytes in prop_oneof![4 => mutated(golden::messages()), 1 => noise()]
    ) {
        fuzz_message(&bytes);
        fuzz_stack(&bytes);
    }

    #[test]
    fn a_connection_gives_the_same_messages_however_it_is_cut(
        step in 1u8..=255,
        messages in proptest::collection::vec(mutated(golden::messages()), 1..4),
        between in prop_oneof![Just(&b""[..]), Just(&b"\r\n"[..]), Just(&b"\r\n\r\n"[..]), Just(&b"\n\r\n\r"[..])],
    ) {
        fuzz_stream(&[vec![step], messages.join(between)].concat());
    }

    #[test]
    fn a_description_with_anything_done_to_it_is_answered_or_refused(bytes in mutated(descriptions())) {
        fuzz_sdp(&bytes);
    }

    #[test]
    fn a_frame_of_a_desk_is_understood_or_refused(bytes in mutated(frames())) {
        fuzz_client_frame(&bytes);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn whatever_is_said_in_a_talk_it_ends_once_and_is_forgotten(
        said in proptest::collection::vec((mutated(talk::messages()), any::<bool>()), 1..8)
    ) {
        talk::survives(&said);
    }
}

fn descriptions() -> Vec<Vec<u8>> {
    let sdp = "v=0\r\no=- 7 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 40010 RTP/AVP 8 0 101\r\n\
               a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendonly\r\n\
               m=video 40012/2 RTP/AVP 31\r\nc=IN IP6 2001:db8::9\r\na=inactive\r\n";
    let parts = format!(
        "multipart/mixed; boundary=\"a;b\"\n--a;b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--a;b\r\n\
         content-type: application/sdp\r\n\r\n{sdp}\r\n--a;b--\r\n"
    );
    let nested =
        format!("multipart/mixed;boundary=-\n{}{parts}", "---\r\nContent-Type: multipart/mixed\r\n\r\n".repeat(30));
    [sdp.to_owned(), format!("application/sdp\n{sdp}"), parts, nested].map(String::into_bytes).into()
}

fn frames() -> Vec<Vec<u8>> {
    let id = "018f3b1c-0000-7000-8000-000000000001";
    let hello = format!(
        r#"{{"frame":"hello","version":1,"program":"desk 1","token":"t","seat":"{id}","resume":{{"epoch":1,"seq":2}},"take_over":false}}"#
    );
    let command = |inner: &str| format!(r#"{{"frame":"command","id":"{id}","command":{{{inner}}}}}"#);
    let frames = [
        hello,
        r#"{"frame":"ping","nonce":18446744073709551615,"desk_us":0}"#.to_owned(),
        r#"{"frame":"shown","call":42,"invite_to_pop_us":-1}"#.to_owned(),
        command(r#""command":"answer","call":42"#),
        command(
            r#""command":"save_wrapup","wrapup":{"call":42,"customer":null,"account":7,"topic":"t","result":"r","summary":"с\u0000\u202e"}"#,
        ),
        command(r#""command":"change_password","old":"a","new":"b""#),
        format!("{}{}", "[".repeat(5000), "{\"frame\":".repeat(5000)),
    ];
    frames.map(String::into_bytes).into()
}

/// The corpora are good where they should be: a property over nothing but refusals would show little.
#[test]
fn what_is_harmed_was_good_before() {
    let readable = |frame: &&Vec<u8>| serde_json::from_slice::<shared::wire::ClientFrame>(frame).is_ok();
    assert_eq!(
        frames().iter().filter(readable).count(),
        frames().len() - 1,
        "{:?}",
        frames()
            .iter()
            .filter(|f| !readable(f))
            .map(|f| String::from_utf8_lossy(&f[..60.min(f.len())]).into_owned())
            .collect::<Vec<_>>()
    );
    for description in &descriptions()[..3] {
        let (kind, body) = match description.starts_with(b"v=0") {
            true => ("application/sdp".into(), &description[..]),
            false => {
                let line = memchr::memchr(b'\n', description).unwrap();
                (String::from_utf8_lossy(&description[..line]), &description[line + 1..])
            }
        };
        let part = super::super::sdp::find_description(Some(&kind), body).unwrap().unwrap();
        assert_eq!(super::super::sdp::AudioSession::parse(part).unwrap().telephone_event, Some(101));
    }
    let whole = |bytes: &&Vec<u8>| {
        super::super::message::Message::parse(bytes).is_ok_and(|m| m.fault.is_none() && m.core().is_ok())
    };
    assert!(golden::messages().iter().filter(whole).count() > 30);
}
