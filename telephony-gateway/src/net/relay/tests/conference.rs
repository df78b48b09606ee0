//! Conferences, and what a party hears and says in its place: silence, music, ringing.

use std::f64::consts::TAU;

use super::*;
use crate::media::tones;

/// Whole waves in a packet, so that a packet more or less on the way turns no phase.
const TONES: [f64; 4] = [400.0, 700.0, 1100.0, 1600.0];
const LOUD: f64 = 6000.0;

fn law_of(seat: usize) -> Codec {
    if seat.is_multiple_of(2) { Codec::Pcma } else { Codec::Pcmu }
}

/// One packet of the party's own tone.
fn tone(seat: usize) -> Vec<u8> {
    let sample = |n: usize| (LOUD * (TAU * TONES[seat] * n as f64 / 8000.0).sin()) as i16;
    (0..160).map(|n| law_of(seat).encode(sample(n))).collect()
}

/// How loud a party's tone is in what somebody heard.
fn level(sound: &[i16], hertz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in sound.iter().enumerate() {
        let turn = TAU * hertz * n as f64 / 8000.0;
        re += f64::from(sample) * turn.cos();
        im += f64::from(sample) * turn.sin();
    }
    2.0 * re.hypot(im) / sound.len() as f64
}

/// Each party sings whenever it hears a packet, which in a conference it does at each beat. Gives the samples that each
/// has heard in its last 50 packets of 75: by then everybody is heard.
fn sing(parties: &mut [Party]) -> Vec<Vec<i16>> {
    let mut heard = vec![Vec::new(); parties.len()];
    for beat in 0..75 {
        for (seat, party) in parties.iter_mut().enumerate() {
            let law = law_of(seat);
            party.says(law.payload_type(), &tone(seat));
            let (header, payload) = party.hears();
            assert_eq!((header.payload_type, payload.len()), (law.payload_type(), 160));
            if beat >= 25 {
                heard[seat].extend(payload.iter().map(|&byte| law.decode(byte)));
            }
        }
    }
    heard
}

/// Who hears whom, by the seats. In between there is nothing: a tone is loud, or it is not there.
#[track_caller]
fn check(heard: &[Vec<i16>], expected: &[&[usize]]) {
    for (listener, (sound, expected)) in heard.iter().zip(expected).enumerate() {
        for (speaker, hertz) in TONES.into_iter().enumerate() {
            let level = level(sound, hertz);
            if expected.contains(&speaker) {
                assert!(level > LOUD / 3.0, "{listener} hears {speaker} with {level:.0} only");
            } else {
                assert!(level < LOUD / 20.0, "{listener} hears {speaker} with {level:.0}");
            }
        }
    }
}

fn parties(floor: &Floor, n: usize) -> Vec<Party> {
    (0..n).map(|seat| floor.party(law_of(seat), 101)).collect()
}

fn ids(parties: &[Party]) -> Vec<PortId> {
    parties.iter().map(|party| party.id).collect()
}

#[test]
fn each_of_three_hears_the_other_two_and_not_itself() {
    for threads in [1, 2] {
        let floor = floor(33_400 + threads as u16 * 50..=33_440 + threads as u16 * 50, threads);
        let mut parties = parties(&floor, 3);
        floor.relay.conference(&ids(&parties));
        check(&sing(&mut parties), &[&[1, 2], &[0, 2], &[0, 1]]);
    }
}

#[test]
fn a_fourth_joins_and_one_leaves_for_music_and_the_others_go_on() {
    let floor = floor(33_550..=33_590, 2);
    let mut parties = parties(&floor, 4);
    floor.relay.conference(&ids(&parties[..3]));
    check(&sing(&mut parties[..3]), &[&[1, 2], &[0, 2], &[0, 1]]);
    floor.relay.conference(&ids(&parties));
    check(&sing(&mut parties), &[&[1, 2, 3], &[0, 2, 3], &[0, 1, 3], &[0, 1, 2]]);
    floor.relay.play_music(parties[1].id);
    let heard = sing(&mut parties);
    check(&heard[..1], &[&[2, 3]]);
    check(&heard[1..2], &[&[]]);
    check(&heard[2..], &[&[0, 3], &[0, 2]]);
    assert!(heard[1].iter().filter(|sample| sample.unsigned_abs() > 100).count() > 4000, "the one who left has music");
}

#[test]
fn a_muted_party_hears_the_conference_and_says_nothing_in_it() {
    let floor = floor(33_600..=33_640, 1);
    let mut parties = parties(&floor, 3);
    floor.relay.mute(parties[0].id, true);
    floor.relay.conference(&ids(&parties));
    check(&sing(&mut parties), &[&[1, 2], &[2], &[1]]);
    floor.relay.mute(parties[0].id, false);
    check(&sing(&mut parties), &[&[1, 2], &[0, 2], &[0, 1]]);
}

/// What the party hears next that is not left over from a conference.
fn hears_after_mix(party: &Party, expected: &[u8]) -> bool {
    (0..200).any(|_| party.hears_sound() == expected)
}

