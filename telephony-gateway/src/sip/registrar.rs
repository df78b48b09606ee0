//! Where the operators' phones are (RFC 3261 §10).
//!
//! A phone proves who it is by digest and is then reached at the address its REGISTER came from, whatever stands in its
//! Contact: that is the only address which is open through its NAT. Whoever does not prove it learns nothing: an
//! unknown account and a wrong password get the same answer after the same work.

pub mod kept;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use shared::time::Moment;
use smallvec::SmallVec;

use super::config::{RegistrationLimits, StackConfig};
use super::digest::{self, Ha1, NonceState, Nonces};
use super::event::{Flow, GoneBecause, PhoneAccount, RefusedBecause, Transport};
use super::guard::{Guard, Suspect};
use super::headers::authorization::{Algorithm, Credentials};
use super::headers::uri::Scheme;
use super::headers::{Address, Name, Uri, list, text};
use super::message::{Core, Message};

/// Contacts of one phone that we keep; a further one takes the place of the oldest.
const MOST_CONTACTS: usize = 4;

struct Phone {
    user: Arc<str>,
    ha1: Ha1,
    md5_only: bool,
    /// The latest last.
    contacts: SmallVec<[Contact; 1]>,
}

/// One way to a phone.
#[derive(Clone, Debug)]
pub struct Contact {
    pub uri: Box<[u8]>,
    pub flow: Flow,
    pub expires: Moment,
    /// The phone can be lifted from afar (NOTIFY `Event: talk`).
    pub can_talk: bool,
    /// It has not failed to answer.
    answers: bool,
    /// Over UDP, and it does not know the address that it comes from.
    behind_nat: bool,
    call_id: Box<[u8]>,
    cseq: u32,
}

/// Whether a request comes from whom it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Granted(Arc<str>),
    /// No credentials, or none that count: ask for them.
    Challenge {
        stale: bool,
    },
    Refused {
        user: String,
        why: RefusedBecause,
    },
    Wait {
        user: String,
        seconds: u32,
    },
}

/// What a REGISTER led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The contact now stands; `fresh` when the phone was not reachable there before.
    Here {
        contact: String,
        expires_s: u32,
        fresh: bool,
    },
    Gone,
    /// A question or a repetition: nothing has changed.
    Unchanged,
    Refused(u16),
}

/// What it means that a phone does not answer at one of its contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FellSilent {
    /// It can be reached nowhere else.
    Everywhere,
    Here,
    /// That was known, or the contact is gone.
    Before,
}

pub struct Registrar {
    realm: String,
    limits: RegistrationLimits,
    phones: HashMap<Arc<str>, Phone>,
    n_md5_only: usize,
    nonces: Nonces,
    guard: Guard,
    key: [u8; 32],
    /// How many contacts stand at an address, so that strangers are not even challenged.
    sources: Sources,
}

/// Where registered phones are, and what has changed of that since somebody asked.
#[derive(Default)]
struct Sources {
    n_at: HashMap<IpAddr, u32>,
    changed: Vec<(IpAddr, u32)>,
}

impl Sources {
    fn add(&mut self, address: IpAddr) {
        let n = self.n_at.entry(address).or_insert(0);
        *n += 1;
        self.changed.push((address, *n));
    }

    fn forget(&mut self, contact: &Contact) {
        let address = contact.flow.remote.ip();
        let Some(n) = self.n_at.get_mut(&address) else { return };
        *n -= 1;
        self.changed.push((address, *n));
        if *n == 0 {
            self.n_at.remove(&address);
        }
    }
}

impl Registrar {
    pub fn new(config: &StackConfig, key: [u8; 32]) -> Self {
        let limits = config.registration.clone();
        let most = config.limits.remembered_peers;
        let mut seed = [0; 16];
        seed.copy_from_slice(&key[..16]);
        Self {
            realm: config.realm.clone(),
            phones: HashMap::new(),
            n_md5_only: 0,
            nonces: Nonces::new(key, limits.nonce_lifetime, most),
            guard: Guard::new(limits.free_guesses, limits.longest_backoff, most, seed),
            key,
            sources: Sources::default(),
            limits,
        }
    }

