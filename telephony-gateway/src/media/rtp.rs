//! RTP (RFC 3550 section 5.1): the header, read strictly and written plainly, and the one stream that leaves a port.
//!
//! Whatever a party hears over a call (music, then the agent, then music again) leaves as one stream: one SSRC,
//! a sequence without holes of our making, timestamps that go with the clock. [`Outgoing`] lays each new feed
//! behind the one before it, so that no phone has to guess why its stream has jumped.

use std::time::Duration;

use shared::time::Moment;

use super::{PACKET_SAMPLES, SAMPLE_RATE};

/// Bytes of a header without contributing sources and extension, the only kind that we write.
pub const HEADER_LEN: usize = 12;

/// Contributing sources, extension and padding are read over and never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'d> {
    pub header: Header,
    pub payload: &'d [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    #[error("a datagram of {0} bytes is too short for an RTP header")]
    Short(usize),
    #[error("the version is {0}, RTP has 2")]
    Version(u8),
    #[error("the header promises more bytes than the datagram has")]
    Torn,
    #[error("the padding is longer than the payload")]
    Padding,
}

/// Reads one datagram. Nothing is trusted: every length is checked against what has arrived.
pub fn parse(datagram: &[u8]) -> Result<Packet<'_>, RtpError> {
    let Some((fixed, rest)) = datagram.split_first_chunk::<HEADER_LEN>() else {
        return Err(RtpError::Short(datagram.len()));
    };
    let version = fixed[0] >> 6;
    if version != 2 {
        return Err(RtpError::Version(version));
    }
    let n_contributing = usize::from(fixed[0] & 0x0F);
    let mut rest = rest.get(n_contributing * 4..).ok_or(RtpError::Torn)?;
    if fixed[0] & 0x10 != 0 {
        let (extension, after) = rest.split_first_chunk::<4>().ok_or(RtpError::Torn)?;
        let n_words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        rest = after.get(n_words * 4..).ok_or(RtpError::Torn)?;
    }
    if fixed[0] & 0x20 != 0 {
        let padding = usize::from(*rest.last().ok_or(RtpError::Padding)?);
        let kept = rest.len().checked_sub(padding).filter(|_| padding > 0).ok_or(RtpError::Padding)?;
        rest = &rest[..kept];
    }
    let header = Header {
        payload_type: fixed[1] & 0x7F,
        marker: fixed[1] & 0x80 != 0,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
    };
    Ok(Packet { header, payload: rest })
}

impl Header {
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7F);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// A run of packets that is laid into an outgoing stream: a jump beyond these is a new run (RFC 3550 A.1).
const MAX_DROPOUT: i16 = 3000;
const MAX_MISORDER: i16 = -100;

/// The one stream that leaves a port, whatever feeds it.
#[derive(Debug)]
pub struct Outgoing {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// When the packet that set `timestamp` left; none before the first.
    sent_at: Option<Moment>,
    feed: Option<Feed>,
}

/// How the numbers of the present feed become ours.
#[derive(Clone, Copy, Debug)]
struct Feed {
    ssrc: u32,
    last_sequence: u16,
    sequence_offset: u16,
    timestamp_offset: u32,
}

impl Outgoing {
    /// The three begin at random (RFC 3550 section 5.1), which the shell brings.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, sequence, timestamp, sent_at: None, feed: None }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The next packet comes from somebody else, even if it happens to bear the same SSRC.
    pub fn change_feed(&mut self) {
        self.feed = None;
    }

    /// The header under which a packet of the feed leaves. Holes and disorder of the feed are kept, so that the
    /// listener's jitter buffer sees the truth; a new feed begins right behind the last packet, with the marker.
    pub fn follow(&mut self, incoming: Header, now: Moment) -> Header {
        let (feed, begins) = match self.feed {
            Some(feed) if feed.continues_with(incoming) => (feed, false),
            _ => (self.begin(incoming, now), true),
        };
        let header = Header {
            payload_type: incoming.payload_type,
            marker: incoming.marker || begins,
            sequence: incoming.sequence.wrapping_add(feed.sequence_offset),
            timestamp: incoming.timestamp.wrapping_add(feed.timestamp_offset),
            ssrc: self.ssrc,
        };
        let mut last_sequence = feed.last_sequence;
        if begins || (incoming.sequence.wrapping_sub(feed.last_sequence) as i16) > 0 {
            last_sequence = incoming.sequence;
            self.sequence = header.sequence;
        }
        if begins || (header.timestamp.wrapping_sub(self.timestamp) as i32) > 0 {
            self.timestamp = header.timestamp;
            self.sent_at = Some(now);
        }
        self.feed = Some(Feed { last_sequence, ..feed });
        header
    }

    /// A packet of the feed that the listener cannot be given: its number goes to the next one, because a hole would look
    /// like a loss and be filled with noise. Its time passes.
    pub fn leave_out(&mut self, incoming: Header) {
        if let Some(feed) = &mut self.feed
            && feed.continues_with(incoming)
            && (incoming.sequence.wrapping_sub(feed.last_sequence) as i16) > 0
        {
            feed.last_sequence = incoming.sequence;
            feed.sequence_offset = feed.sequence_offset.wrapping_sub(1);
        }
    }

