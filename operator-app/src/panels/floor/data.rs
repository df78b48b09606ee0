use shared::domain::agent::{Activity, Presence, Work};
use shared::domain::catalogue::Catalogue;
use shared::ids::AgentId;
use shared::time::UtcMs;
use shared::wire::event::{Floor, PersonLine, QueueLine};

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::kit::widgets::{Cell, initials};
use crate::lang::{Tr, format};

/// One figure at the top.
#[derive(Debug)]
pub struct FloorTile {
    pub icon: &'static str,
    pub name: &'static str,
    pub value: String,
    pub note: String,
    pub tone: Tone,
}

/// One person.
#[derive(Debug)]
pub struct PersonData {
    pub agent: AgentId,
    pub initials: String,
    pub name: String,
    pub state: String,
    pub tone: Tone,
    pub since: String,
    pub queue: String,
    /// In this state for longer than is usual.
    pub too_long: bool,
}

/// What a person does, for the chips and the order of the cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    Talking,
    Ringing,
    Wrapup,
    Free,
    NotReady,
    Lost,
}

/// Nine in ten in time is the aim; below eight in ten is too few.
const GOOD_PER_MILLE: i64 = 800;
const BAD_PER_MILLE: i64 = 700;
const LOST_TOO_MANY_PER_MILLE: i64 = 50;
const LONG_TALK_MS: i64 = 10 * 60_000;
const LONG_WAIT_MS: i64 = 60_000;

pub fn floor_tiles(floor: &Floor, now: UtcMs, catalogue: &Catalogue, tr: &Tr) -> [FloorTile; 6] {
    let sum = |part: fn(&QueueLine) -> i64| floor.queues.iter().map(part).sum::<i64>();
    let answered = sum(|queue| i64::from(queue.answered));
    let in_time = sum(|queue| i64::from(queue.answered_in_time));
    let arrived = sum(|queue| i64::from(queue.arrived));
    let lost = sum(|queue| i64::from(queue.abandoned));
    let waiting = sum(|queue| i64::from(queue.waiting));
    let ringing = sum(|queue| i64::from(queue.ringing));
    let handled = sum(|queue| i64::from(queue.handled));
    let handled_ms = sum(|queue| queue.handled_ms);
    let oldest = floor.queues.iter().filter_map(|queue| Some((queue.oldest_arrived_at?, &queue.queue))).min();
    let signed_in = floor.people.iter().filter(|person| person.state.presence != Presence::LoggedOut).count();
    let resting = floor.people.iter().filter(|person| doing(person) == Some(Doing::NotReady)).count();
    let dash = || "—".to_owned();
    let longest_ms = oldest.map_or(0, |(arrived_at, _)| now.ms_since(arrived_at));
    [
        FloorTile {
            icon: icons::TARGET,
            name: tr.floor.service_level,
            value: format::per_cent(in_time, answered).unwrap_or_else(dash),
            note: if answered > 0 {
                (tr.floor.in_time)(&format::number(in_time), &format::number(answered))
            } else {
                tr.floor.no_calls.to_owned()
            },
            tone: level_tone(in_time, answered),
        },
        FloorTile {
            icon: icons::USERS_THREE,
            name: tr.floor.waiting,
            value: format::number(waiting),
            note: (tr.floor.ringing_now)(ringing.max(0) as usize),
            tone: if waiting > 0 && longest_ms > LONG_WAIT_MS { Tone::Bad } else { Tone::Plain },
        },
        FloorTile {
            icon: icons::HOURGLASS,
            name: tr.floor.longest_wait,
            value: if oldest.is_some() { format::duration_s(longest_ms / 1000) } else { dash() },
            note: oldest.map_or(tr.floor.nobody_waits, |(_, queue)| tr.queue_name(queue, catalogue)).to_owned(),
            tone: if longest_ms > LONG_WAIT_MS { Tone::Bad } else { Tone::Plain },
        },
        FloorTile {
            icon: icons::TIMER,
            name: tr.floor.aht,
            value: if handled > 0 { format::duration_s(handled_ms / handled / 1000) } else { dash() },
            note: if handled > 0 { (tr.floor.over_calls)(handled as usize) } else { tr.floor.no_calls.to_owned() },
            tone: Tone::Plain,
        },
        FloorTile {
            icon: icons::PHONE_X,
            name: tr.floor.abandoned,
            value: format::per_cent(lost, arrived).unwrap_or_else(dash),
            note: if arrived > 0 {
                (tr.floor.of_arrived)(&format::number(lost), &format::number(arrived))
            } else {
                tr.floor.no_calls.to_owned()
            },
            tone: lost_tone(lost, arrived),
        },
        FloorTile {
            icon: icons::HEADSET,
            name: tr.floor.on_line,
            value: format::number(signed_in as i64),
            note: (tr.floor.on_break)(resting),
            tone: Tone::Plain,
        },
    ]
}

