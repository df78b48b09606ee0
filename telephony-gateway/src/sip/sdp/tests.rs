use shared::pii::SecretBytes;

use super::*;

const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=ptime:30\r\na=sendrecv\r\n";

fn ours(codecs: &[Codec]) -> Ours<'_> {
    let address = "10.0.0.1:30000".parse().unwrap();
    Ours { address, codecs, direction: Direction::SendRecv, session_id: 7, version: 1, key: None }
}

fn answered(offer: &str) -> String {
    let theirs = AudioSession::parse(offer.as_bytes()).unwrap();
    String::from_utf8(answer(&theirs, &ours(&Codec::ALL)).unwrap()).unwrap()
}

#[test]
fn a_phones_offer_is_read_in_its_own_order() {
    let theirs = AudioSession::parse(PHONE.as_bytes()).unwrap();
    assert_eq!(theirs.address, "192.0.2.7:4000".parse().unwrap());
    assert_eq!(theirs.codecs.iter().map(|c| c.codec).collect::<Vec<_>>(), [Codec::Pcma, Codec::Pcmu]);
    assert_eq!((theirs.telephone_event, theirs.ptime_ms), (Some(101), Some(30)));
    assert!(!theirs.is_hold());
    assert_eq!(theirs.pick(&[Codec::Pcmu]).map(|c| c.payload_type), Some(0));
}

#[test]
fn our_answer_takes_one_codec_and_their_number_for_events() {
    let text = answered(PHONE);
    assert!(text.contains("m=audio 30000 RTP/AVP 8 101\r\n"), "{text}");
    assert!(text.contains("a=sendrecv\r\n"), "{text}");
    let read_back = AudioSession::parse(text.as_bytes()).unwrap();
    assert_eq!(read_back.codecs.len(), 1);
}

#[test]
fn our_own_offer_is_read_back_as_it_was_meant() {
    let theirs = AudioSession::parse(&offer(&ours(&[Codec::Pcmu, Codec::Pcma]))).unwrap();
    assert_eq!(theirs.codecs.iter().map(|c| c.codec).collect::<Vec<_>>(), [Codec::Pcmu, Codec::Pcma]);
    assert_eq!(theirs.telephone_event, Some(101));
}

#[test]
fn the_address_of_the_stream_wins_over_that_of_the_session() {
    let text = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\n";
    assert_eq!(AudioSession::parse(text.as_bytes()).unwrap().address, "[2001:db8::7]:4000".parse().unwrap());
    let late = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert_eq!(AudioSession::parse(late.as_bytes()), Err(SdpError::NoAddress));
}

#[test]
fn a_caller_on_hold_is_answered_with_the_opposite_direction() {
    for (offered, expected) in [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")] {
        let text = answered(&PHONE.replace("sendrecv", offered));
        assert!(text.contains(&format!("a={expected}\r\n")), "{offered}: {text}");
    }
    let old_hold = PHONE.replace("c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0");
    assert!(AudioSession::parse(old_hold.as_bytes()).unwrap().is_hold());
}

