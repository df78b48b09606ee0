//! Sound under lock and key: SRTP (RFC 3711) with the keys that signalling has agreed on (RFC 4568).
//!
//! [`Srtp::open`] authenticates and decrypts what has come, [`Srtp::seal`] does the opposite. A packet that was not made
//! with the party's key, or that was heard before, changes nothing here: state for a source is kept only when a packet
//! of it was authentic, so that nobody without the key can fill the memory, move a window or spend a counter.

use rtc_srtp::{context::Context, crypto, option::srtp_replay_protection, protection_profile::ProtectionProfile};
use shared::pii::SecretBytes;

use super::rtp::HEADER_LEN;

/// Bytes of a master key and the master salt behind it, as SDP carries them.
pub const KEY_LEN: usize = 16;
pub const KEY_AND_SALT_LEN: usize = KEY_LEN + 14;

/// Packets that come later than so many others are taken for replayed (RFC 3711 section 3.3.2 asks for 64 at least).
const REPLAY_WINDOW: usize = 128;

/// A party changes its source when its carrier goes from ringback to talk; more than a few are kept by nobody.
const MOST_SOURCES: usize = 4;

/// The library remembers each source that it is asked about; after so many that were not authentic it is asked anew.
const MOST_TRIALS: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
}

impl Suite {
    /// Bytes of the authentication tag behind each packet.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }

    const fn profile(self) -> ProtectionProfile {
        match self {
            Self::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Self::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        }
    }
}

/// What both sides have told each other. Prints masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtpKeys {
    pub suite: Suite,
    /// What we send is sealed with this: key and salt, 30 bytes.
    pub ours: SecretBytes,
    /// What the party sends is sealed with this.
    pub theirs: SecretBytes,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    #[error("an SRTP key has {0} bytes instead of {KEY_AND_SALT_LEN}")]
    KeyLength(usize),
    #[error("SRTP cannot be set up: {0}")]
    Library(String),
}

pub struct Srtp {
    keys: SrtpKeys,
    sealing: Context,
    opening: Opening,
}

impl std::fmt::Debug for Srtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Srtp").field("suite", &self.keys.suite).finish_non_exhaustive()
    }
}

impl Srtp {
    pub fn new(keys: SrtpKeys) -> Result<Self, SrtpError> {
        let sealing = context(&keys.ours, keys.suite, Replays::Taken)?;
        let opening = Opening::new(&keys.theirs, keys.suite)?;
        Ok(Self { keys, sealing, opening })
    }

    /// What a new offer or answer says. A key that has not changed keeps its counters: under one key no number may be
    /// used twice.
    pub fn rekey(&mut self, keys: SrtpKeys) -> Result<(), SrtpError> {
        let same_suite = keys.suite == self.keys.suite;
        if !same_suite || keys.ours != self.keys.ours {
            self.sealing = context(&keys.ours, keys.suite, Replays::Taken)?;
        }
        if !same_suite || keys.theirs != self.keys.theirs {
            self.opening = Opening::new(&keys.theirs, keys.suite)?;
        }
        self.keys = keys;
        Ok(())
    }

    /// Turns a datagram into the RTP packet in it, in place. Gives its length; none when it is not authentic or was
    /// heard before.
    pub fn open(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let plain = self.opening.open(datagram, &self.keys)?;
        datagram.get_mut(..plain.len())?.copy_from_slice(&plain);
        Some(plain.len())
    }

    /// Seals the RTP packet in the first `len` bytes, in place. Gives the new length; none when there is no room for
    /// the tag, or the key is used up.
    pub fn seal(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        let sealed = self.sealing.encrypt_rtp(packet.get(..len)?).ok()?;
        packet.get_mut(..sealed.len())?.copy_from_slice(&sealed);
        Some(sealed.len())
    }
}

/// What the party's packets are opened with.
struct Opening {
    sources: Vec<Source>,
    trial: Context,
    n_trials: u32,
}

struct Source {
    ssrc: u32,
    context: Context,
}

impl Opening {
    fn new(key: &SecretBytes, suite: Suite) -> Result<Self, SrtpError> {
        Ok(Self { sources: Vec::new(), trial: context(key, suite, Replays::Taken)?, n_trials: 0 })
    }

