use super::*;

/// One packet as a test writes it: sequence, timestamp, marker, event, end, duration.
type Packet = (u16, u32, bool, u8, bool, u16);

fn told(packets: &[Packet]) -> String {
    let mut keys = Keys::default();
    packets
        .iter()
        .filter_map(|&(sequence, timestamp, marker, event, end, duration)| {
            let [high, low] = duration.to_be_bytes();
            let header = Header { payload_type: 101, marker, sequence, timestamp, ssrc: 7 };
            let payload = [event, if end { 0x8A } else { 0x0A }, high, low];
            keys.hear(header, &payload, Moment::at_ms(u64::from(sequence) * 20))
        })
        .collect()
}

/// A press as a good telephone tells it: four packets of growing duration and the end three times.
fn press(sequence: u16, timestamp: u32, event: u8) -> Vec<Packet> {
    let growing = (0..4).map(|n| (sequence + n, timestamp, n == 0, event, false, 160 * (n + 1)));
    growing.chain((4..7).map(|n| (sequence + n, timestamp, false, event, true, 800))).collect()
}

#[track_caller]
fn check(packets: &[Packet], expected: &str) {
    assert_eq!(told(packets), expected, "{packets:?}");
}

#[test]
fn a_press_with_its_end_repeated_is_one_key() {
    check(&press(1, 0, 5), "5");
    let all: Vec<Packet> =
        (0..16).flat_map(|event| press(1 + u16::from(event) * 7, u32::from(event) * 1280, event)).collect();
    check(&all, "0123456789*#ABCD");
}

#[test]
fn the_same_key_pressed_twice_is_two() {
    check(&[press(1, 0, 1), press(8, 1280, 1)].concat(), "11");
}

#[test]
fn a_press_is_told_whichever_of_its_packets_arrive() {
    let (first, second) = (press(1, 0, 1), press(8, 1280, 1));
    for kept in 1_u32..1 << 7 {
        let some: Vec<Packet> =
            first.iter().enumerate().filter(|(n, _)| kept & (1 << n) != 0).map(|(_, p)| *p).collect();
        check(&[some.clone(), second.clone()].concat(), "11");
        check(
            &[second.clone(), some.iter().map(|p| (p.0 + 14, p.1 + 2560, p.2, p.3, p.4, p.5)).collect()].concat(),
            "11",
        );
    }
}

#[test]
fn packets_doubled_and_in_disorder_add_no_key() {
    let mut both = [press(1, 0, 3), press(8, 1280, 4)].concat();
    let doubled: Vec<Packet> = both.iter().flat_map(|packet| [*packet, *packet]).collect();
    check(&doubled, "34");
    both.swap(0, 5);
    both.swap(2, 6);
    check(&both, "34");
    both.swap(6, 8); // an end comes after the next key has begun
    check(&both, "34");
    check(&[press(8, 1280, 4), press(1, 0, 3)].concat(), "4");
}

#[test]
fn timestamps_that_wrap_round_are_still_in_order() {
    check(&[press(65_520, u32::MAX - 100, 1), press(65_528, 1179, 2), press(1, 2459, 2)].concat(), "122");
}

#[test]
fn a_key_held_longer_than_a_duration_can_say_is_one() {
    let pieces = [
        (1, 0, true, 9, false, 160),
        (2, 0, false, 9, false, 0xFFFF),
        (3, 0xFFFF, false, 9, false, 160),
        (4, 0xFFFF, false, 9, true, 800),
    ];
    check(&pieces, "9");
}

#[test]
fn a_telephone_that_moves_the_timestamp_with_each_packet_is_understood() {
    let moving: Vec<Packet> = (0..5)
        .map(|n| (n, u32::from(n) * 160, n == 0, 6, false, 160 * (n + 1)))
        .chain((5..8).map(|n| (n, u32::from(n) * 160, false, 6, true, 960)))
        .collect();
    check(&moving, "6");
    let again: Vec<Packet> = moving.iter().map(|p| (p.0 + 8, p.1 + 2400, p.2, p.3, p.4, p.5)).collect();
    check(&[moving, again].concat(), "66");
}