    /// Takes the new list; returns the phones that were registered and are in it no more.
    pub fn set_phones(&mut self, accounts: Vec<PhoneAccount>) -> Vec<Arc<str>> {
        let mut before = std::mem::take(&mut self.phones);
        self.n_md5_only = accounts.iter().filter(|account| account.md5_only).count();
        for account in accounts {
            let ha1 = Ha1 { md5: account.ha1_md5, sha256: account.ha1_sha256 };
            let user: Arc<str> = account.user.into();
            let contacts = before.remove(&user).map(|phone| phone.contacts).unwrap_or_default();
            self.phones.insert(user.clone(), Phone { user, ha1, md5_only: account.md5_only, contacts });
        }
        let gone: Vec<Phone> = before.into_values().filter(|phone| !phone.contacts.is_empty()).collect();
        for contact in gone.iter().flat_map(|phone| &phone.contacts) {
            self.sources.forget(contact);
        }
        gone.into_iter().map(|phone| phone.user).collect()
    }

    /// The way to a phone: its latest contact, as long as it answers there.
    pub fn contact(&self, user: &str) -> Option<&Contact> {
        self.phones.get(user)?.contacts.iter().rev().find(|contact| contact.answers)
    }

    /// A phone does not answer at this flow. Its registration stays, for it may only be away for a moment and will not
    /// register again before it has to.
    pub fn fell_silent(&mut self, user: &str, flow: &Flow) -> FellSilent {
        let Some(phone) = self.phones.get_mut(user) else { return FellSilent::Before };
        let here = |contact: &&mut Contact| contact.flow == *flow && contact.answers;
        let n_here = phone.contacts.iter_mut().filter(here).map(|contact| contact.answers = false).count();
        match (n_here, phone.contacts.iter().any(|contact| contact.answers)) {
            (0, _) => FellSilent::Before,
            (_, true) => FellSilent::Here,
            (_, false) => FellSilent::Everywhere,
        }
    }

    /// The ways through NATs, each with the phone's own address.
    pub fn behind_nat(&self) -> Vec<(Flow, Box<[u8]>)> {
        let contacts = self.phones.values().flat_map(|phone| &phone.contacts);
        contacts.filter(|contact| contact.behind_nat).map(|contact| (contact.flow, contact.uri.clone())).collect()
    }

    /// The address of a silent contact at this flow.
    pub fn silent_contact(&self, flow: &Flow) -> Option<Box<[u8]>> {
        let mut contacts = self.phones.values().flat_map(|phone| &phone.contacts);
        contacts.find(|contact| contact.flow == *flow && !contact.answers).map(|contact| contact.uri.clone())
    }

    /// Somebody answers at this flow again. Gives the phones that are back there, each with its contact and the seconds
    /// it has left.
    pub fn heard(&mut self, flow: &Flow, now: Moment) -> Vec<(Arc<str>, String, u32)> {
        let mut back = Vec::new();
        for phone in self.phones.values_mut() {
            for contact in phone.contacts.iter_mut().filter(|contact| contact.flow == *flow && !contact.answers) {
                contact.answers = true;
                let left_s = contact.expires.since(now).as_secs() as u32;
                back.push((phone.user.clone(), text::readable(&contact.uri), left_s));
            }
        }
        back
    }

    /// Whether a registered phone lives at this address.
    pub fn knows(&self, address: IpAddr) -> bool {
        self.sources.n_at.contains_key(&address)
    }

    /// The addresses at which there are more or fewer phones than when this was asked last, with how many there are.
    pub fn take_moved(&mut self) -> Vec<(IpAddr, u32)> {
        std::mem::take(&mut self.sources.changed)
    }

