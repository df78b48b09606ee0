//! `Replaces: call-id;to-tag=…;from-tag=…`: the dialog whose place a new one takes (RFC 3891 §6.1).

use super::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    pub call_id: &'a [u8],
    /// The tag of whoever is asked: our own (§3).
    pub to_tag: &'a [u8],
    /// The tag of who was on the other side of that dialog.
    pub from_tag: &'a [u8],
    /// Only while nobody has answered.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b';', value)?;
        let (call_id, parameters) = (value[..end].trim_ascii(), &value[end + 1..]);
        let tag = |name: &str| list::parameter(parameters, name).flatten().filter(|tag| !tag.is_empty());
        let early_only = list::parameter(parameters, "early-only").is_some();
        let (to_tag, from_tag) = (tag("to-tag")?, tag("from-tag")?);
        (!call_id.is_empty()).then_some(Self { call_id, to_tag, from_tag, early_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_named_by_its_call_id_and_both_tags() {
        let read = Replaces::parse(b"98732@sip.example.com ;from-tag=r33; TO-TAG=ours;early-only").unwrap();
        assert_eq!(
            (read.call_id, read.to_tag, read.from_tag),
            (&b"98732@sip.example.com"[..], &b"ours"[..], &b"r33"[..])
        );
        assert!(read.early_only);
        for torn in ["", "c", "c;to-tag=1", "c;from-tag=1", ";to-tag=1;from-tag=2", "c;to-tag=;from-tag=2"] {
            assert_eq!(Replaces::parse(torn.as_bytes()), None, "{torn}");
        }
    }
}
