use super::*;

const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=ptime:30\r\na=sendrecv\r\n";

fn ours(codecs: &[Codec]) -> Ours<'_> {
    let address = "10.0.0.1:30000".parse().unwrap();
    Ours { address, codecs, direction: Direction::SendRecv, session_id: 7, version: 1 }
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
    check_refused("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 8\r\n", SdpError::NoAudio, 488);
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
        let mut mutated = PHONE.as_bytes().to_vec();
        mutated.splice(at..at + 1, bytes);
        if let Ok(theirs) = AudioSession::parse(&mutated) {
            let _ = answer(&theirs, &ours(&Codec::ALL));
        }
    }
}
