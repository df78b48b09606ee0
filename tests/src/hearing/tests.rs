use super::*;

fn join(parts: &[&[i16]]) -> Sound {
    Sound { rate: RATE, samples: parts.concat() }
}

#[test]
fn two_voices_at_once_are_both_heard_and_a_third_is_not() {
    let (low, high) = (Sound::tone(500, 1000), Sound::tone(820, 1000));
    let sum = low.samples.iter().zip(&high.samples).map(|(a, b)| a / 2 + b / 2);
    let sound = Sound { rate: RATE, samples: sum.collect() };
    assert_eq!((sound.hears(500), sound.hears(820)), (1.0, 1.0));
    assert_eq!((sound.hears(1180), sound.hears(540)), (0.0, 0.0));
}

#[test]
fn a_voice_that_falls_silent_half_way_is_heard_for_half_of_the_time() {
    let sound = join(&[&Sound::tone(500, 1000).samples, &[0; 8000]]);
    assert_eq!(sound.hears(500), 0.5);
    assert_eq!(sound.part(1000..2000).hears(500), 0.0);
    assert!((0.5..0.57).contains(&sound.silence()), "half of it, and where the tone crosses zero");
}

#[test]
fn an_interrupted_voice_does_not_look_like_another() {
    let tone = Sound::tone(500, 1000).samples;
    let torn = join(&[&tone[..3333], &[0; 160], &tone[3500..]]);
    for other in [820, 1180, 1570, 2050] {
        assert_eq!(torn.hears(other), 0.0, "{other} Hz");
    }
}

#[test]
fn a_gap_is_told_in_samples_and_shorter_ones_are_not() {
    let speech = Sound::speech(7, 1000).samples;
    let torn = join(&[&speech[..2000], &[0; 160], &speech[2160..4000], &[8; 481], &speech[4481..]]);
    let gaps = torn.gaps(20);
    assert_eq!(gaps.iter().map(|gap| (gap.at / 10, gap.len / 10)).collect::<Vec<_>>(), [(200, 16), (400, 48)]);
    assert_eq!(torn.gaps(60).len(), 1);
    assert!(Sound::speech(7, 5000).gaps(2).is_empty(), "speech itself is nowhere silent");
}

#[test]
fn a_recording_is_found_where_it_is() {
    let known = Sound::speech(3, 3000);
    let heard = join(&[&Sound::tone(820, 700).samples, &known.samples, &[0; 4000]]);
    let followed = heard.follow(&known).unwrap();
    assert_eq!(followed.span, 5600..5600 + 24_000);
    assert!(followed.correlation > 0.9999, "{followed:?}");
    assert_eq!((followed.n_pieces, followed.n_lost, followed.longest_move), (30, 0, 0));
    assert!(followed.gaps.is_empty());
}

#[test]
fn another_recording_is_not_found() {
    assert!(Sound::speech(4, 5000).follow(&Sound::speech(3, 3000)).is_none());
    assert!(Sound::tone(500, 5000).follow(&Sound::speech(3, 3000)).is_none());
    assert!(join(&[&[0; 40_000]]).follow(&Sound::speech(3, 3000)).is_none());
}

#[test]
fn what_was_left_out_or_put_in_is_seen_as_a_move_and_the_rest_still_fits() {
    let known = Sound::speech(3, 3000);
    // 20 ms are missing from the second second on, 40 ms of silence are put into the third one.
    let heard = join(&[&known.samples[..8000], &known.samples[8160..16_000], &[0; 320], &known.samples[16_000..]]);
    let followed = heard.follow(&known).unwrap();
    assert!(followed.correlation > 0.95, "{followed:?}");
    assert_eq!(followed.longest_move, 320);
    assert_eq!((followed.n_lost, followed.longest_gap_ms(RATE)), (0, 40));
}

#[test]
fn what_was_lost_is_counted() {
    let known = Sound::speech(3, 3000);
    let mut heard = known.clone();
    heard.samples[8000..12_000].fill(0);
    let followed = heard.follow(&known).unwrap();
    assert_eq!((followed.n_pieces, followed.n_lost), (30, 5));
    assert!(followed.longest_gap_ms(RATE) >= 500);
}

#[test]
fn noise_over_it_lowers_the_correlation() {
    let known = Sound::speech(3, 2000);
    let noise = Sound::speech(9, 2000);
    let mixed = known.samples.iter().zip(&noise.samples).map(|(a, b)| a / 2 + b / 2).collect();
    let followed = Sound { rate: RATE, samples: mixed }.follow(&known).unwrap();
    assert!((0.6..0.8).contains(&followed.correlation), "{followed:?}");
}

#[test]
fn the_edges_can_be_cut_off() {
    let sound = Sound::tone(500, 1000);
    assert_eq!(sound.without_edges(200).ms(), 600);
    assert_eq!(sound.without_edges(600).ms(), 0);
    assert_eq!(sound.part(900..5000).ms(), 100);
}
