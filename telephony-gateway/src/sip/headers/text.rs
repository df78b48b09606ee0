//! Bytes of a header as text for people: UTF-8, else CP1251, and nothing that could break a log line.

/// What a display name or a reason phrase may be long.
const LONGEST: usize = 128;

/// Letters 0x80..=0xBF of CP1251; the alphabet from 0xC0 follows by arithmetic.
const CP1251_UPPER: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї";

/// Readable text: control characters become spaces, and what is longer than anybody's name is cut.
pub fn readable(bytes: &[u8]) -> String {
    let clean = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    let text: String = match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(clean).take(LONGEST).collect(),
        Err(_) => bytes.iter().map(|b| clean(cp1251(*b))).take(LONGEST).collect(),
    };
    text.trim().to_owned()
}

/// Marks that turn the direction of writing, with which a name could dress up as another.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn cp1251(byte: u8) -> char {
    match byte {
        0..=0x7f => char::from(byte),
        0x80..=0xbf => CP1251_UPPER.chars().nth(usize::from(byte - 0x80)).unwrap_or(' '),
        0xc0..=0xff => char::from_u32(u32::from('А') + u32::from(byte - 0xc0)).unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_russian_name_is_read_in_both_of_its_encodings() {
        assert_eq!(readable("Ёлкина Жанна".as_bytes()), "Ёлкина Жанна");
        let cp1251 = [0xa8, 0xeb, 0xea, 0xe8, 0xed, 0xe0, b' ', 0xc6, 0xe0, 0xed, 0xed, 0xe0];
        assert_eq!(readable(&cp1251), "Ёлкина Жанна");
        assert_eq!(CP1251_UPPER.chars().count(), 64);
    }

    #[test]
    fn a_name_cannot_write_a_log_line_of_its_own() {
        assert_eq!(readable(b"Anna\r\n\x1b[31mERROR\x07 all lost"), "Anna   [31mERROR  all lost");
        assert_eq!(readable("a\u{202e}b".as_bytes()), "a b");
        assert_eq!(readable(&[b'x'; 5000]).len(), LONGEST);
    }
}
