//! Topics, results, reasons and forms, each from a file of its own beside the gateway's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use shared::domain::call::CallEnding;
use shared::domain::catalogue::{
    Catalogue, ChoiceOption, Field, FieldKind, Form, FormKind, NotReadyReason, ResultCode, Topic, TopicGroup, Words,
};
use shared::domain::queue::QueueInfo;
use shared::domain::reading::ReadingRules;

use super::QueueConfig;
use super::reader::{Faults, Section, Source};

/// Reads the four files of `folder` and checks that they agree with each other.
pub(super) fn read(folder: &Path, queues: &[QueueConfig], faults: &Faults) -> Catalogue {
    let mut reader = CatalogueReader { faults, stands: HashMap::new() };
    let mut catalogue = Catalogue { queues: queues.iter().map(queue_info).collect(), ..Catalogue::default() };
    reader.file(&folder.join("topics.toml"), |reader, file| {
        catalogue.topics = file.list("topics").into_iter().map(|group| reader.topic_group(group)).collect();
    });
    reader.file(&folder.join("results.toml"), |reader, file| {
        catalogue.results = file.list("results").into_iter().map(|result| reader.result(result)).collect();
    });
    reader.file(&folder.join("reasons.toml"), |reader, file| {
        catalogue.reasons = file.list("reasons").into_iter().map(|reason| reader.reason(reason)).collect();
    });
    reader.file(&folder.join("forms.toml"), |reader, file| {
        catalogue.readings = reading_rules(file.section("readings"));
        catalogue.forms = file.list("forms").into_iter().map(|form| reader.form(form)).collect();
    });
    for fault in catalogue.faults() {
        let (file, line) = reader.place_of(&fault);
        faults.note(&file, line, fault);
    }
    check_system_reasons(&catalogue, folder, faults);
    catalogue
}

/// The ways to end after which a result is proposed, in the spelling of the wire.
fn endings(section: &Section<'_>) -> Vec<CallEnding> {
    let written: Vec<String> = section.or("proposed_for", Vec::new());
    let read = |word: String| {
        let known = serde_json::from_value(serde_json::Value::String(word.clone())).ok();
        if known.is_none() {
            section.fault("proposed_for", format!("`proposed_for` knows no ending of a call named \"{word}\""));
        }
        known
    };
    written.into_iter().filter_map(read).collect()
}

fn queue_info(queue: &QueueConfig) -> QueueInfo {
    QueueInfo { code: queue.code.clone(), name_ru: queue.name_ru.clone(), name_en: queue.name_en.clone() }
}

struct CatalogueReader<'a> {
    faults: &'a Faults,
    /// Where each code was read last, so that a fault between two files can be shown in one of them.
    stands: HashMap<String, (PathBuf, usize)>,
}

impl CatalogueReader<'_> {
    fn file(&mut self, path: &Path, read: impl FnOnce(&mut Self, &Section<'_>)) {
        let Some(source) = Source::read(path, self.faults) else { return };
        let table = source.table(self.faults);
        let whole = Section::whole(&source, &table, self.faults);
        read(self, &whole);
        whole.finish();
    }

    fn code(&mut self, section: &Section<'_>) -> String {
        let code = section.words("code");
        self.stands.insert(code.clone(), (section.file().to_owned(), section.line_of("code")));
        code
    }

    /// The place of a fault: its sentence names the code at fault first, in backticks.
    fn place_of(&self, fault: &str) -> (PathBuf, usize) {
        let code = fault.split('`').nth(1).unwrap_or_default();
        self.stands.get(code).cloned().unwrap_or_else(|| (PathBuf::from("topics.toml"), 1))
    }

    fn topic_group(&mut self, section: Section<'_>) -> TopicGroup {
        let group = TopicGroup {
            code: section.words("code"),
            name: words(&section),
            topics: section.list("topics").into_iter().map(|topic| self.topic(topic)).collect(),
        };
        if group.topics.is_empty() {
            section.fault("topics", format!("the group `{}` has no topics", group.code));
        }
        section.finish();
        group
    }

    fn topic(&mut self, section: Section<'_>) -> Topic {
        let topic = Topic {
            code: self.code(&section),
            name: words(&section),
            also: section.or("also", Vec::new()),
            form: section.optional("form"),
        };
        section.finish();
        topic
    }

    fn result(&mut self, section: Section<'_>) -> ResultCode {
        let result = ResultCode {
            code: self.code(&section),
            name: words(&section),
            first_contact_resolution: section.or("first_contact_resolution", false),
            proposed_for: endings(&section),
        };
        section.finish();
        result
    }

    fn reason(&mut self, section: Section<'_>) -> NotReadyReason {
        let max_minutes = section.has("max_minutes").then(|| section.number("max_minutes", 1, 1..=1440) as u16);
        let reason = NotReadyReason {
            code: self.code(&section),
            name: words(&section),
            paid: section.or("paid", false),
            max_minutes,
            system: section.or("system", false),
        };
        section.finish();
        reason
    }

    fn form(&mut self, section: Section<'_>) -> Form {
        let due_days = section.has("due_days").then(|| section.number("due_days", 1, 1..=365) as u16);
        let form = Form {
            code: self.code(&section),
            name: words(&section),
            kind: form_kind(&section),
            also: section.or("also", Vec::new()),
            topic: section.words("topic"),
            due_days,
            fields: section.list("fields").into_iter().map(field).collect(),
        };
        check_fields(&form, &section);
        section.finish();
        form
    }
}

