//! What the operator has typed and not yet saved, kept for each call and each card apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::domain::customer::CustomerKind;
use shared::domain::interaction::{Channel, Direction};
use shared::domain::queue::QueueCode;
use shared::ids::{AccountId, CustomerId};
use shared::phone::CallerNumber;
use shared::pii::Personal;
use shared::time::{Moment, UtcMs};

use super::tab::TabKey;

/// Everything typed for one tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// A code of the catalogue.
    pub topic: Option<String>,
    /// A code of the catalogue.
    pub result: Option<String>,
    pub summary: Personal,
    /// What stands in the field that finds a topic.
    pub topic_search: String,
    /// The one line (F8) that finds a form.
    pub line: Personal,
    pub form: Option<FormDraft>,
    pub manual: Option<ManualDraft>,
    pub newcomer: Option<NewcomerDraft>,
    /// Whose words these are. Nobody typed it, so it alone makes no draft.
    pub of: Origin,
}

/// Enough of a call to find it and its customer again when the desktop has been started anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    pub caller: Option<CallerNumber>,
    pub queue: Option<QueueCode>,
    pub arrived_at: Option<UtcMs>,
    pub customer: Option<CustomerId>,
    pub account: Option<AccountId>,
    /// The gateway does not take this call's facts any more: they go into the customer's history as an entry.
    pub forgotten: bool,
}

/// A form that is being filled in; fields as typed, by the code of the field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormDraft {
    pub form: String,
    pub fields: BTreeMap<String, Personal>,
    pub comment: Personal,
    /// The operator has seen the warnings about a reading and confirmed them.
    pub confirmed: bool,
}

/// A meeting, letter or visit entered by hand, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManualDraft {
    pub channel: Channel,
    pub direction: Direction,
    /// `23.11.2026`, `23.11` or `23`; empty means today.
    pub date: String,
    /// `14:07` or `14`; empty means now.
    pub time: String,
    /// A code of the catalogue.
    pub topic: Option<String>,
    pub topic_search: String,
    /// A code of the catalogue.
    pub result: Option<String>,
    pub summary: Personal,
}

impl Default for ManualDraft {
    fn default() -> Self {
        Self {
            channel: Channel::Meeting,
            direction: Direction::Inbound,
            date: String::new(),
            time: String::new(),
            topic: None,
            topic_search: String::new(),
            result: None,
            summary: Personal::default(),
        }
    }
}

/// A customer who is being created during a call, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewcomerDraft {
    pub kind: CustomerKind,
    pub name: Personal,
    pub phone: Personal,
    pub address: Personal,
}

impl Default for NewcomerDraft {
    fn default() -> Self {
        Self {
            kind: CustomerKind::Person,
            name: Personal::default(),
            phone: Personal::default(),
            address: Personal::default(),
        }
    }
}

/// One change of a draft. The drawing pushes it, so that each keystroke goes through one door on its way to the disk.
#[derive(Clone, Debug)]
pub enum Edit {
    Topic(Option<String>),
    Result(Option<String>),
    Summary(String),
    TopicSearch(String),
    Line(String),
    /// Opens the form with this code, with what it was prefilled with.
    OpenForm(FormDraft),
    CloseForm,
    Field {
        field: String,
        value: String,
    },
    Comment(String),
    Confirmed(bool),
    Manual(Option<ManualDraft>),
    Newcomer(Option<NewcomerDraft>),
}

impl Draft {
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Topic(topic) => self.topic = topic,
            Edit::Result(result) => self.result = result,
            Edit::Summary(text) => self.summary = text.into(),
            Edit::TopicSearch(text) => self.topic_search = text,
            Edit::Line(text) => self.line = text.into(),
            Edit::OpenForm(form) => self.form = Some(form),
            Edit::CloseForm => self.form = None,
            Edit::Field { field, value } => {
                if let Some(form) = &mut self.form {
                    form.fields.insert(field, value.into());
                }
            }
            Edit::Comment(text) => {
                if let Some(form) = &mut self.form {
                    form.comment = text.into();
                }
            }
            Edit::Confirmed(confirmed) => {
                if let Some(form) = &mut self.form {
                    form.confirmed = confirmed;
                }
            }
            Edit::Manual(manual) => self.manual = manual,
            Edit::Newcomer(newcomer) => self.newcomer = newcomer,
        }
    }

    pub fn is_empty(&self) -> bool {
        let Self { topic, result, summary, topic_search, line, form, manual, newcomer, of: _ } = self;
        topic.is_none()
            && result.is_none()
            && summary.is_empty()
            && topic_search.is_empty()
            && line.is_empty()
            && form.is_none()
            && manual.is_none()
            && newcomer.is_none()
    }
}