#[test]
fn when_one_of_three_is_gone_the_other_two_are_bridged() {
    for threads in [1, 2] {
        let floor = floor(33_650 + threads as u16 * 50..=33_690 + threads as u16 * 50, threads);
        let mut three: Vec<Party> = (0..3).map(|_| floor.party(Codec::Pcma, 101)).collect();
        floor.relay.conference(&ids(&three));
        three[0].hears();
        floor.relay.close(three[2].id);
        // A bridge sends what is said as it was said, byte for byte, and nothing of its own.
        let [one, other, _] = &mut three[..] else { unreachable!() };
        other.socket.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
        let mut datagram = [0; 400];
        while !matches!(other.socket.recv_from(&mut datagram), Ok((172, _)) if datagram[12..172] == [1; 160]) {
            one.says(8, &[1; 160]);
        }
        other.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        one.says(8, &[2; 33]);
        assert!(hears_after_mix(other, &[2; 33]));
        other.says(8, &[3; 33]);
        assert!(hears_after_mix(one, &[3; 33]));
        one.says(8, &[4; 33]);
        assert_eq!(other.hears_sound(), [4; 33], "nothing is mixed any more");
    }
}

#[test]
fn a_conference_of_two_is_a_bridge_and_one_alone_hears_nothing() {
    let floor = floor(33_800..=33_840, 1);
    let mut three: Vec<Party> = (0..3).map(|_| floor.party(Codec::Pcma, 101)).collect();
    floor.relay.conference(&ids(&three));
    three[2].hears();
    floor.relay.conference(&ids(&three[..2]));
    floor.relay.conference(&[three[0].id, three[1].id, three[0].id]);
    three[0].says(8, &[1; 33]);
    assert!(hears_after_mix(&three[1], &[1; 33]));
    three[1].says(8, &[2; 33]);
    assert!(hears_after_mix(&three[0], &[2; 33]));
    floor.relay.conference(&ids(&three[..1]));
    three[0].says(8, &[3; 33]);
    // What the second hears next is not from the first: the music that is asked for afterwards.
    floor.relay.play_music(three[1].id);
    assert_eq!(three[1].hears_sound(), first_packet(&music::on_hold(), Codec::Pcma));
}

fn first_packet(sound: &[i16], codec: Codec) -> Vec<u8> {
    sound[..160].iter().map(|&sample| codec.encode(sample)).collect()
}

/// Hears a recording from its beginning, byte for byte; where the machine stood still, whole packets may be left out.
/// With each packet somebody else does something.
#[track_caller]
fn hears_for_a_second(party: &Party, sound: &[i16], codec: Codec, mut meanwhile: impl FnMut()) {
    let mut first = None;
    for _ in 0..50 {
        meanwhile();
        let (header, payload) = party.hears();
        let first = *first.get_or_insert(header.timestamp);
        let at = header.timestamp.wrapping_sub(first) as usize % sound.len();
        let expected: Vec<u8> = sound[at..at + 160].iter().map(|&sample| codec.encode(sample)).collect();
        assert_eq!(payload, expected, "at sample {at}");
    }
}

#[test]
fn a_held_caller_hears_music_and_the_operator_s_words_go_nowhere() {
    let floor = floor(33_850..=33_890, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    floor.relay.bridge(caller.id, agent.id);
    agent.says(8, &[1; 160]);
    assert_eq!(caller.hears_sound(), [1; 160]);
    floor.relay.play_music(caller.id);
    floor.relay.silence(agent.id);
    hears_for_a_second(&caller, &music::on_hold(), Codec::Pcma, || {
        agent.says(8, &[1; 160]);
    });
    agent.socket.set_nonblocking(true).unwrap();
    assert!(agent.socket.recv(&mut [0; 400]).is_err(), "the operator hears nothing");
    agent.socket.set_nonblocking(false).unwrap();

    floor.relay.bridge(caller.id, agent.id);
    caller.says(8, &[3; 160]);
    assert_eq!(agent.hears_sound(), [3; 160], "the hold is over");
}

#[test]
fn a_muted_operator_stays_muted_over_a_hold_until_unmuted() {
    let floor = floor(33_900..=33_940, 1);
    let (mut caller, mut agent) = (floor.party(Codec::Pcma, 101), floor.party(Codec::Pcma, 101));
    let silence = [Codec::Pcma.encode(0); 160];
    floor.relay.bridge(caller.id, agent.id);
    floor.relay.mute(agent.id, true);
    agent.says(8, &[1; 160]);
    let (before, payload) = caller.hears();
    assert_eq!(payload, silence);
    agent.says(8, &[1; 160]);
    let (after, payload) = caller.hears();
    assert_eq!(payload, silence);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
    caller.says(8, &[2; 160]);
    assert_eq!(agent.hears_sound(), [2; 160], "the muted operator hears");

    floor.relay.play_music(caller.id);
    floor.relay.silence(agent.id);
    caller.hears();
    floor.relay.bridge(caller.id, agent.id);
    agent.says(8, &[1; 160]);
    assert!(hears_after_mix(&caller, &silence));
    floor.relay.mute(agent.id, false);
    agent.says(8, &[1; 160]);
    assert_eq!(caller.hears_sound(), [1; 160]);
}

#[test]
fn who_waits_for_an_answer_hears_that_it_rings() {
    let floor = floor(33_950..=33_990, 1);
    let caller = floor.party(Codec::Pcmu, 101);
    floor.relay.ringback(caller.id);
    hears_for_a_second(&caller, &tones::ringing(), Codec::Pcmu, || {});
}
