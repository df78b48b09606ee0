//! Values with commas and parameters, split where the grammar splits them and not inside quotes or brackets.

/// The parts of a list such as `Contact`, `Route` or `Via`.
pub fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    items_and_gaps(value).filter(|item| !item.is_empty())
}

/// The same for who is strict: between two commas without anything stands an empty part.
pub fn items_and_gaps(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    split(value, b',', true).map(<[u8]>::trim_ascii)
}

/// The first part, and all behind its comma as it was written.
pub fn first_and_rest(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match find_outside(value, b',', true) {
        Some(at) => (value[..at].trim_ascii(), Some(value[at + 1..].trim_ascii())),
        None => (value.trim_ascii(), None),
    }
}

/// What may not stand in a header's value by itself.
pub const fn is_control(byte: &u8) -> bool {
    (*byte < b' ' && *byte != b'\t') || *byte == 0x7f
}

/// Whether each control character stands behind a backslash within quotes (`quoted-pair` of RFC 3261 §25.1), where all
/// but line ends are allowed.
pub fn controls_are_quoted(text: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        let is_line_end = matches!(byte, b'\r' | b'\n');
        if is_control(byte) && (is_line_end || !escaped) {
            return false;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    true
}

/// The parameters of `;name=value;name`; quotes stay on the values.
pub fn parameters(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    split(text, b';', false).map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).map(|part| {
        match memchr::memchr(b'=', part) {
            Some(at) => (part[..at].trim_ascii(), Some(part[at + 1..].trim_ascii())),
            None => (part, None),
        }
    })
}

/// One parameter by its name. `Some(None)` when it is there without a value.
pub fn parameter<'a>(text: &'a [u8], name: &str) -> Option<Option<&'a [u8]>> {
    parameters(text).find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}

/// Without the quotes around it, if there are any.
pub fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
}

/// Digits and nothing else, in range.
pub fn number<N: TryFrom<u64>>(text: &[u8]) -> Option<N> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    N::try_from(text.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'))).ok()
}

/// Whether a list of tokens such as `Supported` names this one.
pub fn has_token(value: &[u8], token: &str) -> bool {
    items(value).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}

fn split(text: &[u8], separator: u8, brackets: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = find_outside(text, separator, brackets);
        rest = at.map(|at| &text[at + 1..]);
        Some(&text[..at.unwrap_or(text.len())])
    })
}

/// The first `wanted` that is neither inside quotes nor (when asked) inside angle brackets.
pub fn find_outside(text: &[u8], wanted: u8, brackets: bool) -> Option<usize> {
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    for (at, &byte) in text.iter().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' if !inside => quoted = !quoted,
            _ if quoted => {}
            _ if byte == wanted && !inside => return Some(at),
            b'<' if brackets => inside = true,
            b'>' if brackets => inside = false,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_names_and_addresses_do_not_split_a_list() {
        let value = br#""Petrov, \"Ivan\" <b>" <sip:a,b@c;x=1>;q=0.5, <sip:d>, ,e"#;
        let parts: Vec<_> = items(value).map(|i| String::from_utf8_lossy(i).into_owned()).collect();
        assert_eq!(parts, [r#""Petrov, \"Ivan\" <b>" <sip:a,b@c;x=1>;q=0.5"#, "<sip:d>", "e"]);
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number::<u16>(b"5060"), Some(5060));
        for bad in ["", "65536", "+1", "-1", "1 ", "0x1", "99999999999999999999"] {
            assert_eq!(number::<u16>(bad.as_bytes()), None, "{bad}");
        }
    }
}
