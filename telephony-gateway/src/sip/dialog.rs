//! What two sides of a leg must agree on (RFC 3261 §12): tags, sequence numbers, the remote target, the route.

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use super::event::{Flow, Transport};
use super::headers::{Address, Name, list};
use super::message::{Core, Message, Method, Writer, method_name};

/// More Record-Routes than any carrier has.
const MOST_ROUTES: usize = 16;

pub struct Dialog {
    pub call_id: Box<[u8]>,
    pub local_tag: Box<str>,
    /// Empty until the other side has answered.
    pub remote_tag: Box<[u8]>,
    /// The values of From and To as we write them, tags included.
    pub(super) local: Box<[u8]>,
    pub(super) remote: Box<[u8]>,
    /// The other side's Contact: our request URI.
    pub target: Box<[u8]>,
    pub(super) routes: SmallVec<[Box<[u8]>; 1]>,
    pub local_cseq: u32,
    /// The highest number heard from the other side.
    pub remote_cseq: Option<u32>,
    /// Where the other side's messages come from.
    pub flow: Flow,
    /// We began it, so that its Call-ID is ours.
    pub is_ours: bool,
}

/// The lines that differ from request to request.
pub struct RequestLines<'a> {
    pub branch: &'a str,
    pub advertised: SocketAddr,
    pub cseq: u32,
    pub contact: bool,
    pub max_forwards: u8,
}

/// How many further hops a request of our own may take (RFC 3261 §8.1.1.6).
pub const MAX_FORWARDS: u8 = 70;

impl Dialog {
    /// The dialog that an INVITE to us begins (§12.1.1).
    pub fn incoming(request: &Message<'_>, core: &Core<'_>, local_tag: &str, flow: &Flow) -> Option<Self> {
        let contact = request.header(Name::Contact).and_then(|value| list::items(value).next());
        let target = match contact {
            Some(contact) => Address::parse(contact)?,
            // RFC 2543 did not ask for a Contact, and knew no branches: From says where its requests go.
            None if core.via.branch.is_none() => core.from,
            None => return None,
        };
        let target = Some(target).filter(|target| target.parsed_uri().is_some())?.uri;
        let to = request.header(Name::To)?;
        Some(Self {
            call_id: core.call_id.into(),
            local_tag: local_tag.into(),
            remote_tag: core.from.tag().unwrap_or_default().into(),
            local: [to, b";tag=", local_tag.as_bytes()].concat().into(),
            remote: request.header(Name::From)?.into(),
            target: target.into(),
            routes: routes(request, false)?,
            local_cseq: 0,
            remote_cseq: Some(core.cseq.number),
            flow: *flow,
            is_ours: false,
        })
    }

    /// Our own dialog before anybody has answered.
    pub fn outgoing(call_id: String, local_tag: String, from: &[u8], to: &[u8], target: &[u8], flow: &Flow) -> Self {
        Self {
            call_id: call_id.into_bytes().into(),
            local: [from, b";tag=", local_tag.as_bytes()].concat().into(),
            local_tag: local_tag.into(),
            remote_tag: Box::default(),
            remote: to.into(),
            target: target.into(),
            routes: SmallVec::new(),
            local_cseq: 1,
            remote_cseq: None,
            flow: *flow,
            is_ours: true,
        }
    }

    /// Takes what an answer to our INVITE says about the other side (§12.1.2).
    pub fn answered(&mut self, response: &Message<'_>, core: &Core<'_>) {
        self.remote_tag = core.to.tag().unwrap_or_default().into();
        if let Some(to) = response.header(Name::To) {
            self.remote = to.into();
        }
        self.routes = routes(response, true).unwrap_or_default();
        self.refresh_target(response);
    }

    /// The same call with another one who answered it: a fork (§13.2.2.4).
    pub fn forked(&self, response: &Message<'_>, core: &Core<'_>) -> Self {
        let mut fork = Self {
            call_id: self.call_id.clone(),
            local_tag: self.local_tag.clone(),
            remote_tag: Box::default(),
            local: self.local.clone(),
            remote: Box::default(),
            target: self.target.clone(),
            routes: SmallVec::new(),
            local_cseq: core.cseq.number,
            remote_cseq: None,
            flow: self.flow,
            is_ours: self.is_ours,
        };
        fork.answered(response, core);
        fork
    }

    /// A new Contact within the dialog moves the target (§12.2).
    pub fn refresh_target(&mut self, message: &Message<'_>) {
        let contact = message.header(Name::Contact).and_then(|value| list::items(value).next());
        if let Some(contact) = contact.and_then(Address::parse).filter(|contact| contact.parsed_uri().is_some())
            && contact.uri != &*self.target
        {
            self.target = contact.uri.into();
        }
    }

    /// Whether a request that names our tag belongs here.
    pub fn owns_request(&self, core: &Core<'_>) -> bool {
        core.to.tag() == Some(self.local_tag.as_bytes())
            && core.from.tag().unwrap_or_default() == &*self.remote_tag
            && core.call_id == &*self.call_id
    }

    pub fn owns_response(&self, core: &Core<'_>) -> bool {
        core.from.tag() == Some(self.local_tag.as_bytes()) && core.call_id == &*self.call_id
    }

