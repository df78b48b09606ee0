//! The business configuration that the screens and the rules share: topics, results, reasons and forms.
//!
//! It ships as commented files in `config/`, is loaded and checked by the gateway, and travels to each desk in the
//! welcome; a desk never reads a file of its own for it.

use serde::{Deserialize, Serialize};

use super::call::CallEnding;
use super::queue::QueueInfo;
use super::reading::ReadingRules;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub topics: Vec<TopicGroup>,
    pub results: Vec<ResultCode>,
    pub reasons: Vec<NotReadyReason>,
    pub forms: Vec<Form>,
    pub readings: ReadingRules,
    /// Filled by the gateway from its own configuration.
    #[serde(default)]
    pub queues: Vec<QueueInfo>,
}

/// A word in both languages of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub ru: String,
    pub en: String,
}

/// The first level of topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicGroup {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    pub topics: Vec<Topic>,
}

/// The second level: what a contact was about. `code` is a stable key and never used again for something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    /// More words by which people type for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The form that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
}

/// What came of a contact (результат обращения).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultCode {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    /// Solved in the first contact.
    #[serde(default)]
    pub first_contact_resolution: bool,
    /// A call that ended in one of these ways gets this result unless another is chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposed_for: Vec<CallEnding>,
}

/// Why somebody is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotReadyReason {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    #[serde(default)]
    pub paid: bool,
    /// After this many minutes the screens show it as too long.
    #[serde(default)]
    pub max_minutes: Option<u16>,
    /// Only the gateway sets it; it is in no menu.
    #[serde(default)]
    pub system: bool,
}

/// A form that is opened by typing what it is about. All forms are defined this way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    pub kind: FormKind,
    /// Words and beginnings by which it is found, in both languages.
    #[serde(default)]
    pub also: Vec<String>,
    /// The topic that the wrap-up proposes after it.
    pub topic: String,
    /// Within how many working days it has to be done; requests only.
    #[serde(default)]
    pub due_days: Option<u16>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormKind {
    /// Saved as a meter reading of the chosen account.
    MeterReading,
    /// Registered as a request.
    Request,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
    #[serde(flatten)]
    pub kind: FieldKind,
    #[serde(default)]
    pub required: bool,
}

/// What a field takes, and its canonical spelling in a saved request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// One of the customer's accounts; the account's id.
    Account,
    /// As many numbers as the chosen account's meter has zones; `T1;T2;T3`.
    ZoneReadings,
    /// `2026-11-23`, typed as `23.11.2026`, `23.11` or `23`.
    Date,
    /// `2026-11`, typed as `11.2026` or `11`.
    Month,
    /// Kopecks, typed as `3150` or `3150,00`.
    Money,
    Choice {
        options: Vec<ChoiceOption>,
    },
    /// One line.
    Text,
    /// Several lines.
    Note,
    Phone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceOption {
    pub code: String,
    #[serde(flatten)]
    pub name: Words,
}

impl Catalogue {
    pub fn topic(&self, code: &str) -> Option<(&TopicGroup, &Topic)> {
        self.topics.iter().find_map(|group| group.topics.iter().find(|t| t.code == code).map(|topic| (group, topic)))
    }

    pub fn result(&self, code: &str) -> Option<&ResultCode> {
        self.results.iter().find(|result| result.code == code)
    }

    pub fn reason(&self, code: &str) -> Option<&NotReadyReason> {
        self.reasons.iter().find(|reason| reason.code == code)
    }

    pub fn form(&self, code: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.code == code)
    }

    /// Every fault of the catalogue in words; empty when it is sound.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for code in self.codes() {
            if !seen.insert(code) {
                faults.push(format!("the code `{code}` is there twice"));
            }
        }
        for (_, topic) in self.all_topics() {
            if let Some(form) = &topic.form
                && self.form(form).is_none()
            {
                faults.push(format!("topic `{}` names the form `{form}`, which is not there", topic.code));
            }
        }
        for form in &self.forms {
            if self.topic(&form.topic).is_none() {
                faults.push(format!("form `{}` names the topic `{}`, which is not there", form.code, form.topic));
            }
        }
        faults
    }

    pub fn all_topics(&self) -> impl Iterator<Item = (&TopicGroup, &Topic)> {
        self.topics.iter().flat_map(|group| group.topics.iter().map(move |topic| (group, topic)))
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        let topics = self.all_topics().map(|(_, topic)| topic.code.as_str());
        let results = self.results.iter().map(|result| result.code.as_str());
        let reasons = self.reasons.iter().map(|reason| reason.code.as_str());
        let forms = self.forms.iter().map(|form| form.code.as_str());
        topics.chain(results).chain(reasons).chain(forms)
    }
}
