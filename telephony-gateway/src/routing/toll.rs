//! Who may dial outside, and how much: what keeps a stolen password from running up a bill overnight.
//!
//! [`TollPlan`] is what the configuration says; whatever it does not allow is refused. [`TollBook`] keeps what was
//! dialled: how many calls a person has at once and has begun within the hour, and what the calls of the day cost. It
//! reads no clock, remembers a bounded number of people, and can be rebuilt from the calls of the day
//! ([`TollBook::remember`]). A call for help is none of its business: it is let through before anybody asks here.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::domain::agent::Role;
use shared::domain::queue::QueueCode;
use shared::ids::AgentId;
use shared::money::Money;
use shared::time::{Moment, UtcMs};
use smallvec::SmallVec;

use super::number::Dialled;
use super::ways::Pattern;

/// People whose calls are remembered. More than any house has.
const MOST_PEOPLE: usize = 4096;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// So many refused numbers within an hour are no slips of the finger.
const REFUSED_ARE_TOO_MANY: u32 = 10;

/// Which numbers are allowed. The most exact pattern decides; between equals the denial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    pub allowed: Vec<Pattern>,
    pub denied: Vec<Pattern>,
}

impl Allowance {
    fn judge(&self, number: &Dialled) -> Result<(), TollRule> {
        let most_exact = |patterns: &[Pattern]| patterns.iter().filter_map(|pattern| pattern.fits(number)).max();
        match (most_exact(&self.allowed), most_exact(&self.denied)) {
            (None, None) => Err(TollRule::NotAllowed),
            (allowed, denied) if denied.is_some() && denied >= allowed => Err(TollRule::Denied),
            _ => Ok(()),
        }
    }
}

/// What one role may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    pub numbers: Allowance,
    /// Calls to outside that one person may have at once.
    pub calls_at_once: u32,
    /// Calls to outside that one person may begin within an hour.
    pub calls_an_hour: u32,
    /// What one person's calls may cost on one day; `None` without a limit.
    pub cost_a_day: Option<Money>,
}

/// What a minute costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub numbers: Pattern,
    pub a_minute: Money,
}

/// Everything that is allowed.
#[derive(Clone, Debug, Default)]
pub struct TollPlan {
    /// A role that is not there may dial nothing outside.
    pub roles: BTreeMap<Role, Rights>,
    /// Calls made for a queue: its own list goes on top of the role's. A queue that is not there narrows nothing.
    pub queues: HashMap<QueueCode, Allowance>,
    /// The most exact one counts.
    pub prices: Vec<Price>,
    /// What all calls of the house may cost on one day; `None` without a limit.
    pub cost_a_day: Option<Money>,
    /// The house's time zone, seconds east of UTC: a day ends at its midnight.
    pub utc_offset_s: i32,
}

impl TollPlan {
    /// What a minute to this number costs; `None` when nobody has said.
    pub fn price(&self, number: &Dialled) -> Option<Money> {
        let fitting = self.prices.iter().filter_map(|price| Some((price.numbers.fits(number)?, price.a_minute)));
        fitting.max_by_key(|(fits, _)| *fits).map(|(_, price)| price)
    }

    fn day(&self, at: UtcMs) -> i64 {
        (at.0 + i64::from(self.utc_offset_s) * 1000).div_euclid(DAY_MS)
    }
}

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Who {
    Person(AgentId),
    /// A phone at which nobody is signed in, by its user name.
    Phone(Arc<str>),
}

/// A call that somebody wants to make to outside.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub who: Who,
    /// `None` for a phone that is nobody's: it may dial nothing outside.
    pub role: Option<Role>,
    /// The queue in whose name the call is made.
    pub queue: Option<&'a QueueCode>,
    pub number: &'a Dialled,
}

