//! Rows on their way into a database, in the form in which it takes many at once: JSON arrays for SQLite's
//! `json_each`, COPY's text for PostgreSQL.

use std::fmt::Write;

use chrono::NaiveDate;

use crate::time::UtcMs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Customer,
    CustomerWord,
    ContactPoint,
    Account,
    Meter,
    Reading,
    Payment,
    Invoice,
    Request,
    Interaction,
}

/// How many tables there are; they are written in this order, so that a row never precedes what it names.
pub const N_TABLES: usize = 10;

#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Day(NaiveDate),
    Moment(UtcMs),
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl From<NaiveDate> for Cell<'_> {
    fn from(value: NaiveDate) -> Self {
        Self::Day(value)
    }
}

impl From<UtcMs> for Cell<'_> {
    fn from(value: UtcMs) -> Self {
        Self::Moment(value)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Copy,
}

/// Rows of all tables that are written together.
pub struct Rows {
    form: Form,
    texts: [String; N_TABLES],
    n_rows: u64,
}

impl Rows {
    pub fn new(form: Form) -> Self {
        Self { form, texts: Default::default(), n_rows: 0 }
    }

    pub const fn len(&self) -> u64 {
        self.n_rows
    }

    /// Each table's text, to be handed to the database; the rows are empty afterwards.
    pub fn take(&mut self) -> [String; N_TABLES] {
        self.n_rows = 0;
        let mut texts = std::mem::take(&mut self.texts);
        if self.form == Form::Json {
            for text in texts.iter_mut().filter(|text| !text.is_empty()) {
                text.pop();
                text.insert(0, '[');
                text.push(']');
            }
        }
        texts
    }

    pub fn add<const N: usize>(&mut self, table: Table, cells: [Cell<'_>; N]) {
        self.n_rows += 1;
        let text = &mut self.texts[table as usize];
        match self.form {
            Form::Json => {
                text.push('[');
                for (at, cell) in cells.into_iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    json_cell(text, cell);
                }
                text.push_str("],");
            }
            Form::Copy => {
                for (at, cell) in cells.into_iter().enumerate() {
                    if at > 0 {
                        text.push('\t');
                    }
                    copy_cell(text, cell);
                }
                text.push('\n');
            }
        }
    }
}

// Writing into a `String` cannot fail, so the results of `write!` say nothing.

fn json_cell(text: &mut String, cell: Cell<'_>) {
    match cell {
        Cell::Null => text.push_str("null"),
        Cell::Int(value) => drop(write!(text, "{value}")),
        Cell::Day(day) => drop(write!(text, "\"{day}\"")),
        Cell::Moment(at) => drop(write!(text, "{}", at.0)),
        Cell::Text(value) => {
            text.push('"');
            for letter in value.chars() {
                match letter {
                    '"' => text.push_str("\\\""),
                    '\\' => text.push_str("\\\\"),
                    control if control < ' ' => drop(write!(text, "\\u{:04x}", u32::from(control))),
                    other => text.push(other),
                }
            }
            text.push('"');
        }
    }
}

fn copy_cell(text: &mut String, cell: Cell<'_>) {
    match cell {
        Cell::Null => text.push_str("\\N"),
        Cell::Int(value) => drop(write!(text, "{value}")),
        Cell::Day(day) => drop(write!(text, "{day}")),
        Cell::Moment(at) => drop(write!(text, "{}", at.to_chrono().format("%Y-%m-%d %H:%M:%S%.3f+00"))),
        Cell::Text(value) => {
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '\t' => text.push_str("\\t"),
                    '\n' => text.push_str("\\n"),
                    '\r' => text.push_str("\\r"),
                    other => text.push(other),
                }
            }
        }
    }
}
