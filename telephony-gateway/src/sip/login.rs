//! Our own answers to challenges: how we prove to a provider who we are (RFC 2617, 7616, 8760, as a client).
//!
//! A [`Session`] is a challenge that we may answer, with the counter of our answers to it. It is kept for the next
//! request, so that a call needs no second round trip; each answer counts one up.

use md5::{Digest as _, Md5};
use sha2::Sha256;
use shared::pii::Secret;

use super::digest;
use super::headers::authorization::{Algorithm, Credentials};
use super::headers::challenge::{Challenge, Qop};
use super::headers::text::readable;

/// Who we are for one provider.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: Secret,
    /// The only realm whose challenges are answered. Whoever asks in another one would learn a digest that is good for
    /// guessing the password.
    pub realm: String,
}

/// Why a challenge gets no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    #[error("it asks in the realm \"{asked}\", and the password is for \"{ours}\"")]
    ForeignRealm { asked: String, ours: String },
    #[error("it asks for a digest that we do not make: only qop=auth with MD5 or SHA-256")]
    Unspoken,
    #[error("it refuses without asking for a digest that can be read")]
    Unreadable,
    #[error("it asks who we are, and no login is configured for it")]
    NoLogin,
    #[error("the user or the password is wrong")]
    WrongPassword,
    #[error("the challenge comes from an address that is not the trunk's")]
    Stranger,
}

/// A challenge that is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    algorithm: Algorithm,
    /// `false` for RFC 2069, which counted nothing.
    counted: bool,
    /// How often this nonce was answered.
    count: u32,
    pub stale: bool,
}

impl Session {
    /// The strongest of the challenges that we may and can answer: SHA-256 before MD5.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose<'a>(values: impl Iterator<Item = &'a [u8]>, login: &Login) -> Result<Self, Unanswerable> {
        let mut why = Unanswerable::Unreadable;
        let mut best: Option<Self> = None;
        for challenge in values.filter_map(Challenge::parse) {
            if challenge.realm != login.realm.as_bytes() {
                why = Unanswerable::ForeignRealm { asked: readable(challenge.realm), ours: login.realm.clone() };
                continue;
            }
            let (Some(algorithm), Qop::Auth | Qop::Absent) = (challenge.algorithm, challenge.qop) else {
                why = Unanswerable::Unspoken;
                continue;
            };
            if best.as_ref().is_some_and(|best| best.algorithm == Algorithm::Sha256 || algorithm == Algorithm::Md5) {
                continue;
            }
            best = Some(Self {
                nonce: challenge.nonce.to_vec(),
                opaque: challenge.opaque.map(<[u8]>::to_vec),
                algorithm,
                counted: challenge.qop == Qop::Auth,
                count: 0,
                stale: challenge.stale,
            });
        }
        best.ok_or(why)
    }

    /// The value of `Authorization` for one request; each call is one more use of the nonce.
    pub fn answer(&mut self, login: &Login, method: &str, uri: &[u8], cnonce: &str) -> Vec<u8> {
        self.count += 1;
        let nc = format!("{:08x}", self.count);
        let given = Credentials {
            username: login.user.as_bytes(),
            realm: login.realm.as_bytes(),
            nonce: &self.nonce,
            uri,
            response: b"",
            algorithm: self.algorithm,
            cnonce: cnonce.as_bytes(),
            nc: nc.as_bytes(),
            nc_number: self.count,
        };
        let secret = [&login.user, ":", &login.realm, ":", login.password.expose()].concat();
        let response = match (self.algorithm, self.counted) {
            (Algorithm::Md5, true) => digest::response::<Md5>(&given, method.as_bytes(), &Md5::digest(&secret)),
            (Algorithm::Sha256, true) => {
                digest::response::<Sha256>(&given, method.as_bytes(), &Sha256::digest(&secret))
            }
            (Algorithm::Md5, false) => old_response::<Md5>(&secret, &self.nonce, method, uri),
            (Algorithm::Sha256, false) => old_response::<Sha256>(&secret, &self.nonce, method, uri),
        };
        let mut value = Vec::with_capacity(384);
        let mut field = |name: &[u8], text: &[u8]| {
            value.extend_from_slice(if value.is_empty() { b"Digest " } else { b", " });
            value.extend_from_slice(name);
            value.extend_from_slice(b"=\"");
            value.extend_from_slice(text);
            value.push(b'"');
        };
        field(b"username", login.user.as_bytes());
        field(b"realm", login.realm.as_bytes());
        field(b"nonce", &self.nonce);
        field(b"uri", uri);
        field(b"response", response.as_bytes());
        if let Some(opaque) = &self.opaque {
            field(b"opaque", opaque);
        }
        if self.counted {
            field(b"cnonce", cnonce.as_bytes());
            value.extend_from_slice(b", qop=auth, nc=");
            value.extend_from_slice(nc.as_bytes());
        }
        value.extend_from_slice(match self.algorithm {
            Algorithm::Md5 => b", algorithm=MD5",
            Algorithm::Sha256 => b", algorithm=SHA-256",
        });
        value
    }
}

