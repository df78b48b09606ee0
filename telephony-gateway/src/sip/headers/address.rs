//! `"Display name" <uri>;parameters`: From, To, Contact, Route and P-Asserted-Identity.

use super::list::{self, find_outside};
use super::text::readable;
use super::uri::Uri;

/// An address with a name, as slices of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// As it was written, quotes included.
    display: &'a [u8],
    pub uri: &'a [u8],
    /// Behind the address: `tag`, `expires`, `lr` of a bare address.
    pub parameters: &'a [u8],
}

impl<'a> Address<'a> {
    /// Reads one address. A `<` inside a quoted name belongs to the name, whatever it pretends to be.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let Some(open) = find_outside(value, b'<', false) else { return Self::parse_bare(value) };
        let display = value[..open].trim_ascii();
        if !is_display_name(display) {
            return None;
        }
        let close = open + memchr::memchr(b'>', &value[open..])?;
        let rest = value[close + 1..].trim_ascii();
        let parameters = match rest.split_first() {
            None => rest,
            Some((b';', parameters)) => parameters,
            Some(_) => return None,
        };
        Some(Self { display, uri: value[open + 1..close].trim_ascii(), parameters })
    }

    /// Without brackets everything after the first `;` belongs to the header (RFC 3261 §20.10).
    fn parse_bare(value: &'a [u8]) -> Option<Self> {
        // A question mark must stand within brackets, or nobody knows whose headers follow (RFC 3261 §20).
        if value.is_empty() || value.iter().any(|b| matches!(b, b'"' | b'>' | b'?')) {
            return None;
        }
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let parameters = value.get(end + 1..).unwrap_or_default();
        Some(Self { display: b"", uri: value[..end].trim_ascii(), parameters })
    }

    pub fn tag(&self) -> Option<&'a [u8]> {
        list::parameter(self.parameters, "tag").flatten().filter(|tag| !tag.is_empty())
    }

    /// The name for a screen; `None` when there is none.
    pub fn display_text(&self) -> Option<String> {
        let inside = list::unquoted(self.display);
        let text = if inside.len() == self.display.len() {
            readable(inside)
        } else {
            let mut plain = Vec::with_capacity(inside.len());
            let mut bytes = inside.iter().copied();
            while let Some(byte) = bytes.next() {
                plain.extend(if byte == b'\\' { bytes.next() } else { Some(byte) });
            }
            readable(&plain)
        };
        (!text.is_empty()).then_some(text)
    }

    pub fn parsed_uri(&self) -> Option<Uri<'a>> {
        Uri::parse(self.uri)
    }

    pub fn parameter(&self, name: &str) -> Option<Option<&'a [u8]>> {
        list::parameter(self.parameters, name)
    }
}

/// Nothing, one quoted string, or words without quotes and brackets.
fn is_display_name(display: &[u8]) -> bool {
    match display.strip_prefix(b"\"") {
        None => !display.iter().any(|b| matches!(b, b'"' | b'>')),
        Some(_) => {
            // The quotes are balanced, or no `<` would have been found outside them; the string must end the name.
            let mut escaped = false;
            let close = display.iter().enumerate().skip(1).find(|(_, byte)| {
                let closes = **byte == b'"' && !escaped;
                escaped = **byte == b'\\' && !escaped;
                closes
            });
            close.is_some_and(|(at, _)| at + 1 == display.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, display: Option<&str>, uri: &str, tag: Option<&str>) {
        let address = Address::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value} is readable"));
        assert_eq!(address.display_text().as_deref(), display, "{value}");
        assert_eq!(String::from_utf8_lossy(address.uri), uri, "{value}");
        assert_eq!(address.tag(), tag.map(str::as_bytes), "{value}");
    }

    #[test]
    fn addresses_are_read_with_and_without_names() {
        check("sip:a@b;tag=1", None, "sip:a@b", Some("1"));
        check("<sip:a@b;x=y>;tag=1;q", None, "sip:a@b;x=y", Some("1"));
        check("Anna Petrova <sip:a@b> ; TAG = 7", Some("Anna Petrova"), "sip:a@b", Some("7"));
        check(r#""Petrov \"the \\ boss\"" <sip:a@b>"#, Some(r#"Petrov "the \ boss""#), "sip:a@b", None);
        check(r#""" <tel:+7495>"#, None, "tel:+7495", None);
    }

    #[test]
    fn a_name_with_a_bracket_cannot_pretend_to_be_the_caller() {
        check(
            r#""Bank <sip:+78001000000@bank>" <sip:thief@evil>;tag=9"#,
            Some("Bank <sip:+78001000000@bank>"),
            "sip:thief@evil",
            Some("9"),
        );
        check(r#""\" <sip:bank@b>" <sip:thief@evil>"#, Some(r#"" <sip:bank@b>"#), "sip:thief@evil", None);
    }

    #[test]
    fn torn_addresses_are_refused() {
        for value in [
            "",
            "\"Anna <sip:a@b>",
            "<sip:a@b",
            "<sip:a@b>x",
            "\"a\" b \"c\" <sip:a@b>",
            "a> <sip:a@b>",
            "\"a\"b <sip:a@b>",
        ] {
            assert_eq!(Address::parse(value.as_bytes()), None, "{value}");
        }
    }
}
