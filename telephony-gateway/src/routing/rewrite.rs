//! Numbers rewritten between our spelling and a trunk's.

/// One rule: numbers that begin with `prefix` lose `strip` characters and get `prepend` in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Empty: every number.
    pub prefix: String,
    pub strip: usize,
    pub prepend: String,
}

/// Rules in their order: the first whose prefix fits is the one. A number that none fits stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrites(Vec<Rewrite>);

impl Rewrites {
    pub const fn new(rules: Vec<Rewrite>) -> Self {
        Self(rules)
    }

    pub fn apply(&self, number: &str) -> String {
        let Some(rule) = self.0.iter().find(|rule| number.starts_with(&rule.prefix)) else { return number.to_owned() };
        // A number shorter than what is to be stripped loses all of it, and never tears a character.
        let rest = number.char_indices().nth(rule.strip).map_or("", |(at, _)| &number[at..]);
        format!("{}{rest}", rule.prepend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, strip: usize, prepend: &str) -> Rewrite {
        Rewrite { prefix: prefix.into(), strip, prepend: prepend.into() }
    }

    #[test]
    fn a_carrier_gets_the_spelling_it_wants() {
        let rules = Rewrites::new(vec![rule("+7", 2, "8"), rule("+", 1, "810")]);
        assert_eq!(rules.apply("+74952040000"), "84952040000");
        assert_eq!(rules.apply("+49301234567"), "81049301234567");
        assert_eq!(rules.apply("112"), "112");
    }

    #[test]
    fn the_first_rule_that_fits_is_the_one() {
        let rules = Rewrites::new(vec![rule("495", 0, "+7"), rule("", 0, "+")]);
        assert_eq!(rules.apply("4952040000"), "+74952040000");
        assert_eq!(rules.apply("74952040000"), "+74952040000");
    }

    #[test]
    fn a_number_shorter_than_its_rule_tears_nothing() {
        assert_eq!(Rewrites::new(vec![rule("", 9, "")]).apply("112"), "");
        assert_eq!(Rewrites::new(vec![rule("", 1, "")]).apply("я2"), "2");
        assert_eq!(Rewrites::default().apply("+7"), "+7");
    }
}
