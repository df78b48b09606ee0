use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::routing::rewrite::Rewrite;

fn number(text: &str) -> Dialled {
    Dialled::parse(text).unwrap()
}

fn choice(trunk: &str, order: u32, weight: u32) -> Choice {
    Choice { trunk: trunk.into(), order, weight }
}

fn route(name: &str, numbers: &[&str], trunks: Vec<Choice>) -> Route {
    let numbers = numbers.iter().map(|pattern| pattern.parse().unwrap()).collect();
    Route { name: name.into(), numbers, trunks }
}

fn names(ways: &Ways) -> Vec<&str> {
    ways.iter().map(|way| &*way.trunk).collect()
}

/// Two carriers for Russia, the second as a reserve; a third for Moscow; the first alone for help.
fn house() -> Routes {
    let eight = Rewrite { prefix: "+7".into(), strip: 2, prepend: "8".into() };
    let first = Line { channels: Some(2), outgoing: Rewrites::new(vec![eight]), ..Line::default() };
    Routes::new(
        vec![
            route("russia", &["+7"], vec![choice("reserve", 2, 1), choice("first", 1, 1)]),
            route("moscow", &["+7495", "+7499"], vec![choice("city", 1, 1), choice("first", 2, 1)]),
            route("help", &["112", "10X"], vec![choice("first", 1, 1), choice("reserve", 2, 1)]),
        ],
        [("first".into(), first)],
    )
}

#[test]
fn a_call_leaves_by_the_route_that_means_its_number_most_exactly() {
    let (routes, states) = (house(), TrunkStates::default());
    let ways = routes.ways(&number("8 812 204-00-00"), &states, 0);
    assert_eq!(names(&ways), ["first", "reserve"]);
    assert_eq!(ways[0].number_as_dialled, "88122040000");
    assert_eq!(ways[1].number_as_dialled, "+78122040000");
    assert_eq!(names(&routes.ways(&number("+74952040000"), &states, 0)), ["city", "first"]);
    assert_eq!(names(&routes.ways(&number("103"), &states, 0)), ["first", "reserve"]);
    for elsewhere in ["+49301234567", "122", "10", "1033", "*72"] {
        assert!(routes.ways(&number(elsewhere), &states, 0).is_empty(), "{elsewhere}");
    }
}

#[test]
fn a_dead_or_full_trunk_is_passed_over_until_it_is_better() {
    let (routes, mut states) = (house(), TrunkStates::default());
    let first: Arc<str> = "first".into();
    let russia = number("+78122040000");
    states.take_channel(&first);
    assert_eq!(names(&routes.ways(&russia, &states, 0)), ["first", "reserve"]);
    states.take_channel(&first);
    assert_eq!(names(&routes.ways(&russia, &states, 0)), ["reserve"]);
    states.free_channel(&first);
    states.set_alive(&first, false);
    assert_eq!(names(&routes.ways(&russia, &states, 0)), ["reserve"]);
    states.set_alive(&first, true);
    states.set_registered(&first, false);
    assert_eq!(names(&routes.ways(&russia, &states, 0)), ["reserve"]);
    states.set_registered(&first, true);
    assert_eq!(names(&routes.ways(&russia, &states, 0)), ["first", "reserve"]);
}

#[test]
fn a_call_for_help_tries_even_the_trunk_that_seems_dead() {
    let (routes, mut states) = (house(), TrunkStates::default());
    states.set_alive(&"first".into(), false);
    assert_eq!(names(&routes.ways_for_help(&number("112"), &states, 0)), ["reserve", "first"]);
    states.set_alive(&"reserve".into(), false);
    assert_eq!(names(&routes.ways_for_help(&number("112"), &states, 0)), ["first", "reserve"]);
}

#[test]
fn equals_are_chosen_by_their_weight() {
    let trunks = vec![choice("three", 1, 3), choice("one", 1, 1), choice("never_first", 1, 0)];
    let routes = Routes::new(vec![route("all", &["+"], trunks)], []);
    let mut first_times = HashMap::new();
    for random in 0..4_000 {
        let ways = routes.ways(&number("+74952040000"), &TrunkStates::default(), random);
        assert_eq!(names(&ways)[2], "never_first");
        *first_times.entry(names(&ways)[0].to_owned()).or_insert(0) += 1;
    }
    assert!((2_850..3_150).contains(&first_times["three"]), "{first_times:?}");
}

