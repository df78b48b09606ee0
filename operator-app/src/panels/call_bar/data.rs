use shared::domain::agent::{Activity, Presence, Wish};
use shared::domain::call::PartyState;
use shared::time::UtcMs;

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::kit::widgets::initials;
use crate::lang::{Tr, format};
use crate::panels::{gateway_now, words};
use crate::state::Scene;
use crate::state::call::{CallView, Phase};

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
    /// Somebody hears music meanwhile.
    pub somebody_waits: bool,
    pub held: bool,
    pub muted: bool,
    /// Keys that the other end has pressed lately.
    pub heard: Option<String>,
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
            somebody_waits: false,
            held: false,
            muted: false,
            heard: None,
            too_long: false,
            agent: agent(scene),
            linked: desk.connection.is_online(),
            phone_lost: desk.state.as_ref().is_some_and(|state| state.phone_registered == Some(false)),
            pop_ms: desk.last_pop_us.map(|us| (us + 500) / 1000),
        };
        let Some(call) = &desk.call else { return data };
        data.timer = format::duration_s(lasted_s as i64);
        data.queue = below_state(call, scene);
        data.number = format::caller(&call.offer.caller, tr.call.withheld);
        data.who = who(call, scene).unwrap_or_else(|| data.number.clone());
        if data.who == data.number {
            data.number.clear();
        }
        data.muted = call.muted() && call.is_talking();
        data.heard = call.heard(scene.now).map(|keys| (tr.reach.heard)(keys));
        match call.phase {
            Phase::Ringing { .. } => {
                data.rings = true;
                data.too_long = lasted_s > RINGS_TOO_LONG_S;
                data.looks(Tone::Ok, icons::PHONE_INCOMING, tr.call.ringing, tr.call.rings);
            }
            Phase::Dialing { .. } => {
                data.looks(Tone::Accent, icons::PHONE_OUTGOING, tr.activity(Activity::Dialing), tr.call.dials);
            }
            Phase::Talking { .. } => data.talks(call, now, tr),
            Phase::Wrapup { since, limit, .. } => {
                data.too_long = now > limit;
                let allowed = format::duration_s(limit.ms_since(since) / 1000);
                let note = if data.too_long { tr.call.over_limit.to_owned() } else { (tr.call.of_limit)(&allowed) };
                data.looks(Tone::Legal, icons::NOTE_PENCIL, tr.call.wrapup, &note);
            }
        }
        data
    }

    fn looks(&mut self, tone: Tone, icon: &'static str, state: &'static str, note: &str) {
        (self.tone, self.icon, self.state) = (tone, icon, state);
        note.clone_into(&mut self.timer_note);
    }

    /// The state of a call that is up: what is done in it, and for how long somebody hears music meanwhile.
    fn talks(&mut self, call: &CallView, now: UtcMs, tr: &Tr) {
        let activity = call.activity().unwrap_or(Activity::Talking);
        let (tone, icon, note) = match activity {
            Activity::Dialing | Activity::Talking => (Tone::Accent, icons::PHONE_CALL, tr.call.talks),
            Activity::OnHold => (Tone::Warn, icons::PHONE_PAUSE, tr.call.talks),
            Activity::Consulting => (Tone::Accent, icons::USERS, tr.call.talks),
            Activity::Conference => (Tone::Accent, icons::USERS_THREE, tr.call.three),
        };
        self.looks(tone, icon, tr.activity(activity), note);
        self.held = activity == Activity::OnHold;
        if let Some(line) = call.line.as_ref().filter(|line| line.customer == Some(PartyState::OnHold)) {
            self.somebody_waits = true;
            self.timer_note = (tr.call.held_for)(&format::since(line.since, now));
        } else if call.peer().is_some_and(|peer| peer.state == PartyState::OnHold) {
            self.somebody_waits = true;
            tr.call.colleague_waits.clone_into(&mut self.timer_note);
        }
    }
}

/// Beside the state: the queue, or who stands behind the call.
fn below_state(call: &CallView, scene: &Scene<'_>) -> String {
    let tr = words(scene);
    match &call.offer.from {
        Some(by) if call.is_ringing() || call.is_guest() || call.is_internal() => tr.offered_by(by),
        _ if call.is_internal() => tr.call.internal.to_owned(),
        _ => tr.queue_name(&call.offer.queue, &scene.desk.catalogue).to_owned(),
    }
}

/// The other end by name: the customer, whoever has handed the call over; a colleague among ourselves.
fn who(call: &CallView, scene: &Scene<'_>) -> Option<String> {
    let tr = words(scene);
    let from_trunk = || call.offer.display_name.as_ref().map(|name| name.reveal()).filter(|name| !name.is_empty());
    if call.is_internal() {
        let caller = call.offer.from.as_ref().map(|by| by.name.clone());
        let called = || call.peer().map(|peer| tr.party(&peer.party));
        return caller.or_else(called).or_else(|| from_trunk().map(str::to_owned));
    }
    let known = scene.desk.call_tab().and_then(|tab| tab.known()).map(|card| card.customer.name.reveal());
    known.or_else(from_trunk).map(str::to_owned)
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
