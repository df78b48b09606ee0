//! Signing in over HTTP.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use shared::time::Moment;
use shared::wire::http::{Problem, SignIn, SignedIn};
use tokio::net::TcpStream;

use super::address::Address;
use super::tls::Pin;
use crate::state::session::{Attempt, SignInError};

/// How long a person waits for a gateway that does not answer.
const PATIENCE: Duration = Duration::from_secs(6);

/// What signing in leads to.
#[derive(Debug)]
pub enum Entrance {
    Open(Box<Entered>),
    /// Nobody has confirmed this certificate yet.
    Confirm {
        fingerprint: String,
    },
}

/// Signed in, with all that later connections need.
#[derive(Debug)]
pub struct Entered {
    pub address: Address,
    pub signed_in: SignedIn,
    pub client: reqwest::Client,
    /// `None` for plain text on this machine.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// Tries once.
///
/// # Errors
/// Says in a code why it did not work.
pub async fn sign_in(attempt: &Attempt, now: Moment) -> Result<Entrance, SignInError> {
    let address = Address::parse(&attempt.gateway)?;
    let mut tls = None;
    let mut pin = None;
    if address.tls {
        if attempt.fingerprint.is_none() {
            return look_at_certificate(&address).await.map(|fingerprint| Entrance::Confirm { fingerprint });
        }
        let watched = Pin::new(attempt.fingerprint.clone());
        tls = Some(Arc::new(watched.config().map_err(|error| unreachable(&error))?));
        pin = Some(watched);
    }
    let client = http_client(tls.as_deref()).map_err(|error| unreachable(&error))?;
    let body = SignIn { login: attempt.login.clone(), password: attempt.password.clone() };
    let answer = client.post(address.http("/v1/sign-in")).json(&body).send().await.map_err(|error| {
        let other = pin.as_ref().and_then(|pin| pin.seen()).filter(|found| {
            attempt.fingerprint.as_ref().is_some_and(|expected| !super::tls::same_fingerprint(expected, found))
        });
        other.map_or_else(|| unreachable(&error), |found| SignInError::CertificateChanged { found })
    })?;
    if answer.status().is_success() {
        let signed_in = answer.json::<SignedIn>().await.map_err(|error| unreachable(&error))?;
        return Ok(Entrance::Open(Box::new(Entered { address, signed_in, client, tls })));
    }
    Err(refusal(answer, now).await)
}

/// Connects only to see which certificate is shown.
async fn look_at_certificate(address: &Address) -> Result<String, SignInError> {
    let pin = Pin::new(None);
    let config = Arc::new(pin.config().map_err(|error| unreachable(&error))?);
    let name = server_name(address)?;
    let look = async {
        let socket = TcpStream::connect(address.dial()).await?;
        tokio_rustls::TlsConnector::from(config).connect(name, socket).await
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Err(_) => Err(SignInError::Unreachable { what: "timed out".into() }),
        Ok(Ok(_)) => pin.seen().ok_or(SignInError::BadAddress),
        Ok(Err(error)) => pin.seen().ok_or_else(|| unreachable(&error)),
    }
}

pub(super) fn server_name(address: &Address) -> Result<ServerName<'static>, SignInError> {
    ServerName::try_from(address.dial().0.to_owned()).map_err(|_| SignInError::BadAddress)
}

fn http_client(tls: Option<&rustls::ClientConfig>) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    match tls {
        Some(config) => builder.tls_backend_preconfigured(config.clone()).build(),
        None => builder.tls_certs_only([]).build(),
    }
}

async fn refusal(answer: reqwest::Response, now: Moment) -> SignInError {
    let status = answer.status().as_u16();
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let problem = answer.json::<Problem>().await.ok();
    let wait_s = problem.as_ref().and_then(|problem| problem.retry_after_s).or(header);
    match (status, wait_s) {
        (429, seconds) => SignInError::Wait { until: now.after(Duration::from_secs(seconds.unwrap_or(5))) },
        (401, _) => SignInError::WrongPassword,
        _ => SignInError::Other { text: problem.map_or_else(|| format!("HTTP {status}"), |problem| problem.text) },
    }
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> SignInError {
    // The innermost cause says it shortest: «connection refused».
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    SignInError::Unreachable { what: innermost.to_string() }
}
