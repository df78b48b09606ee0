//! Reads a file of the configuration table by table, and keeps every fault it meets with file, line and words.
//!
//! A [`Section`] is asked for its keys by name and never gives up at the first fault: what cannot be read is noted
//! and a placeholder goes on in its place, so that one run of `check` tells everything. What was never asked for is
//! an unknown key, and is noted as well.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigFault;

/// One file of the configuration: its name and its text.
pub(super) struct Source {
    pub file: PathBuf,
    pub text: String,
}

impl Source {
    /// Reads a file; one that cannot be read is a fault of its own.
    pub fn read(file: &Path, faults: &Faults) -> Option<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => Some(Self { file: file.to_owned(), text }),
            Err(error) => {
                faults.note(file, 1, format!("cannot be read: {error}"));
                None
            }
        }
    }

    /// The whole file as a table. Faults of TOML itself are noted; what could be read all the same goes on.
    pub fn table<'a>(&'a self, faults: &Faults) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        for error in errors {
            let line = error.span().map_or(1, |span| self.line(&span));
            faults.note(&self.file, line, format!("this is no TOML: {}", error.message()));
        }
        table
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// Every fault met so far.
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<ConfigFault>>);

impl Faults {
    pub fn note(&self, file: &Path, line: usize, text: impl Into<String>) {
        self.0.borrow_mut().push(ConfigFault { file: file.to_owned(), line, text: text.into() });
    }

    /// All of them, in the order of file and line.
    pub fn into_sorted(self) -> Vec<ConfigFault> {
        let mut faults = self.0.into_inner();
        faults.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        faults
    }
}

/// One table of a file, while it is being read.
pub(super) struct Section<'a> {
    source: &'a Source,
    faults: &'a Faults,
    table: Option<&'a DeTable<'a>>,
    line: usize,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub fn whole(source: &'a Source, table: &'a Spanned<DeTable<'a>>, faults: &'a Faults) -> Self {
        Self { source, faults, table: Some(table.get_ref()), line: 1, asked: RefCell::default() }
    }

    /// Whether the table itself stands in the file.
    pub fn is_there(&self) -> bool {
        self.table.is_some()
    }

    pub fn file(&self) -> &'a Path {
        &self.source.file
    }

    /// Whether the key stands in the file, whatever its value.
    pub fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// The line of a key, or of the table when the key is not there.
    pub fn line_of(&self, key: &'static str) -> usize {
        self.find(key).map_or(self.line, |value| self.source.line(&value.span()))
    }

    /// Notes a fault at a key.
    pub fn fault(&self, key: &'static str, text: impl Into<String>) {
        self.faults.note(&self.source.file, self.line_of(key), text);
    }

    /// The value of a key that may be absent.
    pub fn optional<T: FromToml>(&self, key: &'static str) -> Option<T> {
        let value = self.find(key)?;
        match T::from_toml(value.get_ref()) {
            Ok(read) => Some(read),
            Err(why) => {
                self.fault(key, format!("`{key}` {why}"));
                None
            }
        }
    }

    /// The value of a key, or what holds when it is absent.
    pub fn or<T: FromToml>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A number between two bounds, both inclusive, or what holds when it is absent.
    pub fn number(&self, key: &'static str, default: u64, within: std::ops::RangeInclusive<u64>) -> u64 {
        let number = self.or(key, default);
        if within.contains(&number) {
            return number;
        }
        self.fault(key, format!("`{key}` must lie between {} and {}; it is {number}", within.start(), within.end()));
        default
    }

    /// The value of a key that must be there. After a fault the placeholder stands in for it.
    pub fn required<T: FromToml>(&self, key: &'static str, placeholder: T) -> T {
        if self.table.is_some() && !self.has(key) {
            self.fault(key, format!("`{key}` is missing here"));
        }
        self.or(key, placeholder)
    }

    /// A text that must be there and not be empty.
    pub fn words(&self, key: &'static str) -> String {
        let text = self.required(key, String::new());
        if self.has(key) && text.trim().is_empty() {
            self.fault(key, format!("`{key}` must not be empty"));
        }
        text
    }

    /// A table within this one. An absent one reads as empty.
    pub fn section(&self, key: &'static str) -> Section<'a> {
        let value = self.find(key);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let Some(value) = value
            && table.is_none()
        {
            self.fault(key, format!("`{key}` must be a table, it is {}", kind(value.get_ref())));
        }
        let line = value.map_or(self.line, |value| self.source.line(&value.span()));
        Section { source: self.source, faults: self.faults, table, line, asked: RefCell::default() }
    }

    /// A table that must be there.
    pub fn required_section(&self, key: &'static str) -> Section<'a> {
        if !self.has(key) {
            self.fault(key, format!("the table `[{key}]` is missing"));
        }
        self.section(key)
    }

    /// The tables of a list, `[[key]]` or inline.
    pub fn list(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.fault(key, format!("`{key}` must be a list of tables, it is {}", kind(value.get_ref())));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            let line = self.source.line(&item.span());
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section {
                    source: self.source,
                    faults: self.faults,
                    table: Some(table),
                    line,
                    asked: RefCell::default(),
                }),
                None => self.faults.note(
                    &self.source.file,
                    line,
                    format!("`{key}` takes tables, this is {}", kind(item.get_ref())),
                ),
            }
        }
        sections
    }

    /// Notes every key that nobody has asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for (key, value) in self.table.into_iter().flatten() {
            let name: &str = key.get_ref();
            if asked.contains(name) {
                continue;
            }
            let span = if key.span().is_empty() { value.span() } else { key.span() };
            let meant = asked.iter().find(|known| is_near(name, known));
            let text = match meant {
                Some(meant) => format!("there is no key `{name}` here; did you mean `{meant}`?"),
                None => {
                    let known: Vec<&str> = asked.iter().copied().collect();
                    format!("there is no key `{name}` here; known ones are {}", known.join(", "))
                }
            };
            self.faults.note(&self.source.file, self.source.line(&span), text);
        }
    }

    fn find(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.table?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }
}

