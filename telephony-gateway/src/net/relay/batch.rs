//! Many datagrams in one system call, and the two other things of Linux that a relay thread needs: epoll, eventfd.
//!
//! All `unsafe` of the relay stands in this file.

use std::{
    io, mem,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

/// A telephone sends a packet every 20 ms; more than a few wait only after a standstill.
pub const BATCH: usize = 8;

/// Longer than any packet of G.711 on an Ethernet; longer datagrams arrive cut and are dropped.
pub const SLOT: usize = 1600;

/// What one `recvmmsg` brought.
pub struct Inbox {
    bytes: Box<[[u8; SLOT]; BATCH]>,
    froms: Box<[libc::sockaddr_storage; BATCH]>,
    /// Of each datagram; none for one that was cut.
    lens: [Option<usize>; BATCH],
    n: usize,
}

impl Inbox {
    pub fn new() -> Self {
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let froms = Box::new([unsafe { mem::zeroed() }; BATCH]);
        Self { bytes: Box::new([[0; SLOT]; BATCH]), froms, lens: [None; BATCH], n: 0 }
    }

    /// Takes what waits in the socket, at most [`BATCH`] datagrams, without waiting.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.n = 0;
        // SAFETY: all-zero bytes are a valid iovec and a valid mmsghdr.
        let mut pieces: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for (n, message) in messages.iter_mut().enumerate() {
            pieces[n] = libc::iovec { iov_base: self.bytes[n].as_mut_ptr().cast(), iov_len: SLOT };
            message.msg_hdr.msg_name = ptr::from_mut(&mut self.froms[n]).cast();
            message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            message.msg_hdr.msg_iov = &raw mut pieces[n];
            message.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: every message points at its own slot and address, which live as long as `self`, and at its piece
        // above; the lengths are those of the buffers.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        if received < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) };
        }
        self.n = received as usize;
        for (len, message) in self.lens.iter_mut().zip(&messages[..self.n]) {
            let cut = message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            *len = (!cut).then_some(message.msg_len as usize);
        }
        Ok(())
    }

    /// The datagrams and their senders.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (&mut [u8], SocketAddr)> {
        let froms = self.froms.iter().zip(self.lens);
        let slots = self.bytes.iter_mut().zip(froms).take(self.n);
        slots.filter_map(|(slot, (from, len))| Some((&mut slot[..len?], read_address(from)?)))
    }
}

/// Datagrams that leave together.
pub struct Outbox {
    bytes: Box<[[u8; SLOT]; BATCH]>,
    tos: Box<[libc::sockaddr_storage; BATCH]>,
    /// The lengths of the datagram and of its address.
    lens: [(usize, libc::socklen_t); BATCH],
    n: usize,
}

impl Outbox {
    pub fn new() -> Self {
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let tos = Box::new([unsafe { mem::zeroed() }; BATCH]);
        Self { bytes: Box::new([[0; SLOT]; BATCH]), tos, lens: [(0, 0); BATCH], n: 0 }
    }

    /// Lets `write` fill the next slot; what it leaves unwritten (none) is not sent. A full box sends nothing more
    /// until [`Outbox::send`], which the inbox of the same size never needs.
    pub fn push(&mut self, write: impl FnOnce(&mut [u8]) -> Option<(usize, SocketAddr)>) {
        let n = self.n;
        if let Some((len, to)) = self.bytes.get_mut(n).and_then(|slot| write(slot)) {
            self.lens[n] = (len.min(SLOT), write_address(to, &mut self.tos[n]));
            self.n += 1;
        }
    }

