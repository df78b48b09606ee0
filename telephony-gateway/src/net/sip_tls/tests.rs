//! Real handshakes on loopback.

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::config::{SipListen, TrunkTls};
use crate::net::Outbound;
use crate::net::tcp::{Connections, Limits};
use crate::shutdown::Tasks;
use crate::sip::{Flow, Transmit};
use crate::switchboard::event::Event;

const PATIENCE: Duration = Duration::from_secs(20);
const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// The house with its own certificate, listening over TLS.
struct House {
    outbound: Outbound,
    local: SocketAddr,
    events: mpsc::Receiver<Event>,
    tasks: Tasks,
    folder: tempfile::TempDir,
}

impl House {
    fn open(address: &str, trunks: Vec<TrunkConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Identity::OfTheDesks { state_dir: folder.path().to_owned(), public_name: "pult.example".into() };
        let config = SipConfig {
            listen: vec![SipListen { transport: Transport::Tls, address: address.parse().unwrap() }],
            tls: Some(tls),
            trunks,
            ..SipConfig::default()
        };
        let (to_loop, events) = mpsc::channel(64);
        let tasks = Tasks::new();
        let outbound = Outbound::open(&config, &to_loop, &tasks).unwrap();
        let local = outbound.locals()[0].local;
        Self { outbound, local, events, tasks, folder }
    }

    async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap()
    }

    /// A phone that has pinned this house's certificate.
    async fn phone(&self) -> io::Result<TlsStream<TcpStream>> {
        let chain = tls::read_chain(&self.folder.path().join("desk-cert.pem")).unwrap();
        let config = client_config(&Trust::Fingerprint(sha256(&chain[0]))).unwrap();
        let stream = TcpStream::connect(self.local).await?;
        TlsConnector::from(config).connect(ServerName::try_from("pult.example").unwrap(), stream).await
    }

    async fn end(self) {
        self.tasks.token().cancel();
        assert!(self.tasks.wait(PATIENCE).await.is_empty());
    }
}

use std::io;

async fn read_exactly(stream: &mut (impl tokio::io::AsyncRead + Unpin), length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

#[tokio::test]
async fn a_phone_speaks_over_tls_and_is_answered_on_its_own_connection() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let mut house = House::open(address, Vec::new());
        let mut phone = house.phone().await.unwrap();
        phone.write_all(OPTIONS).await.unwrap();
        let Event::Sip { flow, bytes, .. } = house.event().await else { panic!("a message was expected") };
        assert_eq!((flow.transport, &bytes[..]), (Transport::Tls, OPTIONS));
        assert_eq!(flow.remote, phone.get_ref().0.local_addr().unwrap());
        house.outbound.send(&Transmit { flow, bytes: Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n") }).unwrap();
        assert_eq!(read_exactly(&mut phone, 18).await, b"SIP/2.0 200 OK\r\n\r\n");
        drop(phone);
        assert!(matches!(house.event().await, Event::SipClosed { connection } if connection == flow.connection));
        house.end().await;
    }
}

/// A carrier over TLS with a certificate of its own authority.
struct Carrier {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    folder: tempfile::TempDir,
    fingerprint: [u8; 32],
}

impl Carrier {
    async fn new(name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let fingerprint = sha256(certificate.der());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), folder, fingerprint }
    }

    fn trunk(&self, server_name: Option<&str>, trust: Trust) -> TrunkConfig {
        TrunkConfig {
            name: "carrier".into(),
            address: Some(self.listener.local_addr().unwrap()),
            transport: Transport::Tls,
            tls: TrunkTls { server_name: server_name.map(str::to_owned), trust },
            ..TrunkConfig::default()
        }
    }

    fn authority(&self) -> Trust {
        Trust::Authority(self.folder.path().join("ca.pem"))
    }
}

/// The house calls the carrier; what the carrier read and by which name it was called, or `None` when the house turned
/// away.
async fn call(carrier: &Carrier, trunk: TrunkConfig) -> Option<(Vec<u8>, Option<String>)> {
    let remote = trunk.address.unwrap();
    let mut house = House::open("127.0.0.1:0", vec![trunk]);
    let flow = Flow { transport: Transport::Tls, local: house.local, remote, connection: 0 };
    house.outbound.send(&Transmit { flow, bytes: Bytes::from_static(OPTIONS) }).unwrap();
    let accept = async {
        let (stream, _) = carrier.listener.accept().await.unwrap();
        carrier.acceptor.accept(stream).await
    };
    let heard = match timeout(PATIENCE, accept).await.unwrap() {
        Ok(mut stream) => {
            let mut bytes = vec![0; OPTIONS.len()];
            match timeout(PATIENCE, stream.read_exact(&mut bytes)).await.unwrap() {
                Ok(_) => Some((bytes, stream.get_ref().1.server_name().map(str::to_owned))),
                Err(_) => None,
            }
        }
        Err(_) => None,
    };
    if heard.is_none() {
        let event = house.event().await;
        assert!(matches!(event, Event::SipUnsendable { flow: asked } if asked == flow), "{event:?}");
    }
    house.end().await;
    heard
}