impl ManualDraft {
    /// An entry of something that happened now.
    pub fn at(now: UtcMs) -> Self {
        let here = now.to_chrono().with_timezone(&chrono::Local);
        let (date, time) = (here.format("%d.%m.%Y").to_string(), here.format("%H:%M").to_string());
        Self { date, time, ..Self::default() }
    }

    /// Whether more stands in it than when it happened.
    pub fn is_typed_in(&self) -> bool {
        self.topic.is_some() || self.result.is_some() || !self.summary.is_empty() || !self.topic_search.is_empty()
    }
}

impl FormDraft {
    /// Whether anything stands in it.
    pub fn is_typed_in(&self) -> bool {
        !self.comment.is_empty() || self.fields.values().any(|text| !text.is_empty())
    }
}

/// All drafts of this desk, and which of them the disk has not seen yet.
#[derive(Clone, Debug, Default)]
pub struct Drafts {
    by_tab: BTreeMap<TabKey, Draft>,
    unwritten: BTreeMap<TabKey, Unwritten>,
}

#[derive(Clone, Copy, Debug)]
struct Unwritten {
    first_key: Moment,
    last_key: Moment,
}

/// The disk sees a draft this long after the last key …
pub const PAUSE_MS: u64 = 300;
/// … and this often while somebody types without a pause.
pub const LONGEST_MS: u64 = 1_000;

impl Drafts {
    pub fn get(&self, tab: TabKey) -> Option<&Draft> {
        self.by_tab.get(&tab)
    }

    pub fn edit(&mut self, tab: TabKey, edit: Edit, now: Moment) {
        self.by_tab.entry(tab).or_default().apply(edit);
        self.touch(tab, now);
    }

    /// Every draft in which something stands.
    pub fn all(&self) -> impl Iterator<Item = (TabKey, &Draft)> {
        self.by_tab.iter().filter(|(_, draft)| !draft.is_empty()).map(|(tab, draft)| (*tab, draft))
    }

    pub fn is_typed_in(&self, tab: TabKey) -> bool {
        self.get(tab).is_some_and(|draft| !draft.is_empty())
    }

    /// Takes the draft away; what stood in it, if anything did.
    pub fn take_away(&mut self, tab: TabKey, now: Moment) -> Option<Draft> {
        let draft = self.by_tab.remove(&tab)?;
        self.touch(tab, now);
        (!draft.is_empty()).then_some(draft)
    }

    /// Puts back what was taken away; what has been typed since wins.
    pub fn put_back(&mut self, tab: TabKey, draft: Draft, now: Moment) {
        if !self.is_typed_in(tab) {
            self.by_tab.insert(tab, draft);
            self.touch(tab, now);
        }
    }

    /// Notes whose words they are, also before there are any.
    pub(crate) fn set_origin(&mut self, tab: TabKey, of: Origin, now: Moment) {
        self.by_tab.entry(tab).or_default();
        self.are_of(tab, of, now);
    }

    /// Notes whose words they are, so that the disk knows it too.
    pub(super) fn are_of(&mut self, tab: TabKey, of: Origin, now: Moment) {
        if let Some(draft) = self.by_tab.get_mut(&tab).filter(|draft| draft.of != of) {
            draft.of = of;
            self.touch(tab, now);
        }
    }

    /// The wrap-up is saved; a form that is still open stays.
    pub(super) fn clear_wrapup(&mut self, tab: TabKey, now: Moment) {
        self.change(tab, now, |draft| {
            draft.topic = None;
            draft.result = None;
            draft.summary = Personal::default();
            draft.topic_search.clear();
            draft.line = Personal::default();
        });
    }

    /// The form is saved; its topic is proposed for the wrap-up of a call when none is chosen.
    pub(super) fn clear_form(&mut self, tab: TabKey, topic: Option<String>, now: Moment) {
        self.change(tab, now, |draft| {
            draft.form = None;
            draft.line = Personal::default();
            if draft.topic.is_none() && matches!(tab, TabKey::Call(_)) {
                draft.topic = topic;
            }
        });
    }