    /// Sends all, without waiting: what the network does not take now is lost, as sound is. An error is told for
    /// the first datagram that could not go; the others still go.
    pub fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let n_messages = mem::take(&mut self.n);
        // SAFETY: all-zero bytes are a valid iovec and a valid mmsghdr.
        let mut pieces: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for (n, message) in messages[..n_messages].iter_mut().enumerate() {
            let (len, address_len) = self.lens[n];
            pieces[n] = libc::iovec { iov_base: self.bytes[n].as_mut_ptr().cast(), iov_len: len };
            message.msg_hdr.msg_name = ptr::from_mut(&mut self.tos[n]).cast();
            message.msg_hdr.msg_namelen = address_len;
            message.msg_hdr.msg_iov = &raw mut pieces[n];
            message.msg_hdr.msg_iovlen = 1;
        }
        let mut outcome = Ok(());
        let mut n_done = 0;
        while n_done < n_messages {
            let rest = &mut messages[n_done..n_messages];
            // SAFETY: every message of the rest was filled above and points at buffers that live as long as `self`.
            let sent = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, libc::MSG_DONTWAIT)
            };
            if sent < 0 {
                let error = io::Error::last_os_error();
                if outcome.is_ok() && error.kind() != io::ErrorKind::WouldBlock {
                    outcome = Err(error);
                }
            }
            n_done += sent.max(1) as usize;
        }
        outcome
    }
}

fn read_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the kernel wrote a sockaddr_in, and the storage is larger and aligned.
            let address: &libc::sockaddr_in = unsafe { &*ptr::from_ref(storage).cast() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for a sockaddr_in6.
            let address: &libc::sockaddr_in6 = unsafe { &*ptr::from_ref(storage).cast() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(address.sin6_port), 0, address.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn write_address(address: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    match address {
        SocketAddr::V4(address) => {
            // SAFETY: the storage is larger than a sockaddr_in, aligned for it, and any bytes are valid in it.
            let to: &mut libc::sockaddr_in = unsafe { &mut *ptr::from_mut(storage).cast() };
            to.sin_family = libc::AF_INET as libc::sa_family_t;
            to.sin_port = address.port().to_be();
            to.sin_addr.s_addr = u32::from(*address.ip()).to_be();
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above, for a sockaddr_in6.
            let to: &mut libc::sockaddr_in6 = unsafe { &mut *ptr::from_mut(storage).cast() };
            to.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            to.sin6_port = address.port().to_be();
            to.sin6_flowinfo = 0;
            to.sin6_addr.s6_addr = address.ip().octets();
            to.sin6_scope_id = address.scope_id();
            mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

/// Which sockets have something to read.
#[derive(Debug)]
pub struct Poll(OwnedFd);

const MAX_READY: usize = 256;

impl Poll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the descriptor is ours alone.
        unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }.map(Self)
    }

    /// Watches a descriptor until it is closed; `key` comes back from [`Poll::wait`].
    pub fn watch(&self, descriptor: &impl AsRawFd, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: key };
        // SAFETY: both descriptors are open and the event lives through the call.
        let done =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor.as_raw_fd(), &raw mut event) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    pub fn forget(&self, descriptor: &impl AsRawFd) {
        // SAFETY: the event may be null for EPOLL_CTL_DEL. An error means that the descriptor is not watched.
        unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, descriptor.as_raw_fd(), ptr::null_mut());
        }
    }

    /// Puts the keys of what is ready into `ready`, in the order in which it became so.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        let timeout_ms = timeout.map_or(-1, |timeout| timeout.as_micros().div_ceil(1000).min(60_000) as i32);
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_READY];
        // SAFETY: the kernel writes at most MAX_READY events into the array.
        let n_ready =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_READY as libc::c_int, timeout_ms) };
        if n_ready < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        ready.extend(events[..n_ready as usize].iter().map(|event| event.u64));
        Ok(())
    }
}

/// Wakes a thread that waits in [`Poll::wait`].
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed; the descriptor is ours alone.
        unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }.map(Self)
    }

    pub fn ring(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes are read. A counter that is full rings already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    pub fn hush(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: eight bytes are written. A bell that nobody rang has nothing to read.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

/// Processor time which a running thread has used; none when the system does not tell.
pub fn processor_time(thread: libc::pthread_t) -> Option<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the caller holds the thread's join handle, so the thread is not yet joined; both results are ours.
    let told = unsafe {
        libc::pthread_getcpuclockid(thread, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    told.then(|| Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
}

/// # Safety
/// `descriptor` must be what a system call has just opened, or negative for its error.
unsafe fn owned(descriptor: libc::c_int) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: by the contract the descriptor is open and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