    pub fn authenticate(&mut self, request: &Message<'_>, header: Name, from: IpAddr, now: Moment) -> Verdict {
        let ours = |value: &&[u8]| Credentials::parse(value).is_some_and(|c| c.realm == self.realm.as_bytes());
        let given = request.all(header).find(ours).and_then(Credentials::parse);
        let Some(given) = given else { return Verdict::Challenge { stale: false } };
        // Credentials that were overheard call whom they were made for, and nobody else (RFC 7616 §3.4.6).
        if header == Name::ProxyAuthorization && whom(given.uri) != whom(request.request_uri()) {
            return Verdict::Challenge { stale: false };
        }
        let user = text::readable(given.username);
        let by_address = Suspect::at(from);
        let account: Box<[u8]> = given.username[..given.username.len().min(64)].into();
        let by_account = Suspect::Account(account);
        let phone = std::str::from_utf8(given.username).ok().and_then(|user| self.phones.get(user));
        let at_home = phone.is_some_and(|phone| phone.contacts.iter().any(|c| c.flow.remote.ip() == from));
        let account_wait = if at_home { None } else { self.guard.wait(&by_account, now) };
        if let Some(wait) = self.guard.wait(&by_address, now).max(account_wait) {
            return Verdict::Wait { user, seconds: wait.as_secs_f32().ceil() as u32 };
        }
        let nonce = self.nonces.state(given.nonce, now);
        // An unknown account costs the same work, against a digest that nobody can have.
        let stranger = self.stranger(given.username);
        let right = digest::is_right(&given, request.method_text(), phone.map_or(&stranger, |phone| &phone.ha1));
        let phone = phone.filter(|phone| right && (!phone.md5_only || given.algorithm == Algorithm::Md5));
        match (nonce, phone.map(|phone| phone.user.clone())) {
            (NonceState::Foreign, _) => Verdict::Challenge { stale: false },
            (NonceState::Stale, Some(_)) => Verdict::Challenge { stale: true },
            (NonceState::Stale, None) => Verdict::Challenge { stale: false },
            (NonceState::Fresh(_), None) => {
                self.guard.wrong(&by_address, now);
                self.guard.wrong(&by_account, now);
                Verdict::Refused { user, why: RefusedBecause::WrongCredentials }
            }
            (NonceState::Fresh(id), Some(phone)) => {
                if !self.nonces.rises(id, given.nc_number, now) {
                    return Verdict::Refused { user, why: RefusedBecause::Replay };
                }
                self.guard.right(&by_address);
                self.guard.right(&by_account);
                Verdict::Granted(phone)
            }
        }
    }

    fn stranger(&self, user: &[u8]) -> Ha1 {
        let sha256: [u8; 32] = Sha256::new().chain_update(self.key).chain_update(user).finalize().into();
        let mut md5 = [0; 16];
        md5.copy_from_slice(&sha256[..16]);
        Ha1 { md5, sha256 }
    }

    /// Fresh challenges for whoever says to be `user`: SHA-256 first, MD5 after it (RFC 8760 §2.3), or MD5 alone.
    /// As many strangers as phones are asked for MD5 alone, so that the question tells nobody who exists.
    pub fn challenges(&mut self, user: &str, stale: bool, now: Moment) -> SmallVec<[String; 2]> {
        let md5_only = match self.phones.get(user) {
            Some(phone) => phone.md5_only,
            None => {
                let lot = self.stranger(user.as_bytes()).sha256;
                let lot = u64::from_be_bytes([lot[24], lot[25], lot[26], lot[27], lot[28], lot[29], lot[30], lot[31]]);
                self.n_md5_only > 0 && lot % (self.phones.len() as u64) < self.n_md5_only as u64
            }
        };
        let algorithms: &[Algorithm] = if md5_only { &[Algorithm::Md5] } else { &[Algorithm::Sha256, Algorithm::Md5] };
        algorithms
            .iter()
            .map(|algorithm| digest::challenge(&self.realm, &self.nonces.issue(now), *algorithm, stale))
            .collect()
    }

