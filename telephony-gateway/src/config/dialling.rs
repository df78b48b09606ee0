//! `[dial_plan]`: what may be dialled, by whom, and how much.

use std::collections::{BTreeMap, HashMap};

use shared::domain::agent::Role;
use shared::domain::queue::QueueCode;
use shared::money::Money;

use super::reader::Section;
use super::trunks::{check_can_be_called, read_patterns};
use super::{QueueConfig, SipConfig, check_numbers};
use crate::routing::number::Dialled;
use crate::routing::toll::{Allowance, Price, Rights, TollPlan};
use crate::routing::ways::{Choice, Pattern, Route, Routes};

/// What the house may dial. What is not listed is refused, and nothing from outside may dial outside.
#[derive(Clone, Debug, Default)]
pub struct DialPlan {
    /// Always let through, whatever else is going on.
    pub emergency: Vec<String>,
    /// Short numbers that everybody of the house may dial.
    pub short: Vec<String>,
    /// The trunk that takes both where no route says otherwise; without one they are refused with words in the log.
    pub trunk: Option<String>,
    /// Everything else, by role.
    pub toll: TollPlan,
}

impl DialPlan {
    pub fn is_emergency(&self, dialled: &str) -> bool {
        self.emergency.iter().any(|number| number == dialled)
    }

    /// Whether everybody of the house may dial it.
    pub fn allows(&self, dialled: &str) -> bool {
        self.is_emergency(dialled) || self.short.iter().any(|number| number == dialled)
    }
}

pub(super) fn read_dial_plan(
    section: Section<'_>,
    sip: &SipConfig,
    queues: &[QueueConfig],
    routes: &[Route],
) -> DialPlan {
    let plan = DialPlan {
        emergency: section.or("emergency", Vec::new()),
        short: section.or("short", Vec::new()),
        trunk: section.optional("trunk"),
        toll: read_toll(&section, queues),
    };
    check_numbers(&section, "emergency", &plan.emergency);
    check_numbers(&section, "short", &plan.short);
    for number in queues.iter().flat_map(|queue| &queue.numbers).filter(|number| plan.allows(number)) {
        let key = if plan.is_emergency(number) { "emergency" } else { "short" };
        section.fault(key, format!("`{number}` is the number of a queue already"));
    }
    if let Some(trunk) = &plan.trunk {
        check_can_be_called(&section, "trunk", trunk, sip);
    } else if !routes.is_empty() {
        // With routes somebody has thought about the way out; a call for help must not be the one that has none.
        let leads = |number: &str| {
            let number = Dialled::parse(number);
            number.is_some_and(|n| routes.iter().flat_map(|route| &route.numbers).any(|p| p.fits(&n).is_some()))
        };
        for number in plan.emergency.iter().filter(|number| !leads(number)) {
            section.fault("emergency", format!("no route leads to `{number}`, and there is no `trunk` here"));
        }
    }
    section.finish();
    plan
}

/// The routes, with one more for emergency and short numbers that none of them means.
pub(super) fn with_the_last_resort(mut routes: Vec<Route>, plan: &DialPlan, sip: &SipConfig) -> Routes {
    if let Some(trunk) = &plan.trunk {
        let means = |routes: &[Route], number: &Dialled| {
            routes.iter().flat_map(|route| &route.numbers).any(|pattern| pattern.fits(number).is_some())
        };
        let numbers = plan.emergency.iter().chain(&plan.short).filter_map(|number| Dialled::parse(number));
        let numbers: Vec<Pattern> = numbers
            .filter(|number| !means(&routes, number))
            .filter_map(|number| number.as_str().parse().ok())
            .collect();
        let trunks = vec![Choice { trunk: trunk.as_str().into(), order: 1, weight: 1 }];
        routes.push(Route { name: "dial_plan".into(), numbers, trunks });
    }
    let lines = sip.trunks.iter().map(|trunk| (trunk.name.as_str().into(), trunk.line.clone()));
    Routes::new(routes, lines)
}

fn read_toll(section: &Section<'_>, queues: &[QueueConfig]) -> TollPlan {
    let roles =
        [(Role::Operator, "operator"), (Role::Supervisor, "supervisor"), (Role::Administrator, "administrator")];
    let rights = roles.into_iter().filter(|(_, key)| section.has(key));
    let roles: BTreeMap<Role, Rights> = rights.map(|(role, key)| (role, read_rights(section.section(key)))).collect();
    let toll = TollPlan {
        queues: read_queue_limits(section, queues),
        prices: section.list("prices").into_iter().filter_map(read_price).collect(),
        cost_a_day: read_cost(section),
        utc_offset_s: chrono::Local::now().offset().local_minus_utc(),
        roles,
    };
    let is_limited = toll.cost_a_day.is_some() || toll.roles.values().any(|rights| rights.cost_a_day.is_some());
    if is_limited && toll.prices.is_empty() {
        section.fault(
            "cost_a_day_kopecks",
            "the cost of a day is limited, and no `[[dial_plan.prices]]` says what a minute costs: every number would be refused",
        );
    }
    toll
}

fn read_cost(section: &Section<'_>) -> Option<Money> {
    let limit = section.has("cost_a_day_kopecks");
    limit.then(|| Money(section.number("cost_a_day_kopecks", 0, 0..=1_000_000_000) as i64))
}

fn read_rights(section: Section<'_>) -> Rights {
    let rights = Rights {
        numbers: read_allowance(&section),
        calls_at_once: section.number("calls_at_once", 2, 1..=100) as u32,
        calls_an_hour: section.number("calls_an_hour", 60, 1..=1000) as u32,
        cost_a_day: read_cost(&section),
    };
    section.finish();
    rights
}

fn read_allowance(section: &Section<'_>) -> Allowance {
    let allowance = Allowance { allowed: read_patterns(section, "allowed"), denied: read_patterns(section, "denied") };
    if section.has("allowed") && allowance.allowed.is_empty() {
        section.fault("allowed", "`allowed` is empty: take the table away to allow nothing");
    }
    allowance
}

fn read_queue_limits(section: &Section<'_>, queues: &[QueueConfig]) -> HashMap<QueueCode, Allowance> {
    let mut limits = HashMap::new();
    for item in section.list("queues") {
        let code = QueueCode::new(&item.words("queue"));
        if !queues.iter().any(|queue| queue.code == code) {
            item.fault("queue", format!("there is no queue `{code}`"));
        }
        let allowance = read_allowance(&item);
        if limits.insert(code.clone(), allowance).is_some() {
            item.fault("queue", format!("the queue `{code}` is there twice"));
        }
        item.finish();
    }
    limits
}

fn read_price(section: Section<'_>) -> Option<Price> {
    let numbers = section.words("numbers");
    let a_minute = Money(section.number("a_minute_kopecks", 0, 0..=1_000_000) as i64);
    if !section.has("a_minute_kopecks") {
        section.fault("a_minute_kopecks", "`a_minute_kopecks` is missing here");
    }
    let price = match numbers.parse() {
        Ok(numbers) => Some(Price { numbers, a_minute }),
        Err(_) if numbers.is_empty() => None,
        Err(error) => {
            let error: crate::routing::ways::PatternError = error;
            section.fault("numbers", error.to_string());
            None
        }
    };
    section.finish();
    price
}
