use shared::domain::agent::Role;
use shared::wire::event::Fault;

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::panels::words;
use crate::state::Scene;
use crate::state::session::Connection;

/// What does not work; the worst thing alone is shown.
#[derive(Debug, PartialEq, Eq)]
pub struct StripData {
    pub icon: &'static str,
    pub tone: Tone,
    pub words: &'static str,
    pub right: String,
}

/// `None` when all is well.
pub fn strip_data(scene: &Scene<'_>) -> Option<StripData> {
    let (tr, desk) = (words(scene), scene.desk);
    let unsent = desk.saves.n_waiting();
    let waiting = if unsent > 0 { format!("{} · ", (tr.call.n_waiting_saves)(unsent)) } else { String::new() };
    if let Connection::Offline { retry_at, .. } = &desk.connection {
        let left_s = retry_at.since(scene.now).as_secs_f32().ceil() as u64;
        let right = format!("{waiting}{}", (tr.call.retry_in)(left_s));
        return Some(StripData { icon: icons::WIFI_SLASH, tone: Tone::Warn, words: tr.call.offline, right });
    }
    let fault = |icon, tone, words| {
        Some(StripData { icon, tone, words, right: waiting.clone().trim_end_matches(" · ").to_owned() })
    };
    // Who dials too much is for those who can ask them.
    let supervises = desk.profile().is_some_and(|profile| profile.role >= Role::Supervisor);
    let concerns = |fault: &&Fault| **fault != Fault::TollLimit || supervises;
    if let Some(worst) = desk.faults.iter().filter(concerns).max() {
        return match worst {
            Fault::ClockJumped => fault(icons::WARNING, Tone::Warn, tr.call.clock_jumped),
            Fault::TollLimit => fault(icons::WARNING, Tone::Warn, tr.call.toll_limit),
            Fault::DatabaseAway => fault(icons::WARNING, Tone::Warn, tr.call.database_away),
            Fault::LedgerStuck => fault(icons::WARNING_CIRCLE, Tone::Bad, tr.call.ledger_stuck),
            Fault::Overloaded => fault(icons::WARNING_CIRCLE, Tone::Bad, tr.call.overloaded),
            Fault::DescriptorsOut => fault(icons::WARNING_CIRCLE, Tone::Bad, tr.call.descriptors_out),
            Fault::TrunkLost => fault(icons::PHONE_SLASH, Tone::Bad, tr.call.trunk_lost),
        };
    }
    if desk.state.as_ref().is_some_and(|state| state.phone_registered == Some(false)) {
        return fault(icons::PHONE_SLASH, Tone::Bad, tr.call.phone_lost);
    }
    None
}
