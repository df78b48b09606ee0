//! The plainest caller and telephone there are: a socket each, and just enough of SIP to time what the gateway does.

use std::net::{SocketAddr, UdpSocket};

use crate::carrier::message::{Message, Start, phrase};
use crate::gateway::QUEUE_NUMBER;

/// A request of one call to the queue, outside a dialog or, with the gateway's `To`, within it.
pub struct Line<'a> {
    pub nth: usize,
    pub caller: &'a str,
    pub method: &'a str,
    pub to: Option<&'a str>,
}

impl Line<'_> {
    /// The bytes of the request, from a connected socket.
    ///
    /// # Errors
    /// When the socket has no addresses.
    pub fn write(&self, socket: &UdpSocket) -> std::io::Result<Vec<u8>> {
        let Self { nth, caller, method, to } = self;
        let (here, there) = (socket.local_addr()?, socket.peer_addr()?);
        let body = if *method == "INVITE" { description(here) } else { String::new() };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let to = to.map_or_else(|| format!("<sip:{QUEUE_NUMBER}@{there}>"), str::to_owned);
        // A CANCEL belongs to the INVITE's transaction (RFC 3261 §9.1), the ACK of a 200 to none (§13.2.2.4).
        let branch = if to.contains("tag=") && *method == "ACK" { "ack" } else { "offer" };
        Ok(format!(
            "{method} sip:{QUEUE_NUMBER}@{there} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch}{nth};rport\r\n\
             From: <sip:+{caller}@{here}>;tag=caller{nth}\r\nTo: {to}\r\nCall-ID: offer{nth}@{here}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:+{caller}@{here}>\r\n{kind}Content-Length: {len}\r\n\r\n{body}",
            len = body.len()
        )
        .into_bytes())
    }
}

/// G.711 at this address.
pub fn description(at: SocketAddr) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n",
        ip = at.ip()
    )
}

/// An answer to a request, with a description where one is given.
pub fn answer(request: &Message, code: u16, at: Option<SocketAddr>) -> Message {
    let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
    let mut headers: Vec<(String, String)> =
        request.headers.iter().filter(|(name, _)| kept.contains(&name.as_str())).cloned().collect();
    if let Some((_, to)) = headers.iter_mut().find(|(name, value)| name == "To" && !value.contains("tag=")) {
        to.push_str(";tag=plain");
    }
    let mut body = Vec::new();
    if let Some(at) = at {
        headers.push(("Contact".to_owned(), format!("<sip:plain@{at}>")));
        headers.push(("Content-Type".to_owned(), "application/sdp".to_owned()));
        body = description(at).into_bytes();
    }
    Message { start: Start::Response { code, phrase: phrase(code).to_owned() }, headers, body }
}

/// Whether a request belongs to a dialog that stands.
pub fn is_inside(request: &Message) -> bool {
    request.header("To").is_some_and(|to| to.contains("tag="))
}