#[tokio::test]
async fn a_trunk_is_reached_when_its_authority_and_its_name_are_right() {
    let carrier = Carrier::new("sip.carrier.example").await;
    let trunk = carrier.trunk(Some("sip.carrier.example"), carrier.authority());
    let heard = call(&carrier, trunk).await;
    assert_eq!(heard, Some((OPTIONS.to_vec(), Some("sip.carrier.example".to_owned()))));
}

#[tokio::test]
async fn a_trunk_may_be_known_by_its_fingerprint_alone() {
    let carrier = Carrier::new("whatever.example").await;
    let trunk = carrier.trunk(None, Trust::Fingerprint(carrier.fingerprint));
    assert_eq!(call(&carrier, trunk).await, Some((OPTIONS.to_vec(), None)));
}

#[tokio::test]
async fn nobody_else_is_taken_for_the_trunk() {
    let carrier = Carrier::new("sip.carrier.example").await;
    let strange = Carrier::new("sip.carrier.example").await;
    for trunk in [
        carrier.trunk(Some("another.example"), carrier.authority()),
        carrier.trunk(Some("sip.carrier.example"), strange.authority()),
        carrier.trunk(None, Trust::Fingerprint(strange.fingerprint)),
        carrier.trunk(None, carrier.authority()),
    ] {
        assert_eq!(call(&carrier, trunk).await, None);
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let house = House::open("127.0.0.1:0", Vec::new());
    let tls = SipTls::open(&SipConfig {
        tls: Some(Identity::Files {
            certificate: house.folder.path().join("desk-cert.pem"),
            key: house.folder.path().join("desk-key.pem"),
        }),
        ..SipConfig::default()
    })
    .unwrap();
    let before = tls.fingerprint().unwrap();
    assert!(!tls.reload().unwrap(), "nothing has changed");
    fs::write(house.folder.path().join("desk-cert.pem"), "no certificate").unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(tls.fingerprint().unwrap(), before);
    for name in ["desk-cert.pem", "desk-key.pem"] {
        fs::remove_file(house.folder.path().join(name)).unwrap();
    }
    tls::load_or_make(house.folder.path(), "pult.example", IpAddr::from([127, 0, 0, 1])).unwrap();
    assert!(tls.reload().unwrap());
    assert_ne!(tls.fingerprint().unwrap(), before);
    house.end().await;
}

/// Connections to a listener over TLS with these limits.
fn strict(limits: Limits) -> (Connections, SocketAddr, mpsc::Receiver<Event>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::OfTheDesks { state_dir: folder.path().to_owned(), public_name: "pult.example".into() };
    let tls = SipTls::open(&SipConfig { tls: Some(identity), ..SipConfig::default() }).unwrap();
    let (to_loop, events) = mpsc::channel(64);
    let connections = Connections::new(limits, crate::net::admission::Admission::usual(), tls, to_loop, &Tasks::new());
    let local = connections.listen(Transport::Tls, "127.0.0.1:0".parse().unwrap()).unwrap();
    (connections, local, events, folder)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(PATIENCE, stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn whoever_only_begins_handshakes_is_bounded_and_let_go() {
    let limits = Limits { handshakes_of_one_address: 3, handshake: Duration::from_millis(300), ..Limits::default() };
    let (connections, local, mut events, _folder) = strict(limits);
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(local).await.unwrap();
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        idle.push(stream);
    }
    let mut one_more = TcpStream::connect(local).await.unwrap();
    assert!(is_closed(&mut one_more).await, "the fourth is refused at once");
    for stream in &mut idle {
        assert!(is_closed(stream).await, "and the others when their time is over");
    }
    assert!(connections.is_empty());
    let mut plain = TcpStream::connect(local).await.unwrap();
    plain.write_all(OPTIONS).await.unwrap();
    let mut alert = [0; 7];
    // Plain SIP at the door of TLS gets an alert or nothing, and then the end.
    let _ = timeout(PATIENCE, plain.read(&mut alert)).await.unwrap();
    drop(plain);
    assert!(events.try_recv().is_err(), "nobody hears of connections that never were");
}
