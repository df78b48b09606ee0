//! A cable for SIP over TCP that can be pulled in the middle of a talk.
//!
//! Whoever connects to it is connected to the gateway, from a host of one's choice. Pulled, it ends every connection
//! without a word of SIP, and takes new ones as before. Cut, it ends them at the gateway's end alone, and what the other
//! end says next travels on a new one, as behind a carrier's border.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

pub struct Cable {
    address: SocketAddr,
    /// Each, cancelled, ends the connections of now.
    pulled: Arc<Mutex<CancellationToken>>,
    cut: Arc<Mutex<CancellationToken>>,
    laid: CancellationToken,
}

impl Cable {
    /// Lays a cable whose other end comes out at `host`.
    pub async fn lay(gateway: &Gateway, host: IpAddr) -> Self {
        let listener = TcpListener::bind((gateway.cable_host(), 0)).await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket");
        let cable = Self { address, pulled: Arc::default(), cut: Arc::default(), laid: CancellationToken::new() };
        let (pulled, cut, laid) = (Arc::clone(&cable.pulled), Arc::clone(&cable.cut), cable.laid.clone());
        let server = gateway.sip_address();
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = laid.run_until_cancelled(listener.accept()).await {
                let (pulled, cut) = (of_now(&pulled), Arc::clone(&cut));
                tokio::spawn(async move { pulled.run_until_cancelled(carry(stream, host, server, &cut)).await });
            }
        });
        cable
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pull(&self) {
        end(&self.pulled);
    }

    pub fn cut(&self) {
        end(&self.cut);
    }
}

fn of_now(token: &Mutex<CancellationToken>) -> CancellationToken {
    token.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Ends what goes by the token; what comes later goes by the next one.
fn end(token: &Mutex<CancellationToken>) {
    let mut token = token.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *token).cancel();
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.laid.cancel();
        self.pull();
    }
}

/// Carries one connection for as long as both ends want it.
async fn carry(
    mut stream: TcpStream,
    host: IpAddr,
    server: SocketAddr,
    cut: &Mutex<CancellationToken>,
) -> std::io::Result<()> {
    loop {
        let socket = if host.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(host, 0))?;
        let mut gateway = socket.connect(server).await?;
        let carried = copy_bidirectional(&mut stream, &mut gateway);
        match of_now(cut).run_until_cancelled(carried).await {
            Some(ended) => return ended.map(drop),
            None => drop(gateway),
        }
        stream.readable().await?;
    }
}