#[test]
fn a_hold_is_answered_as_rfc_3264_asks_whichever_way_it_is_said() {
    // What they say, at an address of zeros or not; whom we would let speak; the answer.
    let cases = [
        ("sendrecv", false, Direction::SendRecv, "sendrecv"),
        ("sendonly", false, Direction::SendRecv, "recvonly"),
        ("sendonly", false, Direction::SendOnly, "inactive"),
        ("sendrecv", false, Direction::SendOnly, "sendonly"),
        ("recvonly", false, Direction::RecvOnly, "inactive"),
        ("inactive", false, Direction::SendRecv, "inactive"),
        ("sendrecv", true, Direction::SendRecv, "recvonly"),
        ("sendonly", true, Direction::SendRecv, "recvonly"),
        ("recvonly", true, Direction::SendRecv, "inactive"),
        ("inactive", true, Direction::SendRecv, "inactive"),
    ];
    for (said, at_zeros, direction, expected) in cases {
        for (address, zeros) in [("IN IP4 192.0.2.7", "IN IP4 0.0.0.0"), ("IN IP4 192.0.2.7", "IN IP6 ::")] {
            let mut offered = PHONE.replace("a=sendrecv", &format!("a={said}"));
            if at_zeros {
                offered = offered.replace(&format!("c={address}"), &format!("c={zeros}"));
            }
            let theirs = AudioSession::parse(offered.as_bytes()).unwrap();
            let text = answer(&theirs, &Ours { direction, ..ours(&Codec::ALL) }).unwrap();
            let read_back = AudioSession::parse(&text).unwrap();
            assert_eq!(read_back.direction.name(), expected, "{said} at zeros {at_zeros} by {direction:?}");
            assert_ne!(read_back.address.port(), 0, "a hold does not refuse the stream");
        }
    }
}

#[test]
fn a_gateway_with_ipv6_says_so_in_both_lines_and_is_read_back() {
    let address = "[2001:db8::7]:30000".parse().unwrap();
    let text = offer(&Ours { address, ..ours(&Codec::ALL) });
    assert_eq!(AudioSession::parse(&text).unwrap().address, address);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("o=- 7 1 IN IP6 2001:db8::7\r\n") && text.contains("c=IN IP6 2001:db8::7\r\n"), "{text}");
    let theirs = AudioSession::parse(PHONE.replace("IN IP4 192.0.2.7", "IN IP6 2001:db8::9").as_bytes()).unwrap();
    assert_eq!(theirs.address, "[2001:db8::9]:4000".parse().unwrap());
    let text = String::from_utf8(answer(&theirs, &Ours { address, ..ours(&Codec::ALL) }).unwrap()).unwrap();
    assert!(text.contains("c=IN IP6 2001:db8::7\r\n"), "{text}");
}

/// Thirty bytes as telephones write them.
const THEIR_KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn sealed_phone(crypto: &str) -> String {
    PHONE.replace("RTP/AVP", "RTP/SAVP").replace("a=ptime:30\r\n", &format!("{crypto}a=ptime:30\r\n"))
}

fn our_secret() -> SecretBytes {
    SecretBytes::new([7; KEY_AND_SALT_LEN])
}

