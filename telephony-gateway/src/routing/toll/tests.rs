use proptest::prelude::*;

use super::*;

const ANNA: Who = Who::Person(AgentId(1));
const BORIS: Who = Who::Person(AgentId(2));
const MOSCOW: &str = "+74951234567";

fn patterns(list: &[&str]) -> Vec<Pattern> {
    list.iter().map(|pattern| pattern.parse().unwrap()).collect()
}

fn roubles(amount: i64) -> Option<Money> {
    Some(Money::from_roubles(amount))
}

fn plan() -> TollPlan {
    let operator = Rights {
        numbers: Allowance { allowed: patterns(&["+7", "1XX"]), denied: patterns(&["+7809", "+7803"]) },
        calls_at_once: 2,
        calls_an_hour: 5,
        cost_a_day: roubles(20),
    };
    let supervisor = Rights {
        numbers: Allowance { allowed: patterns(&["+"]), denied: patterns(&["+7809", "+882"]) },
        calls_at_once: 3,
        calls_an_hour: 100,
        cost_a_day: None,
    };
    let moscow_only = Allowance { allowed: patterns(&["+7495", "+7499"]), denied: Vec::new() };
    let price = |numbers: &str, kopecks| Price { numbers: numbers.parse().unwrap(), a_minute: Money(kopecks) };
    TollPlan {
        roles: [(Role::Operator, operator), (Role::Supervisor, supervisor)].into(),
        queues: [(QueueCode::new("city"), moscow_only)].into(),
        prices: vec![price("+7", 200), price("+7800", 0), price("+49", 2_000), price("100", 0)],
        cost_a_day: roubles(100),
        utc_offset_s: 3 * 3600,
    }
}

struct House {
    plan: TollPlan,
    book: TollBook,
    calls: u64,
}

fn house() -> House {
    House { plan: plan(), book: TollBook::default(), calls: 0 }
}

fn at(s: u64) -> Moment {
    Moment::at_ms(s * 1000)
}

impl House {
    fn dial_as(&mut self, who: Who, role: Option<Role>, queue: Option<&str>, number: &str, s: u64) -> Verdict {
        self.calls += 1;
        let queue = queue.map(QueueCode::new);
        let number = Dialled::parse(number).unwrap();
        let request = Request { who, role, queue: queue.as_ref(), number: &number };
        self.book.dial(&self.plan, self.calls, &request, at(s))
    }

    /// An operator dials; the number of the call when it may begin.
    fn dial(&mut self, who: Who, number: &str, s: u64) -> Result<u64, TollRule> {
        match self.dial_as(who, Some(Role::Operator), None, number, s) {
            Verdict::Allowed { .. } => Ok(self.calls),
            Verdict::Refused { rule, .. } => Err(rule),
        }
    }

    fn end(&mut self, call: u64, s: u64) -> Spent {
        self.book.ended(&self.plan, call, at(s)).unwrap()
    }

    /// A whole call of so many seconds.
    fn talk(&mut self, who: Who, from: u64, seconds: u64) {
        let call = self.dial(who, MOSCOW, from).unwrap();
        self.book.answered(call, at(from));
        self.end(call, from + seconds);
    }
}

#[test]
fn an_operator_dials_the_country_and_neither_premium_numbers_nor_abroad() {
    let mut house = house();
    for (number, expected) in [
        (MOSCOW, None),
        ("88091234567", Some(TollRule::Denied)),
        ("8-803-123-45-67", Some(TollRule::Denied)),
        ("810442071234567", Some(TollRule::NotAllowed)),
        ("*72", Some(TollRule::NotAllowed)),
        ("100", None),
    ] {
        assert_eq!(house.dial(ANNA, number, 0).err(), expected, "{number}");
    }
}

#[test]
fn who_has_no_rights_dials_nothing() {
    let mut house = house();
    let phone = Who::Phone("101".into());
    for (role, rule) in [(None, TollRule::NoRights), (Some(Role::Administrator), TollRule::NoRights)] {
        let verdict = house.dial_as(phone.clone(), role, None, MOSCOW, 0);
        assert_eq!(verdict, Verdict::Refused { rule, alarm: None });
    }
}

#[test]
fn a_queue_narrows_what_its_operators_dial_in_its_name() {
    let mut house = house();
    let role = Some(Role::Operator);
    assert!(matches!(house.dial_as(ANNA, role, Some("city"), MOSCOW, 0), Verdict::Allowed { .. }));
    let verdict = house.dial_as(ANNA, role, Some("city"), "+78122040000", 0);
    assert_eq!(verdict, Verdict::Refused { rule: TollRule::NotForQueue, alarm: None });
    assert!(matches!(house.dial_as(BORIS, role, Some("other"), "+78122040000", 0), Verdict::Allowed { .. }));
}