    pub(super) fn clear_manual(&mut self, tab: TabKey, now: Moment) {
        self.change(tab, now, |draft| draft.manual = None);
    }

    pub(super) fn clear_newcomer(&mut self, tab: TabKey, now: Moment) {
        self.change(tab, now, |draft| draft.newcomer = None);
    }

    fn change(&mut self, tab: TabKey, now: Moment, change: impl FnOnce(&mut Draft)) {
        let Some(draft) = self.by_tab.get_mut(&tab) else { return };
        change(draft);
        if draft.is_empty() {
            self.by_tab.remove(&tab);
        }
        self.touch(tab, now);
    }

    /// Puts back what the disk kept; what has been typed since wins.
    pub fn restore(&mut self, kept: impl IntoIterator<Item = (TabKey, Draft)>) {
        for (tab, draft) in kept {
            self.by_tab.entry(tab).or_insert(draft);
        }
    }

    /// The drafts that the disk should see now; `None` stands for one that is no more.
    pub fn take_due(&mut self, now: Moment) -> Vec<(TabKey, Option<Draft>)> {
        let due: Vec<TabKey> =
            self.unwritten.iter().filter(|(_, when)| when.due().is_due(now)).map(|(tab, _)| *tab).collect();
        self.take(due)
    }

    /// All that the disk has not seen, for the moment the program closes.
    pub fn take_all(&mut self) -> Vec<(TabKey, Option<Draft>)> {
        let all = self.unwritten.keys().copied().collect();
        self.take(all)
    }

    /// When [`Self::take_due`] will have something.
    pub fn next_due(&self) -> Option<Moment> {
        self.unwritten.values().map(|when| when.due()).min()
    }

    fn take(&mut self, tabs: Vec<TabKey>) -> Vec<(TabKey, Option<Draft>)> {
        tabs.into_iter()
            .map(|tab| {
                self.unwritten.remove(&tab);
                (tab, self.by_tab.get(&tab).filter(|draft| !draft.is_empty()).cloned())
            })
            .collect()
    }

    fn touch(&mut self, tab: TabKey, now: Moment) {
        let when = self.unwritten.entry(tab).or_insert(Unwritten { first_key: now, last_key: now });
        when.last_key = now;
    }
}

impl Unwritten {
    fn due(self) -> Moment {
        let pause = self.last_key.after(std::time::Duration::from_millis(PAUSE_MS));
        let longest = self.first_key.after(std::time::Duration::from_millis(LONGEST_MS));
        pause.min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ids::CallId;

    const TAB: TabKey = TabKey::Call(CallId(1));

    fn at(ms: u64) -> Moment {
        Moment::at_ms(ms)
    }

    #[test]
    fn the_disk_sees_a_draft_when_the_typing_pauses() {
        let mut drafts = Drafts::default();
        drafts.edit(TAB, Edit::Summary("зво".into()), at(0));
        drafts.edit(TAB, Edit::Summary("звон".into()), at(200));
        assert!(drafts.take_due(at(499)).is_empty());
        let due = drafts.take_due(at(500));
        assert_eq!(due[0].1.as_ref().map(|draft| draft.summary.reveal().to_owned()), Some("звон".to_owned()));
        assert!(drafts.take_due(at(10_000)).is_empty());
    }

    #[test]
    fn the_disk_sees_a_draft_each_second_of_typing_without_a_pause() {
        let mut drafts = Drafts::default();
        let seen = (0..50).filter(|n| {
            drafts.edit(TAB, Edit::Summary(n.to_string()), at(n * 100));
            !drafts.take_due(at(n * 100)).is_empty()
        });
        assert_eq!(seen.count(), 4);
    }

    #[test]
    fn what_was_typed_since_the_start_wins_over_what_the_disk_kept() {
        let mut drafts = Drafts::default();
        drafts.edit(TAB, Edit::Summary("новое".into()), at(0));
        drafts.restore([(TAB, Draft { summary: "старое".into(), ..Draft::default() })]);
        assert_eq!(drafts.get(TAB).unwrap().summary.reveal(), "новое");
    }

    #[test]
    fn an_emptied_draft_leaves_the_disk() {
        let mut drafts = Drafts::default();
        drafts.edit(TAB, Edit::Summary("а".into()), at(0));
        drafts.take_all();
        drafts.edit(TAB, Edit::Summary(String::new()), at(1));
        assert_eq!(drafts.take_all(), [(TAB, None)]);
    }
}