#[test]
fn numbers_of_a_trunk_are_made_ours_before_the_dial_plan() {
    let seven = Rewrite { prefix: "495".into(), strip: 0, prepend: "+7".into() };
    let rules = Rewrites::new(vec![seven]);
    let line = Line { incoming: rules.clone(), incoming_caller: rules, ..Line::default() };
    let routes = Routes::new(Vec::new(), [("city".into(), line)]);
    assert_eq!(routes.dialled_here("city", "4952040000"), "+74952040000");
    assert_eq!(routes.caller_here("city", "4951234567"), "+74951234567");
    assert_eq!(routes.dialled_here("another", "4952040000"), "4952040000");
}

#[test]
fn the_next_trunk_is_tried_when_the_network_failed_and_never_when_somebody_was_found() {
    let plain = |code| Failure { code, q850: None, rang: false };
    for code in [401, 402, 403, 407, 408, 430, 488, 500, 502, 503, 504, 580] {
        assert!(should_try_next(&plain(code)), "{code}");
        assert!(!should_try_next(&Failure { rang: true, ..plain(code) }), "{code} after it rang");
    }
    for code in [300, 302, 400, 404, 410, 480, 481, 484, 486, 487, 600, 603, 604, 606] {
        assert!(!should_try_next(&plain(code)), "{code}");
    }
    let because = |code, cause| Failure { q850: Some(cause), ..plain(code) };
    assert!(should_try_next(&because(480, 34)), "no circuit is free");
    assert!(should_try_next(&because(480, 41)), "a temporary failure");
    assert!(!should_try_next(&because(503, 17)), "busy, said badly");
    assert!(!should_try_next(&because(403, 21)), "the called has rejected it");
    assert!(!should_try_next(&because(500, 1)), "nobody has this number");
}

#[test]
fn a_mistyped_pattern_is_named_in_the_complaint() {
    for written in ["", "+7(495)", "7495x", "+12345678901234567", "all", "1 1"] {
        let complaint = written.parse::<Pattern>().unwrap_err().to_string();
        assert!(complaint.contains(&format!("`{written}`")), "{complaint}");
    }
}

proptest! {
    /// Whatever the states: no trunk twice, none that is dead or full, and lower orders first.
    #[test]
    fn every_way_is_usable_once_and_in_order(
        choices in prop::collection::vec((0_u32..4, 0_u32..5), 0..8),
        dead in prop::collection::vec(any::<bool>(), 8),
        taken in prop::collection::vec(0_u32..4, 8),
        channels in prop::collection::vec(prop::option::of(0_u32..4), 8),
        random: u64,
    ) {
        let name = |index: usize| -> Arc<str> { format!("t{index}").into() };
        let trunks: Vec<Choice> = choices.iter().enumerate()
            .map(|(index, (order, weight))| Choice { trunk: name(index), order: *order, weight: *weight })
            .collect();
        let lines = channels.iter().enumerate()
            .map(|(index, channels)| (name(index), Line { channels: *channels, ..Line::default() }));
        let routes = Routes::new(vec![route("all", &["+"], trunks.clone())], lines);
        let mut states = TrunkStates::default();
        for index in 0..8 {
            states.set_alive(&name(index), !dead[index]);
            for _ in 0..taken[index] {
                states.take_channel(&name(index));
            }
        }
        let asked = number("+74952040000");
        let ways = routes.ways(&asked, &states, random);
        let orders: Vec<u32> = ways.iter()
            .map(|way| trunks.iter().find(|choice| choice.trunk == way.trunk).unwrap().order)
            .collect();
        prop_assert!(orders.is_sorted());
        let distinct: BTreeSet<&str> = ways.iter().map(|way| &*way.trunk).collect();
        prop_assert_eq!(distinct.len(), ways.len());
        let usable = (0..trunks.len())
            .filter(|index| !dead[*index] && channels[*index].is_none_or(|channels| taken[*index] < channels));
        prop_assert_eq!(distinct, usable.map(|index| trunks[index].trunk.as_ref()).collect());
        let for_help = routes.ways_for_help(&asked, &states, random);
        prop_assert_eq!(for_help.len(), trunks.len());
        prop_assert_eq!(&for_help[..ways.len()], &ways[..]);
    }

    /// Taken and freed in any order, the count comes back to nothing and never goes below.
    #[test]
    fn channels_are_counted_right(steps in prop::collection::vec(any::<bool>(), 0..200)) {
        let (mut states, trunk): (_, Arc<str>) = (TrunkStates::default(), "t".into());
        let mut expected = 0_u32;
        for takes in steps {
            if takes {
                states.take_channel(&trunk);
                expected += 1;
            } else {
                states.free_channel(&trunk);
                expected = expected.saturating_sub(1);
            }
            prop_assert_eq!(states.channels_taken("t"), expected);
        }
    }
}
