//! `Reason: Q.850;cause=16;text="…"` (RFC 3326).

use super::list;

/// The Q.850 cause among the reasons given.
pub fn q850(value: &[u8]) -> Option<u16> {
    list::items(value).find_map(|reason| {
        let end = memchr::memchr(b';', reason)?;
        reason[..end].trim_ascii().eq_ignore_ascii_case(b"Q.850").then_some(())?;
        list::number(list::parameter(&reason[end + 1..], "cause").flatten()?).filter(|cause: &u16| *cause < 128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carriers_cause_is_found_beside_others() {
        assert_eq!(q850(br#"SIP;cause=200;text="a, b;cause=1", q.850 ; cause = 16"#), Some(16));
        assert_eq!(q850(b"Q.850;cause=999"), None);
        assert_eq!(q850(b"SIP;cause=16"), None);
    }
}
