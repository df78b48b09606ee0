use shared::domain::agent::{Presence, Wish};

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::kit::widgets::initials;
use crate::lang::format;
use crate::panels::{gateway_now, words};
use crate::state::Scene;
use crate::state::call::Phase;

/// Everything the call bar shows.
#[derive(Debug)]
pub struct CallBarData {
    pub tone: Tone,
    pub icon: &'static str,
    pub state: &'static str,
    /// The queue of the call.
    pub queue: String,
    pub who: String,
    pub number: String,
    pub rings: bool,
    pub timer: String,
    pub timer_note: String,
    /// It has lasted longer than it should.
    pub too_long: bool,
    pub agent: AgentData,
    pub linked: bool,
    pub phone_lost: bool,
    pub pop_ms: Option<i64>,
}

/// The operator's own state.
#[derive(Debug)]
pub struct AgentData {
    pub initials: String,
    pub state: String,
    pub tone: Tone,
    /// Since when, and whose desk this is; or what comes after the call.
    pub note: String,
    /// A state is waiting for the call to end.
    pub pending: bool,
}

/// One line of the state menu.
#[derive(Debug)]
pub struct StateChoice {
    pub wish: Wish,
    pub words: String,
    pub tone: Tone,
    pub current: bool,
}

/// After this long a ringing call is shown as ringing too long.
const RINGS_TOO_LONG_S: u64 = 15;

impl CallBarData {
    pub fn of(scene: &Scene<'_>) -> Self {
        let (tr, desk) = (words(scene), scene.desk);
        let now = gateway_now(scene);
        let lasted_s = desk.phase_lasts(scene.now).as_secs();
        let mut data = Self {
            tone: Tone::Plain,
            icon: icons::HEADSET,
            state: tr.call.waiting,
            queue: String::new(),
            who: tr.call.no_call.to_owned(),
            number: String::new(),
            rings: false,
            timer: format::duration_s(desk.state.as_ref().map_or(0, |state| now.ms_since(state.work_since) / 1000)),
            timer_note: tr.call.free.to_owned(),
            too_long: false,
            agent: agent(scene),
            linked: desk.connection.is_online(),
            phone_lost: desk.state.as_ref().is_some_and(|state| state.phone_registered == Some(false)),
            pop_ms: desk.last_pop_us.map(|us| (us + 500) / 1000),
        };
        let Some(call) = &desk.call else { return data };
        data.timer = format::duration_s(lasted_s as i64);
        data.queue = tr.queue_name(&call.offer.queue, &desk.catalogue).to_owned();
        data.number = format::caller(&call.offer.caller, tr.call.withheld);
        let known = desk.call_tab().and_then(|tab| tab.known()).map(|card| card.customer.name.reveal());
        let from_trunk = call.offer.display_name.as_ref().map(|name| name.reveal()).filter(|name| !name.is_empty());
        data.who = known.or(from_trunk).map_or_else(|| data.number.clone(), str::to_owned);
        if data.who == data.number {
            data.number.clear();
        }
        (data.tone, data.icon, data.state, data.timer_note) = match call.phase {
            Phase::Ringing { .. } => {
                data.rings = true;
                data.too_long = lasted_s > RINGS_TOO_LONG_S;
                (Tone::Ok, icons::PHONE_INCOMING, tr.call.ringing, tr.call.rings.to_owned())
            }
            Phase::Talking { .. } => (Tone::Accent, icons::PHONE_CALL, tr.call.talking, tr.call.talks.to_owned()),
            Phase::Wrapup { since, limit, .. } => {
                data.too_long = now > limit;
                let allowed = format::duration_s(limit.ms_since(since) / 1000);
                let note = if data.too_long { tr.call.over_limit.to_owned() } else { (tr.call.of_limit)(&allowed) };
                (Tone::Legal, icons::NOTE_PENCIL, tr.call.wrapup, note)
            }
        };
        data
    }
}

fn agent(scene: &Scene<'_>) -> AgentData {
    let (tr, desk) = (words(scene), scene.desk);
    let name = desk.profile().map_or("", |profile| profile.name.as_str());
    let now = gateway_now(scene);
    let Some(state) = &desk.state else {
        let state = tr.call.logged_out.to_owned();
        return AgentData { initials: initials(name), state, tone: Tone::Plain, note: name.to_owned(), pending: false };
    };
    let since = format::since(state.presence_since, now);
    let surname = name.split_whitespace().next().unwrap_or_default();
    let note = match &state.pending {
        Some(wish) => (tr.call.after_call)(&tr.wish(wish, &desk.catalogue)),
        None => format!("{since} · {surname}"),
    };
    AgentData {
        initials: initials(name),
        state: tr.presence(&state.presence, &desk.catalogue),
        tone: presence_tone(&state.presence),
        note,
        pending: state.pending.is_some(),
    }
}

pub const fn presence_tone(presence: &Presence) -> Tone {
    match presence {
        Presence::Ready => Tone::Ok,
        Presence::NotReady { .. } | Presence::ConnectionLost { .. } => Tone::Warn,
        Presence::LoggedOut => Tone::Plain,
    }
}

/// What can be chosen in the state menu: ready, each reason that people may set, signing out.
pub fn state_choices(scene: &Scene<'_>) -> Vec<StateChoice> {
    use shared::domain::agent::ReasonCode;
    let (tr, desk) = (words(scene), scene.desk);
    let state = desk.state.as_ref();
    let is_now = |wish: &Wish| match (state.map(|state| &state.presence), wish) {
        (Some(Presence::Ready), Wish::Ready) => true,
        (Some(Presence::NotReady { reason: now }), Wish::NotReady { reason }) => now == reason,
        _ => false,
    };
    let pending = state.and_then(|state| state.pending.as_ref());
    let reasons = desk.catalogue.reasons.iter().filter(|reason| !reason.system);
    let wishes = std::iter::once(Wish::Ready)
        .chain(reasons.map(|reason| Wish::NotReady { reason: ReasonCode::new(reason.code.clone()) }))
        .chain(std::iter::once(Wish::LogOut));
    wishes
        .map(|wish| StateChoice {
            words: match &wish {
                Wish::NotReady { reason } => tr.reason(reason, &desk.catalogue).to_owned(),
                Wish::Ready | Wish::LogOut => tr.wish(&wish, &desk.catalogue),
            },
            tone: match wish {
                Wish::Ready => Tone::Ok,
                Wish::NotReady { .. } => Tone::Warn,
                Wish::LogOut => Tone::Plain,
            },
            current: pending.map_or_else(|| is_now(&wish), |pending| *pending == wish),
            wish,
        })
        .collect()
}