    fn open(&mut self, datagram: &[u8], keys: &SrtpKeys) -> Option<bytes::BytesMut> {
        // What is shorter, or no RTP at all, need not be looked at by anybody.
        if datagram.len() <= HEADER_LEN + keys.suite.tag_len() || datagram[0] >> 6 != 2 {
            return None;
        }
        let ssrc = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
        match self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) => source.context.decrypt_rtp(datagram).ok(),
            None => self.first_of(ssrc, datagram, keys),
        }
    }

    /// A source that was not heard before. The trial keeps no window which a forged packet could move.
    fn first_of(&mut self, ssrc: u32, datagram: &[u8], keys: &SrtpKeys) -> Option<bytes::BytesMut> {
        if self.n_trials >= MOST_TRIALS {
            self.trial = context(&keys.theirs, keys.suite, Replays::Taken).ok()?;
            self.n_trials = 0;
        }
        self.n_trials += 1;
        self.trial.decrypt_rtp(datagram).ok()?;
        let mut context = context(&keys.theirs, keys.suite, Replays::Refused).ok()?;
        let plain = context.decrypt_rtp(datagram).ok()?;
        if self.sources.len() == MOST_SOURCES {
            self.sources.remove(0);
        }
        self.sources.push(Source { ssrc, context });
        Some(plain)
    }
}

enum Replays {
    Taken,
    Refused,
}

fn context(key: &SecretBytes, suite: Suite, replays: Replays) -> Result<Context, SrtpError> {
    let key = key.expose();
    let Some((key, salt)) = key.split_at_checked(KEY_LEN).filter(|_| key.len() == KEY_AND_SALT_LEN) else {
        return Err(SrtpError::KeyLength(key.len()));
    };
    let in_words = |error: &dyn std::fmt::Display| SrtpError::Library(error.to_string());
    let provider = crypto::default_provider().map_err(|error| in_words(&error))?;
    let window = match replays {
        Replays::Taken => None,
        Replays::Refused => Some(srtp_replay_protection(REPLAY_WINDOW)),
    };
    Context::new(key, salt, suite.profile(), window, None, provider.crypto()).map_err(|error| in_words(&error))
}

#[cfg(test)]
mod tests {
    use super::super::rtp::{self, Header};
    use super::*;

    fn keys(ours: u8, theirs: u8, suite: Suite) -> SrtpKeys {
        SrtpKeys { suite, ours: SecretBytes::new(vec![ours; 30]), theirs: SecretBytes::new(vec![theirs; 30]) }
    }

    fn pair(suite: Suite) -> (Srtp, Srtp) {
        (Srtp::new(keys(1, 2, suite)).unwrap(), Srtp::new(keys(2, 1, suite)).unwrap())
    }

    fn sealed(by: &mut Srtp, ssrc: u32, sequence: u16, says: u8) -> Vec<u8> {
        let header = Header { payload_type: 8, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc };
        let mut packet = [&header.to_bytes()[..], &[says; 160], &[0; 20]].concat();
        let len = by.seal(&mut packet, HEADER_LEN + 160).unwrap();
        packet.truncate(len);
        packet
    }

    /// What is heard of it; the datagram is left as it was.
    fn opened(by: &mut Srtp, datagram: &[u8]) -> Option<u8> {
        let mut datagram = datagram.to_vec();
        let len = by.open(&mut datagram)?;
        let packet = rtp::parse(&datagram[..len]).unwrap();
        assert_eq!(packet.payload.len(), 160);
        Some(packet.payload[0])
    }

    #[test]
    fn what_one_seals_the_other_opens_and_nobody_else_reads() {
        for suite in [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32] {
            let (mut caller, mut gateway) = pair(suite);
            let datagram = sealed(&mut caller, 7, 1, 0x55);
            assert_eq!(datagram.len(), HEADER_LEN + 160 + suite.tag_len());
            let n_same = datagram[HEADER_LEN..].iter().filter(|&&byte| byte == 0x55).count();
            assert!(n_same < 10, "the sound can be read on the line");
            assert_eq!(opened(&mut gateway, &datagram), Some(0x55));
            let mut stranger = Srtp::new(keys(3, 3, suite)).unwrap();
            assert_eq!(opened(&mut stranger, &datagram), None);
        }
    }

    #[test]
    fn a_packet_made_by_the_rfc_s_own_numbers_is_opened() {
        // The master key and salt of RFC 3711 B.3; a packet sealed with them by another implementation (libsrtp's
        // driver, `srtp_validate`).
        let key = "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6";
        let datagram = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb";
        let key = SecretBytes::new(hex::decode(key).unwrap());
        let keys = SrtpKeys { suite: Suite::AesCm128HmacSha1_80, ours: key.clone(), theirs: key };
        let mut srtp = Srtp::new(keys).unwrap();
        let mut datagram = hex::decode(datagram).unwrap();
        let len = srtp.open(&mut datagram).unwrap();
        assert_eq!(datagram[HEADER_LEN..len], [0xAB; 16]);
    }

