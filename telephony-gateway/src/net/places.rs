//! How many connections the desks' door holds at once: in all, and of one address.
//!
//! A connection has its place from the accept on, through TLS and a WebSocket, until it is closed.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::sip::flood::network_of;

/// The places of one door. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Places {
    pub fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place, when there is one. One address has at most half of them: a whole office may stand behind it, and yet
    /// others must get in.
    fn take(&self, from: IpAddr) -> Option<Place> {
        let from = network_of(from);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = taken.of.get(&from).copied().unwrap_or_default();
        if taken.all >= self.most || of_it >= self.most.div_ceil(2) {
            metrics::counter!("desk_connections_refused_total").increment(1);
            return None;
        }
        taken.all += 1;
        taken.of.insert(from, of_it + 1);
        Some(Place { from, taken: Arc::clone(&self.taken) })
    }
}

/// Given back when it is dropped.
struct Place {
    from: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(n) = taken.of.get_mut(&self.from) {
            *n -= 1;
            if *n == 0 {
                taken.of.remove(&self.from);
            }
        }
    }
}

/// An acceptor that gives each connection its place first.
#[derive(Clone)]
pub struct Seated<A> {
    pub places: Places,
    pub then: A,
}

impl<A, S> Accept<TcpStream, S> for Seated<A>
where
    A: Accept<Held, S>,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(A::Stream, A::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = stream.peer_addr().ok().and_then(|from| self.places.take(from.ip()));
        match place {
            Some(place) => Box::pin(self.then.accept(Held { stream, _place: place }, service)),
            None => Box::pin(async { Err(io::ErrorKind::QuotaExceeded.into()) }),
        }
    }
}

/// A connection that has its place.
pub struct Held {
    stream: TcpStream,
    _place: Place,
}

impl AsyncRead for Held {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_never_has_every_place() {
        let places = Places::new(6);
        let (crowd, other) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
        let of_the_crowd: Vec<Place> = (0..20).filter_map(|_| places.take(crowd)).collect();
        assert_eq!(of_the_crowd.len(), 3);
        let of_the_other: Vec<Place> = (0..20).filter_map(|_| places.take(other)).collect();
        assert_eq!(of_the_other.len(), 3);
        assert!(places.take("192.0.2.9".parse().unwrap()).is_none(), "the house is full");
        drop(of_the_crowd);
        assert!(places.take("192.0.2.9".parse().unwrap()).is_some());
        drop(of_the_other);
        assert!(places.taken.lock().unwrap().of.is_empty(), "nobody is remembered who is gone");
    }
}
