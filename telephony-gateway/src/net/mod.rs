//! The doors of the gateway: datagrams and connections for SIP, the control socket and the records for desks.
//!
//! Nothing here decides anything about a call. [`udp`] and [`tcp`] bring SIP messages to the switchboard, the latter
//! also over TLS ([`sip_tls`]), past [`admission`], which floods do not get through; [`Outbound`] carries the
//! switchboard's own away. [`desk`] does the same for desks, behind [`auth`] and [`tls`]; [`http`] serves the records
//! beside it, and [`health`] what the people who run the service want to see.

pub mod admission;
pub mod sip_tls;
pub mod tcp;
pub mod udp;

pub mod auth;
pub mod descriptors;
pub mod desk;
pub mod health;
pub mod http;
mod places;
pub mod records;
pub mod tls;

pub mod atomic_file;
pub mod ports;
pub mod relay;

mod digest;
#[cfg(test)]
mod fake_records;

use std::io;
use std::net::SocketAddr;

use tokio::sync::mpsc;

use self::admission::Admission;
use crate::config::SipConfig;
use crate::shutdown::Tasks;
use crate::sip::{Flow, Transmit, Transport};
use crate::switchboard::event::Event;

/// Why the doors for SIP cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Tls(#[from] sip_tls::SipTlsError),
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {what}")]
pub struct BindError {
    pub what: &'static str,
    pub address: SocketAddr,
    #[source]
    pub source: io::Error,
}

/// Why a SIP message could not be put on its way. The flow has failed for its transaction.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no socket for {0}")]
    NoSocket(SocketAddr),
    #[error("the system did not send it")]
    Udp(#[source] io::Error),
    #[error(transparent)]
    Tcp(#[from] tcp::TcpSendError),
}

/// The way out for SIP messages. Never waits: a message goes, is queued within bounds, or fails at once.
#[derive(Clone)]
pub struct Outbound {
    udp: Vec<udp::UdpDoor>,
    tcp: tcp::Connections,
    admission: Admission,
    /// Our own ends, as they were bound: one for each address listened on.
    locals: Vec<Flow>,
}

impl Outbound {
    /// Opens every address of the configuration and starts the tasks that read them.
    ///
    /// # Errors
    /// When one of the addresses cannot be had, or a certificate cannot be used.
    pub fn open(config: &SipConfig, events: &mpsc::Sender<Event>, tasks: &Tasks) -> Result<Self, OpenError> {
        let tls = sip_tls::SipTls::open(config)?;
        if let Some(fingerprint) = tls.fingerprint() {
            tracing::info!(fingerprint, "SIP over TLS shows this certificate");
            tasks.spawn("sip certificate", tls.clone().watch(tasks.token().clone()));
        }
        let admission = Admission::new(config);
        let tcp = tcp::Connections::new(tcp::Limits::default(), admission.clone(), tls, events.clone(), tasks);
        let mut out = Self { udp: Vec::new(), tcp, admission, locals: Vec::new() };
        for listen in &config.listen {
            let local = match listen.transport {
                Transport::Udp => {
                    let door = udp::UdpDoor::open(listen.address, out.admission.clone(), events.clone(), tasks)?;
                    let local = door.local();
                    out.udp.push(door);
                    local
                }
                transport @ (Transport::Tcp | Transport::Tls) => out.tcp.listen(transport, listen.address)?,
            };
            // Nobody is on the other side yet; the stack reads transport and local address only.
            let remote = SocketAddr::new(local.ip(), 0);
            out.locals.push(Flow { transport: listen.transport, local, remote, connection: 0 });
        }
        Ok(out)
    }

    /// Who may come in; to be told where registered telephones are.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Our own ends, for [`Stack::start`](crate::sip::Stack::start).
    pub fn locals(&self) -> &[Flow] {
        &self.locals
    }

    /// Sends one message, or says at once that it cannot be sent; then tell the stack
    /// [`send_failed`](crate::sip::Stack::send_failed).
    ///
    /// # Errors
    /// When no socket fits, the system refuses, or the peer does not read.
    pub fn send(&self, transmit: &Transmit) -> Result<(), SendError> {
        let flow = &transmit.flow;
        match flow.transport {
            Transport::Tcp | Transport::Tls => Ok(self.tcp.send(flow, transmit.bytes.clone())?),
            Transport::Udp => {
                let exact = self.udp.iter().find(|door| door.local() == flow.local);
                let fitting = || self.udp.iter().find(|door| door.local().is_ipv4() == flow.remote.is_ipv4());
                let door = exact.or_else(fitting).ok_or(SendError::NoSocket(flow.remote))?;
                door.send(flow.remote, &transmit.bytes).map_err(SendError::Udp)
            }
        }
    }

    /// SHA-256 of the certificate that SIP over TLS shows, as `AB:CD:…`; `None` where nobody speaks it.
    pub fn tls_fingerprint(&self) -> Option<String> {
        self.tcp.tls_fingerprint()
    }

    /// How many connections over TCP and TLS are open, for the metrics.
    pub fn connections(&self) -> usize {
        self.tcp.len()
    }
}

#[cfg(test)]
mod tests;