    #[test]
    fn a_packet_that_was_touched_or_comes_again_is_dropped() {
        let (mut caller, mut gateway) = pair(Suite::AesCm128HmacSha1_80);
        let datagram = sealed(&mut caller, 7, 1, 0x55);
        for at in [1, 3, 5, 9, 50, datagram.len() - 1] {
            let mut touched = datagram.clone();
            touched[at] ^= 1;
            assert_eq!(opened(&mut gateway, &touched), None, "byte {at}");
        }
        assert_eq!(opened(&mut gateway, &datagram), Some(0x55));
        assert_eq!(opened(&mut gateway, &datagram), None, "a second time");
        let (second, third) = (sealed(&mut caller, 7, 2, 2), sealed(&mut caller, 7, 3, 3));
        assert_eq!([&third, &second, &third, &second].map(|d| opened(&mut gateway, d)), [Some(3), Some(2), None, None]);
    }

    #[test]
    fn the_numbers_may_wrap_round_and_come_in_disorder_there() {
        let (mut caller, mut gateway) = pair(Suite::AesCm128HmacSha1_80);
        for n in 0..70_000_u32 {
            let datagram = sealed(&mut caller, 7, (n as u16).wrapping_add(30_000), n as u8);
            if n % 100 != 3 && opened(&mut gateway, &datagram) != Some(n as u8) {
                panic!("packet {n} was not heard");
            }
        }
        let row: Vec<Vec<u8>> = (0..6).map(|n| sealed(&mut caller, 8, 65_533_u16.wrapping_add(n), n as u8)).collect();
        let heard = [0, 3, 2, 1, 4, 3, 5].map(|n| opened(&mut gateway, &row[n]));
        assert_eq!(heard, [Some(0), Some(3), Some(2), Some(1), Some(4), None, Some(5)]);
    }

    #[test]
    fn forged_packets_cannot_close_the_way_for_the_real_ones() {
        let (mut caller, mut gateway) = pair(Suite::AesCm128HmacSha1_80);
        let mut forger = Srtp::new(keys(9, 9, Suite::AesCm128HmacSha1_80)).unwrap();
        // The party's own source, far ahead of it, before its first packet; then a thousand others.
        for n in 0..1000 {
            assert_eq!(opened(&mut gateway, &sealed(&mut forger, 7 + n, 20_000, 0)), None);
        }
        assert!(gateway.opening.sources.is_empty() && gateway.opening.n_trials <= MOST_TRIALS);
        assert_eq!(opened(&mut gateway, &sealed(&mut caller, 7, 1, 1)), Some(1));
        assert_eq!(opened(&mut gateway, &sealed(&mut forger, 7, 20_000, 0)), None);
        assert_eq!(opened(&mut gateway, &sealed(&mut caller, 7, 2, 2)), Some(2));
    }

    #[test]
    fn the_same_key_told_again_goes_on_counting() {
        let (mut caller, mut gateway) = pair(Suite::AesCm128HmacSha1_80);
        let first = sealed(&mut caller, 7, 1, 1);
        assert_eq!(opened(&mut gateway, &first), Some(1));
        gateway.rekey(keys(2, 1, Suite::AesCm128HmacSha1_80)).unwrap();
        assert_eq!(opened(&mut gateway, &first), None, "a refreshed session forgets nothing");
        gateway.rekey(keys(2, 5, Suite::AesCm128HmacSha1_80)).unwrap();
        assert_eq!(opened(&mut gateway, &sealed(&mut caller, 7, 2, 2)), None, "the old key is over");
        caller.rekey(keys(5, 2, Suite::AesCm128HmacSha1_80)).unwrap();
        assert_eq!(opened(&mut gateway, &sealed(&mut caller, 7, 3, 3)), Some(3));
    }

    #[test]
    fn keys_print_masked_and_a_wrong_length_is_said() {
        let printed = format!("{:?}", keys(65, 65, Suite::AesCm128HmacSha1_32));
        assert!(!printed.contains("65") && printed.contains("secret"), "{printed}");
        let short = SrtpKeys { ours: SecretBytes::new(vec![1; 29]), ..keys(1, 2, Suite::AesCm128HmacSha1_80) };
        assert_eq!(Srtp::new(short).unwrap_err(), SrtpError::KeyLength(29));
    }
}