fn level_tone(in_time: i64, answered: i64) -> Tone {
    match (in_time * 1000).checked_div(answered) {
        None => Tone::Plain,
        Some(GOOD_PER_MILLE..) => Tone::Ok,
        Some(BAD_PER_MILLE..) => Tone::Warn,
        Some(_) => Tone::Bad,
    }
}

fn lost_tone(lost: i64, arrived: i64) -> Tone {
    match (lost * 1000).checked_div(arrived) {
        Some(LOST_TOO_MANY_PER_MILLE..) => Tone::Bad,
        _ => Tone::Plain,
    }
}

pub fn queue_rows(floor: &Floor, now: UtcMs, catalogue: &Catalogue, tr: &Tr) -> Vec<[Cell; 9]> {
    let rows = floor.queues.iter();
    rows.map(|queue| {
        let (answered, in_time) = (i64::from(queue.answered), i64::from(queue.answered_in_time));
        let (lost, arrived) = (i64::from(queue.abandoned), i64::from(queue.arrived));
        let waited_ms = queue.oldest_arrived_at.map_or(0, |at| now.ms_since(at));
        let waiting = format::number(i64::from(queue.waiting));
        let toned =
            |words: String, tone| if tone == Tone::Plain { Cell::plain(words) } else { Cell::toned(words, tone) };
        [
            Cell::strong(tr.queue_name(&queue.queue, catalogue)),
            toned(format::per_cent(in_time, answered).unwrap_or_else(|| "—".into()), level_tone(in_time, answered)),
            if queue.waiting > 0 { Cell::strong(waiting) } else { Cell::plain(waiting) },
            toned(
                queue.oldest_arrived_at.map_or_else(|| "—".to_owned(), |_| format::duration_s(waited_ms / 1000)),
                if waited_ms > LONG_WAIT_MS { Tone::Bad } else { Tone::Plain },
            ),
            Cell::plain(format!("{} / {}", queue.talking, queue.free)),
            Cell::plain(format::number(arrived)),
            Cell::plain(format::number(answered)),
            toned(format::number(lost), lost_tone(lost, arrived)),
            Cell::plain(if queue.handled > 0 {
                format::duration_s(queue.handled_ms / i64::from(queue.handled) / 1000)
            } else {
                "—".to_owned()
            }),
        ]
    })
    .collect()
}

/// `None` for somebody who is not signed in.
pub fn doing(person: &PersonLine) -> Option<Doing> {
    match (&person.state.presence, &person.state.work) {
        (Presence::LoggedOut, Work::Idle) => None,
        (Presence::ConnectionLost { .. }, _) => Some(Doing::Lost),
        (_, Work::Reserved { .. } | Work::Ringing { .. }) => Some(Doing::Ringing),
        (_, Work::Wrapup { .. }) => Some(Doing::Wrapup),
        (Presence::Ready, Work::Idle) => Some(Doing::Free),
        (Presence::NotReady { .. }, Work::Idle) => Some(Doing::NotReady),
        (
            _,
            Work::Dialing { .. }
            | Work::Talking { .. }
            | Work::OnHold { .. }
            | Work::Consulting { .. }
            | Work::Conference { .. },
        ) => Some(Doing::Talking),
    }
}

