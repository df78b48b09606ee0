//! How a golden file is written.
//!
//! Its first line is the section, a sentence or two come next; its name is that of the file. Steps follow, each under a line that begins with
//! `==== `: who sends what, whom we call, and what must have come of it. The lines of a message end in CRLF. In braces
//! stands what cannot be typed: `{hex 00 ff}`, `{sp}`, `{tab}`, `{30 × text}`, `{length}` of the body, `{digest}` in a
//! header that is left out until we have challenged, and `{our via}` out of the INVITE that we
//! sent last, `{answered to}` out of our last answer.

use std::collections::HashMap;

pub struct Case {
    pub name: String,
    pub tells: String,
    pub steps: Vec<Step>,
}

pub enum Step {
    Sends { who: String, text: String },
    WeCall { who: String },
    Then(Vec<String>),
}

impl Case {
    pub fn read(name: &str, file: &str) -> Self {
        let mut parts = file.split("==== ");
        let tells = parts.next().unwrap_or_default().lines().collect::<Vec<_>>().join(" ").trim().to_owned();
        assert!(tells.starts_with("RFC ") && tells.len() > 40, "{name}: a section and a sentence");
        let steps: Vec<Step> = parts.map(Step::read).collect();
        assert!(steps.iter().any(|step| matches!(step, Step::Then(_))), "{name}: nothing is asked");
        Self { name: name.to_owned(), tells, steps }
    }
}

impl Step {
    fn read(part: &str) -> Self {
        let (title, rest) = part.split_once('\n').expect("a step has a title");
        if title == "then" {
            return Self::Then(rest.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect());
        }
        if let Some(who) = title.strip_prefix("we call ") {
            return Self::WeCall { who: who.to_owned() };
        }
        // The empty line before the next step is only for the reader, unless it ends the headers.
        let text = rest.lines().map(|line| format!("{line}\r\n")).collect();
        Self::Sends { who: title.replacen(" sends", "", 1), text }
    }
}

/// The message behind a template.
pub fn message(template: &str, known: &HashMap<String, String>) -> Vec<u8> {
    let (head, body) = template.split_once("\r\n\r\n").unwrap_or((template, ""));
    let body = filled(body, known);
    let mut known = known.clone();
    known.insert("length".to_owned(), body.len().to_string());
    [filled(head, &known), b"\r\n\r\n".to_vec(), body].concat()
}

pub fn filled(template: &str, known: &HashMap<String, String>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((plain, behind)) = rest.split_once('{') {
        let (word, after) = behind.split_once('}').expect("a brace is closed");
        out.extend_from_slice(plain.as_bytes());
        out.extend(value_of(word, known));
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn value_of(word: &str, known: &HashMap<String, String>) -> Vec<u8> {
    if let Some(digits) = word.strip_prefix("hex ") {
        return hex::decode(digits.replace(' ', "")).expect("pairs of hex digits");
    }
    if let Some((count, text)) = word.split_once(" × ") {
        return text.repeat(count.parse().expect("a count")).into_bytes();
    }
    match word {
        "sp" => b" ".to_vec(),
        "tab" => b"\t".to_vec(),
        _ => known.get(word).unwrap_or_else(|| panic!("nothing is known of {{{word}}}")).clone().into_bytes(),
    }
}