#[test]
fn a_sealed_offer_is_answered_sealed_with_a_key_of_our_own() {
    let offered = sealed_phone(&format!(
        "a=crypto:4 AES_256_CM_HMAC_SHA1_80 inline:{THEIR_KEY}\r\na=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{THEIR_KEY}|2^20\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n"
    ));
    let theirs = AudioSession::parse(offered.as_bytes()).unwrap();
    let crypto = theirs.crypto.as_ref().unwrap();
    assert_eq!((crypto.tag, crypto.suite), (7, Suite::AesCm128HmacSha1_32));
    assert_eq!(crypto.key.expose(), b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#");
    let secret = our_secret();
    let key = Some(OurKey { suite: Suite::AesCm128HmacSha1_80, key: &secret });
    let text = String::from_utf8(answer(&theirs, &Ours { key, ..ours(&Codec::ALL) }).unwrap()).unwrap();
    assert!(text.contains("m=audio 30000 RTP/SAVP 8 101\r\n"), "{text}");
    let ours_told = "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n";
    assert!(text.contains(ours_told), "{text}");
    assert!(!text.contains(THEIR_KEY), "their key is not ours");
    assert_eq!(answer(&theirs, &ours(&Codec::ALL)), Err(SdpError::NoCommonKey));
}

#[test]
fn an_offer_in_the_open_stays_in_the_open_even_with_a_key_in_it() {
    let told = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n");
    let theirs = AudioSession::parse(sealed_phone(&told).replace("RTP/SAVP", "RTP/AVP").as_bytes()).unwrap();
    assert_eq!((theirs.secure, &theirs.crypto), (false, &None));
    let secret = our_secret();
    let key = Some(OurKey { suite: Suite::AesCm128HmacSha1_80, key: &secret });
    let text = String::from_utf8(answer(&theirs, &Ours { key, ..ours(&Codec::ALL) }).unwrap()).unwrap();
    assert!(text.contains("RTP/AVP 8") && !text.contains("crypto"), "{text}");
}

#[test]
fn of_two_streams_the_first_is_taken_that_can_be() {
    let sealed = |told: &str| {
        format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 8\r\n{told}m=audio 4002 RTP/AVP 8\r\n")
    };
    let port = |text: String| AudioSession::parse(text.as_bytes()).unwrap().address.port();
    assert_eq!(port(sealed(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n"))), 4000);
    assert_eq!(port(sealed(&format!("a=crypto:1 F8_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n"))), 4002);
}

#[test]
fn our_sealed_offer_is_read_back_and_only_a_sealed_answer_fits_it() {
    let secret = our_secret();
    let suite = Suite::AesCm128HmacSha1_80;
    let text = offer(&Ours { key: Some(OurKey { suite, key: &secret }), ..ours(&Codec::ALL) });
    let read_back = AudioSession::parse(&text).unwrap();
    assert_eq!(read_back.crypto, Some(Crypto { tag: 1, suite, key: secret }));
    let answered = |told: &str| AudioSession::parse(sealed_phone(told).as_bytes()).unwrap();
    let fitting = answered(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n"));
    let other_suite = answered(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{THEIR_KEY}\r\n"));
    let other_tag = answered(&format!("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n"));
    let open = AudioSession::parse(PHONE.as_bytes()).unwrap();
    assert_eq!(fitting.answers(Some(suite)), Ok(()));
    assert_eq!(open.answers(None), Ok(()));
    for theirs in [&other_suite, &other_tag, &open] {
        assert_eq!(theirs.answers(Some(suite)), Err(SdpError::NoCommonKey));
    }
    assert_eq!(fitting.answers(None), Err(SdpError::NoCommonKey));
}

#[test]
fn a_key_is_taken_only_when_it_can_be_used_exactly_as_it_is_told() {
    let taken = |told: &str| AudioSession::parse(sealed_phone(&format!("a=crypto:{told}\r\n")).as_bytes()).is_ok();
    let suite = "AES_CM_128_HMAC_SHA1_80";
    for good in ["", "|2^31", "|1048576", "|2^48", " WSH=64", " -what=ever", "|2^20 WSH=128 -x"] {
        assert!(taken(&format!("1 {suite} inline:{THEIR_KEY}{good}")), "{good}");
    }
    let bad = [
        "|1:4",
        "|2^20|1:4",
        "|2^19",
        "|2^49",
        "|2^64",
        "|1000",
        "|",
        "|2^",
        " KDR=1",
        " UNENCRYPTED_SRTP",
        " WSH=63",
        " UNAUTHENTICATED_SRTP",
        "AA==",
        ";inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
    ];
    for bad in bad {
        assert!(!taken(&format!("1 {suite} inline:{THEIR_KEY}{bad}")), "{bad}");
    }
    assert!(!taken(&format!("1 {suite} inline:{}", &THEIR_KEY[4..])), "too short");
    assert!(!taken(&format!("1 {suite} inline:{}", THEIR_KEY.replace('d', "*"))), "no base64");
    assert!(!taken(&format!("1 {suite} {THEIR_KEY}")), "another way to tell it");
    assert!(
        !taken(&format!("x {suite} inline:{THEIR_KEY}")) && !taken(&format!("1234567890 {suite} inline:{THEIR_KEY}"))
    );
    assert!(!taken(&format!("1 {suite}")) && !taken(""));
}

#[test]
fn keys_stand_in_no_log() {
    let theirs = AudioSession::parse(
        sealed_phone(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n")).as_bytes(),
    )
    .unwrap();
    let printed = format!("{theirs:?}");
    assert!(printed.contains("(secret)") && !printed.contains(THEIR_KEY) && !printed.contains("119"), "{printed}");
}

#[test]
fn a_session_wide_direction_holds_for_the_stream() {
    let text = "v=0\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert_eq!(AudioSession::parse(text.as_bytes()).unwrap().direction, Direction::SendOnly);
}

#[test]
fn video_beside_the_sound_is_refused_in_its_own_line() {
    let text = answered(&format!("{PHONE}m=video 5000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=inactive\r\n"));
    assert!(text.ends_with("m=video 0 RTP/AVP 96\r\n"), "{text}");
    let before = PHONE.replace("m=audio", "m=video 5000 RTP/AVP 96\r\nm=audio");
    let text = answered(&before);
    let (video, audio) = (text.find("m=video 0").unwrap(), text.find("m=audio 30000").unwrap());
    assert!(video < audio, "{text}");
}

#[test]
fn a_codec_may_travel_under_a_number_of_its_own() {
    let text =
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 98 8\r\na=rtpmap:98 pcmu/8000/1\r\na=rtpmap:8 L16/44100\r\n";
    let theirs = AudioSession::parse(text.as_bytes()).unwrap();
    assert_eq!(theirs.codecs.as_slice(), [CodecChoice { codec: Codec::Pcmu, payload_type: 98 }]);
}

#[track_caller]
fn check_refused(text: &str, expected: SdpError, code: u16) {
    let error = AudioSession::parse(text.as_bytes()).unwrap_err();
    assert_eq!((error, error.code()), (expected, code), "{text}");
}

#[test]
fn what_the_gateway_cannot_carry_is_refused_by_name() {
    check_refused("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 18\r\n", SdpError::NoCommonCodec, 488);
    check_refused("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 8\r\n", SdpError::NoCommonKey, 488);
    check_refused("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVPF 8\r\n", SdpError::NoAudio, 488);
    check_refused("v=0\r\nc=IN IP4 192.0.2.1\r\n", SdpError::NoAudio, 488);
    check_refused("hello", SdpError::NotSdp, 400);
    check_refused("v=0\r\nc=IN IP4 224.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n", SdpError::NoAddress, 400);
    check_refused(&format!("v=0\r\n{}", "m=audio 1 RTP/AVP 8\r\n".repeat(17)), SdpError::TooManyStreams, 400);
    check_refused(&format!("v=0\r\n{}", "a=x\r\n".repeat(10_000)), SdpError::TooLong, 400);
}

#[test]
fn the_description_is_found_among_the_parts_of_a_body() {
    let body = b"--X\r\nContent-Type: application/isup\r\n\r\n\x01\xff\x00\r\n--X\r\nc: Application/SDP; a=b\r\n\r\nv=0\r\n\r\n--X--\r\n";
    assert_eq!(find_description(Some("multipart/mixed; boundary=\"X\""), body), Ok(Some(b"v=0\r\n".as_slice())));
    assert_eq!(find_description(Some("multipart/mixed"), body), Err(400));
    assert_eq!(find_description(Some("multipart/mixed;boundary=Y"), body), Err(415));
    assert_eq!(find_description(Some("text/plain"), b"hello"), Err(415));
    assert_eq!(find_description(None, b""), Ok(None));
}

proptest::proptest! {
    #[test]
    fn no_description_makes_the_reader_panic(bytes in proptest::collection::vec(0u8..=255, 0..300), at in 0usize..200) {
        let _ = AudioSession::parse(&bytes);
        let told = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIR_KEY}\r\n");
        let mut mutated = sealed_phone(&told).into_bytes();
        mutated.splice(at..at + 1, bytes);
        if let Ok(theirs) = AudioSession::parse(&mutated) {
            let _ = answer(&theirs, &ours(&Codec::ALL));
        }
    }
}
