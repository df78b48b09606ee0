//! A telephone, or a carrier, that says what a test writes for it.

use super::phones::Office;
use super::*;

/// A scripted other side in a talk with the gateway.
pub(super) struct Talk {
    pub leg: LegId,
    /// As the gateway wrote it.
    call_id: String,
    our_tag: String,
    their_tag: String,
    cseq: u32,
}

pub(super) fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("{name} is missing in {text}"))
}

pub(super) fn tag_of(value: &str) -> String {
    value.rsplit("tag=").next().unwrap().to_owned()
}

/// An answer to a request of ours from whoever has this tag.
pub(super) fn answer_from(tag: &str, request: &str, status: &str, more: &str, sdp: &[u8]) -> String {
    let repeated = |line: &&str| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
    let repeated: String = request.lines().filter(repeated).map(|line| format!("{line}\r\n")).collect();
    let to = header(request, "To");
    let to = if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
    let sdp = std::str::from_utf8(sdp).unwrap();
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{repeated}To: {to}\r\nContact: <sip:101@10.9.9.9:5062>\r\n{more}{kind}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

pub(super) fn texts(stack: &mut Stack) -> Vec<String> {
    std::iter::from_fn(|| stack.poll_transmit()).map(|it| String::from_utf8(it.bytes.to_vec()).unwrap()).collect()
}

impl Talk {
    /// The gateway rings the phone 101, which takes the call.
    pub fn with_phone(office: &mut Office, tag: &str, more: &str) -> Self {
        let (leg, invite) = office.invite().unwrap();
        let invite = String::from_utf8(invite.bytes.to_vec()).unwrap();
        let ack = office.send(&answer_from(tag, &invite, "200 OK", more, SDP));
        assert!(ack[0].starts_with("ACK "), "{ack:?}");
        office.events();
        Self::named(leg, &invite, tag)
    }

    pub fn named(leg: LegId, invite: &str, tag: &str) -> Self {
        let (call_id, our_tag) = (header(invite, "Call-ID").to_owned(), tag_of(header(invite, "From")));
        Self { leg, call_id, our_tag, their_tag: tag.to_owned(), cseq: 10 }
    }

    /// The next request of the other side within the call.
    pub fn request(&mut self, method: &str, more: &str, body: &str) -> String {
        self.cseq += 1;
        let Self { call_id, our_tag, their_tag, cseq, .. } = self;
        format!(
            "{method} sip:gw@10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5062;rport;branch=z9hG4bK{their_tag}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:101@pult>;tag={their_tag}\r\nTo: <sip:x@pult>;tag={our_tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:101@10.9.9.9:5062>\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    pub fn say(&mut self, office: &mut Office, method: &str, more: &str, body: &str) -> Vec<String> {
        let text = self.request(method, more, body);
        office.send(&text)
    }

    /// What a Replaces header calls this talk, from the phone's side of it.
    pub fn replaces(&self) -> String {
        format!("{};to-tag={};from-tag={}", self.call_id, self.our_tag, self.their_tag)
    }

    /// The same inside an address.
    pub fn replaces_escaped(&self) -> String {
        self.replaces().replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
    }
}