#[test]
fn nobody_has_more_calls_at_once_than_allowed() {
    let mut house = house();
    let first = house.dial(ANNA, MOSCOW, 0).unwrap();
    house.dial(ANNA, MOSCOW, 1).unwrap();
    assert_eq!(house.dial(ANNA, MOSCOW, 2), Err(TollRule::TooManyAtOnce));
    house.dial(BORIS, MOSCOW, 2).expect("others are not concerned");
    house.end(first, 3);
    house.dial(ANNA, MOSCOW, 4).expect("one is over");
}

#[test]
fn the_sixth_call_of_an_hour_is_refused_with_one_alarm() {
    let mut house = house();
    for n in 0..5 {
        let call = house.dial(ANNA, MOSCOW, n * 60).unwrap();
        house.end(call, n * 60 + 10);
    }
    let verdict = house.dial_as(ANNA, Some(Role::Operator), None, MOSCOW, 600);
    let alarm = Some(Alarm::Limit { rule: TollRule::TooManyAnHour, who: ANNA });
    assert_eq!(verdict, Verdict::Refused { rule: TollRule::TooManyAnHour, alarm });
    let verdict = house.dial_as(ANNA, Some(Role::Operator), None, MOSCOW, 601);
    assert_eq!(verdict, Verdict::Refused { rule: TollRule::TooManyAnHour, alarm: None });
    house.dial(ANNA, MOSCOW, 3_600).expect("the first of them was an hour ago");
}

#[test]
fn calls_cost_by_the_begun_minute_from_the_answer_on() {
    let mut house = house();
    let call = house.dial(ANNA, MOSCOW, 0).unwrap();
    assert_eq!(house.book.cost_of(&ANNA, at(30)), Money(200), "a minute is set aside while it rings");
    house.book.answered(call, at(30));
    assert_eq!(house.book.cost_of(&ANNA, at(90)), Money(200));
    assert_eq!(house.book.cost_of(&ANNA, at(91)), Money(400));
    assert_eq!(house.end(call, 91).cost, Money(400));
    let unanswered = house.dial(ANNA, MOSCOW, 100).unwrap();
    assert_eq!(house.end(unanswered, 130).cost, Money::ZERO);
    assert_eq!(house.book.cost_of_house(at(200)), Money(400));
}

#[test]
fn a_persons_day_is_over_when_its_money_is_and_begins_anew_at_midnight() {
    let mut house = house();
    house.talk(ANNA, 0, 600);
    assert_eq!(house.dial(ANNA, MOSCOW, 700), Err(TollRule::CostOfPerson));
    house.dial(ANNA, "88002001122", 701).expect("what is free stays allowed");
    house.dial(BORIS, MOSCOW, 702).expect("others are not concerned");
    let midnight = 21 * 3600;
    assert_eq!(house.dial(ANNA, MOSCOW, midnight - 1), Err(TollRule::CostOfPerson));
    house.dial(ANNA, MOSCOW, midnight).expect("in Moscow the day begins at 21:00 UTC");
}

#[test]
fn the_house_has_a_limit_of_its_own() {
    let mut house = house();
    let call = match house.dial_as(BORIS, Some(Role::Supervisor), None, "+49301234567", 0) {
        Verdict::Allowed { a_minute } => {
            assert_eq!(a_minute, Money(2_000));
            house.calls
        }
        refused => panic!("{refused:?}"),
    };
    house.book.answered(call, at(0));
    house.end(call, 290);
    let verdict = house.dial_as(ANNA, Some(Role::Operator), None, MOSCOW, 300);
    let alarm = Some(Alarm::Limit { rule: TollRule::CostOfHouse, who: ANNA });
    assert_eq!(verdict, Verdict::Refused { rule: TollRule::CostOfHouse, alarm });
}

#[test]
fn a_call_that_has_eaten_up_the_day_is_named_to_be_ended() {
    let mut house = house();
    let call = house.dial(ANNA, MOSCOW, 0).unwrap();
    house.book.answered(call, at(0));
    let role_of = |_: &Who| Some(Role::Operator);
    assert!(house.book.overdrawn(&house.plan, role_of, at(600)).is_empty());
    assert_eq!(house.book.overdrawn(&house.plan, role_of, at(601)), [call]);
}

#[test]
fn a_talk_over_midnight_costs_each_day_its_own() {
    let mut house = house();
    let midnight = 21 * 3600;
    let call = house.dial(ANNA, MOSCOW, midnight - 120).unwrap();
    house.book.answered(call, at(midnight - 120));
    house.book.overdrawn(&house.plan, |_| None, at(midnight));
    assert_eq!(house.end(call, midnight + 60).cost, Money(200));
}

#[test]
fn a_number_without_a_price_is_refused_where_money_is_limited() {
    let mut house = house();
    let verdict = house.dial_as(BORIS, Some(Role::Supervisor), None, "+33142688000", 0);
    assert_eq!(verdict, Verdict::Refused { rule: TollRule::NoPrice, alarm: None });
    house.plan.cost_a_day = None;
    let verdict = house.dial_as(BORIS, Some(Role::Supervisor), None, "+33142688000", 0);
    assert_eq!(verdict, Verdict::Allowed { a_minute: Money::ZERO });
}

