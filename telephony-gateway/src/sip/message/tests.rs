use super::*;

fn parse(text: &str) -> Message<'_> {
    Message::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}"))
}

const INVITE: &str = "INVITE sip:112@gw SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
    To: <sip:112@gw>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 4\r\n\r\nbody";

/// RFC 4475 §3.1.1.1, cut to what matters: everything odd that is still allowed.
#[test]
fn a_tortuous_message_is_read_like_a_plain_one() {
    let message = parse(
        "\r\n\r\nINVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\nTO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
         from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n\
         i: wsinv.ndaksdj@192.0.2.1\r\nl:\r\n 3\r\ncseq: 0009\r\n  INVITE\r\nv: SIP  / 2.0\r\n /TCP     192.0.2.2;branch=z9hG4bK390skdjuw, SIP/2.0/UDP x\r\n\
         NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\r\nabcdef",
    );
    assert_eq!(message.fault, None);
    let core = message.core().unwrap();
    assert_eq!(
        (core.cseq.number, core.to.tag(), core.from.tag()),
        (9, Some(b"1918181833n".as_slice()), Some(b"98asjd8".as_slice()))
    );
    assert_eq!(core.from.display_text().as_deref(), Some("J Rosenberg \\\""));
    assert_eq!((core.via.transport, core.call_id), (b"TCP".as_slice(), b"wsinv.ndaksdj@192.0.2.1".as_slice()));
    assert_eq!(message.body(), b"abc");
}

#[test]
fn an_unknown_method_is_kept_to_be_refused_politely() {
    let text = INVITE.replace("INVITE", "!interesting-Method0123456789_*+`.%indeed'~");
    let message = parse(&text);
    assert_eq!((message.method(), message.is_request(), message.fault), (None, true, None));
    assert!(message.core().is_ok());
    assert_eq!(parse(&INVITE.replace("INVITE", "invite")).method(), None, "methods are case-sensitive");
}

#[test]
fn a_name_in_cp1251_does_not_harm_the_call() {
    let mut bytes = INVITE.replace("From: ", "From: \"@\" ").into_bytes();
    let at = bytes.windows(3).position(|w| w == b"\"@\"").unwrap();
    bytes.splice(at + 1..at + 2, [0xc0, 0xed, 0xed, 0xe0]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.core().unwrap().from.display_text().as_deref(), Some("Анна"));
}

#[track_caller]
fn check_fault(text: &str, code: u16) {
    let message = parse(text);
    let fault = message.fault.map(|fault| fault.code);
    assert_eq!(fault.or(message.core().err().map(|_| 400)), Some(code), "{text}");
}

#[test]
fn what_is_wrong_is_found_and_can_still_be_answered() {
    check_fault(&INVITE.replace("Content-Length: 4", "Content-Length: 5"), 400);
    check_fault(&INVITE.replace("Content-Length: 4", "Content-Length: -999"), 400);
    check_fault(&INVITE.replace("Content-Length: 4", "Content-Length: 4\r\nl: 3"), 400);
    check_fault(&INVITE.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505);
    check_fault(&INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400);
    check_fault(&INVITE.replace("CSeq: 1 INVITE", "CSeq: 36893488147419103232 INVITE"), 400);
    check_fault(&INVITE.replace("sip:112@gw SIP", "<sip:112@gw> SIP"), 400);
    check_fault(&INVITE.replace("sip:112@gw SIP", "sip:112@gw ;x SIP"), 400);
    check_fault(&INVITE.replace("Call-ID: c1", "Call-ID"), 400);
    check_fault(&INVITE.replace("Call-ID: c1", "Call-ID: c1\r\nCall-ID: c2"), 400);
    check_fault(&INVITE.replace("Call-ID: c1", "Call-ID: c\u{0}1"), 400);
    check_fault(&INVITE.replace("From: <sip:a@b>", "From: \"a <sip:a@b>"), 400);
    check_fault(&INVITE.replace("Call-ID", &format!("{}Call-ID", "X: y\r\n".repeat(300))), 400);
    check_fault(INVITE.split("\r\n\r\n").next().unwrap(), 400);
}

#[test]
fn noise_is_not_taken_for_a_message() {
    for text in [
        "",
        "\r\n\r\n",
        "hello",
        "GET / HTTP/1.1\r\n\r\n",
        "SIP/2.0 99 x\r\n\r\n",
        "SIP/2.0 4294967301 x\r\n\r\n",
        "INVITE\r\n\r\n",
        "IN VITE\r\n\r\n",
        "\u{0}\u{1} a SIP/2.0\r\n\r\n",
    ] {
        assert!(Message::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn an_answer_repeats_what_it_must_and_says_where_the_request_came_from() {
    let text = INVITE.replace("To: ", "Record-Route: <sip:p;lr>\r\nTo: ");
    let request = parse(&text);
    let head = ReplyHead::of(&request, "203.0.113.5:9".parse().unwrap()).unwrap();
    let mut out = Vec::new();
    let mut writer = Writer::response(&mut out, 180);
    head.write(Some("ours"), true, &mut writer);
    writer.finish(None);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=203.0.113.5\r\nFrom: <sip:a@b>;tag=1\r\n\
         Call-ID: c1\r\nCSeq: 1 INVITE\r\nTo: <sip:112@gw>;tag=ours\r\nRecord-Route: <sip:p;lr>\r\nContent-Length: 0\r\n\r\n"
    );
}

/// The model of messages that others use must understand what we write.
#[test]
fn what_we_write_is_read_by_the_library_we_stand_on() {
    let mut out = Vec::new();
    let mut writer = Writer::request(&mut out, method_name(Method::Update), b"sip:101@192.0.2.9:5062");
    writer.header(Name::Via, b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport").header(Name::CSeq, b"7 UPDATE");
    writer.header_fmt(Name::Expires, format_args!("{}", 30)).finish(Some(b"v=0\r\n"));
    let read = rsip::Request::try_from(out.as_slice()).unwrap();
    assert_eq!((read.method, read.body.as_slice()), (Method::Update, b"v=0\r\n".as_slice()));
    for method in Method::all() {
        assert_eq!(read_method(method_name(method).as_bytes()), Some(method));
        assert_eq!(method.to_string(), method_name(method));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(0u8..=255, 0..400), at in 0usize..180, cut in 0usize..60) {
        let mut mutated = INVITE.as_bytes().to_vec();
        let end = (at + cut).min(mutated.len());
        mutated.splice(at.min(end)..end, bytes.iter().copied());
        for bytes in [&bytes, &mutated] {
            if let Ok(message) = Message::parse(bytes) {
                let _ = message.core();
                let _ = message.description();
                let _ = ReplyHead::of(&message, "203.0.113.5:9".parse().unwrap());
            }
        }
    }
}
