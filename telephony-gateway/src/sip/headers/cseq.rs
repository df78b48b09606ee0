//! `CSeq: 314159 INVITE` (RFC 3261 §20.16).

use super::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    pub number: u32,
    pub method: &'a [u8],
}

impl<'a> CSeq<'a> {
    /// The number must be below 2^31 (§8.1.1.5).
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let end = value.iter().position(u8::is_ascii_whitespace)?;
        let number = list::number(&value[..end]).filter(|n: &u32| *n < 1 << 31)?;
        let method = value[end..].trim_ascii();
        (!method.is_empty() && !method.iter().any(u8::is_ascii_whitespace)).then_some(Self { number, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_has_a_number_and_a_method() {
        assert_eq!(CSeq::parse(b" 0009 \t INVITE "), Some(CSeq { number: 9, method: b"INVITE" }));
        for bad in ["", "1", "INVITE 1", "2147483648 INVITE", "36893488147419103232 REGISTER", "-1 ACK", "1 A B"] {
            assert_eq!(CSeq::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
