//! Challenges and the answers to them (RFC 2617, 7616, 8760): MD5 and SHA-256, `qop=auth`.
//!
//! A nonce carries its own time under a key of ours, so that a flood of requests without credentials costs no memory.
//! Only after a right answer do we remember its counter, which must rise from then on.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use shared::time::Moment;
use subtle::ConstantTimeEq as _;

use super::flood::network_of;
use super::headers::authorization::{Algorithm, Credentials};

/// The digests of `user:realm:password`, and no password.
#[derive(Clone, Copy)]
pub struct Ha1 {
    pub md5: [u8; 16],
    pub sha256: [u8; 32],
}

/// Whether these credentials answer for `ha1`. Takes the same time however they differ.
pub fn is_right(credentials: &Credentials<'_>, method: &[u8], ha1: &Ha1) -> bool {
    let expected = match credentials.algorithm {
        Algorithm::Md5 => response::<Md5>(credentials, method, &ha1.md5),
        Algorithm::Sha256 => response::<Sha256>(credentials, method, &ha1.sha256),
    };
    let given = credentials.response.to_ascii_lowercase();
    expected.as_bytes().ct_eq(&given).into()
}

/// The digest of these fields with `qop=auth`; their own `response` is not looked at.
pub(super) fn response<D: md5::Digest>(credentials: &Credentials<'_>, method: &[u8], ha1: &[u8]) -> String {
    let ha2 = hex::encode(D::new().chain_update(method).chain_update(b":").chain_update(credentials.uri).finalize());
    let mut hash = D::new();
    hash.update(hex::encode(ha1));
    for part in [credentials.nonce, credentials.nc, credentials.cnonce, b"auth", ha2.as_bytes()] {
        hash.update(b":");
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceState {
    Fresh(NonceId),
    /// Ours, but too old: the same credentials will do with a new one.
    Stale,
    /// Not ours.
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NonceId {
    issued_ms: u64,
    serial: u32,
}

/// The nonces that are in use.
pub struct Nonces {
    key: [u8; 32],
    lifetime: Duration,
    serial: u32,
    /// The last counter of each nonce that was answered rightly.
    counters: HashMap<NonceId, u32>,
    order: VecDeque<NonceId>,
    most: usize,
    /// Counters of nonces issued up to here were forgotten for want of room: they are stale.
    forgotten_until_ms: Option<u64>,
}

impl Nonces {
    pub fn new(key: [u8; 32], lifetime: Duration, most: usize) -> Self {
        let (counters, order) = (HashMap::new(), VecDeque::new());
        Self { key, lifetime, serial: 0, counters, order, most: most.max(1), forgotten_until_ms: None }
    }

    /// A nonce for whoever is at this address, and for nobody else: with one of one's own, nobody can guess passwords
    /// in the name of an address that is not theirs, and so have it locked out.
    pub fn issue(&mut self, to: IpAddr, now: Moment) -> String {
        self.serial = self.serial.wrapping_add(1);
        self.write(NonceId { issued_ms: now.mono_us / 1000, serial: self.serial }, to)
    }

    fn write(&self, id: NonceId, to: IpAddr) -> String {
        let mut bytes = [0u8; 24];
        bytes[..8].copy_from_slice(&id.issued_ms.to_be_bytes());
        bytes[8..12].copy_from_slice(&id.serial.to_be_bytes());
        let mac = Sha256::new().chain_update(self.key).chain_update(&bytes[..12]);
        let mac = match network_of(to) {
            IpAddr::V4(v4) => mac.chain_update(v4.octets()),
            IpAddr::V6(v6) => mac.chain_update(v6.octets()),
        };
        let mac = mac.finalize();
        bytes[12..].copy_from_slice(&mac[..12]);
        hex::encode(bytes)
    }

    pub fn state(&self, nonce: &[u8], from: IpAddr, now: Moment) -> NonceState {
        let mut bytes = [0u8; 24];
        if hex::decode_to_slice(nonce, &mut bytes).is_err() {
            return NonceState::Foreign;
        }
        let (issued, serial) = (bytes[..8].try_into(), bytes[8..12].try_into());
        let (Ok(issued), Ok(serial)) = (issued, serial) else { return NonceState::Foreign };
        let id = NonceId { issued_ms: u64::from_be_bytes(issued), serial: u32::from_be_bytes(serial) };
        let ours: bool = self.write(id, from).as_bytes().ct_eq(&nonce.to_ascii_lowercase()).into();
        if !ours {
            return NonceState::Foreign;
        }
        let age_ms = (now.mono_us / 1000).saturating_sub(id.issued_ms);
        let too_old = u128::from(age_ms) > self.lifetime.as_millis();
        let forgotten = self.forgotten_until_ms.is_some_and(|until| id.issued_ms <= until);
        if too_old || (forgotten && !self.counters.contains_key(&id)) {
            return NonceState::Stale;
        }
        NonceState::Fresh(id)
    }

    /// Notes the counter of a right answer; `false` when it has not risen, which is a replay.
    pub fn rises(&mut self, id: NonceId, counter: u32, now: Moment) -> bool {
        if let Some(last) = self.counters.get_mut(&id) {
            let rises = counter > *last;
            *last = counter.max(*last);
            return rises;
        }
        self.forget_old(now);
        self.counters.insert(id, counter);
        self.order.push_back(id);
        counter > 0
    }

    fn forget_old(&mut self, now: Moment) {
        let lifetime_ms = self.lifetime.as_millis() as u64;
        while let Some(oldest) = self.order.front().copied() {
            let expired = (now.mono_us / 1000).saturating_sub(oldest.issued_ms) > lifetime_ms;
            if !expired && self.order.len() < self.most {
                break;
            }
            if !expired {
                self.forgotten_until_ms = self.forgotten_until_ms.max(Some(oldest.issued_ms));
            }
            self.order.pop_front();
            self.counters.remove(&oldest);
        }
    }
}

/// The value of `WWW-Authenticate` or `Proxy-Authenticate`.
pub fn challenge(realm: &str, nonce: &str, algorithm: Algorithm, stale: bool) -> String {
    let algorithm = match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha256 => "SHA-256",
    };
    let stale = if stale { ", stale=true" } else { "" };
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}")
}

#[cfg(test)]
pub(crate) fn answer_to(challenge: &str, user: &str, password: &str, method: &str, uri: &str, nc: u32) -> String {
    let field = |name: &str| {
        let from = challenge.find(&format!("{name}=")).unwrap() + name.len() + 1;
        challenge[from..].split(',').next().unwrap().trim_matches('"').to_owned()
    };
    let (realm, nonce, algorithm) = (field("realm"), field("nonce"), field("algorithm"));
    let head = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={algorithm}, qop=auth, nc={nc:08x}, cnonce=\"c\""
    );
    let secret = format!("{user}:{realm}:{password}");
    let ha1 = Ha1 { md5: Md5::digest(&secret).into(), sha256: Sha256::digest(&secret).into() };
    let draft = format!("{head}, response=\"\"");
    let credentials = Credentials::parse(draft.as_bytes()).unwrap();
    let response = match credentials.algorithm {
        Algorithm::Md5 => response::<Md5>(&credentials, method.as_bytes(), &ha1.md5),
        Algorithm::Sha256 => response::<Sha256>(&credentials, method.as_bytes(), &ha1.sha256),
    };
    format!("{head}, response=\"{response}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(credentials: &str, method: &str, secret: &str) {
        let ha1 = Ha1 { md5: Md5::digest(secret).into(), sha256: Sha256::digest(secret).into() };
        let parsed = Credentials::parse(credentials.as_bytes()).unwrap();
        assert!(is_right(&parsed, method.as_bytes(), &ha1), "{credentials}");
        assert!(!is_right(&parsed, b"POST", &ha1), "another method must not pass");
        let other = Ha1 { md5: [0; 16], sha256: [0; 32] };
        assert!(!is_right(&parsed, method.as_bytes(), &other), "another password must not pass");
    }

    /// RFC 2617 §3.5.
    #[test]
    fn the_example_of_rfc_2617_is_right() {
        check(
            r#"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41""#,
            "GET",
            "Mufasa:testrealm@host.com:Circle Of Life",
        );
    }

    /// RFC 7616 §3.9.1.
    #[test]
    fn both_examples_of_rfc_7616_are_right() {
        let fields = r#"username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth"#;
        let secret = "Mufasa:http-auth@example.org:Circle of Life";
        check(
            &format!(r#"Digest {fields}, algorithm=MD5, response="8ca523f5e9506fed4657c9700eebdbec""#),
            "GET",
            secret,
        );
        check(
            &format!(
                r#"Digest {fields}, algorithm=SHA-256, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1""#
            ),
            "GET",
            secret,
        );
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn nonces(most: usize) -> Nonces {
        Nonces::new([7; 32], Duration::from_secs(60), most)
    }

    #[test]
    fn a_nonce_expires_and_cannot_be_forged() {
        let mut nonces = nonces(10);
        let nonce = nonces.issue(HOME, Moment::at_ms(1000));
        assert!(matches!(nonces.state(nonce.as_bytes(), HOME, Moment::at_ms(61_000)), NonceState::Fresh(_)));
        assert_eq!(nonces.state(nonce.as_bytes(), HOME, Moment::at_ms(61_001)), NonceState::Stale);
        let forged = nonce.replacen('0', "1", 1);
        for foreign in [forged.as_bytes(), b"", b"zz", &nonce.as_bytes()[..46]] {
            assert_eq!(nonces.state(foreign, HOME, Moment::at_ms(1000)), NonceState::Foreign);
        }
    }

    #[test]
    fn a_nonce_is_good_for_the_address_that_it_was_given_to_and_no_other() {
        let mut nonces = nonces(10);
        let state = |nonces: &Nonces, nonce: &str, from: &str| {
            nonces.state(nonce.as_bytes(), from.parse().unwrap(), Moment::at_ms(0))
        };
        let nonce = nonces.issue(HOME, Moment::at_ms(0));
        assert_eq!(state(&nonces, &nonce, "192.0.2.8"), NonceState::Foreign);
        assert!(matches!(state(&nonces, &nonce, "::ffff:192.0.2.7"), NonceState::Fresh(_)));
        let nonce = nonces.issue("2001:db8::1".parse().unwrap(), Moment::at_ms(0));
        assert!(matches!(state(&nonces, &nonce, "2001:db8::2"), NonceState::Fresh(_)), "a telephone changes these");
        assert_eq!(state(&nonces, &nonce, "2001:db8:0:1::1"), NonceState::Foreign);
    }

    #[test]
    fn a_counter_that_does_not_rise_is_a_replay() {
        let mut nonces = nonces(10);
        let nonce = nonces.issue(HOME, Moment::at_ms(0));
        let NonceState::Fresh(id) = nonces.state(nonce.as_bytes(), HOME, Moment::at_ms(0)) else { panic!("fresh") };
        let rises: Vec<bool> = [1, 2, 2, 1, 7, 3].map(|nc| nonces.rises(id, nc, Moment::at_ms(0))).into();
        assert_eq!(rises, [true, true, false, false, true, false]);
    }

    #[test]
    fn forgetting_counters_never_opens_the_door_to_a_replay() {
        let mut nonces = nonces(2);
        let issued: Vec<String> = (0..4).map(|ms| nonces.issue(HOME, Moment::at_ms(ms))).collect();
        for nonce in &issued {
            if let NonceState::Fresh(id) = nonces.state(nonce.as_bytes(), HOME, Moment::at_ms(5)) {
                assert!(nonces.rises(id, 1, Moment::at_ms(5)));
            }
        }
        assert!(nonces.counters.len() <= 2);
        assert_eq!(nonces.state(issued[0].as_bytes(), HOME, Moment::at_ms(5)), NonceState::Stale);
        assert!(matches!(nonces.state(issued[3].as_bytes(), HOME, Moment::at_ms(5)), NonceState::Fresh(_)));
    }
}
