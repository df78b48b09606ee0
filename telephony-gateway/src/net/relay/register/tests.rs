//! Any order of requests, without threads: the mailboxes are read by nobody.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::media::leg::Leg;
use crate::media::rtp::Outgoing;
use crate::net::ports::PortPair;
use std::sync::Mutex;

const N_PORTS: u64 = 10;

fn register() -> Register {
    let pool = PortPool::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 34_300..=34_399, Duration::ZERO).unwrap();
    let mailboxes = (0..2).map(|_| Mailbox::new().unwrap()).collect();
    let mut register = Register::new(pool, mailboxes);
    for n in 1..=N_PORTS {
        let PortPair { rtp, rtcp, rtp_port } = register.pool.take(Moment::at_ms(0)).unwrap();
        let leg = Mutex::new(Leg::new(Outgoing::new(1, 1, 1)));
        let port = Port { id: PortId(n), home: n as usize % 2, rtp_port, rtp, _rtcp: rtcp, leg };
        register.ports.insert(PortId(n), Arc::new(port));
    }
    register
}

/// What a port was told last about whom it hears.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hears {
    Nothing,
    Peer(PortId),
    Room(*const Room, usize),
}

/// Obeys as the threads do, as far as it can be known from the commands.
fn obey(register: &Register, heard: &mut HashMap<PortId, Hears>) {
    for command in register.mailboxes.iter().flat_map(Mailbox::take_all) {
        let (id, hears) = match command {
            Command::Bridge { id, peer, .. } => (id, Hears::Peer(peer.id)),
            Command::Join { id, room, seat } => (id, Hears::Room(Arc::as_ptr(&room), seat)),
            Command::Silence(id) => (id, Hears::Nothing),
            _ => continue,
        };
        // Whoever was bridged with it is told so by its thread.
        if let Some(Hears::Peer(peer)) = heard.insert(id, hears.clone())
            && hears != Hears::Peer(peer)
            && heard.get(&peer) == Some(&Hears::Peer(id))
        {
            heard.insert(peer, Hears::Nothing);
        }
    }
}

#[derive(Clone, Debug)]
enum Asked {
    Bridge(u64, u64),
    Conference(Vec<u64>),
    Silence(u64),
    Close(u64),
}

fn asked() -> impl Strategy<Value = Asked> {
    let port = 1..=N_PORTS;
    prop_oneof![
        (port.clone(), port.clone()).prop_map(|(a, b)| Asked::Bridge(a, b)),
        proptest::collection::vec(port.clone(), 0..10).prop_map(Asked::Conference),
        port.clone().prop_map(Asked::Silence),
        port.prop_map(Asked::Close),
    ]
}

fn ask(register: &mut Register, asked: &Asked) {
    match asked {
        Asked::Bridge(a, b) => register.bridge(PortId(*a), PortId(*b)),
        Asked::Conference(ids) => {
            let ids: Vec<PortId> = ids.iter().copied().map(PortId).collect();
            register.conference(&ids, Moment::at_ms(0));
        }
        Asked::Silence(id) => register.silence(PortId(*id)),
        Asked::Close(id) => {
            register.leave(&[PortId(*id)]);
            register.ports.remove(&PortId(*id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_asked_a_conference_has_three_parties_at_least_and_each_knows_of_it(
        row in proptest::collection::vec(asked(), 1..40)
    ) {
        let mut register = register();
        let mut heard = HashMap::new();
        for asked in &row {
            ask(&mut register, asked);
            obey(&register, &mut heard);
            for (number, conference) in &register.rooms {
                let members = register.members(*number);
                prop_assert!(members.len() > 2, "{members:?} after {asked:?}");
                for (seat, id) in conference.seats.iter().enumerate().filter_map(|(seat, id)| Some((seat, (*id)?))) {
                    prop_assert!(register.ports.contains_key(&id));
                    prop_assert_eq!(register.seated.get(&id), Some(number));
                    prop_assert_eq!(heard.get(&id), Some(&Hears::Room(Arc::as_ptr(&conference.room), seat)));
                }
            }
            let n_seats: usize = register.rooms.keys().map(|number| register.members(*number).len()).sum();
            prop_assert_eq!(register.seated.len(), n_seats, "nobody sits in a conference that is gone");
            if let Asked::Conference(ids) = asked {
                let open: BTreeSet<PortId> = ids.iter().map(|id| PortId(*id)).filter(|id| register.ports.contains_key(id)).collect();
                let together: BTreeSet<PortId> = open.first().map_or_else(Vec::new, |id| register.with(*id)).into_iter().collect();
                if (3..=MAX_PARTIES).contains(&open.len()) {
                    prop_assert_eq!(&together, &open);
                } else if open.len() == 2 {
                    let (a, b) = (open.first().unwrap(), open.last().unwrap());
                    prop_assert_eq!([heard.get(a), heard.get(b)], [Some(&Hears::Peer(*b)), Some(&Hears::Peer(*a))]);
                }
            }
        }
    }
}
