//! Where the gateway is, as a person types it.

use std::net::IpAddr;

use url::{Host, Url};

use crate::state::session::SignInError;

/// `wss://host:port`; plain `ws://` goes to this very machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

const DEFAULT_PORT: u16 = 7443;

impl Address {
    /// Reads `wss://host:port`, `ws://127.0.0.1:port`, `host:port` or `host`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, SignInError> {
        let typed = typed.trim();
        let with_scheme = if typed.contains("://") { typed.to_owned() } else { format!("wss://{typed}") };
        let url = Url::parse(&with_scheme).map_err(|_| SignInError::BadAddress)?;
        let tls = match url.scheme() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            _ => return Err(SignInError::BadAddress),
        };
        let host = url.host().ok_or(SignInError::BadAddress)?;
        if !tls && !is_loopback(&host) {
            return Err(SignInError::PlainTextRefused);
        }
        // `Url` drops a port that is the scheme's own, so 443 typed by hand is read back as it.
        let port = url.port().or_else(|| typed.ends_with(":443").then_some(443)).unwrap_or(DEFAULT_PORT);
        Ok(Self { tls, host: host.to_string(), port })
    }

    pub fn http(&self, path: &str) -> String {
        format!("{}://{}:{}{path}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }

    pub fn websocket(&self) -> String {
        format!("{}://{}:{}/v1/desk", if self.tls { "wss" } else { "ws" }, self.host, self.port)
    }

    /// As it is dialled: an IPv6 address without its brackets.
    pub fn dial(&self) -> (&str, u16) {
        (self.host.trim_start_matches('[').trim_end_matches(']'), self.port)
    }

    /// A name for files that belong to this gateway.
    pub fn file_stem(&self) -> String {
        let host: String = self.host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("{host}-{}", self.port)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => IpAddr::V4(*ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: Result<&str, SignInError>) {
        assert_eq!(Address::parse(typed).map(|address| address.websocket()), expected.map(str::to_owned), "{typed}");
    }

    #[test]
    fn an_address_is_read_as_people_type_it() {
        check(" pult.example.org ", Ok("wss://pult.example.org:7443/v1/desk"));
        check("pult.example.org:9000", Ok("wss://pult.example.org:9000/v1/desk"));
        check("wss://pult.example.org:443", Ok("wss://pult.example.org:443/v1/desk"));
        check("wss://[::1]:7443", Ok("wss://[::1]:7443/v1/desk"));
        check("ws://127.0.0.1:7080", Ok("ws://127.0.0.1:7080/v1/desk"));
        check("ws://localhost:7080", Ok("ws://localhost:7080/v1/desk"));
    }

    #[test]
    fn plain_text_never_leaves_this_machine() {
        check("ws://192.0.2.7:7080", Err(SignInError::PlainTextRefused));
        check("http://pult.example.org", Err(SignInError::PlainTextRefused));
    }

    #[test]
    fn nonsense_is_no_address() {
        for typed in ["", "ftp://host", "wss://", "a b"] {
            check(typed, Err(SignInError::BadAddress));
        }
    }
}
