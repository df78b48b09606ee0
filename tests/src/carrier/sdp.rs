//! The description of sound that the carrier's parties write and read: G.711 and telephone events, one stream.

use std::net::{IpAddr, SocketAddr};

use telephony_gateway::media::{g711::Codec, leg::RemoteMedia};

const TELEPHONE_EVENT: u8 = 101;

/// Offers both laws, the European one first.
pub fn offer(address: SocketAddr) -> Vec<u8> {
    write(address, &[Codec::Pcma, Codec::Pcmu])
}

/// Takes the codec that `theirs` settled on.
pub fn answer(address: SocketAddr, theirs: &RemoteMedia) -> Vec<u8> {
    write(address, &[theirs.payload])
}

fn write(address: SocketAddr, codecs: &[Codec]) -> Vec<u8> {
    let (ip, port) = (address.ip(), address.port());
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let numbers: String = codecs.iter().map(|codec| format!("{} ", codec.payload_type())).collect();
    let maps: String = codecs
        .iter()
        .map(|codec| match codec {
            Codec::Pcma => "a=rtpmap:8 PCMA/8000\r\n",
            Codec::Pcmu => "a=rtpmap:0 PCMU/8000\r\n",
        })
        .collect();
    format!(
        "v=0\r\no=carrier 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {numbers}{TELEPHONE_EVENT}\r\n{maps}\
         a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000\r\na=fmtp:{TELEPHONE_EVENT} 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
    .into_bytes()
}

/// What the other side wants; none when there is no sound in it that we can make.
pub fn read(description: &[u8]) -> Option<RemoteMedia> {
    let text = std::str::from_utf8(description).ok()?;
    let values = |kind: &'static str| text.lines().filter_map(move |line| line.strip_prefix(kind)).map(str::trim);
    let ip: IpAddr = values("c=").next()?.split_whitespace().nth(2)?.parse().ok()?;
    let mut words = values("m=audio ").next()?.split_whitespace();
    let port: u16 = words.next()?.parse().ok()?;
    let numbers: Vec<u8> = words.skip(1).filter_map(|word| word.parse().ok()).collect();
    let payload = numbers.iter().find_map(|&number| Codec::of_payload_type(number))?;
    let telephone_event = values("a=rtpmap:")
        .filter_map(|map| map.split_once(' '))
        .find(|(_, name)| name.to_ascii_lowercase().starts_with("telephone-event/8000"))
        .and_then(|(number, _)| number.parse().ok());
    let says = |direction| values("a=").any(|attribute| attribute == direction);
    Some(RemoteMedia {
        rtp: SocketAddr::new(ip, port),
        payload,
        telephone_event,
        receiving: !says("sendonly") && !says("inactive"),
        sending: !says("recvonly") && !says("inactive"),
        keys: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_read_as_it_was_meant_and_its_answer_takes_one_law() {
        let address = "127.0.0.1:40000".parse().unwrap();
        let offered = read(&offer(address)).unwrap();
        let expected = RemoteMedia {
            rtp: address,
            payload: Codec::Pcma,
            telephone_event: Some(101),
            receiving: true,
            sending: true,
            keys: None,
        };
        assert_eq!(offered, expected);
        let text = String::from_utf8(answer(address, &offered)).unwrap();
        assert!(text.contains("m=audio 40000 RTP/AVP 8 101\r\n"), "{text}");
    }

    #[test]
    fn hold_is_understood_and_a_foreign_codec_is_not() {
        let text = "v=0\r\nc=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";
        let held = read(text.as_bytes()).unwrap();
        assert_eq!((held.receiving, held.sending, held.payload), (false, true, Codec::Pcmu));
        assert_eq!(read(b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 18\r\n"), None);
    }
}