/// The rule by which a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TollRule {
    /// The phone is nobody's, or the role may dial nothing outside.
    NoRights,
    /// No prefix of the role allows the number.
    NotAllowed,
    /// A prefix of the role denies it.
    Denied,
    /// The role would be allowed, calls of this queue are not.
    NotForQueue,
    /// The person has as many calls to outside as are allowed at once.
    TooManyAtOnce,
    /// The person has begun as many calls within the hour as are allowed.
    TooManyAnHour,
    /// The person's calls of the day have cost what they may.
    CostOfPerson,
    /// The calls of the house have cost on this day what they may.
    CostOfHouse,
    /// The cost is limited, and nobody has said what this number costs.
    NoPrice,
    /// More people have dialled today than are remembered.
    BookFull,
}

impl TollRule {
    /// Its code on the wire and in logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRights => "no_rights",
            Self::NotAllowed => "not_allowed",
            Self::Denied => "denied",
            Self::NotForQueue => "not_for_queue",
            Self::TooManyAtOnce => "too_many_at_once",
            Self::TooManyAnHour => "too_many_an_hour",
            Self::CostOfPerson => "cost_of_person",
            Self::CostOfHouse => "cost_of_house",
            Self::NoPrice => "no_price",
            Self::BookFull => "book_full",
        }
    }

    /// The SIP answer to a phone that dialled by hand.
    pub const fn sip_code(self) -> u16 {
        match self {
            Self::NoRights | Self::NotAllowed | Self::Denied | Self::NotForQueue | Self::NoPrice => 403,
            Self::TooManyAtOnce | Self::TooManyAnHour | Self::CostOfPerson | Self::CostOfHouse | Self::BookFull => 503,
        }
    }

    /// Whether it is a limit that was used up, and not merely a number that is not dialled here.
    const fn is_limit(self) -> bool {
        matches!(self, Self::TooManyAnHour | Self::CostOfPerson | Self::CostOfHouse | Self::BookFull)
    }
}

/// Something that a supervisor should know at once. Raised once an hour for the same person and matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A limit is used up.
    Limit { rule: TollRule, who: Who },
    /// Somebody tries one number after the other that is not allowed.
    ManyRefused { who: Who, times: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may begin, and is counted from now on.
    Allowed {
        a_minute: Money,
    },
    Refused {
        rule: TollRule,
        alarm: Option<Alarm>,
    },
}

/// A call that is over, for the ledger: from these the book is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub who: Who,
    pub began: UtcMs,
    pub ended: UtcMs,
    /// What it has cost on the day on which it ended.
    pub cost: Money,
}

#[derive(Debug)]
struct Running {
    who: Who,
    began: UtcMs,
    a_minute: Money,
    answered: Option<Moment>,
    /// What it had cost before this day began.
    before_today: Money,
}

impl Running {
    /// Begun minutes since it was answered. One is set aside for a call that still rings.
    fn cost(&self, now: Moment) -> Money {
        let minutes = self.answered.map_or(1, |at| now.since(at).as_millis().div_ceil(60_000).max(1));
        Money(self.a_minute.0.saturating_mul(i64::try_from(minutes).unwrap_or(i64::MAX))) - self.before_today
    }
}

/// What one person has dialled.
#[derive(Debug, Default)]
struct Sheet {
    /// When the calls of the last hour were begun.
    begun: VecDeque<UtcMs>,
    /// Calls of the day that are over.
    spent: Money,
    refused: u32,
    refused_since: UtcMs,
    /// Alarms of the last hour.
    told: SmallVec<[(Option<TollRule>, UtcMs); 2]>,
}

impl Sheet {
    fn forget_old(&mut self, now: UtcMs) {
        while self.begun.front().is_some_and(|at| now.ms_since(*at) >= HOUR_MS) {
            self.begun.pop_front();
        }
        self.told.retain(|(_, at)| now.ms_since(*at) < HOUR_MS);
        if now.ms_since(self.refused_since) >= HOUR_MS {
            (self.refused, self.refused_since) = (0, now);
        }
    }

    fn is_blank(&self) -> bool {
        self.begun.is_empty() && self.spent.is_zero() && self.refused == 0 && self.told.is_empty()
    }

