//! Real sockets on loopback.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::config::{SipConfig, SipListen};
use crate::net::Outbound;
use crate::sip::Transmit;

const PATIENCE: Duration = Duration::from_secs(20);
const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody";

struct House {
    connections: Connections,
    local: SocketAddr,
    events: mpsc::Receiver<Event>,
    tasks: Tasks,
}

impl House {
    fn open(limits: Limits) -> Self {
        let (to_loop, events) = mpsc::channel(64);
        let tasks = Tasks::new();
        let connections = Connections::new(limits, Admission::usual(), SipTls::default(), to_loop, &tasks);
        let local = connections.listen(Transport::Tcp, "127.0.0.1:0".parse().unwrap()).unwrap();
        Self { connections, local, events, tasks }
    }

    async fn phone(&self) -> TcpStream {
        TcpStream::connect(self.local).await.unwrap()
    }

    async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }

    async fn message(&mut self) -> (Flow, Bytes) {
        match self.event().await {
            Event::Sip { flow, bytes, .. } => (flow, bytes),
            other => panic!("a message was expected: {other:?}"),
        }
    }
}

async fn read_exactly(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(PATIENCE, stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn a_phone_speaks_and_is_answered_on_its_own_connection() {
    let mut house = House::open(Limits::default());
    let mut phone = house.phone().await;
    phone.write_all(b"\r\n\r\n").await.unwrap();
    phone.write_all(&OPTIONS[..20]).await.unwrap();
    phone.write_all(&OPTIONS[20..]).await.unwrap();
    let (flow, bytes) = house.message().await;
    assert_eq!((&bytes[..], flow.remote), (OPTIONS, phone.local_addr().unwrap()));
    assert_ne!(flow.connection, 0);
    assert_eq!(read_exactly(&mut phone, 2).await, PONG);
    house.connections.send(&flow, Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n")).unwrap();
    assert_eq!(read_exactly(&mut phone, 18).await, b"SIP/2.0 200 OK\r\n\r\n");
    drop(phone);
    assert!(matches!(house.event().await, Event::SipClosed { connection } if connection == flow.connection));
    let late = house.connections.send(&flow, Bytes::from_static(b"late"));
    assert!(matches!(late, Err(TcpSendError::Closed)));
    assert!(house.connections.is_empty());
}

#[tokio::test]
async fn a_trunk_is_connected_on_demand_and_the_connection_is_used_again() {
    let mut house = House::open(Limits::default());
    let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flow =
        Flow { transport: Transport::Tcp, local: house.local, remote: trunk.local_addr().unwrap(), connection: 0 };
    house.connections.send(&flow, Bytes::from_static(b"one")).unwrap();
    house.connections.send(&flow, Bytes::from_static(b"two")).unwrap();
    let (mut stream, _) = trunk.accept().await.unwrap();
    assert_eq!(read_exactly(&mut stream, 6).await, b"onetwo");
    stream.write_all(OPTIONS).await.unwrap();
    let (answered_on, _) = house.message().await;
    assert_eq!(answered_on.remote, flow.remote);
    assert_eq!(house.connections.len(), 1);
}

#[tokio::test]
async fn a_trunk_that_does_not_listen_is_reported_with_its_flow() {
    let mut house = House::open(Limits::default());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = gone.local_addr().unwrap();
    drop(gone);
    let flow = Flow { transport: Transport::Tcp, local: house.local, remote, connection: 0 };
    house.connections.send(&flow, Bytes::from_static(b"hello")).unwrap();
    assert!(matches!(house.event().await, Event::SipUnsendable { flow: failed } if failed == flow));
    assert!(house.connections.is_empty());
}

#[tokio::test]
async fn who_speaks_no_sip_is_hung_up_on() {
    let mut house = House::open(Limits::default());
    let mut stranger = house.phone().await;
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(is_closed(&mut stranger).await);
    assert!(matches!(house.event().await, Event::SipClosed { .. }));
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed() {
    let house = House::open(Limits { first_message: Duration::from_millis(50), ..Limits::default() });
    let mut silent = house.phone().await;
    assert!(is_closed(&mut silent).await);
    // Pings alone are no message.
    let mut pinging = house.phone().await;
    pinging.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read_exactly(&mut pinging, 2).await, PONG);
    assert!(is_closed(&mut pinging).await);
}

#[tokio::test]
async fn a_message_that_comes_a_byte_at_a_time_is_not_waited_for() {
    let house = House::open(Limits { message: Duration::from_millis(100), ..Limits::default() });
    let phone = house.phone().await;
    let (mut reader, mut writer) = phone.into_split();
    let drip = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while writer.write_all(b"X").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut byte = [0];
    assert!(matches!(timeout(PATIENCE, reader.read(&mut byte)).await, Ok(Ok(0) | Err(_))));
    drip.abort();
}

#[tokio::test]
async fn beyond_the_limit_a_connection_is_refused_and_the_others_live() {
    let mut house = House::open(Limits { connections_of_one_address: 2, ..Limits::default() });
    let (mut one, _two) = (house.phone().await, house.phone().await);
    let mut three = house.phone().await;
    assert!(is_closed(&mut three).await);
    one.write_all(OPTIONS).await.unwrap();
    assert_eq!(house.message().await.1, OPTIONS);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off_and_costs_no_memory() {
    let mut house = House::open(Limits::default());
    let mut phone = house.phone().await;
    phone.write_all(OPTIONS).await.unwrap();
    let (flow, _) = house.message().await;
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    let refused = (0..10_000).find_map(|_| house.connections.send(&flow, large.clone()).err());
    assert!(matches!(refused, Some(TcpSendError::NotRead)), "{refused:?}");
    assert!(matches!(house.event().await, Event::SipClosed { .. }));
}

#[tokio::test]
async fn every_connection_ends_with_the_service() {
    let house = House::open(Limits::default());
    let mut phone = house.phone().await;
    phone.write_all(b"OPTIONS").await.unwrap();
    house.tasks.token().cancel();
    assert!(house.tasks.wait(PATIENCE).await.is_empty());
    assert!(is_closed(&mut phone).await);
}

#[tokio::test]
async fn a_stranger_who_says_too_much_is_hung_up_on() {
    let mut house = House::open(Limits::default());
    let mut stranger = house.phone().await;
    for _ in 0..1000 {
        if stranger.write_all(OPTIONS).await.is_err() {
            break;
        }
    }
    let mut taken = 0;
    while let Event::Sip { .. } = house.event().await {
        taken += 1;
    }
    assert!((90..300).contains(&taken), "{taken} messages were taken: a hundred at once, and twenty a second");
    assert!(is_closed(&mut stranger).await);
}

#[tokio::test]
async fn datagrams_come_in_stamped_and_go_out_from_the_same_address() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (to_loop, mut events) = mpsc::channel(8);
        let tasks = Tasks::new();
        let config = SipConfig {
            listen: vec![SipListen { transport: Transport::Udp, address: address.parse().unwrap() }],
            ..SipConfig::default()
        };
        let outbound = Outbound::open(&config, &to_loop, &tasks).unwrap();
        let local = outbound.locals()[0].local;
        let phone = tokio::net::UdpSocket::bind(address).await.unwrap();
        let before = Instant::now();
        phone.send_to(b"\r\n\r\n", local).await.unwrap();
        phone.send_to(OPTIONS, local).await.unwrap();
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        let Event::Sip { flow, bytes, arrived } = event else { panic!("a datagram was expected: {event:?}") };
        assert_eq!((&bytes[..], flow.local, flow.remote), (OPTIONS, local, phone.local_addr().unwrap()));
        assert!(arrived >= before);
        outbound.send(&Transmit { flow, bytes: Bytes::from_static(b"SIP/2.0 200 OK") }).unwrap();
        let mut answer = [0; 64];
        let (length, from) = timeout(PATIENCE, phone.recv_from(&mut answer)).await.unwrap().unwrap();
        assert_eq!((&answer[..length], from), (&b"SIP/2.0 200 OK"[..], local));
        tasks.token().cancel();
        assert!(tasks.wait(PATIENCE).await.is_empty());
    }
}

#[tokio::test]
async fn datagrams_that_nobody_has_time_for_are_dropped_and_not_kept() {
    let (to_loop, mut events) = mpsc::channel(2);
    let tasks = Tasks::new();
    let door =
        crate::net::udp::UdpDoor::open("127.0.0.1:0".parse().unwrap(), Admission::usual(), to_loop, &tasks).unwrap();
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..50 {
        phone.send_to(OPTIONS, door.local()).await.unwrap();
    }
    // The door reads on: what comes when there is room again is taken.
    for _ in 0..3 {
        timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        phone.send_to(OPTIONS, door.local()).await.unwrap();
    }
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
}
