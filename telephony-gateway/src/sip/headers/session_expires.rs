//! `Session-Expires: 1800;refresher=uac` (RFC 4028 §4), and `Min-SE` with the same shape (§5).

use super::list;

/// The shortest interval that anybody has to bear, in seconds (§5).
pub const SHORTEST_S: u32 = 90;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    pub seconds: u32,
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    pub fn parse(value: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let seconds = list::number(value[..end].trim_ascii())?;
        let refresher = list::parameter(value.get(end + 1..).unwrap_or_default(), "refresher").flatten();
        let refresher = match refresher {
            Some(who) if who.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            Some(_) | None => None,
        };
        Some(Self { seconds, refresher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_seconds_and_perhaps_who_keeps_it_alive() {
        let check = |text: &str, expected: Option<(u32, Option<Refresher>)>| {
            let read = SessionExpires::parse(text.as_bytes()).map(|read| (read.seconds, read.refresher));
            assert_eq!(read, expected, "{text}");
        };
        check("1800", Some((1800, None)));
        check(" 90 ; refresher = UAS ;x", Some((90, Some(Refresher::Uas))));
        check("4000;refresher=uac", Some((4000, Some(Refresher::Uac))));
        check("4000;refresher=me", Some((4000, None)));
        check("soon", None);
        check("4294967296", None);
    }
}
