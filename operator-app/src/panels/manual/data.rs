use chrono::NaiveTime;
use shared::domain::catalogue::{Catalogue, Topic, TopicGroup};
use shared::time::UtcMs;
use shared::wire::command::ManualEntry;

use crate::forms::{field, route};
use crate::lang::format;
use crate::state::Scene;
use crate::state::drafts::ManualDraft;
use crate::state::saves::{SaveKind, SaveState};
use crate::state::tab::Tab;

/// Everything the entry shows.
#[derive(Debug)]
pub struct ManualData<'a> {
    pub tab: &'a Tab,
    pub draft: &'a ManualDraft,
    /// Group and topic that were chosen.
    pub topic: Option<(&'a TopicGroup, &'a Topic)>,
    /// The topics that fit what is typed.
    pub topics: Vec<(&'a TopicGroup, &'a Topic)>,
    /// The place of the chosen result in the catalogue.
    pub result: Option<usize>,
    pub judged: Judged,
    /// It was sent and waits for its answer: nothing is changed under the gateway's hands.
    pub sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Underway,
    /// The gateway or its database is away.
    Waiting,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFault {
    NotADate,
    NotATime,
    /// It has not happened yet.
    Future,
    /// A day that is not today needs its time.
    TimeMissing,
    TopicMissing,
    ResultMissing,
    SummaryMissing,
}

impl EntryFault {
    /// Whether it is told before somebody has tried to save.
    pub const fn is_told_at_once(self) -> bool {
        matches!(self, Self::NotADate | Self::NotATime | Self::Future)
    }
}

/// An entry as it stands: what is wrong with each field, and the whole when nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub date: Option<EntryFault>,
    pub time: Option<EntryFault>,
    pub topic: Option<EntryFault>,
    pub result: Option<EntryFault>,
    pub summary: Option<EntryFault>,
    pub entry: Option<ManualEntry>,
}

/// The open entry of the card in front.
pub fn manual_data<'a>(scene: &Scene<'a>, tab: &'a Tab) -> Option<ManualData<'a>> {
    let desk = scene.desk;
    let draft = desk.drafts.get(tab.key)?.manual.as_ref()?;
    let catalogue: &'a Catalogue = &desk.catalogue;
    let of_tab = desk.saves.latest_of(tab.key).filter(|save| save.kind == SaveKind::Interaction);
    Some(ManualData {
        tab,
        draft,
        topic: draft.topic.as_deref().and_then(|code| catalogue.topic(code)),
        topics: route::topics(catalogue, &draft.topic_search),
        result: draft.result.as_deref().and_then(|code| catalogue.results.iter().position(|one| one.code == code)),
        judged: judge(tab, draft, crate::panels::gateway_now(scene)),
        sent: match of_tab.map(|save| &save.state) {
            Some(SaveState::Underway) => Some(Sent::Underway),
            Some(SaveState::Waiting) => Some(Sent::Waiting),
            Some(SaveState::Saved { .. } | SaveState::Refused { .. }) | None => None,
        },
    })
}

/// Judges each field, and makes the entry that would be saved.
pub fn judge(tab: &Tab, draft: &ManualDraft, now: UtcMs) -> Judged {
    let here = format::local(now);
    let today = here.date_naive();
    let day = if draft.date.trim().is_empty() { Some(today) } else { field::date(&draft.date, today) };
    let mut judged = Judged {
        date: match day {
            None => Some(EntryFault::NotADate),
            Some(day) if day > today => Some(EntryFault::Future),
            Some(_) => None,
        },
        topic: draft.topic.is_none().then_some(EntryFault::TopicMissing),
        result: draft.result.is_none().then_some(EntryFault::ResultMissing),
        summary: draft.summary.reveal().trim().is_empty().then_some(EntryFault::SummaryMissing),
        ..Judged::default()
    };
    let time: Result<NaiveTime, EntryFault> = match draft.time.trim() {
        "" if day.is_none_or(|day| day == today) => Ok(here.time()),
        "" => Err(EntryFault::TimeMissing),
        typed => field::time(typed).ok_or(EntryFault::NotATime),
    };
    let started_at = match (day, time) {
        (Some(day), Ok(time)) => {
            let local = day.and_time(time).and_local_timezone(chrono::Local).earliest();
            local.map(|local| UtcMs(local.timestamp_millis()))
        }
        _ => None,
    };
    judged.time = match (time, started_at) {
        (Err(fault), _) => Some(fault),
        (Ok(_), Some(started_at)) if started_at > now && judged.date.is_none() => Some(EntryFault::Future),
        // The clocks were put forward over this time.
        (Ok(_), None) if judged.date.is_none() => Some(EntryFault::NotATime),
        (Ok(_), _) => None,
    };
    let faults = [judged.date, judged.time, judged.topic, judged.result, judged.summary];
    if let (true, Some(customer), Some(started_at)) = (faults.iter().all(Option::is_none), tab.customer(), started_at) {
        judged.entry = Some(ManualEntry {
            customer,
            account: tab.account,
            channel: draft.channel,
            direction: draft.direction,
            started_at,
            topic: draft.topic.clone(),
            result: draft.result.clone(),
            summary: draft.summary.reveal().trim().into(),
        });
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::call::CardView;
    use crate::state::tab::TabKey;
    use chrono::{Local, NaiveDate, TimeZone};
    use shared::ids::CustomerId;

    /// 23 November 2026, 14:07 where the test runs.
    fn now() -> UtcMs {
        let here = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap().and_hms_opt(14, 7, 0).unwrap();
        UtcMs(Local.from_local_datetime(&here).unwrap().timestamp_millis())
    }

    #[track_caller]
    fn check(date: &str, time: &str, expected: (Option<EntryFault>, Option<EntryFault>)) {
        let tab = Tab::new(TabKey::Customer(CustomerId(1)), None, CardView::Pending);
        let draft = ManualDraft { date: date.into(), time: time.into(), ..ManualDraft::default() };
        let judged = judge(&tab, &draft, now());
        assert_eq!((judged.date, judged.time), expected, "{date} {time}");
    }

    #[test]
    fn what_is_written_down_has_happened_already() {
        check("23.11.2026", "14:07", (None, None));
        check("", "", (None, None));
        check("23.11", "14:08", (None, Some(EntryFault::Future)));
        check("24.11", "9", (Some(EntryFault::Future), None));
        check("22.11", "23:59", (None, None));
        check("22.11", "", (None, Some(EntryFault::TimeMissing)));
        check("вчера", "14", (Some(EntryFault::NotADate), None));
        check("22.11", "полдень", (None, Some(EntryFault::NotATime)));
        check("вчера", "25", (Some(EntryFault::NotADate), Some(EntryFault::NotATime)));
    }
}