/// What somebody does in a call, where that is more than to talk.
const fn activity(work: &Work) -> Option<Activity> {
    match work {
        Work::Dialing { .. } => Some(Activity::Dialing),
        Work::OnHold { .. } => Some(Activity::OnHold),
        Work::Consulting { .. } => Some(Activity::Consulting),
        Work::Conference { .. } => Some(Activity::Conference),
        Work::Idle | Work::Reserved { .. } | Work::Ringing { .. } | Work::Talking { .. } | Work::Wrapup { .. } => None,
    }
}

impl Doing {
    pub const ALL: [Self; 6] = [Self::Talking, Self::Ringing, Self::Wrapup, Self::Free, Self::NotReady, Self::Lost];

    pub const fn tone(self) -> Tone {
        match self {
            Self::Talking => Tone::Accent,
            Self::Ringing | Self::Free => Tone::Ok,
            Self::Wrapup => Tone::Legal,
            Self::NotReady | Self::Lost => Tone::Warn,
        }
    }

    pub const fn words(self, tr: &Tr) -> &'static str {
        match self {
            Self::Talking => tr.floor.talking,
            Self::Ringing => tr.floor.ringing,
            Self::Wrapup => tr.floor.wrapup,
            Self::Free => tr.floor.free,
            Self::NotReady => tr.floor.not_ready,
            Self::Lost => tr.floor.lost,
        }
    }
}

/// People who are signed in, by what they do and then by name.
pub fn people(floor: &Floor, now: UtcMs, catalogue: &Catalogue, tr: &Tr) -> Vec<(Doing, PersonData)> {
    let mut people: Vec<(Doing, PersonData)> = floor
        .people
        .iter()
        .filter_map(|person| doing(person).map(|doing| (doing, person_data(person, doing, now, catalogue, tr))))
        .collect();
    people.sort_by(|one, other| (one.0, &one.1.name).cmp(&(other.0, &other.1.name)));
    people
}

fn person_data(person: &PersonLine, doing: Doing, now: UtcMs, catalogue: &Catalogue, tr: &Tr) -> PersonData {
    let state = &person.state;
    let since = match doing {
        Doing::NotReady | Doing::Lost => state.presence_since,
        // Free for a call since both are so: ready, and no call.
        Doing::Free => state.work_since.max(state.presence_since),
        Doing::Talking | Doing::Ringing | Doing::Wrapup => state.work_since,
    };
    let lasted_ms = now.ms_since(since);
    let max_ms = match &person.state.presence {
        Presence::NotReady { reason } if doing == Doing::NotReady => {
            catalogue.reason(reason.as_str()).and_then(|reason| reason.max_minutes).map(|m| i64::from(m) * 60_000)
        }
        _ if doing == Doing::Talking => Some(LONG_TALK_MS),
        _ => None,
    };
    PersonData {
        agent: person.agent,
        initials: initials(&person.name),
        name: person.name.clone(),
        state: match (&person.state.presence, doing) {
            (Presence::NotReady { reason }, Doing::NotReady) => tr.reason(reason, catalogue).to_owned(),
            (_, Doing::Talking) => activity(&state.work).map_or(doing.words(tr), |does| tr.activity(does)).to_owned(),
            _ => doing.words(tr).to_owned(),
        },
        tone: if matches!(state.work, Work::OnHold { .. }) && doing == Doing::Talking {
            Tone::Warn
        } else {
            doing.tone()
        },
        since: format::duration_s(lasted_ms / 1000),
        queue: person.queue.as_ref().map_or_else(String::new, |queue| tr.queue_name(queue, catalogue).to_owned()),
        too_long: max_ms.is_some_and(|max| lasted_ms > max),
    }
}
