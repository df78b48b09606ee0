//! The way back: Via (RFC 3261 §18.2, §20.42) with `received` and `rport` (RFC 3581).

use std::net::{IpAddr, SocketAddr};

use super::list;
use super::uri::host_and_port;

/// What RFC 3261 branches begin with; others come from RFC 2543 and are not unique.
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    pub transport: &'a [u8],
    /// Without the brackets of IPv6.
    pub host: &'a [u8],
    pub port: Option<u16>,
    pub branch: Option<&'a [u8]>,
    /// The sender asks to be answered at the port it sends from.
    pub wants_rport: bool,
    version: &'a [u8],
    sent_by: &'a [u8],
    parameters: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads one Via value (the header may list several; see [`list::items`]).
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = value.splitn(3, |b| *b == b'/');
        let (name, version, rest) = (parts.next()?, parts.next()?, parts.next()?.trim_ascii_start());
        let version = version.trim_ascii();
        // A version that does not exist yet is readable, so that 505 finds its way back.
        let is_version =
            |v: &[u8]| matches!(v, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit());
        if !name.trim_ascii().eq_ignore_ascii_case(b"SIP") || !is_version(version) {
            return None;
        }
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let (transport, rest) = (&rest[..end], rest[end..].trim_ascii_start());
        let semicolon = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let sent_by = rest[..semicolon].trim_ascii();
        let parameters = rest.get(semicolon + 1..).unwrap_or_default();
        let (host, port) = host_and_port(sent_by)?;
        let branch = list::parameter(parameters, "branch").flatten().filter(|b| !b.is_empty());
        let wants_rport = list::parameter(parameters, "rport").is_some();
        Some(Self { transport, host, port, branch, wants_rport, version, sent_by, parameters })
    }

    pub fn is_version_2(&self) -> bool {
        self.version == b"2.0"
    }

    pub fn is_rfc3261(&self) -> bool {
        self.branch.is_some_and(|b| b.len() > MAGIC_COOKIE.len() && b[..7].eq_ignore_ascii_case(MAGIC_COOKIE))
    }

    /// Whether the sender believes to be where we see it; if not, a NAT stands between us.
    pub fn host_is(&self, source: IpAddr) -> bool {
        let host: Option<IpAddr> = std::str::from_utf8(self.host).ok().and_then(|h| h.parse().ok());
        host.is_some_and(|host| host.to_canonical() == source.to_canonical())
    }

    /// Where an answer over UDP goes. A sender behind NAT is answered where its packet came from, asked or not.
    pub fn answer_to(&self, source: SocketAddr) -> SocketAddr {
        if self.wants_rport || !self.host_is(source.ip()) {
            return source;
        }
        SocketAddr::new(source.ip(), self.port.unwrap_or(5060))
    }

    /// The value as it goes back in the answer: with `received` and `rport` where RFC 3581 and §18.2.1 want them.
    pub fn write_answered(&self, source: SocketAddr, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/");
        out.extend_from_slice(self.version);
        out.push(b'/');
        out.extend_from_slice(self.transport);
        out.push(b' ');
        out.extend_from_slice(self.sent_by);
        for (name, value) in list::parameters(self.parameters) {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            out.push(b';');
            out.extend_from_slice(name);
            if let Some(value) = value {
                out.push(b'=');
                out.extend_from_slice(value);
            }
        }
        use std::io::Write as _;
        // Writing into a Vec cannot fail.
        if self.wants_rport || !self.host_is(source.ip()) {
            let _ = write!(out, ";received={}", source.ip().to_canonical());
        }
        if self.wants_rport {
            let _ = write!(out, ";rport={}", source.port());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "203.0.113.9:1024";

    #[track_caller]
    fn check(value: &str, answer_to: &str, written: &str) {
        let via = Via::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value} is readable"));
        let source = SOURCE.parse().unwrap();
        assert_eq!(via.answer_to(source), answer_to.parse().unwrap(), "{value}");
        let mut out = Vec::new();
        via.write_answered(source, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), written, "{value}");
    }

    #[test]
    fn the_answer_finds_its_way_back_through_nat() {
        check(
            "SIP/2.0/UDP 10.0.0.5:5062;rport;branch=z9hG4bKa",
            SOURCE,
            "SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bKa;received=203.0.113.9;rport=1024",
        );
        check("SIP/2.0/UDP 10.0.0.5;branch=x", SOURCE, "SIP/2.0/UDP 10.0.0.5;branch=x;received=203.0.113.9");
        check(
            "SIP / 2.0 / UDP 203.0.113.9:5070 ; branch = y",
            "203.0.113.9:5070",
            "SIP/2.0/UDP 203.0.113.9:5070;branch=y",
        );
        check("SIP/2.0/TCP 203.0.113.9", "203.0.113.9:5060", "SIP/2.0/TCP 203.0.113.9");
    }

    #[test]
    fn a_lie_about_the_source_is_overwritten() {
        check(
            "SIP/2.0/UDP 203.0.113.9;received=8.8.8.8;rport=53;branch=z",
            SOURCE,
            "SIP/2.0/UDP 203.0.113.9;branch=z;received=203.0.113.9;rport=1024",
        );
    }

    #[test]
    fn a_torn_via_is_refused() {
        for value in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/x.0/UDP a",
            "HTTP/2.0/UDP a",
            "SIP/2.0/UDP a:0",
            "SIP/2.0 UDP a",
            "SIP/2.0/UDP [::1",
        ] {
            assert_eq!(Via::parse(value.as_bytes()), None, "{value}");
        }
    }
}
