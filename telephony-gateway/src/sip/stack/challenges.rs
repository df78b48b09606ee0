//! A trunk asks us who we are (401, 407), and we tell it: only in its own realm, only at its own address, and at most
//! twice for one request.

use super::super::event::Event;
use super::super::headers::Name;
use super::super::leg::{Cancel, Phase};
use super::super::login::{Session, Unanswerable};
use super::super::message::{Message, Method, method_name};
use super::Stack;
use super::clients::{ClientTransaction, Purpose};

/// Answers to one request, a stale nonce included (RFC 3261 §22.3 warns of going round in circles).
const MOST_PROOFS: u8 = 2;

/// The challenges to one request that were answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proofs {
    n_given: u8,
    /// To the called itself (401), and to a proxy (407).
    given: [bool; 2],
}

const ASKED: [Name; 2] = [Name::WwwAuthenticate, Name::ProxyAuthenticate];
const ANSWERED: [Name; 2] = [Name::Authorization, Name::ProxyAuthorization];

impl Stack {
    /// `true` when the request is on its way again, with our answer. Otherwise the refusal stands.
    pub(super) fn answer_challenge(&mut self, key: u64, response: &Message<'_>) -> bool {
        let Some(it) = self.clients.get(key) else { return false };
        let Some(index) = self.trunk_of(it) else { return false };
        if !self.may_go_again(it) {
            return false;
        }
        let kind = usize::from(response.code() == 407);
        let session = match self.judge_challenge(it, index, kind, response) {
            Ok(session) => session,
            Err(why) => {
                if let Some(known) = self.trunks.known_mut(index) {
                    known.sessions[kind] = None;
                }
                self.trunk_asks_in_vain(index, it_is_registration(self.clients.get(key)), &why);
                return false;
            }
        };
        self.go_again(key, index, kind, session)
    }

    fn judge_challenge(
        &self,
        it: &ClientTransaction,
        index: usize,
        kind: usize,
        response: &Message<'_>,
    ) -> Result<Session, Unanswerable> {
        let trunk = self.trunks.get(index).ok_or(Unanswerable::Stranger)?;
        let login = trunk.login.as_ref().ok_or(Unanswerable::NoLogin)?;
        if !it.heard_from.is_some_and(|flow| trunk.is_at(flow.remote.ip())) {
            return Err(Unanswerable::Stranger);
        }
        let session = Session::choose(response.all(ASKED[kind]), login)?;
        // A fresh answer that is refused without "your nonce was too old" was a wrong one.
        if it.proofs.n_given >= MOST_PROOFS || (it.proofs.given[kind] && !session.stale) {
            return Err(Unanswerable::WrongPassword);
        }
        Ok(session)
    }

    fn trunk_of(&self, it: &ClientTransaction) -> Option<usize> {
        match (it.purpose, it.leg) {
            (Purpose::Register(index), _) => Some(index),
            (Purpose::Ping(_), _) => None,
            (_, Some(leg)) => self.legs.get(leg)?.trunk,
            (_, None) => None,
        }
    }

    /// An INVITE that is being withdrawn, or that somebody has begun to answer, stays refused.
    fn may_go_again(&self, it: &ClientTransaction) -> bool {
        let Some(leg) = it.leg.filter(|_| it.purpose == Purpose::Invite) else { return true };
        let Some(leg) = self.legs.get(leg) else { return false };
        match &leg.phase {
            Phase::Calling(calling) => {
                calling.cancel == Cancel::No && calling.early.is_empty() && leg.dialog.remote_tag.is_empty()
            }
            Phase::Incoming { .. } | Phase::Unconfirmed { .. } | Phase::Established | Phase::Over => false,
        }
    }

    /// Sends the same request again as a new one, with our answer in it (§22.2).
    fn go_again(&mut self, key: u64, index: usize, kind: usize, session: Session) -> bool {
        let Some(it) = self.clients.get(key) else { return false };
        let (request, old_branch, flow) = (it.request.clone(), it.branch.clone(), it.flow);
        let (purpose, leg, mut proofs) = (it.purpose, it.leg, it.proofs);
        let Ok(before) = Message::parse(&request) else { return false };
        let (Some(method), Ok(core)) = (before.method(), before.core()) else { return false };
        let cseq = self.next_cseq(leg, index, purpose, core.cseq.number);
        if let Some(known) = self.trunks.known_mut(index) {
            known.sessions[kind] = Some(session);
        }
        let Some(line) = self.proof(index, kind, method_name(method), before.request_uri()) else { return false };
        let branch = self.mint_branch(self.clients.next_key());
        let changes = Changes { old_branch: &old_branch, branch: &branch, cseq, kind, line: &line };
        write_again(&mut self.scratch, &request, &changes);
        proofs.n_given += 1;
        proofs.given[kind] = true;
        // It keeps its flow: a connection that was asked for is the one that was answered on.
        let again = self.open_client(purpose, branch, flow, leg);
        if let Some(transaction) = self.clients.get_mut(again) {
            transaction.proofs = proofs;
        }
        self.remember_again(leg, purpose, again, line);
        true
    }

