//! How somebody asks who we are: `WWW-Authenticate: Digest …` (RFC 2617 §3.2.1, RFC 7616 §3.3).

use super::authorization::{Algorithm, digest_fields};
use super::list;

/// Longer fields are made to cost us memory.
const LONGEST_FIELD: usize = 512;

/// One challenge, unquoted, as slices of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    pub realm: &'a [u8],
    pub nonce: &'a [u8],
    pub opaque: Option<&'a [u8]>,
    /// `None` for one that we do not speak.
    pub algorithm: Option<Algorithm>,
    pub qop: Qop,
    /// The answer was right, but its nonce was too old.
    pub stale: bool,
}

/// What is to be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// RFC 2069 knew none.
    Absent,
    Auth,
    /// Only things that we do not do: `auth-int` would make us vouch for bodies that others rewrite on the way.
    Other,
}

impl<'a> Challenge<'a> {
    /// Reads one header value; `None` when it is no digest or lacks what a digest needs.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let field = digest_fields(value)?;
        let algorithm = Algorithm::named(field("algorithm"));
        let qop = match field("qop") {
            None => Qop::Absent,
            Some(offered) if list::has_token(offered, "auth") => Qop::Auth,
            Some(_) => Qop::Other,
        };
        let (realm, nonce, opaque) = (field("realm")?, field("nonce")?, field("opaque"));
        let fits = |field: &[u8]| field.len() <= LONGEST_FIELD;
        if nonce.is_empty() || !fits(realm) || !fits(nonce) || !opaque.is_none_or(fits) {
            return None;
        }
        let stale = field("stale").is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"));
        Some(Self { realm, nonce, opaque, algorithm, qop, stale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_from_whatever_order_and_quotes() {
        let value = br#"digest stale=TRUE, nonce="n,1", realm = "sip.example", opaque="o", qop="auth-int,auth", algorithm=sha-256"#;
        let read = Challenge::parse(value).unwrap();
        assert_eq!((read.realm, read.nonce), (b"sip.example".as_slice(), b"n,1".as_slice()));
        assert_eq!((read.opaque, read.qop, read.stale), (Some(b"o".as_slice()), Qop::Auth, true));
        assert_eq!(read.algorithm, Some(Algorithm::Sha256));
    }

    #[test]
    fn what_we_do_not_speak_is_told_from_what_cannot_be_read() {
        let read = |value: &str| Challenge::parse(value.as_bytes()).map(|it| (it.algorithm, it.qop));
        assert_eq!(read(r#"Digest realm="r", nonce="n""#), Some((Some(Algorithm::Md5), Qop::Absent)));
        assert_eq!(read(r#"Digest realm="r", nonce="n", qop="auth-int""#), Some((Some(Algorithm::Md5), Qop::Other)));
        assert_eq!(read(r#"Digest realm="r", nonce="n", algorithm=MD5-sess"#), Some((None, Qop::Absent)));
        for torn in [r#"Digest realm="r""#, r#"Digest nonce="n""#, r#"Digest realm="r", nonce="""#, "Basic realm=x", ""]
        {
            assert_eq!(read(torn), None, "{torn}");
        }
        assert_eq!(read(&format!(r#"Digest realm="r", nonce="{}""#, "n".repeat(513))), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            Challenge::parse(&value);
            Challenge::parse(&[b"Digest ".as_slice(), &value].concat());
        }
    }
}