/// A value as TOML has it becomes a value as the gateway means it.
pub(super) trait FromToml: Sized {
    /// # Errors
    /// In words that go on after the key's name: "must be a number, it is a text".
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String>;
}

impl FromToml for String {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| format!("must be a text in quotes, it is {}", kind(value)))
    }
}

impl FromToml for bool {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| format!("must be true or false, it is {}", kind(value)))
    }
}

impl FromToml for u64 {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let number = value.as_integer().ok_or_else(|| format!("must be a whole number, it is {}", kind(value)))?;
        Self::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_err(|_| format!("must be a whole number from 0 up, it is {}", number.as_str()))
    }
}

impl FromToml for f64 {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let text = match value {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            other => return Err(format!("must be a number, it is {}", kind(other))),
        };
        text.replace('_', "")
            .parse()
            .ok()
            .filter(|number: &Self| number.is_finite())
            .ok_or_else(|| format!("must be a number, it is {text}"))
    }
}

impl FromToml for SocketAddr {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let text = String::from_toml(value)?;
        text.parse().map_err(|_| {
            format!("must be an address with a port, such as \"192.0.2.5:5060\" or \"[::1]:5060\"; it is \"{text}\"")
        })
    }
}

impl FromToml for IpAddr {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let text = String::from_toml(value)?;
        text.parse().map_err(|_| format!("must be an address without a port, such as \"192.0.2.5\"; it is \"{text}\""))
    }
}

impl FromToml for PathBuf {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        String::from_toml(value).map(Self::from)
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| format!("must be a list in brackets, it is {}", kind(value)))?;
        items
            .iter()
            .map(|item| T::from_toml(item.get_ref()).map_err(|why| format!("has an entry that {why}")))
            .collect()
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Whether one name is the other but for two slips of the finger.
fn is_near(one: &str, other: &str) -> bool {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()] <= 2
}
