//! `Refer-To: <sip:102@pult?Replaces=…>`: to whom a caller shall be handed (RFC 3515 §2.1, RFC 3891 §4).

use super::{Address, list};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTo {
    /// The number; empty when only a dialog is named.
    pub user: String,
    /// The value of the Replaces header which the address carries, decoded.
    pub replaces: Option<Vec<u8>>,
}

impl ReferTo {
    /// `Err` is the code to refuse the REFER with: 400 for what is unreadable, 501 for anything but a call.
    pub fn parse(value: &[u8]) -> Result<Self, u16> {
        let uri = Address::parse(value).and_then(|address| address.parsed_uri()).ok_or(400u16)?;
        if uri.parameter("method").flatten().is_some_and(|method| method != b"INVITE") {
            return Err(501);
        }
        let (user, replaces) = (uri.user_text(), uri.header("Replaces"));
        if user.is_empty() && replaces.is_none() { Err(400) } else { Ok(Self { user, replaces }) }
    }

    /// The one Refer-To of a request; none and several are both refused (RFC 3515 §2.4.2).
    pub fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Self, u16> {
        let value = values.next().ok_or(400u16)?;
        // A comma in a bare address belongs to it; behind brackets it begins a second one.
        if values.next().is_some() || list::items(value).count() != 1 {
            return Err(400);
        }
        Self::parse(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(value: &str) -> Result<(String, Option<String>), u16> {
        let read = ReferTo::only([value.as_bytes()].into_iter())?;
        Ok((read.user, read.replaces.map(|bytes| String::from_utf8(bytes).unwrap())))
    }

    #[test]
    fn a_number_is_read_from_whatever_address_a_phone_writes() {
        assert_eq!(only("<sip:102@pult>"), Ok(("102".to_owned(), None)));
        assert_eq!(only("sip:+74952040000@10.0.0.1:5060"), Ok(("+74952040000".to_owned(), None)));
        assert_eq!(only("\"Anna\" <tel:+74952040000>;x=y"), Ok(("+74952040000".to_owned(), None)));
        assert_eq!(only("<sip:102@pult;method=INVITE>"), Ok(("102".to_owned(), None)));
    }

    #[test]
    fn the_dialog_to_replace_is_read_through_its_escapes() {
        let value =
            "<sip:102@pult?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994&Require=replaces>";
        let replaces = "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994".to_owned();
        assert_eq!(only(value), Ok(("102".to_owned(), Some(replaces))));
    }

    #[test]
    fn what_leads_to_no_call_is_refused() {
        for (value, code) in [
            ("", 400),
            ("<http://example.org>", 400),
            ("<sip:pult>", 400),
            ("<sip:102@pult;method=BYE>", 501),
            ("<sip:102@pult>, <sip:103@pult>", 400),
        ] {
            assert_eq!(only(value), Err(code), "{value}");
        }
        assert_eq!(ReferTo::only([&b"<sip:1@a>"[..], b"<sip:2@a>"].into_iter()), Err(400));
    }
}