    /// Where our requests go. A Route or a Contact is followed only to addresses that `allowed` knows: others could
    /// make us send to whomever they like. All others are answered where they came from. A connection is the way for as
    /// long as it stands; a new one goes where the other side says that it listens.
    pub fn next_hop(&self, allowed: impl Fn(IpAddr) -> bool) -> Flow {
        let stands = self.flow.transport.is_stream() && self.flow.connection != 0;
        let first =
            self.routes.first().and_then(|route| Address::parse(route)).map_or(&*self.target, |route| route.uri);
        let address = super::headers::Uri::parse(first).and_then(|uri| uri.socket_address());
        match address.filter(|address| !stands && allowed(address.ip())) {
            Some(remote) => Flow { remote, ..self.flow },
            None => self.flow,
        }
    }

    /// Begins a request within the dialog (§12.2.1.1); its own lines and its end follow.
    pub fn request<'b>(&self, out: &'b mut Vec<u8>, method: Method, lines: &RequestLines<'_>) -> Writer<'b> {
        let strict = self.routes.first().filter(|route| !is_loose(route));
        let first_uri = strict.and_then(|route| Address::parse(route)).map(|route| route.uri);
        let name = method_name(method);
        let mut writer = Writer::request(out, name, first_uri.unwrap_or(&self.target));
        let transport = transport_name(self.flow.transport);
        let RequestLines { branch, advertised, cseq, contact, max_forwards } = *lines;
        writer.header_fmt(Name::Via, format_args!("SIP/2.0/{transport} {advertised};branch={branch};rport"));
        writer.header_fmt(Name::MaxForwards, format_args!("{max_forwards}"));
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header(Name::Route, route);
        }
        if strict.is_some() {
            writer.lines(b"Route: <").lines(&self.target).lines(b">\r\n");
        }
        writer.header(Name::From, &self.local).header(Name::To, &self.remote).header(Name::CallId, &self.call_id);
        writer.header_fmt(Name::CSeq, format_args!("{cseq} {name}"));
        if contact {
            write_contact(&mut writer, self.flow.transport, advertised);
        }
        writer
    }
}

pub fn write_contact(writer: &mut Writer<'_>, transport: Transport, advertised: SocketAddr) {
    writer.header_fmt(Name::Contact, format_args!("<sip:{advertised}{}>", transport.parameter()));
}

pub const fn transport_name(transport: Transport) -> &'static str {
    transport.name()
}

/// The route set: Record-Route in its order for who was called, turned round for who called.
fn routes(message: &Message<'_>, turned: bool) -> Option<SmallVec<[Box<[u8]>; 1]>> {
    let mut routes: SmallVec<[Box<[u8]>; 1]> =
        message.all(Name::RecordRoute).flat_map(list::items).take(MOST_ROUTES + 1).map(Into::into).collect();
    if turned {
        routes.reverse();
    }
    let readable = |route: &[u8]| Address::parse(route).is_some_and(|route| route.parsed_uri().is_some());
    (routes.len() <= MOST_ROUTES && routes.iter().all(|route| readable(route))).then_some(routes)
}

fn is_loose(route: &[u8]) -> bool {
    Address::parse(route).and_then(|route| route.parsed_uri()).is_some_and(|uri| uri.parameter("lr").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        let (local, remote) = ("10.0.0.1:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
        Flow { transport: Transport::Udp, local, remote, connection: 0 }
    }

    fn dialog(record_routes: &str) -> Dialog {
        let text = format!(
            "INVITE sip:1@gw SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n{record_routes}From: <sip:a@b>;tag=r\r\n\
             To: <sip:1@gw>\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\nContact: <sip:a@192.0.2.9:5070>\r\n\r\n"
        );
        let message = Message::parse(text.as_bytes()).unwrap();
        Dialog::incoming(&message, &message.core().unwrap(), "ours", &flow()).unwrap()
    }

    fn bye(dialog: &Dialog) -> String {
        let mut out = Vec::new();
        let advertised = "10.0.0.1:5060".parse().unwrap();
        let lines =
            RequestLines { branch: "z9hG4bKx", advertised, cseq: 1, contact: false, max_forwards: MAX_FORWARDS };
        dialog.request(&mut out, Method::Bye, &lines).finish(None);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_bye_goes_to_the_contact_through_the_recorded_route() {
        let text = bye(&dialog("Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n"));
        assert!(text.starts_with("BYE sip:a@192.0.2.9:5070 SIP/2.0\r\n"), "{text}");
        assert!(text.contains("Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n"), "{text}");
        assert!(text.contains("From: <sip:1@gw>;tag=ours\r\nTo: <sip:a@b>;tag=r\r\n"), "{text}");
    }

    #[test]
    fn an_old_strict_router_gets_its_own_address_first() {
        let text = bye(&dialog("Record-Route: <sip:old>\r\n"));
        assert!(text.starts_with("BYE sip:old SIP/2.0\r\n"), "{text}");
        assert!(text.contains("Route: <sip:a@192.0.2.9:5070>\r\n"), "{text}");
    }

    #[test]
    fn a_contact_cannot_point_us_at_a_stranger() {
        let dialog = dialog("");
        assert_eq!(dialog.next_hop(|ip| ip == IpAddr::from([192, 0, 2, 9])).remote, "192.0.2.9:5070".parse().unwrap());
        assert_eq!(dialog.next_hop(|_| false).remote, flow().remote);
    }
}
