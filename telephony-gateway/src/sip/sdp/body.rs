//! Where in a message the description of the sound stands.

use smallvec::SmallVec;

/// The description inside a message's body: the body itself, or the first `application/sdp` part of a multipart one.
///
/// `None` when there is no body; `Err` with the SIP code when there is one that we cannot read (415).
pub fn find_description<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Option<&'a [u8]>, u16> {
    if body.is_empty() {
        return Ok(None);
    }
    let content_type = content_type.unwrap_or("application/sdp");
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/sdp") {
        return Ok(Some(body));
    }
    if kind.get(..10).is_some_and(|k| k.eq_ignore_ascii_case("multipart/")) {
        let boundary = parameter(content_type, "boundary").ok_or(400u16)?;
        return part_of(body, boundary).map(Some).ok_or(415);
    }
    Err(415)
}

/// The value of a parameter of a header such as Content-Type, without its quotes.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"')).filter(|v| !v.is_empty())
    })
}

/// The first part whose type is `application/sdp`; at most sixteen parts are looked at.
fn part_of<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let marker = [b"--", boundary.as_bytes()].concat();
    let finder = memchr::memmem::Finder::new(&marker);
    let starts: SmallVec<[usize; 8]> = finder.find_iter(body).take(17).collect();
    starts.windows(2).find_map(|pair| {
        let part = &body[pair[0] + marker.len()..pair[1]];
        let (head, blank) = crate::sip::stream::end_of_head(part, 0)?;
        let is_sdp = part[..head].split(|b| *b == b'\n').any(|line| {
            let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once(':')) else {
                return false;
            };
            let kind = value.split(';').next().unwrap_or_default().trim();
            let name = name.trim();
            (name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c"))
                && kind.eq_ignore_ascii_case("application/sdp")
        });
        let text = &part[head + blank..];
        is_sdp.then(|| text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text))
    })
}