#[test]
fn a_telephone_whose_clock_stands_still_is_understood() {
    check(&[press(1, 0, 1), press(8, 0, 1), press(15, 0, 2)].concat(), "112");
}

#[test]
fn a_clock_that_begins_anew_is_heard_at_once() {
    check(&[press(1, 900_000, 1), press(8, 160, 2)].concat(), "12");
}

#[test]
fn what_is_no_key_is_no_key() {
    check(&[(1, 0, true, 16, false, 160), (2, 9000, true, 200, true, 160)], "");
    assert_eq!(
        Keys::default().hear(
            Header { payload_type: 101, marker: true, sequence: 1, timestamp: 1, ssrc: 1 },
            &[1, 2, 3],
            Moment::at_ms(0)
        ),
        None
    );
}

#[test]
fn a_flood_of_presses_is_cut_to_what_fingers_can_do() {
    let mut keys = Keys::default();
    let flood = |keys: &mut Keys, second: u64| {
        (0..1000_u32)
            .filter(|n| {
                let header =
                    Header { payload_type: 101, marker: true, sequence: *n as u16, timestamp: n * 160, ssrc: *n };
                keys.hear(header, &[1, 10, 0, 160], Moment::at_ms(second * 1000 + u64::from(*n % 900))).is_some()
            })
            .count()
    };
    assert_eq!([flood(&mut keys, 0), flood(&mut keys, 10)], [25, 25]);
}

/// All strokes of a row, with the millisecond at which each left.
fn strokes(keys: &str) -> Vec<(u64, Stroke)> {
    let mut typing = Typing::start(keys, Moment::at_ms(0));
    let take =
        |ms| std::iter::from_fn(|| typing.take_due(Moment::at_ms(ms))).map(|stroke| (ms, stroke)).collect::<Vec<_>>();
    (0..20_000).flat_map(take).collect()
}

#[test]
fn what_we_type_is_a_tenth_of_a_second_of_each_key_and_three_ends() {
    let strokes = strokes("5#");
    assert_eq!(strokes.len(), 16);
    let first: Vec<(u64, bool, u8, u16)> = strokes[..8]
        .iter()
        .map(|(ms, stroke)| {
            let duration = u16::from_be_bytes([stroke.payload[2], stroke.payload[3]]);
            (*ms, stroke.header.marker, stroke.payload[1] >> 7, duration)
        })
        .collect();
    let expected =
        [(0, true, 0, 160), (20, false, 0, 320), (40, false, 0, 480), (60, false, 0, 640), (80, false, 0, 800)];
    assert_eq!(first[..5], expected);
    assert_eq!(first[5..], [(100, false, 1, 800), (120, false, 1, 800), (140, false, 1, 800)]);
    assert!(strokes[..8].iter().all(|(_, stroke)| stroke.header.timestamp == 0 && stroke.payload[0] == 5));
    assert!(strokes[8..].iter().all(|(_, stroke)| stroke.header.timestamp == 1280 && stroke.payload[0] == 11));
    assert!(strokes.windows(2).all(|pair| pair[1].1.header.sequence == pair[0].1.header.sequence + 1));
}

#[test]
fn what_we_type_is_read_back_as_it_was_meant() {
    let typed = "0123456789*#ABCD5588";
    let mut keys = Keys::default();
    let read: String = strokes(typed)
        .iter()
        .filter_map(|(ms, stroke)| keys.hear(stroke.header, &stroke.payload, Moment::at_ms(*ms)))
        .collect();
    assert_eq!(read, typed);
    assert!(are_keys(typed) && are_keys("ab") && !are_keys("8 800") && !are_keys("5,"));
}

#[test]
fn a_row_that_is_too_long_is_cut_and_not_kept() {
    let mut typing = Typing::start(&"1".repeat(1000), Moment::at_ms(0));
    typing.add(&"2".repeat(1000));
    assert_eq!(typing.events.len(), MOST_TO_TYPE);
}
