//! `sip:`, `sips:` and `tel:` addresses (RFC 3261 §19.1, RFC 3966).

use std::net::{IpAddr, SocketAddr};

use super::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
}

/// An address, as slices of the text it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    pub scheme: Scheme,
    /// Before the `@`, without password and without user parameters; the number of a `tel:` URI.
    pub user: &'a [u8],
    /// Without the brackets of IPv6; empty for `tel:`.
    pub host: &'a [u8],
    pub port: Option<u16>,
    /// After the first `;`, without the headers behind `?`.
    pub parameters: &'a [u8],
    /// After the `?`, as they were written: what a request to this address has to carry (RFC 3261 §19.1.1).
    pub headers: &'a [u8],
}

impl<'a> Uri<'a> {
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        if text.iter().any(|b| *b <= b' ' || matches!(b, b'<' | b'>' | b'"' | 0x7f)) {
            return None;
        }
        let colon = memchr::memchr(b':', text)?;
        let rest = &text[colon + 1..];
        match &text[..colon] {
            scheme if scheme.eq_ignore_ascii_case(b"sip") => Self::parse_sip(Scheme::Sip, rest),
            scheme if scheme.eq_ignore_ascii_case(b"sips") => Self::parse_sip(Scheme::Sips, rest),
            scheme if scheme.eq_ignore_ascii_case(b"tel") => Self::parse_tel(rest),
            _ => None,
        }
    }

    fn parse_sip(scheme: Scheme, rest: &'a [u8]) -> Option<Self> {
        let (user, rest) = match memchr::memchr(b'@', rest) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (&rest[..0], rest),
        };
        let user = &user[..memchr::memchr2(b':', b';', user).unwrap_or(user.len())];
        let (rest, headers) = split_at_byte(rest, b'?');
        let (place, parameters) = split_at_byte(rest, b';');
        let (host, port) = host_and_port(place)?;
        Some(Self { scheme, user, host, port, parameters, headers })
    }

    fn parse_tel(rest: &'a [u8]) -> Option<Self> {
        let (user, parameters) = split_at_byte(rest, b';');
        let none = &rest[rest.len()..];
        (!user.is_empty()).then_some(Self {
            scheme: Scheme::Tel,
            user,
            host: none,
            port: None,
            parameters,
            headers: none,
        })
    }

    /// The user part as text, with `%41` decoded. What is no UTF-8 afterwards is replaced.
    pub fn user_text(&self) -> String {
        super::text::readable(&unescaped(self.user))
    }

    /// The value of a header that the address carries, decoded.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.headers.split(|b| *b == b'&').find_map(|header| {
            let (key, value) = split_at_byte(header, b'=');
            key.eq_ignore_ascii_case(name.as_bytes()).then(|| unescaped(value))
        })
    }

    pub fn host_ip(&self) -> Option<IpAddr> {
        std::str::from_utf8(self.host).ok()?.parse().ok()
    }

    /// Where it points, when that needs no name server.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let over_tls = || self.parameter("transport").flatten().is_some_and(|name| name.eq_ignore_ascii_case(b"tls"));
        let usual = if self.scheme == Scheme::Sips || over_tls() { 5061 } else { 5060 };
        Some(SocketAddr::new(self.host_ip()?, self.port.unwrap_or(usual)))
    }

    pub fn parameter(&self, name: &str) -> Option<Option<&'a [u8]>> {
        list::parameter(self.parameters, name)
    }
}

/// `host`, `host:5060`, `[2001:db8::1]:5060`.
pub fn host_and_port(place: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, rest) = match place.strip_prefix(b"[") {
        Some(inside) => {
            let end = memchr::memchr(b']', inside)?;
            let host = &inside[..end];
            std::str::from_utf8(host).ok()?.parse::<std::net::Ipv6Addr>().ok()?;
            (host, inside[end + 1..].trim_ascii())
        }
        None => {
            let end = memchr::memchr(b':', place).unwrap_or(place.len());
            (place[..end].trim_ascii(), place[end..].trim_ascii())
        }
    };
    let readable = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.iter().all(readable) {
        return None;
    }
    match rest.split_first() {
        None => Some((host, None)),
        Some((b':', port)) => Some((host, Some(list::number(port.trim_ascii()).filter(|p| *p != 0)?))),
        Some(_) => None,
    }
}

/// `%41` as what it means.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten().and_then(hex_pair);
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(byte, text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &text[text.len()..]),
    }
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, user: &str, host: &str, port: Option<u16>) {
        let uri = Uri::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is readable"));
        assert_eq!((uri.user_text().as_str(), uri.host, uri.port), (user, host.as_bytes(), port), "{text}");
    }

    #[test]
    fn addresses_are_read_as_carriers_write_them() {
        check("sip:+74952040000@192.0.2.1:5070;user=phone", "+74952040000", "192.0.2.1", Some(5070));
        check("SIP:i.petrov:secret@example.org?Subject=x", "i.petrov", "example.org", None);
        check("sip:[2001:db8::1]:5080;lr", "", "2001:db8::1", Some(5080));
        check("sips:101;phone-context=x@[::1]", "101", "::1", None);
        check("tel:+7-495-204-00-00;ext=12", "+7-495-204-00-00", "", None);
        check("sip:%D0%90%20b%zz@h", "А b%zz", "h", None);
        check("sip:192.0.2.1", "", "192.0.2.1", None);
    }

    #[test]
    fn an_address_without_a_port_means_the_usual_one() {
        for (text, expected) in [
            ("sip:a@192.0.2.1", "192.0.2.1:5060"),
            ("sip:a@[2001:db8::1];transport=TLS", "[2001:db8::1]:5061"),
            ("sips:a@192.0.2.1", "192.0.2.1:5061"),
            ("sips:a@192.0.2.1:5070", "192.0.2.1:5070"),
        ] {
            let uri = Uri::parse(text.as_bytes()).unwrap();
            assert_eq!(uri.socket_address(), Some(expected.parse().unwrap()), "{text}");
        }
        assert_eq!(Uri::parse(b"sip:a@example.org").unwrap().socket_address(), None);
    }

    #[test]
    fn what_is_no_address_is_not_guessed_at() {
        for text in [
            "",
            "sip:",
            "sip:a@",
            "http://a",
            "sip:a@b:99999",
            "sip:a@[::g]",
            "sip:a@b c",
            "sip:a@b:0",
            "tel:",
            "sip:<a@b>",
            "sip:a@b\u{0}",
            "sip:a@[::1",
            "sip:a@b@c",
            "mailto:a@b",
        ] {
            assert_eq!(Uri::parse(text.as_bytes()), None, "{text}");
        }
    }
}