/// Without `qop` (RFC 2069 §2.1.2).
fn old_response<D: md5::Digest>(secret: &str, nonce: &[u8], method: &str, uri: &[u8]) -> String {
    let ha1 = hex::encode(D::digest(secret));
    let ha2 = hex::encode(D::new().chain_update(method).chain_update(b":").chain_update(uri).finalize());
    let hash = D::new().chain_update(ha1).chain_update(b":").chain_update(nonce).chain_update(b":");
    hex::encode(hash.chain_update(ha2).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::digest::{Ha1, is_right};

    fn login() -> Login {
        Login { user: "Mufasa".into(), password: Secret::new("Circle of Life"), realm: "http-auth@example.org".into() }
    }

    fn choose(values: &[&str]) -> Result<Session, Unanswerable> {
        Session::choose(values.iter().map(|value| value.as_bytes()), &login())
    }

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";

    fn challenge(algorithm: &str) -> String {
        format!(
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
        )
    }

    /// RFC 7616 §3.9.1, with the fields that we put there ourselves.
    #[test]
    fn the_answers_are_those_of_rfc_7616() {
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let mut session = choose(&[&challenge(algorithm)]).unwrap();
            let value = String::from_utf8(session.answer(&login(), "GET", b"/dir/index.html", cnonce)).unwrap();
            assert!(value.contains(&format!("response=\"{response}\"")), "{value}");
            assert!(value.contains("qop=auth, nc=00000001"), "{value}");
            assert!(value.contains("opaque=\"FQhe"), "{value}");
        }
    }

    #[test]
    fn what_we_answer_passes_our_own_door_and_counts_up() {
        let mut session = choose(&[&challenge("SHA-256")]).unwrap();
        let secret = "Mufasa:http-auth@example.org:Circle of Life";
        let ha1 = Ha1 { md5: Md5::digest(secret).into(), sha256: Sha256::digest(secret).into() };
        for expected in 1..=17 {
            let value = session.answer(&login(), "INVITE", b"sip:112@example.org", "c");
            let read = Credentials::parse(&value).unwrap();
            assert_eq!(read.nc_number, expected);
            assert!(is_right(&read, b"INVITE", &ha1));
        }
    }

    /// RFC 2069 §2.4 as corrected by its errata.
    #[test]
    fn an_old_challenge_without_qop_is_answered_as_rfc_2069_says() {
        let login =
            Login { user: "Mufasa".into(), password: Secret::new("CircleOfLife"), realm: "testrealm@host.com".into() };
        let value = br#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;
        let mut session = Session::choose([value.as_slice()].into_iter(), &login).unwrap();
        let answer = String::from_utf8(session.answer(&login, "GET", b"/dir/index.html", "c")).unwrap();
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(!answer.contains("nc="), "{answer}");
    }

    #[test]
    fn the_strongest_that_is_offered_is_taken_wherever_it_stands() {
        let (md5, sha) = (challenge("MD5"), challenge("SHA-256"));
        for offered in [[md5.as_str(), sha.as_str()], [&sha, &md5]] {
            assert_eq!(choose(&offered).unwrap().algorithm, Algorithm::Sha256);
        }
        assert_eq!(choose(&[&challenge("SHA-512-256"), &md5]).unwrap().algorithm, Algorithm::Md5);
    }

    #[test]
    fn a_challenge_that_is_not_for_us_is_not_answered() {
        let foreign = challenge("MD5").replace("http-auth@example.org", "evil");
        let why = choose(&[&foreign]).unwrap_err();
        assert_eq!(why.to_string(), "it asks in the realm \"evil\", and the password is for \"http-auth@example.org\"");
        let integrity = challenge("MD5").replace("auth, auth-int", "auth-int");
        assert_eq!(choose(&[&integrity]), Err(Unanswerable::Unspoken));
        assert_eq!(choose(&["Basic realm=\"x\""]), Err(Unanswerable::Unreadable));
        assert_eq!(choose(&[]), Err(Unanswerable::Unreadable));
    }
}
