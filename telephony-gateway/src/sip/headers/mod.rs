//! The headers that we understand, one file each.
//!
//! A header's file reads its value from bytes, because a display name may be CP1251 and still be a good call.
//! To teach the gateway a new header, add its file and a line in [`KNOWN`].

pub mod address;
pub mod authorization;
pub mod challenge;
pub mod cseq;
pub mod list;
pub mod rack;
pub mod reason;
pub mod refer_to;
pub mod replaces;
pub mod session_expires;
pub mod text;
pub mod uri;
pub mod via;

pub use address::Address;
pub use uri::Uri;
pub use via::Via;

macro_rules! headers {
    ($($name:ident = $long:literal $(/ $compact:literal)?),+ $(,)?) => {
        /// The headers known by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Name { $($name,)+ Other }

        /// Every known header with its full and its compact name (RFC 3261 §7.3.3).
        pub const KNOWN: &[(Name, &str, Option<u8>)] = &[$((Name::$name, $long, headers!(@ $($compact)?)),)+];

        impl Name {
            /// The name as we write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $long,)+ Self::Other => "" }
            }
        }
    };
    (@ $compact:literal) => { Some($compact) };
    (@) => { None };
}

headers! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    Contact = "Contact" / b'm',
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    MaxForwards = "Max-Forwards",
    Route = "Route",
    RecordRoute = "Record-Route",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    Expires = "Expires",
    MinExpires = "Min-Expires",
    Allow = "Allow",
    AllowEvents = "Allow-Events" / b'u',
    Accept = "Accept",
    Supported = "Supported" / b'k',
    Require = "Require",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Server = "Server",
    Event = "Event" / b'o',
    SubscriptionState = "Subscription-State",
    Reason = "Reason",
    RetryAfter = "Retry-After",
    AssertedIdentity = "P-Asserted-Identity",
    Privacy = "Privacy",
    CallInfo = "Call-Info",
    AlertInfo = "Alert-Info",
    Warning = "Warning",
    SessionExpires = "Session-Expires" / b'x',
    MinSe = "Min-SE",
    Replaces = "Replaces",
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    ReferSub = "Refer-Sub",
    RSeq = "RSeq",
    RAck = "RAck",
    Diversion = "Diversion",
    HistoryInfo = "History-Info",
}

impl Name {
    /// Which header this is, however it is written.
    pub fn read(written: &[u8]) -> Self {
        if let [letter] = written {
            let letter = letter.to_ascii_lowercase();
            return KNOWN.iter().find(|(_, _, compact)| *compact == Some(letter)).map_or(Self::Other, |k| k.0);
        }
        let same = |long: &str| long.len() == written.len() && long.as_bytes().eq_ignore_ascii_case(written);
        KNOWN.iter().find(|(_, long, _)| same(long)).map_or(Self::Other, |known| known.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_long_short_and_in_odd_case() {
        assert_eq!(Name::read(b"P-ASSERTED-identity"), Name::AssertedIdentity);
        assert_eq!(Name::read(b"F"), Name::From);
        assert_eq!(Name::read(b"i"), Name::CallId);
        assert_eq!(Name::read(b"X-Anything"), Name::Other);
        assert_eq!(Name::read(b"z"), Name::Other);
        for (name, long, _) in KNOWN {
            assert_eq!(Name::read(long.as_bytes()), *name);
            assert_eq!(name.as_str(), *long);
        }
    }
}
