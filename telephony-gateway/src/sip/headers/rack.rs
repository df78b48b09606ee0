//! `RAck: 776656 1 INVITE`: which provisional answer a PRACK acknowledges (RFC 3262 §7.2).

use super::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck {
    pub rseq: u32,
    /// The number of the INVITE.
    pub cseq: u32,
}

impl RAck {
    /// `None` also when it speaks of anything but an INVITE.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (rseq, cseq) = (list::number(words.next()?)?, list::number(words.next()?)?);
        (words.next()? == b"INVITE" && words.next().is_none()).then_some(Self { rseq, cseq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_names_an_answer_to_an_invite() {
        assert_eq!(RAck::parse(b" 776656  1\tINVITE "), Some(RAck { rseq: 776_656, cseq: 1 }));
        for torn in ["", "1", "1 2", "1 2 BYE", "1 2 INVITE x", "-1 2 INVITE", "1 4294967296 INVITE"] {
            assert_eq!(RAck::parse(torn.as_bytes()), None, "{torn}");
        }
    }
}
