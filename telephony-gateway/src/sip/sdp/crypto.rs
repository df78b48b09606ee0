//! The keys that a description tells for its sound (RFC 4568), for the two suites that every telephone with SRTP has.
//!
//! A key is only worth something when the description itself travelled where nobody reads it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::pii::SecretBytes;
use zeroize::Zeroizing;

/// Bytes of a master key with its salt.
pub const KEY_AND_SALT_LEN: usize = 30;

/// A key that may seal fewer packets than this, five hours of a talk, would have to be changed within one, which we do
/// not do. No key may seal more than the other (RFC 3711 section 9.2).
const SHORTEST_LIFETIME: u64 = 1 << 20;
const LONGEST_LIFETIME: u64 = 1 << 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
}

impl Suite {
    const ALL: [Self; 2] = [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }
}

/// One `a=crypto` line. Prints masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    pub tag: u32,
    pub suite: Suite,
    /// Key and salt, 30 bytes.
    pub key: SecretBytes,
}

impl Crypto {
    /// Reads what stands behind `crypto:`. None for what we cannot do exactly as it is told: another suite, a master
    /// key index (its packets would be longer than we think), several keys, a short life, or a session parameter that
    /// must not be passed over (section 6.3).
    pub(super) fn parse(told: &str) -> Option<Self> {
        let mut words = told.split_ascii_whitespace();
        let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        let is_tag = (1..=9).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_digit());
        let tag = tag.parse().ok().filter(|_| is_tag)?;
        let suite = Suite::ALL.into_iter().find(|known| known.name() == suite)?;
        let key = parse_key(key)?;
        words.all(may_be_passed_over).then_some(Self { tag, suite, key })
    }

    pub(super) fn write(&self, text: &mut String) {
        let key = Zeroizing::new(STANDARD.encode(self.key.expose()));
        // Writing into a String cannot fail.
        let _ = write!(text, "a=crypto:{} {} inline:{}\r\n", self.tag, self.suite.name(), *key);
    }
}

/// `inline:` key and salt in base64, and behind it perhaps how long they live.
fn parse_key(told: &str) -> Option<SecretBytes> {
    let told = told.strip_prefix("inline:").filter(|told| !told.contains(';'))?;
    let (key, lifetime) = match told.split_once('|') {
        Some((key, lifetime)) => (key, Some(lifetime)),
        None => (told, None),
    };
    if let Some(lifetime) = lifetime {
        // With a master key index there would be a colon, or a second bar, and so no number.
        parse_lifetime(lifetime).filter(|n| (SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(n))?;
    }
    let bytes = Zeroizing::new(STANDARD.decode(key).ok()?);
    (bytes.len() == KEY_AND_SALT_LEN).then(|| SecretBytes::new(bytes.as_slice()))
}

/// `2^20` or `1048576`, in packets.
fn parse_lifetime(told: &str) -> Option<u64> {
    match told.strip_prefix("2^") {
        Some(power) => 1_u64.checked_shl(power.parse().ok()?),
        None => told.parse().ok(),
    }
}

/// A hint how wide the window against replays should be (ours is wider than any that is asked for), and what the writer
/// himself has marked so.
fn may_be_passed_over(parameter: &str) -> bool {
    parameter.starts_with('-')
        || parameter.strip_prefix("WSH=").is_some_and(|size| size.parse::<u32>().is_ok_and(|size| size >= 64))
}