    fn next_cseq(&mut self, leg: Option<u64>, index: usize, purpose: Purpose, before: u32) -> u32 {
        if let Purpose::Register(_) = purpose
            && let Some(registration) = self.trunks.registration_mut(index)
        {
            registration.cseq += 1;
            return registration.cseq;
        }
        match leg.and_then(|leg| self.legs.get_mut(leg)) {
            Some(leg) => {
                leg.dialog.local_cseq += 1;
                leg.dialog.local_cseq
            }
            None => before + 1,
        }
    }

    /// The leg has to know the new transaction, and what its ACK has to carry.
    fn remember_again(&mut self, leg: Option<u64>, purpose: Purpose, again: u64, line: Vec<u8>) {
        let Some(leg) = leg.and_then(|leg| self.legs.get_mut(leg)) else { return };
        match purpose {
            Purpose::Invite => {
                if let Phase::Calling(calling) = &mut leg.phase {
                    calling.transaction = again;
                    calling.heard = false;
                }
                leg.credentials = line.into();
            }
            Purpose::Reinvite => {
                leg.reinvite = Some(again);
                leg.credentials = line.into();
            }
            _ => {}
        }
    }

    /// The line that proves who we are to a trunk which has asked before, so that it need not ask again.
    pub(super) fn proof_at_once(&mut self, index: usize, method: &str, uri: &[u8]) -> Option<Vec<u8>> {
        let known = self.trunks.known_mut(index)?;
        // A registrar asks by itself, calls are more often asked by a proxy before it.
        let order = if method == method_name(Method::Register) { [0, 1] } else { [1, 0] };
        let kind = order.into_iter().find(|kind| known.sessions[*kind].is_some())?;
        self.proof(index, kind, method, uri)
    }

    fn proof(&mut self, index: usize, kind: usize, method: &str, uri: &[u8]) -> Option<Vec<u8>> {
        let cnonce = self.rng_name();
        let known = self.trunks.known_mut(index)?;
        let login = known.trunk.login.as_ref()?;
        let value = known.sessions[kind].as_mut()?.answer(login, method, uri, &cnonce);
        Some([ANSWERED[kind].as_str().as_bytes(), b": ", &value, b"\r\n"].concat())
    }

    /// Says why a trunk's challenge to a call stays unanswered; that of a registration is said with its failure.
    fn trunk_asks_in_vain(&mut self, index: usize, of_registration: bool, why: &Unanswerable) {
        if let (false, Some(trunk)) = (of_registration, self.trunks.get(index)) {
            let name = trunk.name.clone();
            self.events.push_back(Event::TrunkAsksInVain { name, why: why.to_string() });
        }
    }

    /// Why the registration's last challenge was not answered, in words.
    pub(super) fn why_not_answered(&self, index: usize, key: u64, response: &Message<'_>) -> Option<Unanswerable> {
        let kind = match response.code() {
            401 => 0,
            407 => 1,
            _ => return None,
        };
        self.judge_challenge(self.clients.get(key)?, index, kind, response).err()
    }
}

fn it_is_registration(it: Option<&ClientTransaction>) -> bool {
    it.is_some_and(|it| matches!(it.purpose, Purpose::Register(_)))
}

struct Changes<'a> {
    old_branch: &'a str,
    branch: &'a str,
    cseq: u32,
    kind: usize,
    line: &'a [u8],
}

/// Our own request once more: all its lines but those that make it a new one.
fn write_again(out: &mut Vec<u8>, request: &[u8], changes: &Changes<'_>) {
    out.clear();
    let head = memchr::memmem::find(request, b"\r\n\r\n").map_or(request.len(), |at| at + 2);
    let mut branch_is_new = false;
    for line in request[..head].split_inclusive(|byte| *byte == b'\n') {
        let name = Name::read(line.split(|byte| *byte == b':').next().unwrap_or_default());
        match name {
            Name::Via if !branch_is_new => {
                branch_is_new = true;
                let old = changes.old_branch.as_bytes();
                match memchr::memmem::find(line, old) {
                    Some(at) => {
                        out.extend_from_slice(&line[..at]);
                        out.extend_from_slice(changes.branch.as_bytes());
                        out.extend_from_slice(&line[at + old.len()..]);
                    }
                    None => out.extend_from_slice(line),
                }
            }
            Name::CSeq => {
                let method = line.trim_ascii().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                out.extend_from_slice(format!("CSeq: {} ", changes.cseq).as_bytes());
                out.extend_from_slice(method);
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(changes.line);
            }
            name if name == ANSWERED[changes.kind] => {}
            _ => out.extend_from_slice(line),
        }
    }
    out.extend_from_slice(&request[head..]);
}