#[test]
fn somebody_who_tries_number_after_number_is_reported_once() {
    let mut house = house();
    let mut alarms = Vec::new();
    for n in 0..30 {
        let verdict = house.dial_as(ANNA, Some(Role::Operator), None, "810442071234567", n);
        if let Verdict::Refused { alarm: Some(alarm), .. } = verdict {
            alarms.push(alarm);
        }
    }
    assert_eq!(alarms, [Alarm::ManyRefused { who: ANNA, times: 10 }]);
}

#[test]
fn a_restart_forgets_neither_money_nor_calls() {
    let mut house = house();
    for n in 0..5 {
        let call = house.dial(ANNA, MOSCOW, n * 100).unwrap();
        house.book.answered(call, at(n * 100));
        let spent = house.end(call, n * 100 + 90);
        let text = serde_json::to_string(&spent).unwrap();
        assert_eq!(serde_json::from_str::<Spent>(&text).unwrap(), spent);
    }
    let before = house.book.cost_of(&ANNA, at(1000));
    let mut again = House { plan: plan(), book: TollBook::default(), calls: 0 };
    let began = |n: u64| UtcMs(n as i64 * 100_000);
    for n in 0..5 {
        let spent = Spent { who: ANNA, began: began(n), ended: began(n), cost: Money(400) };
        again.book.remember(&again.plan, &spent, at(1000));
    }
    assert_eq!(again.book.cost_of(&ANNA, at(1000)), before);
    assert_eq!(again.dial(ANNA, MOSCOW, 1000), Err(TollRule::TooManyAnHour));
    let yesterday = Spent { who: BORIS, began: UtcMs(-DAY_MS), ended: UtcMs(-DAY_MS), cost: Money(9_999) };
    again.book.remember(&again.plan, &yesterday, at(1000));
    assert_eq!(again.book.cost_of(&BORIS, at(1000)), Money::ZERO);
}

#[test]
fn a_crowd_of_diallers_is_counted_in_bounded_memory() {
    let mut house = house();
    house.plan.cost_a_day = None;
    for n in 0..2 * MOST_PEOPLE as i64 {
        let who = Who::Person(AgentId(n));
        if let Ok(call) = house.dial(who, MOSCOW, 0) {
            house.book.answered(call, at(0));
            house.end(call, 1);
        }
    }
    assert!(house.book.people.len() <= MOST_PEOPLE);
    assert_eq!(house.dial(Who::Person(AgentId(-1)), MOSCOW, 2), Err(TollRule::BookFull));
    house.dial(Who::Person(AgentId(-1)), MOSCOW, 2 * 24 * 3600).expect("the next day there is room again");
}

#[test]
fn a_clock_set_back_gives_nobody_a_second_day() {
    let mut house = house();
    let noon = 3 * 24 * 3600;
    house.talk(ANNA, noon, 600);
    let set_back = Moment { mono_us: (noon + 700) * 1_000_000, utc_ms: UtcMs(1000) };
    house.calls += 1;
    let number = Dialled::parse(MOSCOW).unwrap();
    let request = Request { who: ANNA, role: Some(Role::Operator), queue: None, number: &number };
    let verdict = house.book.dial(&house.plan, house.calls, &request, set_back);
    assert!(matches!(verdict, Verdict::Refused { rule: TollRule::CostOfPerson, .. }), "{verdict:?}");
}

proptest! {
    /// Whatever is dialled in whatever order, no limit is ever passed when a call begins.
    #[test]
    fn no_order_of_calls_passes_a_limit(steps in prop::collection::vec((0_u8..4, 0_i64..3, 0_u64..400), 1..200)) {
        let mut house = house();
        let mut s = 0_u64;
            let (mut open, mut begun) = (Vec::<(u64, i64)>::new(), Vec::<(i64, u64)>::new());
        for (what, who, pause) in steps {
            s += pause;
            match (what, open.first().copied()) {
                (0 | 1, _) => {
                    if let Ok(call) = house.dial(Who::Person(AgentId(who)), MOSCOW, s) {
                        open.push((call, who));
                        begun.push((who, s));
                        let cost = house.book.cost_of(&Who::Person(AgentId(who)), at(s));
                        prop_assert!(cost <= Money::from_roubles(20));
                        prop_assert!(house.book.cost_of_house(at(s)) <= Money::from_roubles(100));
                    }
                }
                (2, Some((call, _))) => house.book.answered(call, at(s)),
                (3, Some((call, _))) => {
                    open.remove(0);
                    house.end(call, s);
                }
                _ => {}
            }
            for person in 0..3 {
                prop_assert!(open.iter().filter(|(_, who)| *who == person).count() <= 2);
                let of_hour = begun.iter().filter(|(who, at)| *who == person && s - at < 3600);
                prop_assert!(of_hour.count() <= 5);
            }
        }
    }
}
