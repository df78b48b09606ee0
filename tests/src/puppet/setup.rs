//! What kind of telephone a puppet is.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::gateway::{Employee, Gateway, PASSWORD};

/// What a telephone is and does by itself.
#[derive(Clone, Debug, Serialize)]
pub struct Setup {
    pub host: IpAddr,
    /// 0 for any.
    pub port: u16,
    pub user: String,
    /// Where everything is sent.
    pub server: SocketAddr,
    /// With a password it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'static str>,
    pub transport: &'static str,
    /// `off`, `optional` or `required`.
    pub srtp: &'static str,
    /// `told` or `at_once`.
    pub answer: &'static str,
    /// Refuses every call with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuse: Option<u16>,
    pub codecs: Vec<&'static str>,
    /// Whether it takes keys as events in the sound.
    pub telephone_event: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_expires_s: Option<u32>,
    pub prack: bool,
}

impl Setup {
    fn new(gateway: &Gateway, host: IpAddr, user: &str) -> Self {
        Self {
            host,
            port: 0,
            user: user.to_owned(),
            server: gateway.sip_address(),
            password: None,
            transport: "udp",
            srtp: "off",
            answer: "told",
            refuse: None,
            codecs: vec!["PCMA", "PCMU"],
            telephone_event: true,
            session_expires_s: None,
            prack: false,
        }
    }

    /// The telephone on somebody's table. It registers.
    pub fn phone(gateway: &Gateway, of: Employee) -> Self {
        let number = of.phone.expect("somebody with a telephone");
        let password = Some(PASSWORD);
        Self { password, port: 5060, ..Self::new(gateway, gateway.phone_host(number), number) }
    }

    /// Somebody whose calls come from the carrier.
    pub fn customer(gateway: &Gateway, number: &str) -> Self {
        Self::new(gateway, gateway.carrier_host(), number)
    }

    /// Whoever is reached through the carrier: every number outside. Answers as `answer` says.
    pub fn outside(gateway: &Gateway) -> Self {
        let address = gateway.carrier_address();
        Self { port: address.port(), ..Self::new(gateway, address.ip(), "outside") }
    }

    pub fn answers_at_once(self) -> Self {
        Self { answer: "at_once", ..self }
    }

    pub fn refuses(self, code: u16) -> Self {
        Self { refuse: Some(code), ..self }
    }

    /// Speaks TLS alone, with sealed sound alone (SRTP, keys in SDP).
    pub fn sealed(self, gateway: &Gateway) -> Self {
        Self { transport: "tls", srtp: "required", server: gateway.tls_address(), port: 0, ..self }
    }

    /// Takes keys by messages alone.
    pub fn without_telephone_events(self) -> Self {
        Self { telephone_event: false, ..self }
    }
}