    /// Carries out a REGISTER of `user`, who has proved to be it (RFC 3261 §10.3).
    pub fn register(
        &mut self,
        user: &str,
        request: &Message<'_>,
        core: &Core<'_>,
        flow: &Flow,
        now: Moment,
    ) -> Registered {
        let Some(phone) = self.phones.get(user) else { return Registered::Refused(404) };
        // An address of record is a SIP address (RFC 3261 §10.2).
        let Some(aor) = core.to.parsed_uri().filter(|uri| uri.scheme != Scheme::Tel) else {
            return Registered::Refused(400);
        };
        if aor.user_text() != user {
            return Registered::Refused(403);
        }
        let expires_header = request.header(Name::Expires).and_then(list::number::<u32>);
        let mut contacts = request.all(Name::Contact).flat_map(list::items).peekable();
        if contacts.peek() == Some(&&b"*"[..]) {
            if expires_header != Some(0) || contacts.nth(1).is_some() {
                return Registered::Refused(400);
            }
            return self.remove(user, |contact| is_newer(core, contact));
        }
        // All of them are carried out, or none (§10.3, step 7).
        let mut wishes = SmallVec::<[Wish<'_>; 1]>::new();
        for contact in contacts.take(MOST_CONTACTS) {
            match self.limits.wish(phone, contact, expires_header, core, flow) {
                Ok(wish) => wishes.push(wish),
                Err(code) => return Registered::Refused(code),
            }
        }
        let mut outcome = Registered::Unchanged;
        for wish in wishes {
            outcome = match wish.expires_s {
                0 => self.remove(user, |contact| *contact.uri == *wish.uri && is_newer(core, contact)),
                _ => self.bind(user, &wish, request, core, flow, now),
            };
        }
        outcome
    }

    fn bind(
        &mut self,
        user: &str,
        wish: &Wish<'_>,
        request: &Message<'_>,
        core: &Core<'_>,
        flow: &Flow,
        now: Moment,
    ) -> Registered {
        let Some(phone) = self.phones.get_mut(user) else { return Registered::Unchanged };
        let Wish { uri, expires_s, behind_nat } = *wish;
        let same = |contact: &Contact| *contact.uri == *uri;
        let fresh = phone.contacts.last().is_none_or(|last| !same(last) || last.flow != *flow || !last.answers);
        if let Some(at) = phone.contacts.iter().position(same) {
            self.sources.forget(&phone.contacts.remove(at));
        } else if phone.contacts.len() >= MOST_CONTACTS {
            self.sources.forget(&phone.contacts.remove(0));
        }
        self.sources.add(flow.remote.ip());
        phone.contacts.push(Contact {
            uri: uri.into(),
            flow: *flow,
            expires: now.after(Duration::from_secs(u64::from(expires_s))),
            can_talk: can_talk(request),
            answers: true,
            behind_nat,
            call_id: core.call_id.into(),
            cseq: core.cseq.number,
        });
        Registered::Here { contact: text::readable(uri), expires_s, fresh }
    }

    fn remove(&mut self, user: &str, which: impl Fn(&Contact) -> bool) -> Registered {
        let Some(phone) = self.phones.get_mut(user) else { return Registered::Unchanged };
        let before = phone.contacts.len();
        drop_contacts(phone, &mut self.sources, which);
        if before > 0 && phone.contacts.is_empty() { Registered::Gone } else { Registered::Unchanged }
    }

    /// The `Contact` values of the answer: every way to the phone with the time it has left.
    pub fn write_contacts(&self, user: &str, now: Moment) -> Vec<Vec<u8>> {
        let contacts = self.phones.get(user).map(|phone| phone.contacts.as_slice()).unwrap_or_default();
        let write = |contact: &Contact| {
            let left = contact.expires.since(now).as_secs();
            [b"<", &*contact.uri, b">;expires=", left.to_string().as_bytes()].concat()
        };
        contacts.iter().map(write).collect()
    }

    /// The phones whose last contact has run out.
    pub fn expire(&mut self, now: Moment) -> Vec<(Arc<str>, GoneBecause)> {
        self.sweep(GoneBecause::Expired, |contact| contact.expires.is_due(now))
    }

    /// The phones that could be reached over this connection only.
    pub fn connection_closed(&mut self, connection: u64) -> Vec<(Arc<str>, GoneBecause)> {
        self.sweep(GoneBecause::ConnectionLost, |contact| {
            contact.flow.transport.is_stream() && contact.flow.connection == connection
        })
    }

    fn sweep(&mut self, cause: GoneBecause, which: impl Fn(&Contact) -> bool) -> Vec<(Arc<str>, GoneBecause)> {
        let mut gone = Vec::new();
        for phone in self.phones.values_mut().filter(|phone| phone.contacts.iter().any(&which)) {
            drop_contacts(phone, &mut self.sources, &which);
            if phone.contacts.is_empty() {
                gone.push((phone.user.clone(), cause));
            }
        }
        gone.sort();
        gone
    }

    pub fn next_expiry(&self) -> Option<Moment> {
        self.phones.values().flat_map(|phone| &phone.contacts).map(|contact| contact.expires).min()
    }

    pub const fn shortest_expiry_s(&self) -> u32 {
        self.limits.shortest_expiry_s
    }
}

/// Whom an address names. Its host may be written differently behind a NAT.
fn whom(uri: &[u8]) -> Option<&[u8]> {
    Uri::parse(uri).map(|uri| uri.user)
}

/// What a phone asks for one of its contacts.
struct Wish<'a> {
    uri: &'a [u8],
    /// 0 takes it away.
    expires_s: u32,
    behind_nat: bool,
}

