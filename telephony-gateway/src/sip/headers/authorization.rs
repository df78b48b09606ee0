//! What a phone answers to a challenge: `Authorization: Digest …` (RFC 2617 §3.2.2, RFC 7616 §3.4).

use super::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    /// MD5 where none is named (RFC 2617 §3.2.1); `None` for one that we do not speak.
    pub fn named(name: Option<&[u8]>) -> Option<Self> {
        match name {
            None => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"MD5") => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }
}

/// Finds fields of a `Digest …` by their names, unquoted; `None` when it is another scheme.
pub(super) fn digest_fields<'a>(value: &'a [u8]) -> Option<impl Fn(&str) -> Option<&'a [u8]>> {
    let (scheme, rest) = value.trim_ascii().split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Digest") || !rest.first()?.is_ascii_whitespace() {
        return None;
    }
    Some(move |name: &str| {
        let found = list::items(rest).find_map(|item| {
            let at = memchr::memchr(b'=', item)?;
            item[..at].trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| item[at + 1..].trim_ascii())
        });
        found.map(list::unquoted)
    })
}

/// The fields of a digest, unquoted, as slices of the header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    pub username: &'a [u8],
    pub realm: &'a [u8],
    pub nonce: &'a [u8],
    pub uri: &'a [u8],
    pub response: &'a [u8],
    pub algorithm: Algorithm,
    pub cnonce: &'a [u8],
    /// The eight digits as they were written, for the digest, and their number.
    pub nc: &'a [u8],
    pub nc_number: u32,
}

impl<'a> Credentials<'a> {
    /// Reads them; `None` when a field is missing or when it is not `qop=auth`, the only one we offer.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let field = digest_fields(value)?;
        let algorithm = Algorithm::named(field("algorithm"))?;
        if !field("qop")?.eq_ignore_ascii_case(b"auth") {
            return None;
        }
        let nc = field("nc").filter(|nc| nc.len() == 8)?;
        Some(Self {
            username: field("username")?,
            realm: field("realm")?,
            nonce: field("nonce")?,
            uri: field("uri")?,
            response: field("response")?,
            algorithm,
            cnonce: field("cnonce")?,
            nc,
            nc_number: u32::from_str_radix(std::str::from_utf8(nc).ok()?, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_whatever_order_and_quotes() {
        let value = br#"digest nc=0000000a, qop="auth",cnonce="a,b", username = "101", realm="p", nonce="n", uri="sip:p", response="r""#;
        let read = Credentials::parse(value).unwrap();
        assert_eq!((read.username, read.cnonce, read.nc_number), (b"101".as_slice(), b"a,b".as_slice(), 10));
        assert_eq!(read.algorithm, Algorithm::Md5);
    }

    #[test]
    fn what_we_did_not_offer_is_not_accepted() {
        let whole = r#"Digest username="u", realm="p", nonce="n", uri="sip:p", response="r", qop=auth, nc=00000001, cnonce="c", algorithm=SHA-256"#;
        assert!(Credentials::parse(whole.as_bytes()).is_some());
        for (from, to) in [
            ("qop=auth", "qop=auth-int"),
            ("SHA-256", "SHA-256-sess"),
            ("Digest ", "Basic "),
            ("00000001", "1"),
            ("username", "user"),
        ] {
            assert!(Credentials::parse(whole.replace(from, to).as_bytes()).is_none(), "{to}");
        }
    }
}