fn words(section: &Section<'_>) -> Words {
    Words { ru: section.words("ru"), en: section.words("en") }
}

fn form_kind(section: &Section<'_>) -> FormKind {
    match section.words("kind").as_str() {
        "meter_reading" => FormKind::MeterReading,
        "request" | "" => FormKind::Request,
        other => {
            section.fault("kind", format!("`kind` must be meter_reading or request; it is \"{other}\""));
            FormKind::Request
        }
    }
}

fn field(section: Section<'_>) -> Field {
    let field = Field {
        code: section.words("code"),
        name: words(&section),
        kind: field_kind(&section),
        required: section.or("required", false),
    };
    section.finish();
    field
}

const FIELD_TYPES: &str = "account, zone_readings, date, month, money, choice, text, note or phone";

fn field_kind(section: &Section<'_>) -> FieldKind {
    let written = section.words("type");
    match written.as_str() {
        "account" => FieldKind::Account,
        "zone_readings" => FieldKind::ZoneReadings,
        "date" => FieldKind::Date,
        "month" => FieldKind::Month,
        "money" => FieldKind::Money,
        "text" | "" => FieldKind::Text,
        "note" => FieldKind::Note,
        "phone" => FieldKind::Phone,
        "choice" => {
            let options: Vec<ChoiceOption> = section.list("options").into_iter().map(choice_option).collect();
            if options.len() < 2 {
                section.fault("options", "a choice needs at least two `options`");
            }
            FieldKind::Choice { options }
        }
        other => {
            section.fault("type", format!("`type` must be {FIELD_TYPES}; it is \"{other}\""));
            FieldKind::Text
        }
    }
}

fn choice_option(section: Section<'_>) -> ChoiceOption {
    let option = ChoiceOption { code: section.words("code"), name: words(&section) };
    section.finish();
    option
}

/// What the program needs to find in a form, so that what is filled in can be saved.
fn check_fields(form: &Form, section: &Section<'_>) {
    let mut seen = std::collections::HashSet::new();
    for field in &form.fields {
        if !seen.insert(field.code.as_str()) {
            section.fault("fields", format!("form `{}` has the field `{}` twice", form.code, field.code));
        }
    }
    if form.kind == FormKind::MeterReading {
        for (kind, name) in
            [(FieldKind::Account, "account"), (FieldKind::ZoneReadings, "zone_readings"), (FieldKind::Date, "date")]
        {
            if form.fields.iter().filter(|field| field.kind == kind).count() != 1 {
                section.fault("fields", format!("a form for meter readings needs exactly one field of type {name}"));
            }
        }
    }
}

fn reading_rules(section: Section<'_>) -> ReadingRules {
    let usual = ReadingRules::default();
    let rules = ReadingRules {
        window_from_day: section.number("window_from_day", usual.window_from_day.into(), 1..=31) as u8,
        window_to_day: section.number("window_to_day", usual.window_to_day.into(), 1..=31) as u8,
        soft_factor: section.or("soft_factor", usual.soft_factor),
        soft_min_kwh_per_day: section.or("soft_min_kwh_per_day", usual.soft_min_kwh_per_day),
    };
    if rules.window_from_day > rules.window_to_day {
        section.fault("window_to_day", "`window_to_day` lies before `window_from_day`");
    }
    if rules.soft_factor <= 1.0 {
        section.fault("soft_factor", "`soft_factor` must be above 1: below that every reading would be suspicious");
    }
    if rules.soft_min_kwh_per_day < 0.0 {
        section.fault("soft_min_kwh_per_day", "`soft_min_kwh_per_day` must not be negative");
    }
    section.finish();
    rules
}

/// The reasons that the gateway itself sets must have words, or a screen could not name them.
fn check_system_reasons(catalogue: &Catalogue, folder: &Path, faults: &Faults) {
    use shared::domain::agent::ReasonCode;
    if catalogue.reasons.is_empty() {
        return;
    }
    for code in [ReasonCode::LOGIN, ReasonCode::NO_ANSWER, ReasonCode::DEVICE] {
        let file = folder.join("reasons.toml");
        match catalogue.reason(code.as_str()) {
            None => {
                let text = format!("the reason `{}` is missing; the gateway sets it by itself", code.as_str());
                faults.note(&file, 1, text);
            }
            Some(reason) if !reason.system => {
                let text = format!("the reason `{}` must say `system = true`", code.as_str());
                faults.note(&file, 1, text);
            }
            Some(_) => {}
        }
    }
}
