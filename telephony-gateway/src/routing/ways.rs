//! By which trunk a call leaves: the routes, their trunks in order, and what to do when one of them fails.
//!
//! [`Routes`] is what the configuration says; [`TrunkStates`] is what is known now: who answers, and how many channels
//! are taken. [`Routes::ways`] gives every trunk that can carry the call, in the order in which they are to be tried,
//! each with the number as that trunk wants it dialled. After a refusal [`should_try_next`] says whether the next one
//! may do better.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::number::Dialled;
use super::rewrite::Rewrites;

/// What a route's `numbers` say: which numbers it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// `+7495`: every number of the public plan that begins so; `+` alone is every one.
    Public(String),
    /// `112`, `1XX`: short numbers, digit by digit; `X` is any digit.
    Short(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` names no numbers: write +7495 for numbers that begin so, 112 for one, 1XX with X for any digit")]
pub struct PatternError {
    written: String,
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(written: &str) -> Result<Self, PatternError> {
        let error = || PatternError { written: written.to_owned() };
        if let Some(prefix) = written.strip_prefix('+') {
            let digits = prefix.len() <= 15 && prefix.bytes().all(|b| b.is_ascii_digit());
            return if digits { Ok(Self::Public(prefix.to_owned())) } else { Err(error()) };
        }
        let fits = |c: char| c.is_ascii_digit() || matches!(c, 'X' | '*' | '#');
        if written.is_empty() || written.len() > 15 || !written.chars().all(fits) {
            return Err(error());
        }
        Ok(Self::Short(written.to_owned()))
    }
}

impl Pattern {
    /// How exactly the number is meant: the more digits are named, the better. `None` when it is not.
    pub fn fits(&self, number: &Dialled) -> Option<usize> {
        match (self, number.as_str().strip_prefix('+')) {
            (Self::Public(prefix), Some(digits)) => digits.starts_with(prefix.as_str()).then_some(prefix.len()),
            (Self::Short(pattern), None) => {
                let same = |(p, d): (u8, u8)| p == d || (p == b'X' && d.is_ascii_digit());
                let digits = number.as_str();
                let fits = pattern.len() == digits.len() && pattern.bytes().zip(digits.bytes()).all(same);
                fits.then(|| pattern.bytes().filter(|p| *p != b'X').count())
            }
            (Self::Public(_), None) | (Self::Short(_), Some(_)) => None,
        }
    }
}

/// One trunk of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub trunk: Arc<str>,
    /// Lower ones are tried first.
    pub order: u32,
    /// Among those of the same order: how often it comes first, against the others' weights. 0: only after them.
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: Arc<str>,
    pub numbers: Vec<Pattern>,
    pub trunks: Vec<Choice>,
}

/// How one trunk takes calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Calls at once, both directions; `None` where nobody counts.
    pub channels: Option<u32>,
    /// The number dialled, as this trunk wants it.
    pub outgoing: Rewrites,
    /// The caller's number, as this trunk wants it.
    pub outgoing_caller: Rewrites,
    /// The number dialled, as this trunk sends it, made ours.
    pub incoming: Rewrites,
    /// The caller's number, as this trunk sends it, made ours.
    pub incoming_caller: Rewrites,
}

/// One way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub trunk: Arc<str>,
    pub route: Arc<str>,
    /// The number in the spelling of this trunk.
    pub number_as_dialled: String,
}

/// The ways of one call, the first to be tried first.
pub type Ways = SmallVec<[Way; 4]>;

/// What is known of the trunks at this moment. A trunk nobody has spoken of is there and empty.
#[derive(Clone, Debug, Default)]
pub struct TrunkStates {
    states: HashMap<Arc<str>, TrunkState>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TrunkState {
    /// It does not answer our OPTIONS.
    silent: bool,
    /// It wants a registration and has refused ours.
    unregistered: bool,
    channels_taken: u32,
}

impl TrunkStates {
    /// The trunk's answer to our OPTIONS, or the want of one.
    pub fn set_alive(&mut self, trunk: &Arc<str>, alive: bool) {
        self.state(trunk).silent = !alive;
    }

    pub fn set_registered(&mut self, trunk: &Arc<str>, registered: bool) {
        self.state(trunk).unregistered = !registered;
    }

    /// A call has begun on the trunk, in whichever direction.
    pub fn take_channel(&mut self, trunk: &Arc<str>) {
        self.state(trunk).channels_taken += 1;
    }

    /// That call is over.
    pub fn free_channel(&mut self, trunk: &Arc<str>) {
        let state = self.state(trunk);
        state.channels_taken = state.channels_taken.saturating_sub(1);
    }

    pub fn channels_taken(&self, trunk: &str) -> u32 {
        self.states.get(trunk).map_or(0, |state| state.channels_taken)
    }

    /// Whether calls can be sent there.
    pub fn is_usable(&self, trunk: &str) -> bool {
        self.states.get(trunk).is_none_or(|state| !state.silent && !state.unregistered)
    }

    fn state(&mut self, trunk: &Arc<str>) -> &mut TrunkState {
        self.states.entry(trunk.clone()).or_default()
    }
}

/// Every route, and how each trunk takes calls.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    lines: HashMap<Arc<str>, Line>,
}

impl Routes {
    pub fn new(routes: Vec<Route>, lines: impl IntoIterator<Item = (Arc<str>, Line)>) -> Self {
        Self { routes, lines: lines.into_iter().collect() }
    }

    /// The trunks that can carry a call to this number now, in the order in which they are to be tried. `random` is
    /// any number; it decides among trunks of the same order.
    pub fn ways(&self, number: &Dialled, states: &TrunkStates, random: u64) -> Ways {
        let mut ways = self.every_way(number, random);
        ways.retain(|way| states.is_usable(&way.trunk) && self.has_room(&way.trunk, states));
        ways
    }

    /// The same for a call for help: a trunk that seems dead or full is tried all the same, after the others.
    pub fn ways_for_help(&self, number: &Dialled, states: &TrunkStates, random: u64) -> Ways {
        let mut ways = self.every_way(number, random);
        ways.sort_by_key(|way| !(states.is_usable(&way.trunk) && self.has_room(&way.trunk, states)));
        ways
    }

    /// Whether the trunk takes one more call.
    pub fn has_room(&self, trunk: &str, states: &TrunkStates) -> bool {
        let channels = self.lines.get(trunk).and_then(|line| line.channels);
        channels.is_none_or(|channels| states.channels_taken(trunk) < channels)
    }

    /// The number that a trunk says was dialled, as the dial plan knows it.
    pub fn dialled_here(&self, trunk: &str, dialled: &str) -> String {
        self.rewrite(trunk, dialled, |line| &line.incoming)
    }

    /// The caller that a trunk names, as we write numbers.
    pub fn caller_here(&self, trunk: &str, caller: &str) -> String {
        self.rewrite(trunk, caller, |line| &line.incoming_caller)
    }

    /// Our number for the called, as the trunk wants it.
    pub fn caller_there(&self, trunk: &str, caller: &str) -> String {
        self.rewrite(trunk, caller, |line| &line.outgoing_caller)
    }

    fn rewrite(&self, trunk: &str, number: &str, which: impl Fn(&Line) -> &Rewrites) -> String {
        self.lines.get(trunk).map_or_else(|| number.to_owned(), |line| which(line).apply(number))
    }

    /// The route that means this number most exactly; the first in the file among equals.
    pub fn route(&self, number: &Dialled) -> Option<&Route> {
        let mut best: Option<(usize, &Route)> = None;
        for route in &self.routes {
            let fits = route.numbers.iter().filter_map(|pattern| pattern.fits(number)).max();
            if let Some(fits) = fits.filter(|fits| best.is_none_or(|(most, _)| *fits > most)) {
                best = Some((fits, route));
            }
        }
        best.map(|(_, route)| route)
    }

    fn every_way(&self, number: &Dialled, random: u64) -> Ways {
        let Some(route) = self.route(number) else { return Ways::new() };
        let way = |choice: &Choice| Way {
            trunk: choice.trunk.clone(),
            route: route.name.clone(),
            number_as_dialled: self.rewrite(&choice.trunk, number.as_str(), |line| &line.outgoing),
        };
        in_order(&route.trunks, random).into_iter().map(way).collect()
    }
}

/// Lower orders first; equals are drawn one after the other, each by its weight (as RFC 2782 draws servers).
fn in_order(choices: &[Choice], random: u64) -> SmallVec<[&Choice; 4]> {
    let mut chance = Chance(random);
    let mut left: SmallVec<[&Choice; 4]> = choices.iter().collect();
    left.sort_by_key(|choice| choice.order);
    let mut drawn = SmallVec::new();
    while let Some(first) = left.first() {
        let order = first.order;
        let n_equal = left.iter().take_while(|choice| choice.order == order).count();
        drawn.push(left.remove(draw(&left[..n_equal], &mut chance)));
    }
    drawn
}

fn draw(equals: &[&Choice], chance: &mut Chance) -> usize {
    let whole: u64 = equals.iter().map(|choice| u64::from(choice.weight)).sum();
    if whole == 0 {
        return 0;
    }
    let mut at = chance.next() % whole;
    for (index, choice) in equals.iter().enumerate() {
        match at.checked_sub(u64::from(choice.weight)) {
            Some(left) => at = left,
            None => return index,
        }
    }
    0
}

/// Many numbers from one (splitmix64), so that one random number settles a whole order.
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// How a call over a trunk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The SIP status; 408 for silence and 503 for a broken way, as the stack says it.
    pub code: u16,
    /// The Q.850 cause, if one was given.
    pub q850: Option<u16>,
    /// The other end had begun to ring.
    pub rang: bool,
}

/// Whether another trunk may do better (RFC 3263 §4.3): yes when the network failed, no when somebody was found or the
/// number is nobody's. A telephone that rang was found, whatever comes after.
pub const fn should_try_next(failure: &Failure) -> bool {
    if failure.rang {
        return false;
    }
    match failure.q850 {
        // The called, or their number: unallocated, busy, does not answer, absent, rejects, changed, wrong format, not
        // allowed (RFC 3398 §8.2.6.1).
        Some(1 | 16..=22 | 28 | 55) => false,
        // The network on the way: no route, out of order, congestion, failure, no channel.
        Some(2 | 3 | 25 | 27 | 34 | 38 | 41 | 42 | 44 | 47 | 58) => true,
        _ => matches!(failure.code, 401..=403 | 407 | 408 | 430 | 488 | 500..=599),
    }
}

#[cfg(test)]
mod tests;
