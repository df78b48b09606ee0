//! How a phone answers a challenge (RFC 2617, RFC 7616, RFC 8760).

use md5::Md5;
use sha2::{Digest, Sha256};
use shared::pii::Secret;

/// What a `WWW-Authenticate` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    pub nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    has_qop: bool,
    /// The password was right, only the nonce is too old.
    pub stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
}

/// Who signs, and what.
pub struct Request<'r> {
    pub user: &'r str,
    pub password: &'r Secret,
    pub method: &'r str,
    pub uri: &'r str,
    /// How often this nonce has been used, this time included.
    pub n_uses: u32,
    pub cnonce: &'r str,
}

impl Challenge {
    /// The strongest of several challenges that a phone understands.
    pub fn choose<'h>(headers: impl Iterator<Item = &'h str>) -> Option<Self> {
        headers.filter_map(Self::parse).max_by_key(|challenge| challenge.algorithm)
    }

    fn parse(header: &str) -> Option<Self> {
        let fields = header.strip_prefix("Digest ")?;
        let field = |name: &str| {
            fields.split(',').find_map(|field| {
                let (known, value) = field.trim().split_once('=')?;
                known.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
            })
        };
        let algorithm = match field("algorithm").as_deref() {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("MD5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            algorithm,
            has_qop: field("qop").is_some(),
            stale: field("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of `Authorization`.
    pub fn answer(&self, request: &Request<'_>) -> String {
        let Request { user, password, method, uri, n_uses, cnonce } = request;
        let Self { realm, nonce, .. } = self;
        let secret = self.hash(&format!("{user}:{realm}:{}", password.expose()));
        let what = self.hash(&format!("{method}:{uri}"));
        let name = match self.algorithm {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        };
        let (response, qop) = if self.has_qop {
            let response = self.hash(&format!("{secret}:{nonce}:{n_uses:08x}:{cnonce}:auth:{what}"));
            (response, format!(", qop=auth, nc={n_uses:08x}, cnonce=\"{cnonce}\""))
        } else {
            (self.hash(&format!("{secret}:{nonce}:{what}")), String::new())
        };
        let opaque = self.opaque.as_ref().map_or(String::new(), |opaque| format!(", opaque=\"{opaque}\""));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={name}{qop}{opaque}"
        )
    }

    fn hash(&self, text: &str) -> String {
        match self.algorithm {
            Algorithm::Md5 => hex::encode(Md5::digest(text)),
            Algorithm::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 section 3.9.1, in both algorithms.
    fn check(algorithm: &str, response: &str) {
        let challenge = Challenge::choose(std::iter::once(
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
            .as_str(),
        ))
        .unwrap();
        let answer = challenge.answer(&Request {
            user: "Mufasa",
            password: &Secret::new("Circle of Life"),
            method: "GET",
            uri: "/dir/index.html",
            n_uses: 1,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        });
        assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
        assert!(answer.contains("nc=00000001"));
    }

    #[test]
    fn the_examples_of_the_rfc_are_answered_as_the_rfc_says() {
        check("MD5", "8ca523f5e9506fed4657c9700eebdbec");
        check("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn of_two_challenges_the_stronger_is_answered() {
        let headers = [
            "Digest realm=\"p\", nonce=\"a\", algorithm=SHA-512-256",
            "Digest realm=\"p\", nonce=\"b\", algorithm=MD5, qop=\"auth\"",
            "Digest realm=\"p\", nonce=\"c\", algorithm=SHA-256, qop=\"auth\", stale=TRUE",
        ];
        let chosen = Challenge::choose(headers.into_iter()).unwrap();
        assert_eq!((chosen.nonce.as_str(), chosen.stale), ("c", true));
        assert_eq!(Challenge::choose(["Basic realm=\"p\""].into_iter()), None);
    }
}