    /// Whether this alarm is news.
    fn is_news(&mut self, rule: Option<TollRule>, now: UtcMs) -> bool {
        let known = self.told.iter().any(|(told, _)| *told == rule);
        if !known {
            self.told.push((rule, now));
        }
        !known
    }
}

/// What was dialled outside today.
#[derive(Debug, Default)]
pub struct TollBook {
    day: i64,
    people: HashMap<Who, Sheet>,
    running: HashMap<u64, Running>,
    /// Of all calls of the day that are over.
    spent: Money,
}

impl TollBook {
    /// Asks for a call, and counts it when it may begin. `call` is any number of its own; [`TollBook::ended`] must
    /// follow for it.
    pub fn dial(&mut self, plan: &TollPlan, call: u64, request: &Request<'_>, now: Moment) -> Verdict {
        self.turn_page(plan, now);
        let refused = match self.judge(plan, request, now) {
            Ok(a_minute) => {
                let who = request.who.clone();
                self.people.entry(who.clone()).or_default().begun.push_back(now.utc_ms);
                let began = now.utc_ms;
                let running = Running { who, began, a_minute, answered: None, before_today: Money::ZERO };
                self.running.insert(call, running);
                return Verdict::Allowed { a_minute };
            }
            Err(rule) => rule,
        };
        Verdict::Refused { rule: refused, alarm: self.alarm(refused, &request.who, now.utc_ms) }
    }

    /// Whom was called has answered: from here the call costs money.
    pub fn answered(&mut self, call: u64, now: Moment) {
        if let Some(running) = self.running.get_mut(&call) {
            running.answered.get_or_insert(now);
        }
    }

    /// The call is over, however it went. What it has cost is for the ledger.
    pub fn ended(&mut self, plan: &TollPlan, call: u64, now: Moment) -> Option<Spent> {
        self.turn_page(plan, now);
        let running = self.running.remove(&call)?;
        let cost = if running.answered.is_some() { running.cost(now) } else { Money::ZERO };
        self.spent = self.spent + cost;
        let sheet = self.people.entry(running.who.clone()).or_default();
        sheet.spent = sheet.spent + cost;
        Some(Spent { who: running.who, began: running.began, ended: now.utc_ms, cost })
    }

    /// Takes in a call of before a restart.
    pub fn remember(&mut self, plan: &TollPlan, spent: &Spent, now: Moment) {
        self.turn_page(plan, now);
        if self.people.len() >= MOST_PEOPLE && !self.people.contains_key(&spent.who) {
            return;
        }
        let is_today = plan.day(spent.ended) == self.day;
        let of_this_hour = now.utc_ms.ms_since(spent.began) < HOUR_MS;
        if !is_today && !of_this_hour {
            return;
        }
        let sheet = self.people.entry(spent.who.clone()).or_default();
        if is_today {
            sheet.spent = sheet.spent + spent.cost;
            self.spent = self.spent + spent.cost;
        }
        if of_this_hour {
            sheet.begun.push_back(spent.began);
        }
    }

    /// The calls that have used up what their person, or the house, may spend in a day: they are to be ended. Ask once
    /// a minute.
    pub fn overdrawn(&mut self, plan: &TollPlan, role_of: impl Fn(&Who) -> Option<Role>, now: Moment) -> Vec<u64> {
        self.turn_page(plan, now);
        let over = |limit: Option<Money>, cost: Money| limit.is_some_and(|limit| cost > limit);
        let house = over(plan.cost_a_day, self.cost_of_house(now));
        let of_person = |who: &Who| {
            let limit = role_of(who).and_then(|role| plan.roles.get(&role)).and_then(|rights| rights.cost_a_day);
            over(limit, self.cost_of(who, now))
        };
        let costly = self.running.iter().filter(|(_, running)| running.a_minute.0 > 0);
        let mut calls: Vec<u64> =
            costly.filter(|(_, running)| house || of_person(&running.who)).map(|(call, _)| *call).collect();
        calls.sort_unstable();
        calls
    }