    fn begin(&self, incoming: Header, now: Moment) -> Feed {
        let pause = self.sent_at.map_or(0, |at| samples_in(now.since(at))).max(PACKET_SAMPLES as u32);
        Feed {
            ssrc: incoming.ssrc,
            last_sequence: incoming.sequence,
            sequence_offset: self.sequence.wrapping_add(1).wrapping_sub(incoming.sequence),
            timestamp_offset: self.timestamp.wrapping_add(pause).wrapping_sub(incoming.timestamp),
        }
    }
}

impl Feed {
    fn continues_with(&self, incoming: Header) -> bool {
        let step = incoming.sequence.wrapping_sub(self.last_sequence) as i16;
        self.ssrc == incoming.ssrc && (MAX_MISORDER..=MAX_DROPOUT).contains(&step)
    }
}

fn samples_in(span: Duration) -> u32 {
    (span.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header { payload_type: 8, marker: false, sequence, timestamp, ssrc }
    }

    #[test]
    fn contributing_sources_extension_and_padding_do_not_reach_the_listener() {
        let mut datagram = vec![0x80 | 0x20 | 0x10 | 2, 0x80 | 8, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4];
        datagram.extend([9; 8]); // two contributing sources
        datagram.extend([0xBE, 0xDE, 0, 1, 1, 1, 1, 1]); // an extension of one word
        datagram.extend([0xD5, 0xD5, 0xD5]); // the sound
        datagram.extend([0, 0, 3]); // padding
        let packet = parse(&datagram).unwrap();
        assert_eq!(packet.payload, [0xD5, 0xD5, 0xD5]);
        assert_eq!(packet.header, Header { marker: true, ..header(0x0102_0304, 7, 160) });
    }

    #[test]
    fn a_torn_packet_is_an_error_in_words() {
        let check = |datagram: &[u8], expected: RtpError| assert_eq!(parse(datagram), Err(expected));
        check(&[], RtpError::Short(0));
        check(&[0x80; 11], RtpError::Short(11));
        check(&[0x00; 40], RtpError::Version(0)); // STUN
        check(&[0x81, 8, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1], RtpError::Torn);
        check(&[0x90, 8, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0xBE, 0xDE, 0xFF, 0xFF], RtpError::Torn);
        check(&[0xA0, 8, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1], RtpError::Padding);
        check(&[0xA0, 8, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 1, 9], RtpError::Padding);
        check(&[0xA0, 8, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0], RtpError::Padding);
    }

    #[test]
    fn the_agent_after_the_music_is_one_stream_to_the_caller() {
        let mut out = Outgoing::new(77, 65_534, u32::MAX - 200);
        let music = [0, 1, 2].map(|n| out.follow(header(1, n, u32::from(n) * 160), Moment::at_ms(u64::from(n) * 20)));
        assert!(music[0].marker && !music[1].marker);
        out.change_feed();
        let agent = out.follow(header(5, 30_000, 1_000_000), Moment::at_ms(100));
        assert_eq!(agent.sequence, music[2].sequence.wrapping_add(1), "no packet is missed at the seam");
        assert_eq!(agent.timestamp, music[2].timestamp.wrapping_add(480), "60 ms have passed at the seam");
        assert!(agent.marker);
        assert_eq!([agent.ssrc, music[0].ssrc], [77, 77]);
    }

    #[test]
    fn what_the_network_lost_or_turned_round_stays_so() {
        let mut out = Outgoing::new(1, 100, 0);
        let sent: Vec<u16> = [10, 11, 14, 13, 15]
            .map(|n| out.follow(header(9, n, u32::from(n) * 160), Moment::at_ms(u64::from(n) * 20)).sequence)
            .to_vec();
        assert_eq!(sent, [101, 102, 105, 104, 106]);
    }

    #[test]
    fn what_a_listener_cannot_be_given_leaves_no_hole_but_its_time() {
        let mut out = Outgoing::new(1, 100, 0);
        let before = out.follow(header(9, 10, 1600), Moment::at_ms(0));
        for sequence in [11, 12, 12, 13] {
            out.leave_out(header(9, sequence, 1760));
        }
        let after = out.follow(header(9, 14, 2240), Moment::at_ms(80));
        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp, before.timestamp + 640);
        assert_eq!(
            out.follow(header(9, 16, 2560), Moment::at_ms(120)).sequence,
            after.sequence + 2,
            "a loss stays one"
        );
    }

    #[test]
    fn a_peer_which_restarts_its_numbers_does_not_tear_the_stream() {
        let mut out = Outgoing::new(1, 100, 0);
        let before = out.follow(header(9, 20_000, 5_000), Moment::at_ms(0));
        let after = out.follow(header(9, 3, 70_000), Moment::at_ms(20));
        assert_eq!((after.sequence, after.timestamp), (before.sequence + 1, before.timestamp + 160));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_packet_or_an_error_and_never_a_panic(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(packet) = parse(&datagram) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= datagram.len());
            }
        }

        #[test]
        fn a_written_header_reads_back(payload_type in 0u8..128, marker: bool, sequence: u16, timestamp: u32, ssrc: u32) {
            let header = Header { payload_type, marker, sequence, timestamp, ssrc };
            let bytes = header.to_bytes();
            prop_assert_eq!(parse(&bytes), Ok(Packet { header, payload: &[] }));
        }
    }
}
