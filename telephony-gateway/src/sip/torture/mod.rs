//! What strange bytes do.
//!
//! [`feed`] holds one function for each door through which bytes come in, to be called with any bytes at all: the fuzz
//! targets beside this crate call nothing else. The tests give them bytes of their own making, judge what comes out
//! (`properties`), put every message of RFC 4475 and RFC 5118 to the [`Stack`](super::Stack) (`golden`, with the messages
//! as files), count the work that it makes (`steps`), and knock as an attacker would (`street`).

pub mod feed;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod street;