    /// What this person's calls of the day have cost so far, running ones included.
    pub fn cost_of(&self, who: &Who, now: Moment) -> Money {
        let over = self.people.get(who).map_or(Money::ZERO, |sheet| sheet.spent);
        over + self.running.values().filter(|running| running.who == *who).map(|running| running.cost(now)).sum()
    }

    /// What all calls of the day have cost so far, running ones included.
    pub fn cost_of_house(&self, now: Moment) -> Money {
        self.spent + self.running.values().map(|running| running.cost(now)).sum()
    }

    fn judge(&mut self, plan: &TollPlan, request: &Request<'_>, now: Moment) -> Result<Money, TollRule> {
        let rights = request.role.and_then(|role| plan.roles.get(&role)).ok_or(TollRule::NoRights)?;
        rights.numbers.judge(request.number)?;
        if let Some(queue) = request.queue.and_then(|queue| plan.queues.get(queue)) {
            queue.judge(request.number).map_err(|_| TollRule::NotForQueue)?;
        }
        if !self.people.contains_key(&request.who) && self.people.len() >= MOST_PEOPLE {
            return Err(TollRule::BookFull);
        }
        let at_once = self.running.values().filter(|running| running.who == request.who).count();
        if at_once >= rights.calls_at_once as usize {
            return Err(TollRule::TooManyAtOnce);
        }
        let sheet = self.people.entry(request.who.clone()).or_default();
        sheet.forget_old(now.utc_ms);
        if sheet.begun.len() >= rights.calls_an_hour as usize {
            return Err(TollRule::TooManyAnHour);
        }
        let is_limited = rights.cost_a_day.is_some() || plan.cost_a_day.is_some();
        let a_minute = match plan.price(request.number) {
            None if is_limited => return Err(TollRule::NoPrice),
            price => price.unwrap_or_default(),
        };
        let fits = |limit: Option<Money>, cost: Money| limit.is_none_or(|limit| cost + a_minute <= limit);
        if !fits(rights.cost_a_day, self.cost_of(&request.who, now)) {
            return Err(TollRule::CostOfPerson);
        }
        if !fits(plan.cost_a_day, self.cost_of_house(now)) {
            return Err(TollRule::CostOfHouse);
        }
        Ok(a_minute)
    }

    /// What a supervisor is told of a refusal, if it is news.
    fn alarm(&mut self, rule: TollRule, who: &Who, now: UtcMs) -> Option<Alarm> {
        if !self.people.contains_key(who) && self.people.len() >= MOST_PEOPLE {
            return None;
        }
        let sheet = self.people.entry(who.clone()).or_default();
        sheet.forget_old(now);
        if rule.is_limit() {
            return sheet.is_news(Some(rule), now).then(|| Alarm::Limit { rule, who: who.clone() });
        }
        if rule == TollRule::TooManyAtOnce {
            return None;
        }
        sheet.refused = sheet.refused.saturating_add(1);
        let (times, many) = (sheet.refused, sheet.refused >= REFUSED_ARE_TOO_MANY);
        (many && sheet.is_news(None, now)).then(|| Alarm::ManyRefused { who: who.clone(), times })
    }

    /// At midnight the cost begins anew; at any time those are forgotten of whom nothing is left to know. A clock that
    /// was set back to yesterday gives nobody a second day.
    fn turn_page(&mut self, plan: &TollPlan, now: Moment) {
        let today = plan.day(now.utc_ms);
        if today > self.day {
            self.day = today;
            self.spent = Money::ZERO;
            for running in self.running.values_mut() {
                let cost = running.cost(now);
                running.before_today = running.before_today + cost;
            }
            self.people.values_mut().for_each(|sheet| sheet.spent = Money::ZERO);
        }
        if self.people.len() >= MOST_PEOPLE {
            self.people.values_mut().for_each(|sheet| sheet.forget_old(now.utc_ms));
            self.people.retain(|_, sheet| !sheet.is_blank());
        }
    }
}

/// How often [`TollBook::overdrawn`] is to be asked.
pub const ASK_OVERDRAWN_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
