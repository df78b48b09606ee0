//! The real Kamailio between carrier and gateways, with the configuration that is shipped as an example.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};

use crate::gateway::PATIENCE;
use crate::left_out::left_out;

const PORT: u16 = 5060;

/// Kamailio, which runs. Dropped, it is killed.
pub struct Kamailio {
    address: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Kamailio {
    /// Starts it on `host`, in front of these gateways and with this carrier, whose port may be any. `None` when it is
    /// not installed, and the test is left out.
    pub async fn start(test: &str, host: IpAddr, gateways: &[SocketAddr], carrier: SocketAddr) -> Option<Self> {
        let Some(program) =
            ["/usr/sbin/kamailio", "/usr/local/sbin/kamailio"].into_iter().find(|p| Path::new(p).is_file())
        else {
            left_out(test, "Kamailio is not installed (Debian: kamailio)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("pult-kamailio-").tempdir().expect("a folder for Kamailio");
        let list = folder.path().join("dispatcher.list");
        let lines: Vec<String> = gateways.iter().map(|gateway| format!("1 sip:{gateway} 0 0")).collect();
        fs::write(&list, format!("{}\n2 sip:{carrier} 0 0\n", lines.join("\n"))).expect("a list of gateways");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/examples/kamailio.cfg");
        let example = fs::read_to_string(example).expect("the example is there");
        let config = example
            .replace("192.0.2.5", &host.to_string())
            .replace("/etc/kamailio/dispatcher.list", &list.display().to_string());
        let file = folder.path().join("kamailio.cfg");
        fs::write(&file, config).expect("a configuration for Kamailio");
        let log = fs::File::create(folder.path().join("log")).expect("a log for Kamailio");
        let mut command = Command::new(program);
        // In the foreground (-DD keeps its children in our group), and with a log that can be read.
        command.args(["-DD", "-E", "-m", "32", "-M", "4", "-f"]).arg(&file).arg("-Y").arg(folder.path());
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let process = command.spawn().expect("Kamailio can be started");
        let mut kamailio = Self { address: SocketAddr::new(host, PORT), folder, process };
        kamailio.wait_until_it_answers(carrier.ip()).await;
        Some(kamailio)
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn wait_until_it_answers(&mut self, from: IpAddr) {
        let socket = UdpSocket::bind((from, 0)).await.expect("a free port on loopback");
        let local = socket.local_addr().expect("a bound socket");
        let deadline = Instant::now() + PATIENCE;
        let mut answer = [0; 2048];
        loop {
            let ended = self.process.try_wait().ok().flatten();
            assert!(ended.is_none(), "Kamailio ended at its start: {ended:?}\n{}", self.log());
            assert!(Instant::now() < deadline, "Kamailio does not answer after {PATIENCE:?}\n{}", self.log());
            let ask = format!(
                "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKready{port};rport\r\n\
                 Max-Forwards: 5\r\nFrom: <sip:test@{local}>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: ready\r\n\
                 CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
                to = self.address,
                port = local.port(),
            );
            let _ = socket.send_to(ask.as_bytes(), self.address).await;
            let heard = tokio::time::timeout(Duration::from_millis(200), socket.recv(&mut answer)).await;
            if let Ok(Ok(length)) = heard
                && answer[..length].starts_with(b"SIP/2.0 200")
            {
                return;
            }
        }
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // Its children end with it when it is asked, and not when it is killed.
            // SAFETY: the process is our child and has not been waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGTERM) };
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && !matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
