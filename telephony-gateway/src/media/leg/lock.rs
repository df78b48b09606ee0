//! Whether what a party says and hears is sealed.

use crate::media::srtp::{Srtp, SrtpError, SrtpKeys};

#[derive(Debug)]
pub enum Lock {
    Plain,
    Sealed(Box<Srtp>),
    /// Sealed once and plain at present. Its counters are kept: under the same key they must go on.
    Open(Box<Srtp>),
    /// It should be sealed and cannot be: nothing is heard or said.
    Broken,
}

impl Lock {
    pub fn change(&mut self, keys: Option<SrtpKeys>) {
        let present = std::mem::replace(self, Self::Plain);
        *self = match (present, keys) {
            (Self::Sealed(srtp) | Self::Open(srtp), None) => Self::Open(srtp),
            (Self::Plain | Self::Broken, None) => Self::Plain,
            (Self::Sealed(mut srtp) | Self::Open(mut srtp), Some(keys)) => match srtp.rekey(keys) {
                Ok(()) => Self::Sealed(srtp),
                Err(error) => Self::broken(&error),
            },
            (Self::Plain | Self::Broken, Some(keys)) => match Srtp::new(keys) {
                Ok(srtp) => Self::Sealed(Box::new(srtp)),
                Err(error) => Self::broken(&error),
            },
        };
    }

    fn broken(error: &SrtpError) -> Self {
        tracing::error!(%error, "a party's sound should be sealed and cannot be: it is left without sound");
        Self::Broken
    }

    /// Gives the length of the RTP packet in a datagram, and leaves that packet in its place. None when it is not the
    /// party's.
    pub fn open(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match self {
            Self::Plain | Self::Open(_) => Some(datagram.len()),
            Self::Sealed(srtp) => srtp.open(datagram),
            Self::Broken => None,
        }
    }

    /// Gives the length of what is to be sent.
    pub fn seal(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        match self {
            Self::Plain | Self::Open(_) => Some(len),
            Self::Sealed(srtp) => srtp.seal(packet, len),
            Self::Broken => None,
        }
    }
}