impl RegistrationLimits {
    /// Reads one contact of a REGISTER; `Err` is the code to refuse it with.
    fn wish<'a>(
        &self,
        phone: &Phone,
        contact: &'a [u8],
        expires_header: Option<u32>,
        core: &Core<'_>,
        flow: &Flow,
    ) -> Result<Wish<'a>, u16> {
        let address = Address::parse(contact).ok_or(400u16)?;
        let uri = address.parsed_uri().ok_or(400u16)?;
        let asked = address.parameter("expires").flatten().and_then(list::number::<u32>).or(expires_header);
        let known = phone.contacts.iter().find(|known| *known.uri == *address.uri);
        if known.is_some_and(|known| !is_newer(core, known)) {
            return Err(500);
        }
        let behind_nat = flow.transport == Transport::Udp && uri.host_ip() != Some(flow.remote.ip());
        let longest = match flow.transport {
            Transport::Udp if behind_nat => self.longest_expiry_behind_nat_s,
            Transport::Udp => self.longest_expiry_s,
            Transport::Tcp | Transport::Tls => self.longest_expiry_s.min(self.longest_expiry_on_connection_s),
        };
        let expires_s = asked.unwrap_or(longest).min(longest);
        if expires_s != 0 && expires_s < self.shortest_expiry_s {
            return Err(423);
        }
        Ok(Wish { uri: address.uri, expires_s, behind_nat })
    }
}

/// Whether a REGISTER came after the one that made this contact (§10.3, step 7).
fn is_newer(core: &Core<'_>, contact: &Contact) -> bool {
    *contact.call_id != *core.call_id || contact.cseq < core.cseq.number
}

fn drop_contacts(phone: &mut Phone, sources: &mut Sources, which: impl Fn(&Contact) -> bool) {
    phone.contacts.retain(|contact| {
        let goes = which(contact);
        if goes {
            sources.forget(contact);
        }
        !goes
    });
}

/// Whether a phone says, or its maker is known to say, that `Event: talk` lifts it.
pub fn can_talk(message: &Message<'_>) -> bool {
    const MAKERS: [&str; 7] = ["yealink", "polycom", "poly/", "snom", "grandstream", "aastra", "mitel"];
    let says = message.all(Name::AllowEvents).any(|value| list::has_token(value, "talk"));
    says || message.header(Name::UserAgent).is_some_and(|agent| {
        let agent = String::from_utf8_lossy(agent).to_ascii_lowercase();
        MAKERS.iter().any(|maker| agent.starts_with(maker))
    })
}
