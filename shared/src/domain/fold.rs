//! Makes text findable: two spellings that a person takes for the same become the same key.

/// Lower case, ё as е, punctuation as a space, one space between words. SQLite's `lower()` folds ASCII only, so
/// both databases keep the folded key beside the text.
pub fn fold(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut gap = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let letter = if letter == 'ё' { 'е' } else { letter };
        if letter.is_alphanumeric() {
            if gap && !key.is_empty() {
                key.push(' ');
            }
            gap = false;
            key.push(letter);
        } else {
            gap = true;
        }
    }
    key
}

/// The words of a folded key, for a search in any order.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(' ').filter(|word| !word.is_empty())
}

/// What was meant when Russian was typed on an English layout: `ghbdtn` → `привет`. `None` when nothing changes.
pub fn repair_layout(text: &str) -> Option<String> {
    const LATIN: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`";
    const CYRILLIC: &str = "йцукенгшщзхъфывапролджэячсмитьбюё";
    if !text.chars().any(|c| c.is_ascii_alphabetic()) || text.chars().any(|c| ('а'..='я').contains(&c)) {
        return None;
    }
    let repaired: String = text
        .to_lowercase()
        .chars()
        .map(|c| LATIN.chars().position(|l| l == c).and_then(|at| CYRILLIC.chars().nth(at)).unwrap_or(c))
        .collect();
    Some(repaired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_written() {
        assert_eq!(fold("Ёлкина-Петрова,  ЮЛИЯ"), "елкина петрова юлия");
        assert_eq!(fold("ООО «Тёплый дом-2»"), "ооо теплый дом 2");
        assert_eq!(fold(" … "), "");
    }

    #[test]
    fn a_forgotten_layout_is_repaired() {
        assert_eq!(repair_layout("gjrfpfybz").as_deref(), Some("показания"));
        assert_eq!(repair_layout("показания"), None);
        assert_eq!(repair_layout("12345"), None);
    }
}
